"""The adapter on a real Asterisk with real SIP phones: it reports what the phones did."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from integration.domain.calls.call import Direction, Disposition
from integration.domain.ids import CallId
from integration.domain.reasons import ReasonCode, because
from integration.domain.routing.route import RouteDecision, RouteQuestion, go_on
from integration.errors import NotFound, Rejected, Unavailable
from integration.ports.findings import Finding, FindingLevel
from integration.ports.pbx import ClickToCall, DialSample
from pbx_adapter.asterisk import AgiDoor, AsteriskPbx, FastAgiServer
from pbx_adapter.asterisk.agi.addresses import MayAsk
from pbx_adapter.asterisk.ami.client import Timing
from pbx_adapter.asterisk.ami.commands import question
from pbx_adapter.asterisk.settings import AsteriskSettings
from tests.adapters.asterisk_kit import Listener, linked, settings_for
from tests.lab.asterisk import AGI_PATH, WEAK_USER
from tests.lab.fixtures import OpenOffice
from tests.lab.office import EXTENSIONS, Office, did
from tests.lab.relay import Relay
from tests.lab.waiting import until

pytestmark = pytest.mark.lab
CLIENT = "79161234567"
both = pytest.mark.parametrize("major", [22, 16])
QUICK_BACK = Timing(backoff=(0.1,), boot_unseen=1.0)


def lab_settings(office: Office, **values: object) -> AsteriskSettings:
    monitor = {"path": str(office.asterisk.monitor), "pbx_path": f"{office.asterisk.base}/spool/monitor"}
    sounds = {"path": str(office.asterisk.sounds), "pbx_path": f"{office.asterisk.base}/sounds"}
    usual = {"recordings": monitor, "sounds": sounds, "trunks": ["trunk"]}
    return settings_for(office.asterisk.ports.ami, **{**usual, **values})


@contextlib.asynccontextmanager
async def on_lab(office: Office, **values: object) -> AsyncIterator[tuple[AsteriskPbx, Listener]]:
    async with linked(lab_settings(office, **values), timing=QUICK_BACK) as both_:
        yield both_


@both
async def test_an_answered_call_is_followed_and_its_recording_fetched(open_office: OpenOffice, major: int) -> None:
    """From the carrier to 101: the call, people and times that the phones saw, and the recording."""
    office = await open_office(major)
    async with on_lab(office) as (pbx, listener):
        assert pbx.refused_questions == []
        office.phone("101").answers(after_seconds=0.3)
        client = await office.inbound(CLIENT, did(1))
        await client.answered()
        await asyncio.sleep(1.0)  # the talk itself
        await client.hang_up()
        (call,) = await listener.ended()
        assert (call.direction, call.caller, call.called) == (Direction.INBOUND, CLIENT, did(1))
        assert (call.disposition, call.answered_by) == (Disposition.ANSWERED, "101")
        sound = b"".join([chunk async for chunk in pbx.recording(call.recordings[0])])
        assert sound.startswith(b"RIFF")
        assert len(sound) > 8000
        assert pbx.counters.events_received < 80  # with filters; without them it is 150


@both
async def test_a_click_rings_the_employee_then_the_client(open_office: OpenOffice, major: int) -> None:
    """The call has our id from its first event, and a repeated click does not ring again."""
    office = await open_office(major)
    async with on_lab(office) as (pbx, listener):
        office.phone("102").answers(after_seconds=0.2)
        office.carrier.answers(after_seconds=0.2)
        click = ClickToCall(request_id="req-1", extension="102", number="+79161112233", crm_call_id="4711")
        call_id = await pbx.click_to_call(click)
        assert call_id == "office:dozvon-req-1"
        await listener.until(lambda: call_id in listener.calls and listener.calls[call_id].answered_at)
        assert await pbx.click_to_call(click) == call_id
        await pbx.hang_up(call_id)
        (call,) = await listener.ended()
        assert (call.direction, call.caller, call.called) == (Direction.OUTBOUND, "102", "79161112233")
        assert call.disposition is Disposition.ANSWERED
        assert call.origin is not None
        assert (call.origin.crm_call_id, call.origin.request_id) == ("4711", "dozvon-req-1")
        with pytest.raises(NotFound):
            await pbx.hang_up(call_id)


@both
async def test_an_extension_is_dialled_into_the_talk(open_office: OpenOffice, major: int) -> None:
    """The client's side hears every digit once, in order, the employee none. Before the answer it is refused."""
    office = await open_office(major)
    async with on_lab(office) as (pbx, listener):
        office.phone("102").answers()
        office.carrier.rings()
        call_id = await pbx.click_to_call(ClickToCall(request_id="req-7", extension="102", number="79161112233"))
        employee = await office.phone("102").incoming()
        client = await office.carrier.incoming()
        with pytest.raises(NotFound):
            await pbx.send_tones(call_id, "105")
        await client.answer()
        await listener.until(lambda: call_id in listener.calls and listener.calls[call_id].answered_at)
        await pbx.send_tones(call_id, "1055")
        await until(lambda: client.media.digits == "1055")
        assert employee.media.digits == ""
        await pbx.hang_up(call_id)
        await listener.ended()


