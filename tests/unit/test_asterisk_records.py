"""CDR and CEL of a real Asterisk, folded into calls and compared with what AMI reported about the same calls."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.domain.calls.call import Direction, Disposition, LegResult, Origin, Via
from integration.domain.ids import Timestamp
from integration.errors import ConfigError, Unavailable
from integration.ports.findings import FindingLevel
from integration.ports.records import RecordedCall
from pbx_adapter.asterisk.records.cdr import recorded
from pbx_adapter.asterisk.records.cel import calls_of
from pbx_adapter.asterisk.records.check import check
from pbx_adapter.asterisk.records.rows import CEL_CUSTOM, CdrRow, CelRow, NoRowError, cdr_row, cel_row, moment
from pbx_adapter.asterisk.records.settings import RecordsSettings
from pbx_adapter.asterisk.records.source import AsteriskRecords
from pbx_adapter.asterisk.tracker.office import OfficeShape
from tests.asterisk_records import RECORDS, UTC, read_cdr, read_cel

SCENARIOS = sorted(path.name.removesuffix(".truth.json") for path in RECORDS.glob("*.truth.json"))
EXACT_SECONDS, WHOLE_SECONDS = 0.2, 1.2
ALWAYS = (Timestamp(0.0), Timestamp(9e9))


def truth_of(name: str) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads((RECORDS / f"{name}.truth.json").read_text("utf-8"))
    return read


def near(one: float | None, other: float | None, tolerance: float) -> bool:
    return one is other is None or (one is not None and other is not None and abs(one - other) <= tolerance)


def told(call: RecordedCall) -> dict[str, Any]:
    return {
        "uniqueid": call.native_id,
        "direction": call.direction,
        "caller": call.caller,
        "disposition": call.disposition,
        "answered_by": call.answered_by,
        "final_responsible": call.final_responsible,
        "recording": call.recordings[0] if call.recordings else None,
    }


@pytest.mark.parametrize("name", SCENARIOS)
def test_cel_tells_the_calls_as_ami_told_them(name: str) -> None:
    truth = truth_of(name)
    calls = recorded(calls_of(read_cel(name), OfficeShape()), read_cdr(name), OfficeShape())
    assert [told(call) for call in calls] == [{key: want[key] for key in told(calls[0])} for want in truth]
    for call, want in zip(calls, truth, strict=True):
        assert (call.called, call.hangup_by, call.queue) == (want["called"], want["hangup_by"], want.get("queue"))
        legs = [(leg.target, leg.kind, leg.way, leg.result) for leg in call.legs]
        assert legs == [(leg["target"], leg["kind"], leg["via"], leg["result"]) for leg in want["legs"]]
        transfers = [(t.kind, t.from_, t.to, t.result) for t in call.transfers]
        assert transfers == [(t["kind"], t["from"], t["to"], t["result"]) for t in want["transfers"]]
        assert near(call.started_at, want["started"], EXACT_SECONDS)
        assert near(call.answered_at, want["answered"], EXACT_SECONDS)
        assert near(call.ended_at, want["ended"], EXACT_SECONDS)
        assert near(call.talked_seconds, want["talk_seconds"], EXACT_SECONDS)


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("kind", ["cdr", "master"])
def test_cdr_alone_tells_who_and_when_and_whether(name: str, kind: str) -> None:
    """Without CEL: the dialled line is unknown, a consultation is a separate call, transfers are legs."""
    truth = {want["uniqueid"]: want for want in truth_of(name)}
    calls = recorded([], read_cdr(name, kind), OfficeShape())
    others = [call for call in calls if call.native_id not in truth]
    assert all(call.direction is Direction.INTERNAL for call in others)
    calls = [call for call in calls if call.native_id in truth]
    assert len(calls) == len(truth)
    tolerance = EXACT_SECONDS if kind == "cdr" else WHOLE_SECONDS
    for call in calls:
        want = truth[call.native_id]
        assert told(call) == {key: want[key] for key in told(call)}
        assert near(call.started_at, want["started"], tolerance)
        assert near(call.ended_at, want["ended"], tolerance)
        # CDR has no row for the employee's phone of a click, unless nobody answered it.
        clicked = {leg["target"] for leg in want["legs"] if leg["via"] == "click" and len(want["legs"]) > 1}
        assert {leg.target for leg in call.legs} == {leg["target"] for leg in want["legs"]} - clicked
        if clicked:
            continue  # the moment is the employee's answer, before any talk
        # A queue with one ringing phone, or a blind transfer: CDR has the moment of ringing, not of the answer.
        assert near(call.answered_at, want["answered"], tolerance + 0.6)
        assert near(call.talked_seconds, want["talk_seconds"], 2 * tolerance + 0.6)


@pytest.mark.parametrize("kind", ["cel", "cdr", "master"])
def test_the_records_of_a_click_that_the_employee_did_not_take_show_that_it_was_one(kind: str) -> None:
    """Without it the call looks as if the client had been dialled and had not answered."""
    name = "click_unanswered"
    cel = calls_of(read_cel(name), OfficeShape()) if kind == "cel" else []
    (call,) = recorded(cel, read_cdr(name, "cdr" if kind == "cel" else kind), OfficeShape())
    assert call.origin == Origin(kind="click")
    assert [(leg.target, leg.via, leg.result) for leg in call.legs] == [("101", Via.CLICK, LegResult.NOANSWER)]
    assert (call.disposition, call.called) == (Disposition.FAILED, "79161234567")


@pytest.mark.parametrize("name", ["outbound", "outbound_busy", "internal", "answered"])
def test_other_calls_are_no_clicks(name: str) -> None:
    for cel in ([], calls_of(read_cel(name), OfficeShape())):
        assert {call.origin for call in recorded(cel, read_cdr(name), OfficeShape())} == {None}


def test_cdr_does_not_take_a_callback_that_its_client_did_not_answer_for_a_missed_call() -> None:
    """The PBX rang the client through the trunk: the row has the trunk's channel, like one of a call that came in."""
    row = {
        "linkedid": "1795337673.7", "uniqueid": "1795337673.7", "start": "1795337673.2", "end": "1795337688.2",
        "src": "79161234567", "dst": "s", "dcontext": "from-trunk", "channel": "PJSIP/trunk-00000007",
        "lastapp": "AppDial2", "lastdata": "(Outgoing Line)", "disposition": "NO ANSWER",
    }  # fmt: skip
    assert recorded([], [cdr_row(row, UTC)], OfficeShape()) == []
    came_in = cdr_row(row | {"lastapp": "Dial", "lastdata": "PJSIP/101,20", "did": "74950000001"}, UTC)
    assert [call.disposition for call in recorded([], [came_in], OfficeShape())] == [Disposition.MISSED]


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(SCENARIOS), seed=st.integers(0, 2**32))
def test_order_and_repetition_of_rows_change_nothing(name: str, seed: int) -> None:
    rng = random.Random(seed)
    cdr, cel = read_cdr(name), read_cel(name)
    want = recorded(calls_of(cel, OfficeShape()), cdr, OfficeShape())
    cdr, cel = cdr + rng.sample(cdr, rng.randint(0, len(cdr))), cel + rng.sample(cel, rng.randint(0, len(cel)))
    rng.shuffle(cdr)
    rng.shuffle(cel)
    assert recorded(calls_of(cel, OfficeShape()), cdr, OfficeShape()) == want


