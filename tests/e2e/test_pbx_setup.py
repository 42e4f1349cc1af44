"""What a setup asks a PBX, on a real Asterisk with real SIP phones."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from integration.domain.reasons import ReasonCode, because
from integration.domain.routing.route import RouteDecision, RouteQuestion, go_on
from integration.errors import Rejected
from integration.ports.findings import FindingLevel
from integration.ports.pbx_setup import ContextPurpose, RingResult, RouteWishes, SeenCall, TrunkSign
from pbx_adapter.asterisk import AgiDoor, AsteriskPbx, FastAgiServer
from pbx_adapter.asterisk.agi.addresses import MayAsk
from pbx_adapter.asterisk.setup.route_text import FILE, MARK
from pbx_adapter.asterisk.setup.setup import AsteriskSetup
from tests.e2e.test_asterisk_adapter import QUICK_BACK, lab_settings, on_lab
from tests.lab.asterisk import AGI_PATH, RECORDER_USER, WEAK_USER, AmiUser
from tests.lab.fixtures import OpenOffice
from tests.lab.office import Office, did
from tests.lab.waiting import until, until_told

pytestmark = pytest.mark.lab
CLIENT = "79161234567"
both = pytest.mark.parametrize("major", [22, 16])
ALL_RIGHTS = {"username": RECORDER_USER.name, "secret": RECORDER_USER.secret}


@contextlib.asynccontextmanager
async def setup_of(office: Office, user: AmiUser | None = None, **values: object) -> AsyncIterator[AsteriskSetup]:
    login = {"username": user.name, "secret": user.secret} if user is not None else {}
    async with aiohttp.ClientSession() as session:
        yield AsteriskPbx(lab_settings(office, **login, **values), session=session, timing=QUICK_BACK).setup


@both
async def test_a_survey_finds_the_trunk_the_people_and_the_contexts(open_office: OpenOffice, major: int) -> None:
    office = await open_office(major)
    async with setup_of(office, trunks=[]) as setup:
        survey = await setup.survey()
    assert survey.findings == ()
    assert survey.version.startswith(str(major))
    assert survey.clock_ahead_seconds == pytest.approx(0.0, abs=1.0)
    (trunk,) = [trunk for trunk in survey.trunks if trunk.is_suggested]
    assert (trunk.name, trunk.technology, trunk.context) == ("trunk", "PJSIP", "from-trunk")
    assert {TrunkSign.OUTGOING_ROUTE, TrunkSign.INCOMING_CONTEXT, TrunkSign.NAME} <= set(trunk.signs)
    people = {person.number: person for person in survey.extensions}
    assert (people["101"].name, people["101"].is_registered) == ("Anna Orlova", True)
    assert people["105"].is_registered is False
    assert "trunk" not in people
    purposes = {context.name: context.purpose for context in survey.contexts}
    assert purposes["from-trunk"] is ContextPurpose.INCOMING
    assert purposes["internal"] is ContextPurpose.PHONES
    assert purposes["dozvon-inbound"] is ContextPurpose.OURS
    assert survey.recordings[0] == f"{office.asterisk.base}/spool/monitor"
    assert survey.options["trunks"] == ["trunk"]
    assert survey.options["originate_context"] == "internal"


async def test_a_survey_without_rights_says_which_are_missing(office: Office) -> None:
    async with setup_of(office, WEAK_USER) as setup:
        survey = await setup.survey()
    (finding,) = survey.findings
    assert finding.check == "permission reporting"
    assert "ShowDialPlan" in finding.message
    assert "add reporting to write = under [weak]" in finding.remedy
    assert [person.number for person in survey.extensions][:2] == ["101", "102"]


@both
async def test_a_call_is_seen_while_somebody_else_is_logged_in(open_office: OpenOffice, major: int) -> None:
    office = await open_office(major)
    async with setup_of(office) as setup, setup_of(office) as another:
        calls: asyncio.Queue[SeenCall] = asyncio.Queue()

        async def watch(one: AsteriskSetup) -> None:
            async for call in one.watch_calls(30.0):
                calls.put_nowait(call)

        before = await logins(office)
        tasks = [asyncio.create_task(watch(one)) for one in (setup, another)]
        await until_told(lambda: has_logins(office, before + 2))
        office.phone("101").rings()
        client = await office.inbound(CLIENT, did(1))
        async with asyncio.timeout(10):
            seen = [await calls.get(), await calls.get()]
        await client.hang_up()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert {(call.caller, call.line, call.trunk, call.from_outside) for call in seen} == {
        (CLIENT, did(1), "trunk", True)
    }
    assert calls.empty(), "the leg to 101 is no call"


async def logins(office: Office) -> int:
    """Of AMI, now."""
    return (await office.asterisk.cli("manager show connected")).count("127.0.0.1")


async def has_logins(office: Office, count: int) -> bool:
    return await logins(office) >= count


@both
async def test_a_phone_rings_and_the_answer_ends_it(open_office: OpenOffice, major: int) -> None:
    office = await open_office(major)
    async with setup_of(office) as setup:
        office.phone("101").answers(after_seconds=0.3)
        outcome = await setup.ring("101", seconds=10)
        assert (outcome.result, outcome.has_rung, outcome.device) == (RingResult.ANSWERED, True, "PJSIP/101")
        office.phone("102").rings()
        outcome = await setup.ring("102", seconds=2)
        assert (outcome.result, outcome.has_rung) == (RingResult.RANG_OUT, True)
        office.phone("102").rejects(486)
        assert (await setup.ring("102", seconds=5)).result is RingResult.BUSY
        office.phone("102").rejects(603)
        assert (await setup.ring("102", seconds=5)).result is RingResult.DECLINED
        assert (await setup.ring("105", seconds=5)).result is RingResult.NOT_REGISTERED
        assert (await setup.ring("777", seconds=5)).result is RingResult.NO_SUCH_EXTENSION


@both
async def test_the_talk_of_a_rehearsal_is_recorded_found_and_removed(open_office: OpenOffice, major: int) -> None:
    """By a user with the rights of our documentation, into the place where Dozvon looks for recordings."""
    office = await open_office(major)
    async with setup_of(office) as setup:
        office.phone("101").answers(after_seconds=0.3)
        outcome = await setup.ring("101", seconds=10, record_as="dozvon-rehearsal-0a1b2c.wav")
        assert (outcome.result, outcome.is_recorded) == (RingResult.ANSWERED, True)
        sound = b"".join([chunk async for chunk in setup.recording("dozvon-rehearsal-0a1b2c.wav")])
        assert sound.startswith(b"RIFF")
        assert len(sound) > 2 * 8000 * 2, "two seconds at least"
        assert await setup.remove_recording("dozvon-rehearsal-0a1b2c.wav")
        assert not any(office.asterisk.monitor.iterdir())
        assert not await setup.remove_recording("dozvon-rehearsal-0a1b2c.wav"), "it is gone"
        with pytest.raises(Rejected):
            await setup.ring("101", seconds=2, record_as="../../etc/passwd")
        office.phone("102").rings()
        outcome = await setup.ring("102", seconds=2, record_as="dozvon-rehearsal-0a1b2d.wav")
        assert (outcome.result, outcome.is_recorded) == (RingResult.RANG_OUT, False)


async def test_only_recordings_of_ours_are_removed(office: Office) -> None:
    (office.asterisk.monitor / "in-1-2.wav").write_bytes(b"RIFF")
    async with setup_of(office) as setup:
        for name in ("in-1-2.wav", "../etc/manager.conf", "/etc/passwd", ""):
            assert not await setup.remove_recording(name)
    assert (office.asterisk.monitor / "in-1-2.wav").is_file()


@both
async def test_a_running_dozvon_takes_no_test_for_a_call(open_office: OpenOffice, major: int) -> None:
    """The tests of phones, and the doctor's of events and of the way back, are nobody's calls."""
    office = await open_office(major, fastagi_port=None)
    async with on_lab(office) as (pbx, listener):
        office.phone("101").answers(after_seconds=0.3)
        assert (await pbx.setup.ring("101", seconds=5)).result is RingResult.ANSWERED
        office.phone("102").rejects(603)
        assert (await pbx.setup.ring("102", seconds=5)).result is RingResult.DECLINED
        lights = {finding.check: finding.level for finding in await pbx.setup.diagnose()}
        for check in ("permission call", "permission system", "events system", "events call", "events dialplan"):
            assert lights[check] is FindingLevel.OK, check
        assert lights["dialplan"] is FindingLevel.ERROR
        client = await office.inbound(CLIENT, did(1))
        await client.answered()
        await client.hang_up()
        assert {call.caller for call in await listener.ended()} == {CLIENT}


@contextlib.asynccontextmanager
async def answering() -> AsyncIterator[FastAgiServer]:
    server = FastAgiServer([AgiDoor(frozenset({AGI_PATH}), NeverAsked(), MayAsk())])
    await server.start()
    yield server
    await server.close()


WISHES = RouteWishes(incoming_contexts=("from-trunk",), reserve="101", phones_context="internal")
LINE = " same => n,Gosub(dozvon-inbound,s,1(${EXTEN}))"


async def lights(setup: AsteriskSetup) -> dict[str, FindingLevel]:
    return {finding.check: finding.level for finding in await setup.check_route_setup()}


@both
async def test_the_include_is_written_and_the_offices_own_file_is_left_alone(
    open_office: OpenOffice, major: int
) -> None:
    """Dry, for real, the line by hand, the way back, again, and out."""
    office = await open_office(major, fastagi_port=None)
    etc = office.asterisk.configuration
    before = {file.name: file.read_bytes() for file in etc.glob("*.conf")}
    async with (
        answering() as server,
        setup_of(office, RECORDER_USER, fastagi={"path": AGI_PATH, "port": server.port}) as setup,
    ):
        dry = await setup.write_route_setup(WISHES, dry=True)
        assert (dry.was_done, dry.refusal) == (False, None)
        assert {file.name: file.read_bytes() for file in etc.glob("*.conf")} == before

        done = await setup.write_route_setup(WISHES, dry=False)
        assert (done.was_done, done.refusal, done.changes) == (True, None, dry.changes)
        assert [step.text or step.command for step in done.left_to_do] == [
            "#include extensions_dozvon.conf",
            LINE,
            "asterisk -rx 'dialplan reload'",
        ]
        assert {name: (etc / name).read_bytes() for name in before} == before, "no file of the office is written"
        with (etc / "extensions.conf").open("a") as file:
            file.write(f"\n{done.left_to_do[0].text}\n")
        await office.asterisk.cli("dialplan reload")
        checked = await lights(setup)
        assert (checked["dialplan"], checked["way back"]) == (FindingLevel.OK, FindingLevel.OK)

        again = await setup.write_route_setup(WISHES, dry=False)
        assert (again.was_done, again.refusal, [step.text for step in again.left_to_do][:1]) == (True, None, [LINE])
        assert (await lights(setup))["way back"] is FindingLevel.OK

        gone = await setup.remove_route_setup(dry=False)
        assert (gone.was_done, gone.refusal) == (True, None)
        assert (await lights(setup))["dialplan"] is FindingLevel.ERROR
        assert (await setup.remove_route_setup(dry=False)).was_done is False
        assert (await setup.write_route_setup(WISHES, dry=False)).was_done
        assert (await lights(setup))["way back"] is FindingLevel.OK


@both
async def test_a_custom_file_that_is_missing_is_made_with_the_line(open_office: OpenOffice, major: int) -> None:
    """As on FreePBX, whose dialplan includes extensions_custom.conf: only its own pages are left."""
    office = await open_office(major, fastagi_port=None)
    etc = office.asterisk.configuration
    async with (
        answering() as server,
        setup_of(office, RECORDER_USER, flavour="freepbx", fastagi={"path": AGI_PATH, "port": server.port}) as setup,
    ):
        first = await setup.write_route_setup(WISHES, dry=False)
        assert first.was_done
        assert first.refusal is not None, "nothing reads that file yet, and it is said"
        with (etc / "extensions.conf").open("a") as file:
            file.write("\n#include extensions_custom.conf\n")
        done = await setup.write_route_setup(WISHES, dry=False)
        assert (done.was_done, done.refusal) == (True, None)
        assert [step.place for step in done.left_to_do] == [
            "Admin → Custom Destinations → Add Destination",
            "Connectivity → Inbound Routes",
        ]
        checked = await lights(setup)
        assert (checked["dialplan"], checked["way back"]) == (FindingLevel.OK, FindingLevel.OK)
        assert (etc / "extensions_custom.conf").read_text().count("#include") == 1


@both
async def test_a_custom_file_with_a_comment_only_is_left_alone(open_office: OpenOffice, major: int) -> None:
    """AMI would lose the comment, which may be somebody's dialplan, switched off."""
    office = await open_office(major, fastagi_port=None)
    custom = office.asterisk.configuration / "extensions_custom.conf"
    custom.write_text("; [my-context]\n; exten => 1,1,NoOp()\n#tryinclude not-there.conf\n")
    before = custom.read_text()
    async with setup_of(office, RECORDER_USER, flavour="freepbx") as setup:
        done = await setup.write_route_setup(WISHES, dry=False)
    assert (done.was_done, done.refusal) == (True, None)
    assert done.left_to_do[0].text == "#include extensions_dozvon.conf"
    assert custom.read_text() == before