@both
@pytest.mark.parametrize(
    "name", ["Event: JitterBufStats", "x Variable: RTPAUDIOQOS Event: VarSet", "Application: Wait"]
)
async def test_a_caller_cannot_hide_behind_a_name(open_office: OpenOffice, major: int, name: str) -> None:
    """The PBX's filters are regular expressions over the whole event, which includes the caller's name."""
    office = await open_office(major)
    async with on_lab(office) as (_, listener):
        office.phone("101").answers()
        client = await office.inbound(CLIENT, did(1), display=name)
        await client.answered()
        await listener.until(lambda: any(c.answered_at for c in listener.records))
        await client.hang_up()
        (call,) = await listener.ended()
        assert (call.caller_name, call.answered_by) == (name, "101")


@both
async def test_a_click_is_given_up_while_the_employee_phone_rings(open_office: OpenOffice, major: int) -> None:
    office = await open_office(major)
    async with on_lab(office) as (pbx, listener):
        office.phone("101").rings()
        call_id = await pbx.click_to_call(ClickToCall(request_id="r-5", extension="101", number="79161112233"))
        await listener.until(lambda: any(leg.ringing_at for c in listener.records for leg in c.legs))
        await pbx.hang_up(call_id)
        (call,) = await listener.ended()
        assert call.answered_at is None


@both
@pytest.mark.parametrize(
    ("extension", "channel", "shown"),
    [
        ("101", "PJSIP/{extension}", "101"),  # its endpoint has callerid = Anna Orlova <101>
        ("107", "PJSIP/{extension}", "74950000107"),  # this one shows its direct number
        ("106", "PJSIP/{extension}", "106"),  # and this one has none: its phone would show 106
        ("101", "Local/{extension}@click-agent", "101"),
    ],
)
async def test_the_carrier_sees_the_employee_and_the_phone_the_client(
    open_office: OpenOffice, major: int, extension: str, channel: str, shown: str
) -> None:
    """In an office whose dialplan passes the caller id to the carrier, which refuses the client's own number."""
    office = await open_office(major)
    if extension not in EXTENSIONS:
        await office.add_phone(extension)
    async with on_lab(office, originate_channel=channel, originate_context="as-is") as (pbx, listener):
        office.phone(extension).answers(after_seconds=0.2)
        office.carrier.answers(after_seconds=0.2)
        click = ClickToCall(request_id="req-9", extension=extension, number="79161112233")
        call_id = await pbx.click_to_call(click)
        ringing = await office.phone(extension).incoming()
        assert ringing.other == "79161112233"
        outside = await office.carrier.incoming()
        assert (outside.other, outside.called) == (shown, "79161112233")
        await listener.until(lambda: call_id in listener.calls and listener.calls[call_id].answered_at)
        await pbx.hang_up(call_id)
        (call,) = await listener.ended()
        assert (call.direction, call.caller, call.called) == (Direction.OUTBOUND, extension, "79161112233")


