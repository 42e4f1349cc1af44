"""What a setup asks a PBX, against the simulated office, and against PBXs that answer oddly, too much or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import aiohttp
import pytest

from integration.domain.connections.state import StateReason
from integration.domain.ids import Timestamp
from integration.domain.routing.route import RouteDecision, RouteQuestion
from integration.errors import AuthFailed, NotFound, ProtocolError, Rejected, Unavailable
from integration.ports.findings import FindingLevel
from integration.ports.pbx_setup import ContextPurpose, RingResult, RouteWishes, SeenCall, Survey, TrunkSign
from integration.process.adapters import PBXS
from pbx_adapter.asterisk import AgiDoor, AsteriskKind, AsteriskPbx, FastAgiServer
from pbx_adapter.asterisk.agi.addresses import MayAsk
from pbx_adapter.asterisk.ami.client import Timing
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.settings import AsteriskSettings
from pbx_adapter.asterisk.setup import survey as surveying
from pbx_adapter.asterisk.setup.preparation import FLAVOURS, preparation
from pbx_adapter.asterisk.setup.route_text import FILE, INCLUDE_LINE, include_text, office_context
from pbx_adapter.asterisk.setup.route_writing import contexts_of
from pbx_adapter.asterisk.setup.setup import AsteriskSetup
from pbx_adapter.asterisk.setup.watching import Watcher
from pbx_adapter.asterisk.simulator import AmiUser, Simulator, SimulatorSettings
from pbx_adapter.asterisk.simulator.ami import Answer, Request, error
from pbx_adapter.asterisk.simulator.recording import write_wav
from tests.adapters.asterisk_kit import linked, settings_for
from tests.adapters.scripted_pbx import ScriptedPbx, channel, event
from tests.lab.asterisk import AGI_PATH
from tests.lab.waiting import until

READ = frozenset({"system", "call", "agent", "user", "dialplan"})
WRITE = frozenset({"system", "call", "originate", "reporting"})
CALM = Timing(boot_unseen=0.3)  # a busy machine may answer late
HOSTILE = '<script>alert(1)</script>";\\'


class NeverAsked:
    async def route(self, question: RouteQuestion, native_id: str) -> RouteDecision:
        raise AssertionError("a check decides nothing")


@contextlib.asynccontextmanager
async def simulated(
    tmp_path: Path, *, write: frozenset[str] = WRITE, agi: str | None = None, speed: float = 20.0
) -> AsyncIterator[Simulator]:
    user = AmiUser("dozvon", "dozvon-secret", READ, write)
    office = Simulator(
        SimulatorSettings(spool=tmp_path / "monitor", users=(user,), agi=agi, agi_patience=0.5, speed=speed)
    )
    await office.start()
    try:
        yield office
    finally:
        await office.stop()


@contextlib.asynccontextmanager
async def setup_for(port: int, **values: object) -> AsyncIterator[AsteriskSetup]:
    async with aiohttp.ClientSession() as session:
        yield AsteriskPbx(settings_for(port, **values), session=session, timing=CALM).setup


def asks_at(office: Simulator) -> str | None:
    """Where its dialplan asks Dozvon now."""
    return office.files.agi


# ---- the simulated office --------------------------------------------------------------------------------------------


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


# ---- rights, oddities, sizes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("without", "missing"),
    [("reporting", {"ShowDialPlan"}), ("system", {"PJSIPShowEndpoints"}), ("originate", set()), ("call", set())],
)
async def test_a_survey_without_a_right_tells_the_rest(without: str, missing: set[str], tmp_path: Path) -> None:
    async with simulated(tmp_path, write=WRITE - {without}) as office, setup_for(office.ami.port) as setup:
        survey = await setup.survey()
    said = {finding.check: finding.message for finding in survey.findings}
    assert set(said) == ({f"permission {without}"} if missing else set())
    for action in missing:
        assert action in said[f"permission {without}"]
    assert bool(survey.extensions) is (without != "system")
    assert bool(survey.contexts) is (without != "reporting")


def answering(pbx: ScriptedPbx, rows: Callable[[dict[str, str]], Sequence[bytes] | str | None]) -> None:
    """`rows` gives the events of a list, a refusal's message, or None for the usual answer."""

    async def reply(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
        own = f"ActionID: {action['ActionID']}\r\n"
        found = rows(action)
        if found is None:
            return await pbx.well_behaved(action, writer)
        if isinstance(found, str):
            return f"Response: Error\r\n{own}Message: {found}\r\n\r\n".encode()
        start = f"Response: Success\r\n{own}EventList: start\r\n\r\n".encode()
        body = b"".join(row.replace(b"\r\n", f"\r\n{own}".encode(), 1) for row in found)
        return start + body + event("ListComplete", ActionID=action["ActionID"], EventList="Complete")

    pbx.reply = reply


UNKNOWN = "Invalid/unknown command"
LISTS = {
    "PJSIPShowEndpoints", "PJSIPShowEndpoint", "SIPpeers", "SIPshowpeer", "SIPshowregistry", "IAXpeerlist",
    "DAHDIShowChannels", "ShowDialPlan", "VoicemailUsersList", "PJSIPShowRegistrationsOutbound",
}  # fmt: skip


def only(**lists: Sequence[bytes] | str) -> Callable[[dict[str, str]], Sequence[bytes] | str | None]:
    """These lists; other lists are unknown to this PBX."""

    def rows(action: dict[str, str]) -> Sequence[bytes] | str | None:
        name = action["Action"]
        return lists.get(name, UNKNOWN) if name in LISTS else None

    return rows


async def surveyed(rows: Callable[[dict[str, str]], Sequence[bytes] | str | None], **values: object) -> Survey:
    async with ScriptedPbx() as pbx, setup_for(pbx.port, **values) as setup:
        answering(pbx, rows)
        return await setup.survey()


async def test_ten_thousand_endpoints_are_listed_in_time() -> None:
    endpoints = [
        event("EndpointList", ObjectName=str(10_000 + n), Contacts=f"{10_000 + n}/sip:x,", DeviceState="Not in use")
        for n in range(10_000)
    ]
    async with asyncio.timeout(30):
        survey = await surveyed(only(PJSIPShowEndpoints=endpoints, PJSIPShowEndpoint=[]))
    assert len(survey.extensions) == 10_000
    assert survey.extensions[0].number == "10000"
    assert survey.findings == ()


async def test_more_than_is_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pbx_adapter.asterisk.setup.endpoints.MOST_DEVICES", 5)
    endpoints = [event("EndpointList", ObjectName=str(100 + n), Contacts="") for n in range(9)]
    survey = await surveyed(only(PJSIPShowEndpoints=endpoints, PJSIPShowEndpoint=[]))
    assert [person.number for person in survey.extensions] == ["100", "101", "102", "103", "104"]
    assert "more than is read at once (5, PJSIPShowEndpoints)" in survey.findings[0].message


async def test_a_pbx_without_sip_at_all() -> None:
    survey = await surveyed(only())
    (finding,) = survey.findings
    assert (finding.check, finding.level) == ("modules", FindingLevel.WARNING)
    assert (survey.extensions, survey.trunks) == ((), ())


async def test_chan_sip_with_a_registration_and_a_second_phone() -> None:
    def rows(action: dict[str, str]) -> Sequence[bytes] | str | None:
        if action["Action"] == "SIPshowpeer":
            return "Peer broken not found." if action["Peer"] == "broken" else None
        return only(
            SIPpeers=[
                event("PeerEntry", ObjectName="101", Dynamic="yes", IPaddress="10.0.0.5", Status="OK (5 ms)"),
                event("PeerEntry", ObjectName="101-web", Dynamic="yes", IPaddress="-none-", Status="UNKNOWN"),
                event("PeerEntry", ObjectName="carrier", Dynamic="no", IPaddress="203.0.113.7", Status="Unmonitored"),
                event("PeerEntry", ObjectName="broken", Dynamic="yes", IPaddress="-none-", Status="UNKNOWN"),
            ],
            SIPshowregistry=[event("RegistryEntry", Host="203.0.113.7", State="Registered")],
        )(action)

    survey = await surveyed(rows)
    (anna,) = survey.extensions
    assert [(device.name, device.is_registered) for device in anna.devices] == [("101", True), ("101-web", False)]
    carrier, broken = survey.trunks
    assert (carrier.name, carrier.is_suggested) == ("carrier", True)
    assert TrunkSign.REGISTRATION in carrier.signs
    assert (broken.name, broken.is_suggested, broken.signs) == ("broken", False, (TrunkSign.NAME,))


async def test_trunks_by_each_sign() -> None:
    details = {
        "carrier": [event("EndpointDetail", Context="from-pstn-carrier")],
        "uplink": [event("EndpointDetail", Context="office-in"), event("IdentifyDetail", Match="10.0.0.9")],
        "300": [event("EndpointDetail", Context="office-in")],
        "102": [event("EndpointDetail", Context="internal"), event("IdentifyDetail", Match="10.0.0.7")],
        "door": [event("EndpointDetail", Context="internal")],
        "sip-out": [event("EndpointDetail", Context="office-in")],
        "SIP-1611151795": [event("EndpointDetail", Context="SIP-1611151795-incoming")],
    }

    def rows(action: dict[str, str]) -> Sequence[bytes] | str | None:
        if action["Action"] == "PJSIPShowEndpoint":
            return details[action["Endpoint"]]
        return only(
            PJSIPShowEndpoints=[
                event("EndpointList", ObjectName=name, OutboundAuths="300-auth" if name == "300" else "")
                for name in details
            ],
            PJSIPShowRegistrationsOutbound=[event("OutboundRegistrationDetail", ObjectName="reg-carrier")],
            ShowDialPlan=[
                event(
                    "ListDialplan",
                    Context="out",
                    Extension="_X.",
                    Application="Dial",
                    AppData="PJSIP/${EXTEN}@sip-out,60",
                ),
                event("ListDialplan", Context="from-pstn-carrier", Extension="74950000001", Application="NoOp"),
                event("ListDialplan", Context="from-pstn-carrier", IncludeContext="more-lines"),
                event("ListDialplan", Context="more-lines", Extension="74950000002", Application="NoOp"),
            ],
        )(action)

    survey = await surveyed(rows)
    signs = {trunk.name: (trunk.is_suggested, set(trunk.signs)) for trunk in survey.trunks}
    assert signs == {
        "carrier": (True, {TrunkSign.REGISTRATION, TrunkSign.INCOMING_CONTEXT, TrunkSign.NAME}),
        "uplink": (True, {TrunkSign.BY_ADDRESS, TrunkSign.NAME}),
        "300": (True, {TrunkSign.LOGIN}),
        "door": (False, {TrunkSign.NAME}),
        "sip-out": (True, {TrunkSign.OUTGOING_ROUTE, TrunkSign.NAME}),
        "SIP-1611151795": (True, {TrunkSign.INCOMING_CONTEXT, TrunkSign.NAME}),
    }
    assert [person.number for person in survey.extensions] == ["102"]
    assert [line.number for line in survey.lines] == ["74950000001", "74950000002"]


async def test_freepbx_is_known_by_its_contexts_and_its_trunks_by_their_variables() -> None:
    contexts = ("macro-dialout-trunk", "ext-did", "from-internal", "from-internal-additional")
    lists = only(
        PJSIPShowEndpoints=[event("EndpointList", ObjectName=name) for name in ("MyCarrier", "101", "99101", "90101")],
        PJSIPShowEndpoint=[],
        ShowDialPlan=[event("ListDialplan", Context=name, Extension="s", Application="NoOp") for name in contexts],
    )
    values = {"OUT_2": "PJSIP/MyCarrier", "MIXMON_DIR": "/mnt/records/"}
    async with ScriptedPbx() as pbx, setup_for(pbx.port) as setup:
        answering(pbx, lists)
        usual = pbx.reply

        async def reply(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            if action["Action"] != "Getvar":
                return await usual(action, writer)
            value = values.get(action["Variable"], "")
            return f"Response: Success\r\nActionID: {action['ActionID']}\r\nValue: {value}\r\n\r\n".encode()

        pbx.reply = reply
        survey = await setup.survey()
    assert survey.flavour == "freepbx"
    (trunk,) = survey.trunks
    assert (trunk.name, trunk.is_suggested) == ("MyCarrier", True)
    (anna,) = survey.extensions
    assert {device.name for device in anna.devices} == {"101", "99101", "90101"}
    assert survey.recordings[0] == "/mnt/records"
    assert survey.options["originate_channel"] == "Local/{extension}@from-internal"


async def test_hostile_names_stay_text_and_cannot_reach_the_wire() -> None:
    asked: list[str] = []

    def rows(action: dict[str, str]) -> Sequence[bytes] | str | None:
        if action["Action"] == "PJSIPShowEndpoint":
            asked.append(action["Endpoint"])
            return [event("EndpointDetail", Context="x" * 3000, Callerid=f'"{HOSTILE * 50}" <101>')]
        return only(
            PJSIPShowEndpoints=[
                event("EndpointList", ObjectName=name) for name in ("101", HOSTILE, "a" * 5000, "\x1b[31mred", "None")
            ],
            ShowDialPlan=[
                event("ListDialplan", Context=HOSTILE, Extension=HOSTILE, Application="Dial", AppData="(((" * 900)
            ],
        )(action)

    survey = await surveyed(rows)
    assert len(survey.extensions[0].name) <= 80
    assert HOSTILE in {trunk.name for trunk in survey.trunks}
    assert all(name.isprintable() and len(name) <= 256 for name in asked)


async def test_a_link_that_is_lost_in_the_middle_is_unavailable() -> None:
    async with ScriptedPbx() as pbx, setup_for(pbx.port) as setup:

        async def reply(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            if action["Action"] == "ShowDialPlan":
                writer.transport.abort()
                return None
            return await pbx.well_behaved(action, writer)

        pbx.reply = reply
        with pytest.raises(Unavailable):
            await setup.survey()


async def test_questions_without_an_answer_are_named_and_cost_no_more_than_their_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(surveying, "SURVEY_SECONDS", 1.5)
    monkeypatch.setattr("pbx_adapter.asterisk.setup.asking._LIST_SECONDS", 0.2)
    async with ScriptedPbx() as pbx, setup_for(pbx.port) as setup:

        async def reply(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            return b"" if action["Action"] in LISTS else await pbx.well_behaved(action, writer)

        pbx.reply = reply
        async with asyncio.timeout(10):
            survey = await setup.survey()
    (finding,) = survey.findings
    assert "did not answer in time" in finding.message
    assert "PJSIPShowEndpoints" in finding.message


async def test_a_version_that_was_not_tried_is_said_and_an_old_one_refused() -> None:
    async with ScriptedPbx() as pbx, setup_for(pbx.port) as setup:
        answering(pbx, only())
        pbx.banner = b"Asterisk Call Manager/13.0.0\r\n"
        survey = await setup.survey()
        assert "newer than Asterisk 22" in survey.findings[0].message
        pbx.banner = b"Asterisk Call Manager/1.1\r\n"
        with pytest.raises(ProtocolError) as refused:
            await setup.survey()
        assert refused.value.fault is not None
        assert refused.value.fault.code == StateReason.VERSION_REFUSED


@pytest.mark.parametrize("ask", ["survey", "ring", "watch", "check", "write"])
async def test_a_refused_login_has_its_reason(ask: str, tmp_path: Path) -> None:
    async with simulated(tmp_path) as office, setup_for(office.ami.port, secret="wrong") as setup:

        async def watched() -> list[SeenCall]:
            return [call async for call in setup.watch_calls(1.0)]

        questions: dict[str, Callable[[], Awaitable[object]]] = {
            "survey": setup.survey,
            "ring": lambda: setup.ring("101", seconds=1),
            "watch": watched,
            "check": setup.check_route_setup,
            "write": lambda: setup.write_route_setup(RouteWishes(), dry=True),
        }
        with pytest.raises(AuthFailed) as refused:
            await questions[ask]()
        assert refused.value.fault is not None
        assert refused.value.fault.code == StateReason.LOGIN_REFUSED


# ---- watching, pure --------------------------------------------------------------------------------------------------


def watcher() -> Watcher:
    return Watcher(settings_for(5038, trunks=["trunk"]))


def begun(uniqueid: str, **headers: str) -> dict[str, str | list[str]]:
    return {"Event": "Newchannel", "ChannelStateDesc": "Ring", **channel(uniqueid, **headers)}


AT = Timestamp(1_700_000_000.0)


def test_the_lines_number_comes_from_the_variable_where_the_extension_is_none() -> None:
    watch = watcher()
    assert watch.feed(begun("1.1", Exten="s"), AT, 0.0) == []
    found: Frame = {"Event": "VarSet", "Uniqueid": "1.1", "Variable": "__FROM_DID", "Value": "74950000009"}
    (call,) = watch.feed(found, AT, 0.1)
    assert (call.line, call.caller, call.from_outside) == ("74950000009", "79161234567", True)
    assert watch.tick(5.0) == []


def test_a_call_without_a_variable_is_shown_after_a_second_or_at_its_end() -> None:
    watch = watcher()
    watch.feed(begun("1.1"), AT, 0.0)
    assert watch.tick(0.5) == []
    assert [call.line for call in watch.tick(1.0)] == ["74950000001"]
    watch.feed(begun("1.2", Exten="s"), AT, 2.0)
    assert [call.line for call in watch.feed({"Event": "Hangup", "Uniqueid": "1.2"}, AT, 2.1)] == [""]


def test_legs_helpers_and_phones_are_told_apart() -> None:
    watch = watcher()
    leg = begun("1.2", name="PJSIP/101-00000002")
    leg["Linkedid"] = "1.1"
    assert watch.feed(leg, AT, 0.0) == []
    watch.feed(begun("1.3", name="Local/101@x-00000001;1"), AT, 0.0)
    phone = begun("1.4", name="PJSIP/101-00000003", CallerIDNum="101", Context="internal", Exten="102")
    watch.feed(phone, AT, 0.0)
    assert [(call.trunk, call.from_outside) for call in watch.tick(2.0)] == [("101", False)]


def test_a_flood_of_calls_is_bounded_and_values_are_cut() -> None:
    watch = watcher()
    for number in range(5_000):
        watch.feed(begun(f"1.{number}", CallerIDNum="9" * 200), AT, 0.0)
    calls = watch.tick(2.0)
    assert 0 < len(calls) <= 200
    assert len(calls[0].caller) <= 80


# ---- preparation, texts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", [each.key for each in FLAVOURS])
@pytest.mark.parametrize("language", ["ru", "uk", "en"])
def test_every_flavour_is_prepared_in_every_language(flavour: str, language: str) -> None:
    prepared = preparation({"host": "10.0.0.1"}, flavour=flavour, server_address="10.0.0.2")
    settings = AsteriskSettings.from_config("office", prepared.options)
    assert (settings.flavour, settings.username) == (flavour, "dozvon")
    assert len(settings.secret) >= 32
    said = [step.says.say(language) for step in prepared.steps]
    assert all(said)
    shown = [step.text for step in prepared.steps] + [
        str(field.value) for step in prepared.steps for field in step.form
    ]
    assert any(settings.secret in text for text in shown)
    assert any("10.0.0.2/" in text for text in shown)
    assert not any("command" in text or "config" in text for text in shown), "no right that is not needed"


def test_what_is_known_stays_and_a_secret_is_new_each_time() -> None:
    known = {"host": "pbx", "secret": "ours", "username": "crm", "originate_context": "office"}
    prepared = preparation(known, flavour="freepbx", server_address="10.0.0.2")
    assert {key: prepared.options[key] for key in known} == known
    fresh = [preparation({}, flavour="asterisk", server_address="::1").options["secret"] for _ in range(2)]
    assert fresh[0] != fresh[1]


def test_a_hostile_value_stays_in_its_line() -> None:
    options = {"username": "x]\n[admin", "secret": "a;b\r\nwrite = all"}
    prepared = preparation(options, flavour="asterisk", server_address="10.0.0.2\npermit = 0.0.0.0/0.0.0.0")
    block = prepared.steps[0].text
    assert block.splitlines()[:2] == ["[xadmin]", "secret = a\\;bwrite = all"]
    assert sum(line.startswith("permit") for line in block.splitlines()) == 1
    assert sum(line.startswith("write =") for line in block.splitlines()) == 1


def test_a_name_instead_of_an_address_is_said() -> None:
    steps = preparation({}, flavour="asterisk", server_address="dozvon.lan").steps
    assert any("dozvon.lan" in step.says.say("en") and "IP address" in step.says.say("en") for step in steps)


@pytest.mark.parametrize("flavour", [each.key for each in FLAVOURS])
def test_the_include_has_the_offices_values(flavour: str) -> None:
    settings = settings_for(5038, flavour=flavour, fastagi={"host": "10.0.0.2", "path": AGI_PATH})
    wishes = RouteWishes(incoming_contexts=("from-trunk",), reserve="600")
    setup = AsteriskPbx(settings, session=None).setup.route_setup(wishes)  # type: ignore[arg-type]
    assert f"Set(DOZVON_AGI=agi://10.0.0.2:4573/{AGI_PATH})" in setup.include
    assert "Set(DOZVON_RESERVE=600)" in setup.include
    assert any(step.text == setup.include for step in setup.steps)
    assert all(step.says.say(language) for step in setup.steps for language in ("ru", "uk", "en"))
    assert "[globals]" not in setup.include.replace("; Global variables ([globals]", "")
    if flavour == "mikopbx":
        assert "[from-trunk-custom]" in setup.include


def test_the_contexts_that_are_written_are_those_of_the_file() -> None:
    contexts = contexts_of(include_text(settings_for(5038), RouteWishes()))
    assert [name for name, _ in contexts] == ["dozvon-inbound", "dozvon-freepbx", "dozvon-doctor", "dozvon-office"]
    assert all(" => " in line for _, lines in contexts for line in lines)
    assert not any(";" in line for _, lines in contexts for line in lines), "a comment would be cut off by the PBX"


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        (RouteWishes(reserve="101)\nexten => s,1,System(rm"), "bad_reserve"),
        (RouteWishes(reserve="101,tT"), "bad_reserve"),
        (RouteWishes(incoming_contexts=("a]\n[b",)), "bad_context"),
        (RouteWishes(phones_context="${SHELL(id)}"), "bad_context"),
    ],
)
def test_a_wish_that_would_be_dialplan_is_refused(wishes: RouteWishes, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        office_context(settings_for(5038), wishes)
    assert refused.value.code == code


# ---- recordings, the kind --------------------------------------------------------------------------------------------


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
    survey = Survey(at=AT, recordings=(str(tmp_path / "a"), str(tmp_path / "b"), "/no/such/folder"))
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