class NeverAsked:
    async def route(self, question: RouteQuestion, native_id: str) -> RouteDecision:
        raise AssertionError("the check's question decides nothing")


@both
async def test_a_call_asks_dozvon_through_the_written_include(open_office: OpenOffice, major: int) -> None:
    """The office's values come from the include alone; the lab's globals name no address that answers."""
    office = await open_office(major, fastagi_port=None)
    asked = Asked()
    server = FastAgiServer([AgiDoor(frozenset({AGI_PATH}), asked, MayAsk())])
    await server.start()
    fastagi = {"path": AGI_PATH, "port": server.port}
    async with setup_of(office, RECORDER_USER, fastagi=fastagi) as setup:
        await setup.write_route_setup(WISHES, dry=False)
        with (office.asterisk.configuration / "extensions.conf").open("a") as file:
            file.write("\n#include extensions_dozvon.conf\n")
        await office.asterisk.cli("dialplan reload")
        for extension in ("101", "102", "103"):
            office.phone(extension).answers()
        client = await office.inbound(CLIENT, did(21))
        await client.answered()  # Dozvon has said: as before
        await client.hang_up()
    await server.close()
    assert [(question.caller, question.did) for question in asked.questions] == [(CLIENT, did(21))]


class Asked:
    def __init__(self) -> None:
        self.questions: list[RouteQuestion] = []

    async def route(self, question: RouteQuestion, native_id: str) -> RouteDecision:
        self.questions.append(question)
        return go_on(because(ReasonCode.CALLER_UNKNOWN))


