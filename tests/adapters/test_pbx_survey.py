"""A survey of PBXs that lack rights or modules, answer oddly, too much, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from integration.domain.connections.state import StateReason
from integration.errors import AuthFailed, ProtocolError, Unavailable
from integration.ports.findings import FindingLevel
from integration.ports.pbx_setup import RouteWishes, SeenCall, TrunkSign
from pbx_adapter.asterisk.setup import survey as surveying
from tests.adapters.pbx_setup_kit import (
    HOSTILE,
    LISTS,
    WRITE,
    answering,
    only,
    setup_for,
    simulated,
    surveyed,
)
from tests.adapters.scripted_pbx import ScriptedPbx, event


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