@both
async def test_a_click_to_a_busy_client_ends_as_busy(open_office: OpenOffice, major: int) -> None:
    office = await open_office(major)
    async with on_lab(office) as (pbx, listener):
        office.phone("101").answers()
        office.carrier.rejects(486)
        await pbx.click_to_call(ClickToCall(request_id="req-2", extension="101", number="79161112244"))
        (call,) = await listener.ended()
        assert call.disposition is Disposition.BUSY


@both
async def test_a_click_through_a_local_channel_is_one_call(open_office: OpenOffice, major: int) -> None:
    """As FreePBX needs it: the dialplan rings the employee (`Local/EXT@context`), not the endpoint directly."""
    office = await open_office(major)
    async with on_lab(office, originate_channel="Local/{extension}@click-agent") as (pbx, listener):
        office.phone("101").answers()
        office.carrier.answers(after_seconds=0.2)
        click = ClickToCall(request_id="req-4", extension="101", number="79161112233", crm_call_id="9")
        call_id = await pbx.click_to_call(click)
        await listener.until(lambda: call_id in listener.calls and listener.calls[call_id].answered_at)
        await pbx.hang_up(call_id)
        (call,) = await listener.ended()
        assert (call.id, call.direction, call.caller, call.called) == (
            call_id,
            Direction.OUTBOUND,
            "101",
            "79161112233",
        )
        assert call.origin is not None
        assert call.origin.crm_call_id == "9"


@both
async def test_redirect_is_a_transfer_by_the_employee(open_office: OpenOffice, major: int) -> None:
    """While 101 talks to the client, a redirect from the card is attributed as 101's blind transfer."""
    office = await open_office(major)
    async with on_lab(office) as (pbx, listener):
        office.phone("101").answers()
        office.phone("102").answers(after_seconds=0.2)
        client = await office.inbound(CLIENT, did(1))
        await client.answered()
        await listener.until(lambda: any(c.answered_at for c in listener.records))
        call_id = listener.records[0].id
        await pbx.redirect(call_id, "102")
        await listener.until(lambda: listener.calls[call_id].final_responsible == "102")
        await client.hang_up()
        (call,) = await listener.ended()
        assert [(t.from_, t.to) for t in call.transfers] == [("101", "102")]


async def test_redirect_takes_a_waiting_client_out_of_the_queue(office: Office) -> None:
    async with on_lab(office) as (pbx, listener):
        for extension in ("101", "102", "103"):
            office.phone(extension).rings()
        client = await office.inbound(CLIENT, did(2))
        await listener.until(lambda: any(c.queue and c.legs for c in listener.records))
        office.phone("104").answers()
        await pbx.redirect(listener.records[0].id, "104")
        await listener.until(lambda: listener.records[0].answered_by == "104")
        await client.hang_up()
        (call,) = await listener.ended()
        assert call.disposition is Disposition.ANSWERED


async def test_hold_is_refused_plainly(office: Office) -> None:
    async with on_lab(office) as (pbx, _):
        with pytest.raises(Rejected):
            await pbx.hold(CallId("office:1"), on=True)


@both
async def test_employees_come_with_names_and_registrations(open_office: OpenOffice, major: int) -> None:
    office = await open_office(major)
    async with on_lab(office) as (pbx, _):
        people = {p.extension: p for p in await pbx.employees()}
        assert people["101"].name
        assert people["101"].is_registered is True
        assert people["105"].is_registered is False
        assert "trunk" not in people


@both
async def test_calls_under_way_are_found_at_the_login(open_office: OpenOffice, major: int) -> None:
    """Connected during a conversation: the adapter finds both parties, and sees the end."""
    office = await open_office(major)
    office.phone("101").answers()
    client = await office.inbound(CLIENT, did(1))
    await client.answered()
    async with on_lab(office) as (pbx, listener):  # the PBX may be in the middle of bridging them
        assert len(listener.resyncs[0]) == 1
        await listener.until(lambda: any(call.answered_by for call in listener.records))
        (call,) = listener.records
        assert (call.caller, call.called, call.answered_by) == (CLIENT, did(1), "101")
        assert not call.seen_from_start
        await client.hang_up()
        (call,) = await listener.ended()
        assert call.disposition is Disposition.ANSWERED
        assert pbx.is_connected


