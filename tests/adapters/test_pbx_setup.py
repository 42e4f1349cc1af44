"""What a setup asks a PBX, against the simulated office and a few scripted answers."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import aiohttp
import pytest

from integration.domain.ids import Timestamp
from integration.domain.routing.route import RouteDecision, RouteQuestion
from integration.errors import NotFound, Rejected, Unavailable
from integration.ports.findings import FindingLevel
from integration.ports.pbx_setup import ContextPurpose, RingResult, RouteWishes, Survey, TrunkSign
from integration.process.adapters import PBXS
from pbx_adapter.asterisk import AgiDoor, AsteriskKind, FastAgiServer
from pbx_adapter.asterisk.agi.addresses import MayAsk
from pbx_adapter.asterisk.setup.route_text import FILE, INCLUDE_LINE
from pbx_adapter.asterisk.simulator import Simulator
from pbx_adapter.asterisk.simulator.ami import Answer, Request, error
from pbx_adapter.asterisk.simulator.recording import write_wav
from tests.adapters.asterisk_kit import linked, settings_for
from tests.adapters.pbx_setup_kit import (
    WRITE,
    answering,
    only,
    setup_for,
    simulated,
)
from tests.adapters.scripted_pbx import ScriptedPbx, event
from tests.lab.asterisk import AGI_PATH
from tests.lab.waiting import until


class NeverAsked:
    async def route(self, question: RouteQuestion, native_id: str) -> RouteDecision:
        raise AssertionError("a check decides nothing")


def asks_at(office: Simulator) -> str | None:
    """Where its dialplan asks Dozvon now."""
    return office.files.agi


async def test_the_simulated_office_is_surveyed(tmp_path: Path) -> None:
    async with simulated(tmp_path) as office, setup_for(office.ami.port) as setup:
        survey = await setup.survey()
    assert survey.findings == ()
    (trunk,) = survey.trunks
    assert (trunk.name, trunk.is_suggested) == ("trunk", True)
    assert {TrunkSign.BY_ADDRESS, TrunkSign.OUTGOING_ROUTE, TrunkSign.INCOMING_CONTEXT} <= set(trunk.signs)
    anna = survey.extensions[0]
    assert (anna.number, anna.name, anna.email, anna.is_registered) == ("101", "Anna Orlova", "anna@example.com", True)
    purposes = {context.name: context.purpose for context in survey.contexts}
    assert (purposes["from-trunk"], purposes["internal"]) == (ContextPurpose.INCOMING, ContextPurpose.PHONES)
    assert survey.recordings[0] == str(tmp_path / "monitor")


async def test_a_call_of_the_simulated_office_is_seen(tmp_path: Path) -> None:
    async with simulated(tmp_path) as office, setup_for(office.ami.port) as setup:
        watching = setup.watch_calls(20.0)
        first = asyncio.ensure_future(anext(watching))
        await until(lambda: office.ami.is_heard)
        office.inbound("79161234567", "74950000001")
        call = await asyncio.wait_for(first, 10)
        await watching.aclose()  # type: ignore[attr-defined]
    assert (call.caller, call.line, call.trunk, call.from_outside) == ("79161234567", "74950000001", "trunk", True)


async def test_watching_ends_by_itself(tmp_path: Path) -> None:
    async with simulated(tmp_path) as office, setup_for(office.ami.port) as setup:
        assert [call async for call in setup.watch_calls(0.3)] == []


async def test_a_phone_of_the_simulated_office_rings_and_no_call_is_made_of_it(tmp_path: Path) -> None:
    async with (
        simulated(tmp_path) as office,
        setup_for(office.ami.port) as setup,
        linked(settings_for(office.ami.port)) as (_, listener),
    ):
        office.answers_after["101"] = 1.0
        assert (await setup.ring("101", seconds=5)).result is RingResult.ANSWERED
        outcome = await setup.ring("102", seconds=1)
        assert (outcome.result, outcome.has_rung) == (RingResult.RANG_OUT, True)
        assert (await setup.ring("999", seconds=1)).result is RingResult.NO_SUCH_EXTENSION
        office.inbound("79161234567", "74950000001")  # after it, all events of the tests have passed
        await listener.until(lambda: listener.calls)
        assert {call.caller for call in listener.calls.values()} == {"79161234567"}


@pytest.mark.parametrize(
    ("endpoints", "device", "result"),
    [
        ({"101": "", "99101": "99101/sip:x,"}, "PJSIP/99101", RingResult.ANSWERED),
        ({"101": "101/sip:x,", "99101": "99101/sip:x,"}, "PJSIP/101", RingResult.ANSWERED),
        ({"101": "", "101-web": ""}, "PJSIP/101", RingResult.NOT_REGISTERED),
        ({"1010": "1010/sip:x,"}, "PJSIP/101", RingResult.NO_SUCH_EXTENSION),
    ],
)
async def test_of_several_phones_one_that_is_registered_rings(
    endpoints: dict[str, str], device: str, result: RingResult
) -> None:
    rows = [event("EndpointList", ObjectName=name, Contacts=contacts) for name, contacts in endpoints.items()]
    async with ScriptedPbx() as pbx, setup_for(pbx.port) as setup:
        answering(pbx, only(PJSIPShowEndpoints=rows, SIPshowpeer="Peer 101 not found."))
        usual = pbx.reply

        async def reply(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            answer = await usual(action, writer)
            if action["Action"] == "Originate":
                assert answer is not None
                assert (action["Channel"], action["Application"]) == (device, "Playback")
                return answer + event("OriginateResponse", ActionID=action["ActionID"], Response="Success")
            return answer

        pbx.reply = reply
        outcome = await setup.ring("101", seconds=1)
    assert (outcome.result, outcome.device) == (result, device)


@pytest.mark.parametrize(("is_known", "result"), [(True, RingResult.ANSWERED), (False, RingResult.NO_SUCH_EXTENSION)])
async def test_a_phone_that_only_the_dialplan_knows_rings_through_it(is_known: bool, result: RingResult) -> None:
    found = [event("ListDialplan", Context="from-internal", Extension="101")] if is_known else "Did not find extension"
    async with (
        ScriptedPbx() as pbx,
        setup_for(pbx.port, originate_channel="Local/{extension}@from-internal") as setup,
    ):
        answering(pbx, only(PJSIPShowEndpoints=[], ShowDialPlan=found))
        usual = pbx.reply

        async def reply(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            answer = await usual(action, writer)
            if action["Action"] == "Originate":
                assert answer is not None
                assert action["Channel"] == "Local/101@from-internal"
                return answer + event("OriginateResponse", ActionID=action["ActionID"], Response="Success")
            return answer

        pbx.reply = reply
        assert (await setup.ring("101", seconds=1)).result is result


@pytest.mark.parametrize("without", ["reporting", "originate"])
async def test_a_check_of_the_way_back_without_its_right_says_so(without: str, tmp_path: Path) -> None:
    agi = f"agi://127.0.0.1:1/{AGI_PATH}"
    async with simulated(tmp_path, write=WRITE - {without}, agi=agi) as office, setup_for(office.ami.port) as setup:
        found = {finding.check: finding for finding in await setup.check_route_setup()}
    assert found[f"permission {without}"].level is FindingLevel.ERROR
    assert "way back" not in found


async def test_ringing_needs_the_right_to_it(tmp_path: Path) -> None:
    async with simulated(tmp_path, write=WRITE - {"originate"}) as office, setup_for(office.ami.port) as setup:
        with pytest.raises(Rejected) as refused:
            await setup.ring("101", seconds=1)
        assert refused.value.code == "permission_denied"
        with pytest.raises(Rejected) as refused:
            await setup.ring("101\r\nAction: Command", seconds=1)
        assert refused.value.code == "bad_extension"


@pytest.mark.parametrize("flavour", ["asterisk", "freepbx"])
async def test_the_route_setup_is_written_into_the_simulated_office(flavour: str, tmp_path: Path) -> None:
    server = FastAgiServer([AgiDoor(frozenset({AGI_PATH}), NeverAsked(), MayAsk())])
    await server.start()
    wishes = RouteWishes(incoming_contexts=("from-trunk",), reserve="101")
    fastagi = {"path": AGI_PATH, "port": server.port}
    async with (
        simulated(tmp_path, write=WRITE | {"config"}) as office,
        setup_for(office.ami.port, fastagi=fastagi, flavour=flavour) as setup,
    ):
        assert (await setup.write_route_setup(wishes, dry=True)).refusal is None
        assert "dozvon-inbound" not in office.files.contexts
        done = await setup.write_route_setup(wishes, dry=False)
        assert (done.was_done, done.refusal) == (True, None)
        if done.left_to_do[0].text == INCLUDE_LINE:
            assert asks_at(office) is None, "the office's own file is not ours to write"
            office.files.include(FILE)
            done = await setup.write_route_setup(wishes, dry=False)
        assert done.left_to_do[0].text != INCLUDE_LINE
        assert asks_at(office) == f"agi://127.0.0.1:{server.port}/{AGI_PATH}"
        checked = {finding.check: finding.level for finding in await setup.check_route_setup()}
        assert checked["way back"] is FindingLevel.OK
        assert (await setup.remove_route_setup(dry=True)).was_done is False
        assert (await setup.remove_route_setup(dry=False)).was_done
        # A route that still asks finds a context that returns.
        assert asks_at(office) is None
        assert "dozvon-inbound" in office.files.contexts
    await server.close()


async def test_a_pbx_that_refuses_to_write_is_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulated(tmp_path, write=WRITE | {"config"}) as office, setup_for(office.ami.port) as setup:
        monkeypatch.setattr(office.files, "update", lambda _: error("Save of config failed"))
        writing = await setup.write_route_setup(RouteWishes(), dry=False)
        assert writing.was_done is False
        assert writing.refusal is not None
        assert "Save of config failed" in writing.refusal.message
        assert "dozvon-inbound" not in office.files.contexts


async def test_a_link_lost_while_writing_leaves_no_half_of_a_dialplan(tmp_path: Path) -> None:
    """The file that the PBX reads is written in one action, the last one."""
    async with (
        simulated(tmp_path, write=WRITE | {"config"}) as office,
        setup_for(office.ami.port, flavour="freepbx") as setup,
    ):
        await setup.write_route_setup(RouteWishes(reserve="101"), dry=False)
        whole = dict(office.files.contexts)
        usual, left = office.files.update, 3

        def update(request: Request) -> Answer:
            nonlocal left
            left -= 1
            if left == 0:
                asyncio.get_running_loop().create_task(office.ami.cut())
            return usual(request)

        office.files.update = update  # type: ignore[method-assign]
        with pytest.raises(Unavailable):
            await setup.write_route_setup(RouteWishes(reserve="102"), dry=False)
        office.files.update = usual  # type: ignore[method-assign]
        office.files.reload()
        assert office.files.contexts == whole
        assert (await setup.write_route_setup(RouteWishes(reserve="102"), dry=False)).was_done


async def test_the_newest_recordings_of_flat_and_dated_folders(tmp_path: Path) -> None:
    for number, name in enumerate(["old.wav", "2025/12/31/a.wav", "2026/11/29/b.wav", "2026/11/29/14/c.mp3"]):
        write_wav(tmp_path / name, 0.1)
        _touch(tmp_path / name, 1_000_000 + number)
    (tmp_path / "2026/11/29/note.txt").write_text("no sound")
    (tmp_path / "2026/11/29/link.wav").symlink_to("/etc/passwd")
    async with setup_for(1, recordings={"path": str(tmp_path)}) as setup:
        names = [file.name for file in await setup.newest_recordings(3)]
        assert names == ["2026/11/29/14/c.mp3", "2026/11/29/b.wav", "2025/12/31/a.wav"]
        assert b"".join([chunk async for chunk in setup.recording(names[1])]).startswith(b"RIFF")
    async with setup_for(1, recordings={"path": str(tmp_path / "nowhere")}) as setup:
        with pytest.raises(NotFound, match="nowhere"):
            await setup.newest_recordings(1)
    async with setup_for(1, recordings={"url": "http://127.0.0.1:1"}) as setup:
        with pytest.raises(Rejected) as refused:
            await setup.newest_recordings(1)
        assert refused.value.code == "no_listing"


def _touch(path: Path, at: float) -> None:
    os.utime(path, (at, at))


async def test_a_place_with_files_is_suggested_first(tmp_path: Path) -> None:
    write_wav(tmp_path / "b/2026/11/29/a.wav", 0.1)
    (tmp_path / "a").mkdir()
    survey = Survey(at=Timestamp(0.0), recordings=(str(tmp_path / "a"), str(tmp_path / "b"), "/no/such/folder"))
    async with setup_for(1) as setup:
        suggested = await setup.suggest_recordings(survey)
    assert [each.options["path"] for each in suggested] == [str(tmp_path / "b"), str(tmp_path / "a"), "/no/such/folder"]
    assert suggested[0].newest is not None
    assert suggested[2].finding.level is FindingLevel.ERROR


async def test_a_trial_touches_no_connection_in_use() -> None:
    """The process serves routes with the settings of what it connected, not with those that a page tries."""
    async with aiohttp.ClientSession() as session:
        kind = AsteriskKind(session)
        options = {"host": "127.0.0.1", "username": "dozvon", "secret": "ours"}
        kind.connect(settings_for(1).id, options, key="pbx")
        trial = kind.trial(settings_for(1).id, {**options, "fastagi": {"port": 1}}, key="pbx")
        assert trial.settings.fastagi.port == 1
        assert kind._built[settings_for(1).id].fastagi.port == 4573


def test_every_kind_has_flavours_that_it_prepares() -> None:
    for kind in PBXS.values():
        keys = [flavour.key for flavour in kind.flavours]
        assert keys
        assert len(keys) == len(set(keys))
        for key in keys:
            assert kind.preparation({}, flavour=key, server_address="10.0.0.2").steps