@settings(max_examples=60, deadline=None)
@given(names=st.lists(st.sampled_from(SCENARIOS), min_size=1, max_size=3, unique=True), seed=st.integers(0, 2**32))
def test_whatever_rows_are_missing_no_call_is_told_twice(names: list[str], seed: int) -> None:
    rng = random.Random(seed)
    cel = [row for name in names for row in read_cel(name)]
    cdr = [row for name in names for row in read_cdr(name)]
    known = {row.linkedid for row in cel}
    cel = rng.sample(cel, rng.randint(0, len(cel)))
    calls = recorded(calls_of(cel, OfficeShape()), cdr, OfficeShape())
    ids = [uniqueid for call in calls for uniqueid in (call.native_id, *call.joined)]
    assert len(ids) == len(set(ids))
    assert set(ids) <= known
    assert all(call.ended_at >= call.started_at for call in calls)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from([*CEL_CUSTOM, "start", "end", "channel", "dstchannel"]), st.text())))
def test_nothing_that_a_file_may_hold_breaks_the_folding(columns: list[dict[str, str]]) -> None:
    cdr: list[CdrRow] = []
    cel: list[CelRow] = []
    for number, each in enumerate(columns):
        with suppress(NoRowError):
            cel.append(cel_row({"eventtime": "1795330134.5", **each}, UTC, number))
        with suppress(NoRowError):
            cdr.append(cdr_row({"start": "1795330134.5", "channel": "PJSIP/1-00000001", **each}, UTC))
    recorded(calls_of(cel, OfficeShape()), cdr, OfficeShape())


