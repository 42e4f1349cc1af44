"""Missed calls and requests that are repeated by the dialler until somebody has talked to the client."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from integration.domain.calls.call import Direction, Disposition, LegResult, Origin
from integration.domain.calls.events import CallEvent, CallStarted, ClientConnected
from integration.domain.calls.ownership import callback_id
from integration.domain.campaigns.callbacks import CallbackKind, campaign_of
from integration.domain.campaigns.holds import Hold
from integration.domain.campaigns.model import CampaignState, EntryState, Outcome
from integration.domain.ids import CampaignId, Timestamp
from integration.domain.people.absence import Away
from integration.domain.settings import LineSettings
from integration.errors import Unavailable
from integration.ports.callbacks import Callback
from integration.ports.pbx import CampaignCall, FirstLeg
from integration.ports.stores import SavedStep
from tests.services.conftest import ACME, ANNA, BORIS, CLIENT, DID, STRANGER, World, call, ended, missed_call
from tests.services.dialling_scene import Scene, scene_of, somebody

EVERY = 600.0  # seconds between the calls
CALLS_BACK = LineSettings(
    repeat_calls=True,
    repeat_times=3,
    repeat_interval_seconds=int(EVERY),
    repeat_hours="00:00-24:00",
    repeat_weekend_hours="00:00-24:00",
)
BACK = campaign_of(None)


class Office:
    """The small office whose lines call back, its dialler and its phones."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.scene: Scene = scene_of(world)
        self.taken: set[CampaignId] = set()
        self.rule()
        self.scene.new_process()

    def rule(self, **changes: Any) -> None:
        settings = self.world.account.settings
        self.world.account.settings = replace(settings, default_line=replace(CALLS_BACK, **changes))

    def settings(self, **changes: Any) -> None:
        self.world.account.settings = replace(self.world.account.settings, **changes)

    async def missed(self, caller: str = CLIENT, uniqueid: str = "1.0") -> None:
        await self.hear(missed_call(self.world.clock.now() - 10, caller, uniqueid))

    async def talked(self, caller: str = CLIENT, uniqueid: str = "2.0", *, seconds: float = 60.0) -> None:
        """Another employee calls the client."""
        now = self.world.clock.now()
        begun = CallStarted(
            call=call(uniqueid),
            at=now,
            native_id=uniqueid,
            direction=Direction.OUTBOUND,
            caller="102",
            called=caller,
        )
        answer = ClientConnected(call=call(uniqueid), at=now, person="102", answered_by=caller)
        self.world.clock.advance(seconds)
        await self.hear([begun, answer, ended(now + seconds, uniqueid)])

    async def hear(self, events: Iterable[CallEvent]) -> None:
        await self.world.emit(*events)
        while self.world.tracking.unsaved_steps:  # noqa: ASYNC110 - a busy machine stores the events a moment later
            await asyncio.sleep(0.01)
        await self.world.deliver(after=1.0)

    async def step(self, *, after: float = 0.0) -> list[CampaignCall]:
        """Some seconds pass, and the dialler looks: it takes campaigns that have begun to run, as the process does."""
        for account, campaign in await self.world.storage.dialling.at_work():
            if account == ACME and campaign not in self.taken:
                self.taken.add(campaign)
                while True:
                    try:
                        await self.scene.take(campaign)
                    except Unavailable:  # a busy machine: the answer about the lease came too late to be believed
                        continue
                    break
        return await self.scene.step(after=after)

    async def waiting(self) -> list[Callback]:
        return await self.world.storage.callbacks.waiting(ACME)

    async def over(self) -> list[EntryState]:
        return [each.entry.state for each in await self.world.storage.callbacks.over(ACME)]


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)


async def test_a_missed_call_is_repeated_to_the_responsible_first(office: Office) -> None:
    await office.missed()
    assert await office.step(after=EVERY - 5) == [], "not before its interval"
    (asked,) = await office.step(after=5.0)
    assert (asked.number, asked.extension, asked.first) == ("+79161234567", "101", FirstLeg.EMPLOYEE)
    (one,) = await office.waiting()
    assert (one.kind, one.call, one.entry.name) == (CallbackKind.MISSED, call("1.0"), "Иван <b>Петров</b>")
    assert one.entry.state is EntryState.TAKEN
    talk = await office.scene.phones.talk(asked)
    office.world.clock.advance(30.0)
    await office.scene.phones.hang_up(talk)
    await office.world.deliver(after=1.0)
    await office.step(after=1.0)
    assert (await office.waiting(), await office.over()) == ([], [EntryState.REACHED])
    await office.step(after=1.0)
    stored = await office.world.storage.campaigns.get(ACME, BACK)
    assert stored is not None
    assert stored.state is CampaignState.FINISHED
    assert await office.step(after=EVERY * 9) == []