@both
async def test_a_killed_asterisk_ends_its_calls_and_is_linked_again(open_office: OpenOffice, major: int) -> None:
    """SIGKILL during a conversation: no Hangup comes; after the boot the call gets one end, which is inferred."""
    office = await open_office(major)
    async with on_lab(office) as (pbx, listener):
        office.phone("101").answers()
        client = await office.inbound(CLIENT, did(1))
        await client.answered()
        await listener.until(lambda: any(c.answered_at for c in listener.records))
        office.asterisk.kill()
        await listener.until(lambda: not listener.links[-1][0])
        assert not pbx.is_connected
        with pytest.raises(Unavailable):
            await pbx.click_to_call(ClickToCall(request_id="req-3", extension="101", number="79161112233"))
        await office.asterisk.start()
        await listener.until(lambda: len(listener.resyncs) == 2, timeout_seconds=20)
        (call,) = await listener.ended()
        assert call.end_inferred
        assert listener.resyncs[1] == frozenset()


@both
async def test_a_restart_in_order_ends_calls_with_their_hangups(open_office: OpenOffice, major: int) -> None:
    office = await open_office(major)
    async with on_lab(office) as (_, listener):
        office.phone("101").answers()
        client = await office.inbound(CLIENT, did(1))
        await client.answered()
        await listener.until(lambda: any(c.answered_at for c in listener.records))
        await office.asterisk.restart()
        await listener.until(lambda: len(listener.resyncs) == 2, timeout_seconds=20)
        (call,) = await listener.ended()
        assert call.disposition is Disposition.ANSWERED


@both
async def test_a_call_that_ends_while_the_link_is_cut_is_ended_in_the_gap(open_office: OpenOffice, major: int) -> None:
    """One call ends in the gap, and its end is inferred; another one continues with its id."""
    office = await open_office(major)
    async with (
        Relay(office.asterisk.ports.ami) as relay,
        linked(settings_for(relay.port, trunks=["trunk"]), timing=QUICK_BACK) as (_, listener),
    ):
        office.phone("101").answers()
        office.phone("102").answers()
        first = await office.inbound(CLIENT, did(1))
        await first.answered()
        second = await office.phone("102").call("899")
        await second.answered()
        await listener.until(lambda: len(listener.records) == 2)
        await relay.cut()
        await first.hang_up()
        await relay.open()
        await listener.until(lambda: len(listener.resyncs) == 2)
        call, echo = await listener.ended()
        assert call.end_inferred
        assert call.disposition is Disposition.ANSWERED
        assert echo.is_live
        await second.hang_up()
        await listener.ended(2)
        assert len(listener.records) == 2


@both
async def test_a_call_whose_hangup_the_pbx_never_told_ends_all_the_same(open_office: OpenOffice, major: int) -> None:
    """A filter drops the events of its end. When we ask about the silent channels, the PBX does not know them."""
    office = await open_office(major)
    timing = Timing(backoff=(0.1,), boot_unseen=1.0, silent=1.5, ask_every=0.2)
    hidden = "!^Event: (Hangup|SoftHangup|HangupRequest|BridgeLeave|BridgeDestroy|DialEnd)"
    async with linked(lab_settings(office), timing=timing) as (pbx, listener):
        assert pbx._session is not None
        await pbx._session.ask(question("Filter", Operation="Add", Filter=hidden))
        office.phone("101").answers()
        client = await office.inbound(CLIENT, did(1))
        await client.answered()
        await listener.until(lambda: any(c.answered_at for c in listener.records))
        await asyncio.sleep(4)  # silent long enough to be asked about twice, and still live
        assert listener.records[0].is_live
        await client.hang_up()
        (call,) = await listener.ended()
        assert (call.disposition, call.end_inferred) == (Disposition.ANSWERED, True)


async def test_tls_with_the_pbx_own_certificate(office: Office) -> None:
    """With the certificate as the authority it connects; without it, it says why it cannot."""
    port, certificate = office.asterisk.ports.ami_tls, str(office.asterisk.tls_certificate)
    async with linked(settings_for(port, tls={"ca": certificate}), timing=QUICK_BACK) as (pbx, _):
        assert pbx.is_connected
    async with linked(settings_for(port, tls=True), timing=QUICK_BACK, ready=False) as (_, listener):
        await listener.until(lambda: listener.links)
        assert "certificate" in listener.links[0][1]


