"""The simulated office writes the same records as a real one, and Dozvon reads the calls from them."""

from __future__ import annotations

import asyncio
import csv
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from integration.domain.ids import Timestamp
from integration.ports.records import RecordedCall
from pbx_adapter.asterisk.records.rows import CDR_MASTER, CEL_CUSTOM
from pbx_adapter.asterisk.records.settings import RecordsSettings
from pbx_adapter.asterisk.records.source import AsteriskRecords
from pbx_adapter.asterisk.simulator import Simulator, SimulatorSettings
from pbx_adapter.asterisk.simulator.records import CDR_FILE, CEL_FILE
from pbx_adapter.asterisk.tracker.office import OfficeShape
from tests.asterisk_records import RECORDS
from tests.lab.waiting import until

CLIENT = "79161234567"
SPEED = 20.0
Pause = Callable[[float], Awaitable[None]]
Script = Callable[[Simulator, Pause], Awaitable[None]]
Row = dict[str, str]


# ---- the stories of scripts/record_records.py, told by the simulated office ------------------------------------------


async def answered(office: Simulator, pause: Pause) -> None:
    office.inbound(CLIENT, "74950000001", "Иван, O'Neil <b>;DROP")
    await pause(2)
    office.answer("101")
    await pause(3)
    office.client_hangup(CLIENT)


async def missed(office: Simulator, pause: Pause) -> None:
    office.inbound(CLIENT, "74950000001")
    await pause(3)
    office.client_hangup(CLIENT)


async def queue_abandoned(office: Simulator, pause: Pause) -> None:
    office.inbound(CLIENT, "74950000002")
    await pause(3)
    office.client_hangup(CLIENT)


async def queue_answered(office: Simulator, pause: Pause) -> None:
    """Not recorded from a real office; `busy_then_queue` is similar."""
    office.inbound(CLIENT, "74950000002")
    await pause(3)
    office.answer("102")
    await pause(3)
    office.hangup("102")


async def blind_transfer(office: Simulator, pause: Pause) -> None:
    office.inbound(CLIENT, "74950000001")
    await pause(2)
    office.answer("101")
    await pause(3)
    office.transfer("101", "102")
    await pause(2)
    office.answer("102")
    await pause(3)
    office.client_hangup(CLIENT)


async def outbound(office: Simulator, pause: Pause) -> None:
    office.call_from("101", "8" + CLIENT[1:])
    await pause(6)
    office.client_hangup(CLIENT)


async def click(office: Simulator, pause: Pause) -> None:
    await _click(office)
    await pause(2)
    office.answer("101")
    await pause(6)
    office.client_hangup(CLIENT)


async def click_unanswered(office: Simulator, pause: Pause) -> None:
    await _click(office)


async def _click(office: Simulator) -> None:
    request = {
        "Channel": "PJSIP/101", "Context": "internal", "Exten": CLIENT, "Priority": "1", "Async": "true",
        "CallerID": f"{CLIENT} <{CLIENT}>", "Timeout": "4000", "ChannelId": "dozvon-1001",
        "Variable": f"__CRM_CALL_ID=1001,__CRM_CLIENT={CLIENT}",
    }  # fmt: skip
    await office.handle_action("Originate", list(request.items()))


STORIES: tuple[Script, ...] = (
    answered, missed, queue_abandoned, queue_answered, blind_transfer, outbound, click, click_unanswered,
)  # fmt: skip


async def tell(story: Script, folder: Path) -> None:
    office = Simulator(SimulatorSettings(spool=folder / "spool", logs=folder, speed=SPEED))
    await office.start()

    async def pause(seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)

    await story(office, pause)
    await office.idle()
    await office.stop()


def lines(path: Path, columns: tuple[str, ...]) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return [dict(zip(columns, values, strict=True)) for values in csv.reader(file, strict=True)]


# ---- the form --------------------------------------------------------------------------------------------------------


def shape_of(cel: Row) -> tuple[Any, ...]:
    """A row without moments, ids, the state of a queue's caller (a dial's in the real one), and the last to end."""
    if cel["eventtype"] == "LINKEDID_END":
        return (cel["eventtype"],)
    extra = json.loads(cel["extra"] or "{}")
    kept = {key: value for key, value in extra.items() if not key.endswith(("bridge_id", "uniqueid", "dialstatus"))}
    named = ("eventtype", "cid_name", "cid_num", "exten", "context", "channame", "appname", "appdata")
    return (*(cel[key] for key in named), tuple(extra), tuple(kept.items()))


@pytest.mark.parametrize("story", [each for each in STORIES if each is not queue_answered])
async def test_rows_are_those_that_asterisk_22_wrote(story: Script, tmp_path: Path) -> None:
    """The same rows with the same columns and quotes; every moment has a fraction."""
    await tell(story, tmp_path)
    real, ours = (lines(path, CEL_CUSTOM) for path in (RECORDS / f"{story.__name__}.cel.csv", tmp_path / CEL_FILE))
    assert Counter(map(shape_of, ours)) == Counter(map(shape_of, real))
    for text in ((tmp_path / CEL_FILE).read_text("utf-8"), (RECORDS / f"{story.__name__}.cel.csv").read_text("utf-8")):
        assert all(re.fullmatch(r'"[A-Z_]+","\d{10}\.\d{6}",(".*",){10}".*"', line) for line in text.splitlines())
    real, ours = (lines(path, CDR_MASTER) for path in (RECORDS / f"{story.__name__}.master.csv", tmp_path / CDR_FILE))
    measured = ("start", "answer", "end", "duration", "billsec", "uniqueid", "linkedid", "userfield", "sequence")
    for one, other in zip(ours, real, strict=True):
        assert {key: one[key] for key in one if key not in measured} == {
            key: other[key] for key in one if key not in measured
        }
        assert [not one[key] for key in measured] == [not other[key] for key in measured]
    unquoted = r'(".*",){10}(".*")?,".*",\d+,\d+,(".*",){6}\d+'
    for path in (tmp_path / CDR_FILE, RECORDS / f"{story.__name__}.master.csv"):
        assert all(re.fullmatch(unquoted, line) for line in path.read_text("utf-8").splitlines())


