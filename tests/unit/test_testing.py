"""The fakes keep their promises: the type checker checks the ports, these tests the docstrings."""

from __future__ import annotations

import asyncio

import pytest

from integration.domain.calls.call import Call, Direction
from integration.domain.calls.events import CallEvent, HoldStarted
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, CallId, PbxId, Timestamp
from integration.domain.numbers.phone import PhoneNumber
from integration.errors import NotFound, OutcomeUnknown, Unavailable
from integration.ports.clock import Clock
from integration.ports.crm import CallRecord, Crm
from integration.ports.pbx import ClickToCall, Pbx
from integration.testing import FakeClock, FakeCrm, FakePbx

CLIENT = PhoneNumber("+79161234567", "89161234567")
ANNA = Person(ref=EntityRef(EntityKind.CONTACT, "1"), name="Anna", responsible=None, phones=("8 (916) 123-45-67",))
CALL = Call(
    id=CallId("pbx:1"),
    account=AccountId("office"),
    pbx=PbxId("pbx"),
    native_id="1",
    direction=Direction.INBOUND,
    caller="89161234567",
    called="74950000000",
    started_at=Timestamp(0.0),
)
RECORD = CallRecord(key="k", call=CALL, client=CLIENT, responsible=None, recording_url=None, text="")


def _are_ports(clock: FakeClock, crm: FakeCrm, pbx: FakePbx) -> tuple[Clock, Crm, Pbx]:
    return clock, crm, pbx  # read by the type checker


def test_clock_stands_still_until_told() -> None:
    clock = FakeClock(10.0)
    assert clock.now() == clock.now() == 10.0
    clock.advance(5)
    assert clock.now() == 15.0


async def test_crm_finds_a_person_by_any_spelling_of_the_number() -> None:
    crm = FakeCrm()
    crm.add(ANNA)
    assert await crm.find_persons(CLIENT) == [ANNA]
    assert [page async for page in crm.all_persons()] == [[ANNA]]


async def test_crm_that_fails_before_stores_nothing_and_after_has_stored() -> None:
    crm = FakeCrm(fail_before=[Unavailable("away")], fail_after=[OutcomeUnknown("lost")])
    crm.add(ANNA)
    with pytest.raises(Unavailable, match="away"):
        await crm.log_call(RECORD, ANNA.ref)
    assert crm.logged("k") == 0
    with pytest.raises(OutcomeUnknown):
        await crm.log_call(RECORD, ANNA.ref)
    assert crm.logged("k") == 1
    found = await crm.find_logged_call(RECORD, ANNA.ref)
    assert found is not None
    assert found.entity == ANNA.ref


async def test_crm_refuses_what_hangs_on_nothing_and_keeps_inbox_and_tasks() -> None:
    crm = FakeCrm()
    with pytest.raises(NotFound):
        await crm.log_call(RECORD, ANNA.ref)
    assert await crm.find_in_inbox(RECORD) is None
    assert await crm.log_to_inbox(RECORD) == await crm.find_in_inbox(RECORD)
    created = await crm.create_task(text="t", due_at=Timestamp(1.0), responsible=None, target=ANNA.ref)
    assert await crm.find_task(text="t", target=ANNA.ref) == created


class _Listener:
    def __init__(self) -> None:
        self.heard: list[object] = []

    async def on_events(self, events: object) -> None:
        self.heard.append(events)

    async def on_resync(self, live: frozenset[CallId], at: Timestamp) -> None:
        self.heard.append(live)

    async def on_link(self, is_up: bool, reason: str) -> None:
        self.heard.append(is_up)


async def test_pbx_resynchronises_then_emits_and_keeps_requests() -> None:
    pbx = FakePbx(live=frozenset({CALL.id}), files={"a.wav": b"RIFF"})
    listener = _Listener()
    running = asyncio.create_task(pbx.run(listener))
    event: CallEvent = HoldStarted(call=CALL.id, at=Timestamp(1.0))
    await pbx.emit([event])
    assert listener.heard == [True, {CALL.id}, [event]]
    assert await pbx.click_to_call(ClickToCall(request_id="r1", extension="101", number="+7916")) == "pbx:r1"
    assert b"".join([part async for part in pbx.recording("a.wav")]) == b"RIFF"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not pbx.is_connected