@both
async def test_calls_pass_after_a_removal_though_the_route_still_asks(open_office: OpenOffice, major: int) -> None:
    office = await open_office(major, fastagi_port=None)
    async with setup_of(office, RECORDER_USER) as setup:
        await setup.write_route_setup(WISHES, dry=False)
        with (office.asterisk.configuration / "extensions.conf").open("a") as file:
            file.write("\n#include extensions_dozvon.conf\n")
        await setup.remove_route_setup(dry=False)
        for extension in ("101", "102", "103"):
            office.phone(extension).answers()
        client = await office.inbound(CLIENT, did(21))  # asks Dozvon's contexts, then goes to the queue
        await client.answered()
        await client.hang_up()


@both
async def test_an_include_by_hand_is_not_touched(open_office: OpenOffice, major: int) -> None:
    office = await open_office(major)
    before = (office.asterisk.configuration / FILE).read_text()
    async with setup_of(office, RECORDER_USER) as setup:
        writing = await setup.write_route_setup(RouteWishes(), dry=False)
        assert writing.refusal is not None
        assert "dozvon-inbound" in writing.refusal.message
        assert not (await setup.remove_route_setup(dry=False)).was_done
    assert (office.asterisk.configuration / FILE).read_text() == before
    assert MARK not in before


async def test_without_the_right_nothing_is_written(office: Office) -> None:
    async with setup_of(office) as setup:
        writing = await setup.write_route_setup(RouteWishes(), dry=True)
    assert writing.refusal is not None
    assert "write = config" in writing.refusal.message
    assert "add config to write =" in writing.refusal.remedy


async def test_the_newest_recordings_are_listed_and_played(office: Office, tmp_path: Path) -> None:
    async with setup_of(office) as setup:
        assert await setup.newest_recordings(5) == []
        office.phone("101").answers()
        client = await office.inbound(CLIENT, did(1))
        await client.answered()
        await until(lambda: any(file.stat().st_size > 16_000 for file in office.asterisk.monitor.iterdir()))  # a second
        await client.hang_up()
        await until(lambda: any(office.asterisk.monitor.iterdir()))
        newest = await setup.newest_recordings(5)
        assert newest[0].name.startswith(f"in-{did(1)}-{CLIENT}")
        sound = b"".join([chunk async for chunk in setup.recording(newest[0].name)])
        assert sound.startswith(b"RIFF")
        suggested = await setup.suggest_recordings(await setup.survey())
        assert suggested[0].options["path"] == str(office.asterisk.monitor)
        assert suggested[0].finding.level is FindingLevel.OK
        assert suggested[0].newest is not None
