"""A campaign's client in the simulated office, through the adapter (a real one is tests/e2e/)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from integration.domain.calls.call import Direction
from integration.domain.calls.received import Answerer, Received
from integration.domain.campaigns.model import Outcome
from integration.domain.campaigns.outcomes import outcome_of
from integration.domain.campaigns.reception import (
    Key,
    KeyMeaning,
    MachineAction,
    MachineCheck,
    Reception,
    VoiceMessage,
)
from integration.domain.ids import CallId
from integration.errors import NotFound
from integration.ports.pbx import CampaignCall, FirstLeg
from pbx_adapter.asterisk import AsteriskPbx
from pbx_adapter.asterisk.simulator import DEMO_OFFICE, Simulator, SimulatorSettings
from pbx_adapter.asterisk.simulator.language import Context, Values, evaluated
from pbx_adapter.asterisk.simulator.office import Client
from pbx_adapter.asterisk.simulator.receiving import CONTEXT
from tests.adapters.asterisk_kit import Listener, linked, settings_for
from tests.lab.waiting import until

CLIENT = "79161112233"
SPEED = 20.0


@contextlib.asynccontextmanager
async def office_of(client: Client, folder: Path) -> AsyncIterator[Simulator]:
    agi = "agi://127.0.0.1:1/office"  # the include is there, and nobody listens
    of_client = replace(DEMO_OFFICE, clients=(client,))
    settings = SimulatorSettings(spool=folder, logs=folder / "logs", speed=SPEED, agi=agi, office=of_client)
    office = Simulator(settings)
    await office.start()
    try:
        yield office
    finally:
        await office.stop()


async def dialled(pbx: AsteriskPbx, reception: Reception) -> CallId:
    return await pbx.dial(
        CampaignCall(
            attempt="a-1",
            number=f"+{CLIENT}",
            extension="",
            first=FirstLeg.CLIENT,
            ring_seconds=25,
            reception=reception,
        )
    )


def received(listener: Listener, call: CallId) -> Received:
    known = listener.calls.get(call)
    return (known.received if known is not None else None) or Received()


async def test_whoever_answers_is_handed_to_an_employee(tmp_path: Path) -> None:
    async with (
        office_of(Client(CLIENT, "", answers_after=1.0), tmp_path) as office,
        linked(settings_for(office.ami.port)) as (pbx, listener),
    ):
        office.answers_after["102"] = 1.0
        call = await dialled(pbx, Reception(wait_seconds=30))
        await listener.until(lambda: received(listener, call).waits_since)
        await pbx.hand_over(call, "102", ring_seconds=10)
        await listener.until(lambda: listener.calls[call].answered_at)
        with pytest.raises(NotFound):
            await pbx.hand_over(call, "103", ring_seconds=10)
        office.client_hangup(CLIENT)
        (ended,) = await listener.ended()
        assert (ended.direction, ended.caller, ended.called) == (Direction.OUTBOUND, "102", CLIENT)
        await office.idle()


async def test_whom_nobody_takes_is_turned_away_after_two_seconds(tmp_path: Path) -> None:
    async with (
        office_of(Client(CLIENT, "", answers_after=1.0), tmp_path) as office,
        linked(settings_for(office.ami.port)) as (pbx, listener),
    ):
        await dialled(pbx, Reception(wait_seconds=2))
        (ended,) = await listener.ended()
        assert ended.received is not None
        assert ended.received.waits_since is not None
        assert ended.received.turned_away_at is not None
        assert ended.received.turned_away_at - ended.received.waits_since > 1.5, "of the wall clock, as Dozvon has"
        assert outcome_of(ended).outcome is Outcome.ABANDONED


async def test_a_phone_that_nobody_lifts_leaves_the_client_waiting(tmp_path: Path) -> None:
    async with (
        office_of(Client(CLIENT, "", answers_after=1.0), tmp_path) as office,
        linked(settings_for(office.ami.port)) as (pbx, listener),
    ):
        call = await dialled(pbx, Reception(wait_seconds=30))
        await listener.until(lambda: received(listener, call).waits_since)
        await pbx.hand_over(call, "102", ring_seconds=1)
        await listener.until(lambda: any(leg.target == "102" for leg in listener.calls[call].legs))
        await until(lambda: office.is_free("102"))
        office.answers_after["103"] = 1.0
        await listener.until(lambda: pbx._tracker.client_waits("dozvon-a-1"))
        await pbx.hand_over(call, "103", ring_seconds=10)
        await listener.until(lambda: listener.calls[call].answered_at)
        await pbx.hang_up(call)
        (ended,) = await listener.ended()
        assert ended.final_responsible == "103"


async def test_a_login_finds_the_client_who_waits(tmp_path: Path) -> None:
    async with office_of(Client(CLIENT, "", answers_after=1.0), tmp_path) as office:
        async with linked(settings_for(office.ami.port)) as (pbx, listener):
            call = await dialled(pbx, Reception(wait_seconds=60))
            await listener.until(lambda: received(listener, call).waits_since)
        async with linked(settings_for(office.ami.port)) as (pbx, listener):
            await listener.until(lambda: received(listener, call).waits_since)
            office.answers_after["102"] = 1.0
            await pbx.hand_over(call, "102", ring_seconds=10)
            await listener.until(lambda: listener.calls[call].answered_at)
            office.client_hangup(CLIENT)
            (ended,) = await listener.ended()
            assert (ended.caller, ended.called) == ("102", CLIENT)


@pytest.mark.parametrize("is_machine", [True, False])
async def test_a_machine_is_told_from_a_person(tmp_path: Path, is_machine: bool) -> None:
    client = Client(CLIENT, "", answers_after=1.0, is_machine=is_machine)
    async with office_of(client, tmp_path) as office, linked(settings_for(office.ami.port)) as (pbx, listener):
        check = MachineCheck(then=MachineAction.LEAVE_MESSAGE, message="/sounds/later")
        call = await dialled(pbx, Reception(wait_seconds=1, check=check))
        (ended,) = await listener.ended()
        met = received(listener, call)
        assert met.answerer is (Answerer.MACHINE if is_machine else Answerer.PERSON)
        assert met.left_message is is_machine
        assert outcome_of(ended).outcome is (Outcome.MACHINE if is_machine else Outcome.ABANDONED)


KEYS = (
    Key(key="1", meaning=KeyMeaning.HAND_OVER, extension="102"),
    Key(key="2", meaning=KeyMeaning.REPEAT),
    Key(key="9", meaning=KeyMeaning.DO_NOT_CALL),
)


@pytest.mark.parametrize(("presses", "keys", "talks"), [("", "", False), ("529", "529", False), ("21", "21", True)])
async def test_the_keys_of_a_message(tmp_path: Path, presses: str, keys: str, talks: bool) -> None:
    client = Client(CLIENT, "", answers_after=1.0, talks_for=40.0, presses=presses)
    async with office_of(client, tmp_path) as office, linked(settings_for(office.ami.port)) as (pbx, listener):
        office.answers_after["102"] = 1.0
        call = await dialled(pbx, Reception(message=VoiceMessage(sound="/sounds/news", rounds=2, keys=KEYS)))
        (ended,) = await listener.ended()
        assert received(listener, call).keys == keys
        assert ((ended.answered_at is not None), ended.final_responsible) == (talks, "102" if talks else None)


def test_the_language_of_the_include() -> None:
    assert [evaluated(each) for each in ('"a" = ""', '"" = "" | "x" = "y"', "1 + 2 * 1000 - 300", "9 > 10")] == [
        "0", "1", "1701", "0",
    ]  # fmt: skip
    variables = {"EXTEN": "to0151101", "RING": "PJSIP/%", "KEY_1": "bye", "PRESSED": "1"}
    values = Values(lambda name: variables.get(name, ""), {})
    assert values.replaced("${EXTEN:2:3} ${EXTEN:5:1} ${EXTEN:6}") == "015 1 101"
    assert values.replaced("Dial(${STRREPLACE(RING,%,${EXTEN:6})})") == "Dial(PJSIP/101)"
    assert values.replaced('${IF($["${NONE}" = ""]?x:${NONE})} ${KEY_${PRESSED}} ${FILTER(0-9,5*)}') == "x bye 5"
    with pytest.raises(LookupError):
        values.replaced("${SHELL(id)}")


def test_a_context_of_a_dialplan() -> None:
    text = (
        f"[other]\nexten => s,1,NoOp()\n[{CONTEXT}]\n; a remark\n"
        "exten => s,1,NoOp(one)\n same => n(two),Goto(_x,1) ; there\nexten => _to.,1,Hangup()\n[last]\n"
    )
    context = Context(text, CONTEXT)
    assert context.line(("s", 2)) == ("Goto", "_x,1")
    assert context.line(("to0101", 1)) == ("Hangup", "")
    assert context.line(("s", 3)) is None
    assert context.leads_to("two", "s") == context.leads_to("s,two", "to0") == ("s", 2)
    with pytest.raises(LookupError):
        Context(text, "none")


async def test_a_mistake_in_following_a_call_costs_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither when an event comes nor when the time passes: the next call is followed on the same connection."""
    failed = asyncio.Event()

    def fails(*_: object) -> None:
        failed.set()
        raise IndexError("a mistake of ours")

    async with (
        office_of(Client(CLIENT, "", answers_after=1.0), tmp_path) as office,
        linked(settings_for(office.ami.port)) as (pbx, listener),
    ):
        with monkeypatch.context() as broken:
            broken.setattr("pbx_adapter.asterisk.tracker.ending.settle", fails)
            office.inbound(CLIENT, "74950000099")  # nobody's line: hung up at once
            await asyncio.wait_for(failed.wait(), 30.0)
        call = await dialled(pbx, Reception(wait_seconds=1))
        await listener.until(lambda: received(listener, call).turned_away_at)
        assert listener.links == [(True, "")], "the first one"