async def test_it_is_repeated_as_often_as_the_rule_says(office: Office) -> None:
    await office.missed()
    rang = 0
    for _ in range(6):
        for asked in await office.step(after=EVERY + 1):
            rang += 1
            await office.scene.phones.ends(asked, LegResult.NOANSWER, 19)
        await office.step(after=1.0)
    assert rang == 3
    assert await office.over() == [EntryState.NOT_REACHED]
    assert [each.outcome for each in await office.scene.attempts(BACK)] == [Outcome.NO_ANSWER] * 3


async def test_between_two_calls_is_the_interval(office: Office) -> None:
    office.rule(repeat_interval_seconds=3600)
    await office.missed()
    (asked,) = await office.step(after=3601)
    await office.scene.phones.busy(asked)
    assert await office.step(after=1.0) == []
    assert await office.step(after=3500) == []
    assert len(await office.step(after=100)) == 1


async def test_it_is_off_unless_a_line_says_otherwise(office: Office) -> None:
    office.settings(default_line=LineSettings())
    await office.missed()
    assert await office.waiting() == []
    assert not await office.world.storage.callbacks.somebody_waits(ACME)


async def test_a_line_has_its_own_rule_and_its_own_number(office: Office) -> None:
    office.settings(default_line=LineSettings(), lines={DID: replace(CALLS_BACK, repeat_interval_seconds=60)})
    await office.missed()
    (asked,) = await office.step(after=61)
    assert (asked.line, asked.caller_id) == (DID, DID)
    (one,) = await office.waiting()
    assert one.entry.campaign == campaign_of(DID)


async def test_whoever_calls_again_while_they_wait_keeps_their_one_place(office: Office) -> None:
    await office.missed()
    office.world.clock.advance(60)
    await office.missed(uniqueid="2.0")
    (one,) = await office.waiting()
    assert (one.calls, one.call) == (2, call("2.0"))
    assert len(await office.step(after=EVERY)) == 1
    assert await office.step(after=5) == []


async def test_a_client_who_was_not_reached_is_called_as_often_again_after_their_next_call(office: Office) -> None:
    office.rule(repeat_times=1)
    for uniqueid in ("1.0", "2.0"):
        await office.missed(uniqueid=uniqueid)
        (asked,) = await office.step(after=EVERY + 1)
        await office.scene.phones.busy(asked)
        await office.step(after=1.0)
    assert await office.over() == [EntryState.NOT_REACHED] * 2


# ---- the client was talked to


@pytest.mark.parametrize("number", [CLIENT, "84951112233"])
async def test_a_talk_of_another_employee_ends_it_whichever_number_of_the_client_it_was(
    office: Office, number: str
) -> None:
    person = (await office.world.storage.phone_book.known(ACME, "9161234567"))[0][0]
    more = replace(person, phones=(*person.phones, "+7 495 111-22-33"), updated_at=person.updated_at + 1)
    await office.world.storage.phone_book.put_persons(ACME, [more], numbering=office.world.account.settings.numbering)
    await office.missed()
    await office.talked(number)
    assert await office.over() == [EntryState.REACHED]
    assert await office.step(after=EVERY * 2) == []


async def test_a_call_that_was_hung_up_at_once_is_no_talk(office: Office) -> None:
    await office.missed()
    await office.talked(seconds=2.0)
    assert len(await office.waiting()) == 1


async def test_nobody_is_dialled_who_was_talked_to_though_the_delivery_has_not_come_to_it(office: Office) -> None:
    await office.missed()
    now = Timestamp(office.world.clock.now() + EVERY)
    office.world.clock.advance(EVERY)
    begun = CallStarted(
        call=call("2.0"), at=now, native_id="2.0", direction=Direction.OUTBOUND, caller="102", called=CLIENT
    )
    answer = ClientConnected(call=call("2.0"), at=now, person="102", answered_by=CLIENT)
    await office.world.emit(begun, answer)
    assert await office.step(after=1.0) == [], "they are being talked to"
    await office.world.emit(ended(now + 40, "2.0"))
    assert await office.step(after=60.0) == []
    assert await office.over() == [EntryState.REACHED]


async def test_a_call_whose_answer_the_pbxs_records_show_later_is_not_called_back(office: Office) -> None:
    await office.missed()
    calls = office.world.storage.calls
    known = await calls.get(ACME, call("1.0"))
    assert known is not None
    shown = replace(known, answered_at=Timestamp(known.started_at + 2), disposition=Disposition.ANSWERED)
    await calls.save([SavedStep(call=shown, intents=[], event={"event": "CallCorrected"})])
    assert await office.step(after=EVERY) == []
    assert await office.over() == [EntryState.REACHED]