# -- moments ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "zone", "seconds"),
    [
        ("1795330134.004396", "UTC", 1795330134.004396),
        ("2026-11-22 06:48:54", "UTC", 1795330134.0),
        ("2026-11-22 09:48:54", "Europe/Moscow", 1795330134.0),
        ("2026-11-22 09:48:54.25", "Europe/Moscow", 1795330134.25),
        (datetime(2026, 11, 22, 9, 48, 54), "Europe/Moscow", 1795330134.0),  # noqa: DTZ001 - as a driver gives it
        ("2026-07-22 09:00:00", "Europe/Kyiv", 1784700000.0),  # summer time: three hours
        ("0.000000", "UTC", None),  # unanswered
        ("", "UTC", None),
        ("0000-00-00 00:00:00", "UTC", None),
        ("yesterday", "UTC", None),
        ("9999999999999", "UTC", None),
        (None, "UTC", None),
        (True, "UTC", None),
        (float("nan"), "UTC", None),
    ],
)
def test_moments_are_read_in_the_pbxs_zone(written: Any, zone: str, seconds: float | None) -> None:
    assert moment(written, ZoneInfo(zone)) == seconds


# -- files --------------------------------------------------------------------------------------------------------


def source(folder: Path, **table: Any) -> AsteriskRecords:
    read = RecordsSettings.from_config({"kind": "csv", **table}, key="records")
    assert read is not None
    return AsteriskRecords(read, OfficeShape())


async def found(records: AsteriskRecords, since: float = ALWAYS[0], until: float = ALWAYS[1]) -> list[RecordedCall]:
    return [call async for call in records.between(Timestamp(since), Timestamp(until))]


def content(name: str, kind: str) -> bytes:
    return (RECORDS / f"{name}.{kind}.csv").read_bytes()


def written(path: Path, what: bytes) -> str:
    path.write_bytes(what)
    return str(path)


def copied(folder: Path, names: Sequence[str], kind: str, to: str) -> str:
    return written(folder / to, b"".join(content(name, kind) for name in names))