async def test_a_crash_takes_the_records_of_calls_in_progress(tmp_path: Path) -> None:
    """Their rows in CEL stay; afterwards the PBX continues the same files."""
    office = Simulator(SimulatorSettings(spool=tmp_path / "spool", logs=tmp_path, speed=SPEED))
    await office.start()
    office.inbound(CLIENT, "74950000001")
    await until(lambda: not office.is_free("101"))
    crashed_at = office.dated(office.now())
    await office.crash()
    # A real PBX also repeats a Uniqueid if it restarts within the same second.
    await until(lambda: int(office.dated(office.now())) > crashed_at)
    await office.boot()
    office.answers_after["101"], office.talks_for["101"] = 0.5, 1.0
    kept = office.inbound(CLIENT, "74950000001")
    await office.idle()
    await office.stop()
    rows = lines(tmp_path / CEL_FILE, CEL_CUSTOM)
    assert len({row["linkedid"] for row in rows}) == 2
    assert {row["linkedid"] for row in rows if row["eventtype"] == "LINKEDID_END"} == {kept}
    assert [call.native_id for call in await read(tmp_path, "cel", "cdr")] == [kept]


async def test_calls_that_a_crash_took_end_in_cel_when_the_pbx_is_known_to_have_begun_anew(tmp_path: Path) -> None:
    """A call that rang when the PBX died is missed; a talk ends at that moment."""
    office = Simulator(SimulatorSettings(spool=tmp_path / "spool", logs=tmp_path, speed=SPEED))
    await office.start()
    office.answers_after["102"] = 0.1
    rang, talked = office.inbound(CLIENT, "74950000001"), office.inbound("79990001122", "74950000102")
    await until(lambda: '"BRIDGE_ENTER"' in (tmp_path / CEL_FILE).read_text())
    await office.crash()
    await until(lambda: int(office.dated(office.now())) > int(rang.partition(".")[0]))
    began = Timestamp(office.dated(office.now()))
    await office.boot()
    assert await read(tmp_path, "cel", "cdr") == []
    living = office.inbound(CLIENT, "74950000001")
    calls = await read(tmp_path, "cel", "cdr", began=began)
    await office.stop()
    assert living not in {call.native_id for call in calls}
    by_id = {call.native_id: call for call in calls}
    assert set(by_id) == {rang, talked}
    assert (by_id[rang].disposition, by_id[rang].answered_at) == ("missed", None)
    assert (by_id[talked].disposition, by_id[talked].answered_by) == ("answered", "102")
    assert all(call.ended_at <= began and call.hangup_by == "system" for call in calls)


# ---- reading it back -------------------------------------------------------------------------------------------------


async def read(folder: Path, *kinds: str, began: Timestamp | None = None) -> list[RecordedCall]:
    files = {"cel": CEL_FILE, "cdr": CDR_FILE}
    table = {"kind": "csv", **{kind: str(folder / files[kind]) for kind in kinds}}
    settings = RecordsSettings.from_config(table, key="records")
    assert settings is not None
    records = AsteriskRecords(settings, OfficeShape(), lambda: began)
    return [each async for each in records.between(Timestamp(0.0), Timestamp(9e9))]


EXPECTED: dict[Script, tuple[str, str, str, str, str | None, str | None]] = {
    answered: ("inbound", CLIENT, "74950000001", "answered", "101", "101"),
    missed: ("inbound", CLIENT, "74950000001", "missed", None, None),
    queue_abandoned: ("inbound", CLIENT, "74950000002", "missed", None, None),
    queue_answered: ("inbound", CLIENT, "74950000002", "answered", "102", "102"),
    blind_transfer: ("inbound", CLIENT, "74950000001", "answered", "101", "102"),
    outbound: ("outbound", "101", CLIENT, "answered", CLIENT, "101"),
    click: ("outbound", "101", CLIENT, "answered", CLIENT, "101"),
    click_unanswered: ("outbound", "101", CLIENT, "failed", None, None),
}


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("kinds", [("cel", "cdr"), ("cdr",)])
async def test_the_recovery_reads_the_call_that_there_was(
    story: Script, kinds: tuple[str, ...], tmp_path: Path
) -> None:
    await tell(story, tmp_path)
    (call,) = await read(tmp_path, *kinds)
    direction, caller, called, disposition, answered_by, responsible = EXPECTED[story]
    assert (call.direction, call.caller, call.disposition) == (direction, caller, disposition)
    assert (call.answered_by, call.final_responsible) == (answered_by, responsible)
    if "cel" in kinds or direction == "outbound":
        assert call.called == called
    assert [bool(call.recordings), bool(call.answered_at)] == [disposition == "answered"] * 2
    if call.recordings:
        assert (tmp_path / "spool" / call.recordings[0]).is_file()
    if story is blind_transfer and "cel" in kinds:
        assert [(each.from_, each.to) for each in call.transfers] == [("101", "102")]