async def test_a_late_delivery_asks_for_no_call_after_a_talk(office: Office) -> None:
    now = office.world.clock.now()
    await office.world.emit(*missed_call(now))
    office.world.clock.advance(20)
    begun = CallStarted(
        call=call("2.0"), at=Timestamp(now + 20), native_id="2.0", direction=Direction.OUTBOUND, caller="102",
        called=CLIENT,
    )  # fmt: skip
    answer = ClientConnected(call=call("2.0"), at=Timestamp(now + 21), person="102", answered_by=CLIENT)
    office.world.clock.advance(60)
    await office.world.emit(begun, answer, ended(now + 80, "2.0"))
    await office.world.deliver(after=1.0)
    assert await office.waiting() == []


# ---- who calls, and why nobody does


async def test_a_responsible_who_is_away_is_stood_in_for_by_whom_the_line_names(office: Office) -> None:
    office.rule(missed_responsible=BORIS)
    office.settings(away={ANNA: Away()})
    await office.missed()
    (asked,) = await office.step(after=EVERY)
    assert asked.extension == "102"


async def test_it_waits_and_says_why_while_nobody_is_at_work(office: Office) -> None:
    office.settings(away={ANNA: Away()})
    await office.missed()
    assert await office.step(after=EVERY) == []
    (one,) = await office.waiting()
    assert one.why is not None
    assert one.why.code == Hold.NAMED_AWAY
    office.settings(away={})
    (asked,) = await office.step(after=61.0)
    assert asked.extension == "101"


async def test_whoever_waits_to_be_called_back_comes_before_the_clients_of_a_campaign(office: Office) -> None:
    await office.missed()
    office.world.clock.advance(EVERY)
    await office.scene.start(somebody(7), employees=("101",), priority=50)
    await office.step()
    assert [each.number for each in office.world.pbx.dialled] == [f"+{CLIENT}"]


async def test_a_responsible_who_talks_is_waited_for(office: Office) -> None:
    office.rule(missed_responsible=BORIS)
    await office.missed()
    office.world.clock.advance(EVERY)
    await office.world.emit(
        CallStarted(
            call=call("5.0"), at=office.world.clock.now(), native_id="5.0", direction=Direction.OUTBOUND, caller="101",
            called=STRANGER,
        ),
        ClientConnected(call=call("5.0"), at=office.world.clock.now(), person="101", answered_by=STRANGER),
    )  # fmt: skip
    assert await office.step(after=1.0) == []
    (one,) = await office.waiting()
    assert one.why is not None
    assert one.why.code == Hold.RESPONSIBLE_BUSY
    await office.hear([ended(office.world.clock.now(), "5.0")])
    (asked,) = await office.step(after=61.0)
    assert asked.extension == "101"


async def test_a_stranger_is_called_by_who_is_named_for_missed_calls(office: Office) -> None:
    office.rule(missed_responsible=BORIS)
    now = office.world.clock.now() - 10
    started, *_, over = missed_call(now, STRANGER)
    await office.hear([started, over])
    (asked,) = await office.step(after=EVERY)
    assert (asked.extension, asked.number) == ("102", f"+{STRANGER}")


async def test_a_stranger_for_whom_nobody_is_named_waits_and_says_so(office: Office) -> None:
    started, *_, over = missed_call(office.world.clock.now() - 10, STRANGER)
    await office.hear([started, over])
    assert await office.step(after=EVERY) == []
    (one,) = await office.waiting()
    assert one.why is not None
    assert one.why.code == Hold.NOBODY_NAMED


async def test_a_phone_that_does_not_answer_uses_up_none_of_the_clients_calls(office: Office) -> None:
    office.rule(missed_responsible=BORIS, repeat_times=1)
    await office.missed()
    (asked,) = await office.step(after=EVERY)
    await office.scene.phones.employee_does_not_answer(asked)
    (again,) = await office.step(after=1.0)
    assert again.extension == "102", "the responsible's phone rests, who stands in is asked"


async def test_outside_the_clients_hours_it_waits(office: Office) -> None:
    office.rule(repeat_hours="09:00-10:00", repeat_weekend_hours="")
    await office.missed()
    assert await office.step(after=EVERY) == []
    (one,) = await office.waiting()
    assert one.why is not None
    assert one.why.code == Hold.WINDOW_CLOSED


# ---- whom nobody calls


@pytest.mark.parametrize("caller", ["", "anonymous", "112", "74950000", "78095551234", "88095551234"])
async def test_hidden_short_and_dear_numbers_are_never_called_back(office: Office, caller: str) -> None:
    await office.missed(caller)
    assert await office.waiting() == []