async def test_files_are_read_with_their_rotated_parts_and_without_a_half_written_line(tmp_path: Path) -> None:
    copied(tmp_path, ["answered"], "cel", "cel.csv-20261121")
    written(tmp_path / "cel.csv.1.gz", gzip.compress(content("missed", "cel")))
    under_way = content("internal", "cel")
    begun = under_way[: len(under_way) // 2].rpartition(b"\n")[0] + b'\n"ANSWER","17953'
    cel = written(tmp_path / "cel.csv", content("outbound", "cel") + begun)
    calls = await found(source(tmp_path, cel=cel))
    assert sorted(call.disposition for call in calls) == ["answered", "answered", "missed"]


@pytest.mark.parametrize("kind", ["cdr", "cel"])
async def test_tests_of_our_own_are_nobodys_calls(kind: str, tmp_path: Path) -> None:
    """A phone that a setup let ring: the PBX records it like any other call."""
    whole = content("answered", kind).decode()
    (call,) = await found(source(tmp_path, **{kind: written(tmp_path / "calls.csv", whole.encode())}))
    test = whole.replace(call.native_id, "dozvon-ring-0a1b2c3d4e5f")
    assert await found(source(tmp_path, **{kind: written(tmp_path / "tests.csv", test.encode())})) == []


async def test_only_calls_that_ended_in_the_time_asked_for_are_given(tmp_path: Path) -> None:
    cdr = copied(tmp_path, ["missed", "answered"], "cdr", "dozvon.csv")
    records = source(tmp_path, cdr=cdr)
    answered, missed = sorted(await found(records), key=lambda call: call.disposition)
    assert await found(records, answered.ended_at, answered.ended_at + 0.001) == [answered]
    assert await found(records, missed.ended_at + 0.001, answered.ended_at) in ([], [missed])
    assert await found(records, answered.ended_at + 0.001, answered.ended_at + 1) == []


async def test_a_large_file_is_read_from_its_end_only(tmp_path: Path) -> None:
    line = (RECORDS / "missed.cdr.csv").read_text().replace("17953", "16953")
    cdr = tmp_path / "dozvon.csv"
    cdr.write_text(line * 20_000 + (RECORDS / "answered.cdr.csv").read_text())
    since = truth_of("answered")[0]["ended"] - 60
    assert [call.disposition for call in await found(source(tmp_path, cdr=str(cdr)), since)] == [Disposition.ANSWERED]


def _moved(text: str, seconds: int) -> str:
    return re.sub(r"\b1795\d{6}\b", lambda at: str(int(at[0]) + seconds), text)


def _busy_hour(tmp_path: Path) -> tuple[Path, Path, float]:
    """CEL and CDR of a PBX that repeats the recorded calls every 20 s for an hour, and the moment of its end."""
    began = int(truth_of("attended_transfer")[0]["started"])
    files = []
    for kind in ("cel", "cdr"):
        told = [
            content(name, kind).decode() for name in ("attended_transfer", "queue_local_members", "two_interleaved")
        ]
        path = tmp_path / f"busy.{kind}.csv"
        with path.open("w") as file:
            for later in range(0, 3600, 20):
                # The names of channels and bridges repeat, as after a restart; the ids do not.
                file.writelines(_moved(text, later) for text in told)
        files.append(path)
    return files[0], files[1], began + 3600.0


@pytest.mark.parametrize("kinds", [("cel", "cdr"), ("cel",), ("cdr",)])
async def test_reading_back_no_further_than_needed_finds_the_same_calls(tmp_path: Path, kinds: tuple[str, ...]) -> None:
    cel, cdr, end = _busy_hour(tmp_path)
    records = source(tmp_path, **{kind: str(path) for kind, path in (("cel", cel), ("cdr", cdr)) if kind in kinds})
    everything = await found(records)
    assert len(everything) >= 4 * 180
    for since in (end - 3000.3, end - 1000.7, end - 300.0, end - 71.3):
        wanted = [call for call in everything if since <= call.ended_at < since + 150]
        assert await found(records, since, since + 150) == wanted
        assert wanted


async def test_of_a_busy_hour_only_the_last_minutes_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cel, cdr, end = _busy_hour(tmp_path)
    read = Counter[str]()

    def counted(name: str, parse: Any) -> Any:
        def parse_counted(*args: Any) -> Any:
            read[name] += 1
            return parse(*args)

        return parse_counted

    monkeypatch.setattr("pbx_adapter.asterisk.records.source.cel_row", counted("cel", cel_row))
    monkeypatch.setattr("pbx_adapter.asterisk.records.source.cdr_row", counted("cdr", cdr_row))
    assert await found(source(tmp_path, cel=str(cel), cdr=str(cdr)), end - 120)
    assert read["cel"] < len(cel.read_text().splitlines()) / 8
    assert read["cdr"] < len(cdr.read_text().splitlines()) / 8


async def test_broken_lines_are_left_out_and_a_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dozvon.csv"
    broken = b'\x00\xff"\n"a","b"\n' + b"x" * 100_000 + b"\n"
    records = source(tmp_path, cdr=written(path, broken + content("answered", "cdr")))
    assert len(await found(records)) == 1
    written(path, b"one;two;three\n" * 3)
    with pytest.raises(ConfigError, match="not one line fits the columns"):
        await found(records)
    written(path, b"")
    assert await found(records) == []
    with pytest.raises(Unavailable, match="No such file"):
        await found(source(tmp_path, cdr=str(tmp_path / "missing.csv")))


async def test_a_wrong_time_zone_is_noticed(tmp_path: Path) -> None:
    master = copied(tmp_path, ["answered"], "master", "Master.csv")
    assert len(await found(source(tmp_path, cdr=master))) == 1
    with pytest.raises(ConfigError, match=r"time_zone: read in Europe/Moscow, the records are -3\.0 hours off"):
        await found(source(tmp_path, cdr=master, time_zone="Europe/Moscow"))


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(SCENARIOS), kind=st.sampled_from(["cdr", "cel", "master"]), share=st.floats(0, 1))
def test_a_file_cut_anywhere_tells_only_whole_calls(name: str, kind: str, share: float) -> None:
    """Asterisk is still writing it: an incomplete call is not reported yet."""
    with tempfile.TemporaryDirectory() as folder:
        whole = content(name, kind)
        path = Path(folder) / ("Master.csv" if kind == "master" else "dozvon.csv")
        records = source(path.parent, **{"cel" if kind == "cel" else "cdr": written(path, whole)})
        complete = {call.native_id for call in asyncio.run(found(records))}
        written(path, whole[: int(len(whole) * share)])
        assert {call.native_id for call in asyncio.run(found(records))} <= complete