# ---- the doctor ------------------------------------------------------------------------------------------------------


class NeverAsked:
    async def route(self, question: RouteQuestion, uniqueid: str) -> RouteDecision:
        return go_on(because(ReasonCode.TOO_SLOW))


def by_check(findings: list[Finding]) -> Mapping[str, Finding]:
    return {finding.check: finding for finding in findings}


@both
async def test_the_doctor_finds_nothing_where_all_is_well(open_office: OpenOffice, major: int) -> None:
    """With the rights of the README, the include and a FastAGI server that answers; it makes no call."""
    office = await open_office(major)
    server = FastAgiServer([AgiDoor(frozenset({AGI_PATH}), NeverAsked(), MayAsk())], port=office.fastagi_port or 0)
    await server.start()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(server.close)
        pbx, listener = await stack.enter_async_context(on_lab(office))
        findings = await pbx.diagnose()
        assert [f for f in findings if f.level is not FindingLevel.OK] == []
        checks = by_check(findings)
        assert "and Dozvon answers" in checks["way back"].message
        rights = {f"permission {group}" for group in ("system", "call", "originate", "reporting")}
        received = {f"events {group}" for group in ("system", "call", "dialplan", "user")}
        others = {"connection", "login", "version", "clock", "dialplan", "employees"}
        assert rights | received | others <= set(checks)
        assert listener.records == []


@both
async def test_the_doctor_asks_the_dialplan_whether_it_takes_what_a_click_dials(
    open_office: OpenOffice, major: int
) -> None:
    """A real Asterisk checks patterns and included contexts; a wrong form is reported with the right setting."""
    office = await open_office(major)
    right = DialSample(what="a mobile", dialled="+79161234567")
    wrong = DialSample(what="the own town", dialled="979161234567", others=(('click = "national"', "89161234567"),))
    async with on_lab(office) as (pbx, _):
        checks = by_check(await pbx.diagnose([right, wrong]))
    assert checks["numbers dialled: a mobile"].level is FindingLevel.OK
    refused = checks["numbers dialled: the own town"]
    assert refused.level is FindingLevel.WARNING
    assert 'click = "national"' in refused.remedy


@both
async def test_the_doctor_names_missing_rights_and_a_dead_way_back(open_office: OpenOffice, major: int) -> None:
    office = await open_office(major)
    async with on_lab(office) as (pbx, _):
        dead = by_check(await pbx.diagnose())["way back"]
        assert dead.level is FindingLevel.ERROR
        assert "DOZVON_AGI" in dead.remedy
    weak = settings_for(office.asterisk.ports.ami, username=WEAK_USER.name, secret=WEAK_USER.secret)
    async with linked(weak, timing=QUICK_BACK, ready=False) as (pbx, _):
        checks = by_check(await pbx.diagnose())
        assert checks["permission originate"].level is FindingLevel.ERROR
        assert "originate" in checks["permission originate"].remedy
        assert "manager.conf" in checks["permission call"].remedy


async def test_the_doctor_tells_a_wrong_secret_from_a_missing_pbx(office: Office, tmp_path: Path) -> None:
    wrong = settings_for(office.asterisk.ports.ami, secret="wrong", recordings={"path": str(tmp_path / "nowhere")})
    async with linked(wrong, timing=QUICK_BACK, ready=False) as (pbx, listener):
        checks = by_check(await pbx.diagnose())
        assert checks["login"].level is FindingLevel.ERROR
        assert checks["recordings"].level is FindingLevel.ERROR
        await listener.until(lambda: listener.links)
        assert "secret" in listener.links[0][1]
    async with linked(settings_for(1), timing=QUICK_BACK, ready=False) as (pbx, _):
        checks = by_check(await pbx.diagnose())
        assert checks["connection"].level is FindingLevel.ERROR
        assert "bindaddr" in checks["connection"].remedy