async def test_own_mobiles_and_numbers_that_are_no_clients_are_never_called_back(office: Office) -> None:
    people = office.world.account.settings.employees
    office.settings(employees=(replace(people[0], mobile="8 916 123-45-67"), *people[1:]))
    await office.missed()
    office.settings(employees=people, never_clients=("8 999 000-11-22",))
    await office.missed(STRANGER, "2.0")
    assert await office.waiting() == []


async def test_who_is_not_called_any_more_is_not_called_back(office: Office) -> None:
    await office.missed()
    storage = office.world.storage
    await storage.do_not_call.add(ACME, ["+79161234567"], lists_of=[ACME], by="Ольга", why="просил")
    assert await office.step(after=EVERY) == []
    assert await office.over() == [EntryState.DO_NOT_CALL]
    await office.missed(uniqueid="2.0")
    assert await office.waiting() == []


async def test_after_three_days_nobody_is_called_any_more(office: Office) -> None:
    office.settings(away={ANNA: Away()})
    await office.missed()
    await office.step(after=EVERY)
    office.settings(away={})
    assert await office.step(after=3 * 86_400) == []
    assert await office.over() == [EntryState.NOT_REACHED]


async def test_a_rule_that_is_switched_off_holds_who_waits(office: Office) -> None:
    await office.missed()
    office.rule(repeat_calls=False)
    assert await office.step(after=EVERY) == []
    assert await office.scene.hold(BACK) is Hold.CALLBACKS_OFF
    office.rule()
    assert len(await office.step(after=1.0)) == 1


# ---- cancelled


async def test_a_cancelled_one_is_not_called_until_that_is_undone(office: Office) -> None:
    await office.missed()
    callbacks = office.world.storage.callbacks
    (one,) = await office.waiting()
    assert await callbacks.cancel(ACME, one.entry.id, by="Ольга")
    assert not await callbacks.cancel(ACME, one.entry.id, by="Ольга")
    assert await office.step(after=EVERY) == []
    found = await callbacks.of_call(ACME, call("1.0"))
    assert found is not None
    assert (found.entry.state, found.cancelled_by) == (EntryState.REMOVED, "Ольга")
    assert await callbacks.restore(ACME, one.entry.id)
    assert len(await office.step(after=1.0)) == 1


async def test_a_phone_that_rings_for_a_cancelled_one_is_ended(office: Office) -> None:
    await office.missed()
    (asked,) = await office.step(after=EVERY)
    ringing = await office.scene.phones.employee_rings(asked)
    (one,) = await office.waiting()
    assert await office.world.storage.callbacks.cancel(ACME, one.entry.id, by="Ольга")
    await office.step(after=1.0)
    assert office.world.pbx.hung_up == [ringing]
    await office.scene.phones.hang_up(ringing)
    await office.step(after=1.0)
    assert await office.over() == [EntryState.REMOVED]
    assert await office.step(after=EVERY) == []


async def test_the_talk_of_a_cancelled_one_goes_on(office: Office) -> None:
    await office.missed()
    (asked,) = await office.step(after=EVERY)
    talk = await office.scene.phones.talk(asked)
    (one,) = await office.waiting()
    assert await office.world.storage.callbacks.cancel(ACME, one.entry.id, by="Ольга")
    await office.step(after=1.0)
    assert office.world.pbx.hung_up == []
    office.world.clock.advance(20.0)
    await office.scene.phones.hang_up(talk)
    await office.step(after=1.0)
    assert await office.over() == [EntryState.REMOVED]


# ---- asked for in the CRM


async def test_a_client_who_asked_and_was_not_reached_is_called_again(office: Office) -> None:
    now = office.world.clock.now()
    begun = CallStarted(
        call=call("3.0"),
        at=now,
        native_id="3.0",
        direction=Direction.OUTBOUND,
        caller="102",
        called=CLIENT,
        origin=Origin(kind="click", crm_call_id=callback_id(ACME, "7")),
    )
    await office.hear([begun, ended(now, "3.0")])
    (one,) = await office.waiting()
    assert one.kind is CallbackKind.ASKED
    (asked,) = await office.step(after=EVERY)
    assert asked.extension == "101", "the client's responsible"


async def test_the_task_in_the_crm_is_closed_by_the_talk(office: Office) -> None:
    await office.missed()
    (task,) = office.world.crm.tasks
    assert task.result is None
    (asked,) = await office.step(after=EVERY)
    talk = await office.scene.phones.talk(asked)
    office.world.clock.advance(30.0)
    await office.scene.phones.hang_up(talk)
    office.world.clock.advance(70.0)
    await office.world.deliver_with_pauses()
    (task,) = office.world.crm.tasks
    assert task.result is not None
    assert (await office.world.storage.campaigns.all(ACME)) == [], "it is no campaign that anybody made"