async def test_the_doctor_says_whether_records_can_be_read_and_hold_calls(tmp_path: Path) -> None:
    cel = copied(tmp_path, ["answered", "missed"], "cel", "dozvon.csv")
    ended = Timestamp(max(want["ended"] for name in ("answered", "missed") for want in truth_of(name)) + 1)
    (fine,) = await check(lambda: source(tmp_path, cel=cel), ended)
    assert (fine.level, fine.message) == (FindingLevel.OK, "2 calls of the last day are in the records")
    (empty,) = await check(lambda: source(tmp_path, cel=cel), Timestamp(ended + 100_000))
    assert empty.level is FindingLevel.WARNING
    (lost,) = await check(lambda: source(tmp_path, cel=str(tmp_path / "no.csv")), ended)
    assert lost.level is FindingLevel.ERROR
    assert "cannot be read" in lost.message
    assert await check(lambda: None, ended) == []


# -- FreePBX ------------------------------------------------------------------------------------------------------


def test_freepbx_columns_name_the_line_the_caller_and_the_recording() -> None:
    """As in `asteriskcdrdb.cdr`: `calldate` in place of start, no answer, a ring group behind Local channels."""
    common = {
        "linkedid": "1795330134.7",
        "src": "79161234567",
        "cnum": "79161234567",
        "cnam": "Ivan",
        "did": "74950000001",
    }
    rows = [
        {**common, "calldate": datetime(2026, 11, 22, 9, 48, 54), "uniqueid": "1795330134.7", "dst": "600",  # noqa: DTZ001
         "dcontext": "ext-group",
         "channel": "PJSIP/trunk-msk-00000007", "dstchannel": "Local/101@from-internal-00000001;1",
         "lastapp": "Dial", "lastdata": "Local/101@from-internal/n,20", "duration": 30, "billsec": 20,
         "disposition": "ANSWERED", "recordingfile": "rg-600-79161234567-20261122-094854-1795330134.7.wav"},
        {**common, "calldate": datetime(2026, 11, 22, 9, 48, 55), "uniqueid": "1795330135.9", "dst": "101",  # noqa: DTZ001
         "dcontext": "from-internal",
         "channel": "Local/101@from-internal-00000001;2", "dstchannel": "PJSIP/101-00000008",
         "lastapp": "Dial", "lastdata": "PJSIP/101/sip:101@10.0.0.5,20", "duration": 29, "billsec": 20,
         "disposition": "ANSWERED", "recordingfile": ""},
    ]  # fmt: skip
    (call,) = recorded([], [cdr_row(row, ZoneInfo("Europe/Moscow")) for row in rows], OfficeShape())
    assert (call.caller, call.called, call.caller_name) == ("79161234567", "74950000001", "Ivan")
    assert (call.answered_by, call.answered_at, call.ended_at) == ("101", 1795330144.0, 1795330164.0)
    assert call.recordings == ("rg-600-79161234567-20261122-094854-1795330134.7.wav",)
    assert [leg.target for leg in call.legs] == ["101"]


# -- settings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"kind": "oracle"}, r"records\.kind: .*csv, postgresql, mysql"),
        ({"kind": "csv"}, "rite cdr, cel or both"),
        ({"kind": "csv", "cdr": "Master.csv"}, r"records\.cdr: write the whole path"),
        ({"kind": "csv", "cdr": "/m.csv", "time_zone": "Mars/Phobos"}, "is not a time zone"),
        ({"kind": "csv", "cdr": "/m.csv", "time_zone": "../../etc/passwd"}, "is not a time zone"),
        ({"kind": "csv", "cdr": "/m.csv", "cdr_columns": ["src"]}, "columns are missing: .*start"),
        ({"kind": "csv", "cdr": "/m.csv", "cdr_columns": "src"}, "rite a list"),
        ({"kind": "csv", "cdr": 5}, "rite a text in quotes"),
        ({"kind": "csv", "cdr": "/m.csv", "zone": "UTC"}, r"records\.zone: no such setting"),
        ({"kind": "csv", "cdr": "/m.csv", "late_seconds": 0}, r"records\.late_seconds: write a number from 1 to 7200"),
        ({"kind": "csv", "cdr": "/m.csv", "late_seconds": "60"}, r"records\.late_seconds: write a number"),
        ({"kind": "mysql", "cdr": "cdr", "url": "postgresql://a/b"}, "rite where the tables are"),
        ({"kind": "postgresql", "cdr": "cdr; DROP", "url": "postgresql://a/b"}, "not a table name"),
        ("csv", "rite a table"),
    ],
)
def test_what_is_wrong_in_the_settings_is_said(table: Any, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        RecordsSettings.from_config(table, key="records")


def test_without_the_table_nothing_is_read() -> None:
    assert RecordsSettings.from_config({}, key="records") is None
