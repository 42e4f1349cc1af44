"""Calls of a number that nobody has, rule by rule: who enters it, how long the others wait, where each call goes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from integration.domain.calls.call import Call, Direction, Disposition
from integration.domain.calls.intents import IntentKind, Priority
from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, CallId, ManagerId, PbxId, Timestamp, record_key
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.settings import AccountSettings
from integration.errors import NotFound, OutcomeUnknown, Rejected, Unavailable
from integration.ports.crm import CallRecord, InboxState
from integration.ports.stores import OutboxItem, OutboxState, Stranger
from integration.services.accounts import Account
from integration.services.delivery import NotYet
from integration.services.strangers import Entered, Known, Skipped, StrangerCalls
from integration.testing import FakeClock, FakeCrm, FakePbx

ANNA = ManagerId("1")
NUMBER = PhoneNumber("+79990001122", "79990001122")
NOON = 1_700_000_000.0
IN, OUT = Direction.INBOUND, Direction.OUTBOUND
OLGA = Person(
    ref=EntityRef(EntityKind.CONTACT, "7"), name="Olga", responsible=ANNA, phones=("+79990001122",), created_at=1
)


def call(number: int, *, direction: Direction = IN, talked: bool = False, ended: float | None = -10.0) -> Call:
    """The call of this number; `ended`: so many seconds after noon."""
    return Call(
        id=CallId(f"p:{number}"),
        account=AccountId("acme"),
        pbx=PbxId("p"),
        native_id=str(number),
        direction=direction,
        caller="79990001122" if direction is IN else "101",
        called="74950000001" if direction is IN else "79990001122",
        started_at=Timestamp(NOON - 5000),
        ended_at=Timestamp(NOON + ended) if ended is not None else None,
        disposition=Disposition.ANSWERED if talked else Disposition.MISSED,
        answered_at=Timestamp(NOON - 40) if talked else None,
    )


def entering(call: CallId) -> Stranger:
    return Stranger(match_key=NUMBER.match_key, entered_by=call, entry=None, deal=None, checked_at=Timestamp(NOON))


class Asked(FakeCrm):
    """Notes what it is asked for."""

    asked: list[str]

    def __init__(self) -> None:
        super().__init__()
        self.asked = []

    async def find_persons(self, number: PhoneNumber, **named: Any) -> list[Person]:
        self.asked.append("persons")
        return await super().find_persons(number, **named)

    async def find_in_inbox(self, record: CallRecord) -> Any:
        self.asked.append(f"inbox {record.key}")
        return await super().find_in_inbox(record)

    async def find_logged_call(self, record: CallRecord, target: EntityRef) -> Any:
        self.asked.append(f"note in {target.kind}")
        return await super().find_logged_call(record, target)

    async def inbox_entry(self, ref: EntityRef, **named: Any) -> Any:
        self.asked.append("entry")
        return await super().inbox_entry(ref, **named)


@dataclass
class Desk:
    """The stores in memory, for one number."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(NOON))
    crm: Asked = field(default_factory=Asked)
    row: Stranger | None = None
    under_way: set[str] = field(default_factory=set)
    is_overtaken: bool = False
    known_persons: list[Person] = field(default_factory=list)
    known_calls: dict[str, Call] = field(default_factory=dict)
    hastened: list[str] = field(default_factory=list)
    payload: dict[str, Any] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.account = Account(AccountSettings(account=AccountId("acme")), self.crm, [FakePbx()])
        self.calls = StrangerCalls(
            strangers=self, calls=self, outbox=self, phone_book=self, clock=self.clock, wake=self.wake  # type: ignore[arg-type]
        )  # fmt: skip

    # the rows of strangers

    async def get(self, _: AccountId, key: str) -> Any:
        return self.known_calls.get(key) if key.startswith("p:") else self.row

    async def enter(self, _: AccountId, match_key: str, call: CallId) -> Stranger:
        self.row = self.row or entering(call)
        return self.row

    async def take_over(self, _: AccountId, match_key: str, *, of: CallId, call: CallId) -> bool:
        if self.is_overtaken or self.row is None or self.row.entered_by != of:
            return False
        self.row = replace(self.row, entered_by=call)
        return True

    async def entered(
        self, _: AccountId, match_key: str, call: CallId, *, entry: EntityRef, deal: EntityRef | None
    ) -> None:
        self.row = replace(entering(call), entry=entry, deal=deal, checked_at=self.clock.now())

    async def waits_still(self, _: AccountId, match_key: str, entry: EntityRef) -> None:
        if self.row is not None and self.row.entry == entry:
            self.row = replace(self.row, checked_at=self.clock.now())

    async def forget(
        self, _: AccountId, match_key: str, *, call: CallId | None = None, entry: EntityRef | None = None
    ) -> None:
        if self.row is not None and (self.row.entered_by == call or (entry is not None and self.row.entry == entry)):
            self.row = None

    async def closed(self, _: AccountId, entry: EntityRef) -> list[str]:
        if self.row is None or self.row.entry != entry:
            return []
        self.row = None
        return [NUMBER.match_key]

    # calls, the outbox, the phone book

    async def recent(self, _: AccountId, *, match_key: str, limit: int) -> list[Call]:
        return list(self.known_calls.values())[:limit]

    async def of_call(self, _: AccountId, call: CallId) -> list[Any]:
        return [
            item(1, kind=IntentKind.FETCH_RECORDING, state=OutboxState.DONE),
            item(2, state=OutboxState.WAITING if call in self.under_way else OutboxState.DEAD),
            item(3, kind=IntentKind.CREATE_TASK),  # it waits for the log, also when that was given up
        ]

    async def hasten_calls(self, _: AccountId, calls: Sequence[CallId], *, now: Timestamp) -> int:
        self.hastened += calls
        return len(calls)

    async def amend(self, item: OutboxItem, payload: dict[str, Any]) -> OutboxItem:
        self.payload = payload
        return replace(item, payload=payload)

    async def known(self, _: AccountId, match_key: str) -> tuple[list[Person], list[Deal]]:
        return self.known_persons, []

    async def put_persons(self, _: AccountId, persons: Sequence[Person], **__: Any) -> None:
        self.known_persons += persons

    # what is done

    async def log(self, logged: Call, **more: Any) -> Entered | Known | Skipped:
        return await self.calls.log(self.account, record(logged), NUMBER, item(**{"number": 1} | more))

    async def with_entry(self) -> Any:
        """The call 1 has made the entry; returns it."""
        await self.log(call(1))
        self.crm.asked.clear()
        [entry] = self.crm.inbox_entries.values()
        return entry


def record(logged: Call) -> CallRecord:
    return CallRecord(
        key=record_key(logged.id), call=logged, client=NUMBER, responsible=ANNA, recording_url=None, text="missed"
    )


def item(number: int = 1, **more: Any) -> OutboxItem:
    made = OutboxItem(
        id=number, account=AccountId("acme"), call=CallId(f"p:{number}"), kind=IntentKind.LOG_CALL, key="log_call",
        priority=Priority.LOG, state=OutboxState.WAITING, queued_at=Timestamp(NOON), not_before=Timestamp(NOON),
        expires_at=None, attempts=1, is_uncertain=False, last_error=None, payload={}, result=None,
    )  # fmt: skip
    return replace(made, **more)


# ---- who enters the number -------------------------------------------------------------------------------------------


async def test_the_first_call_makes_the_entry_without_asking_the_crm_for_anything() -> None:
    desk = Desk()
    entered = await desk.log(call(1))
    assert isinstance(entered, Entered)
    assert (entered.is_in_inbox, entered.responsible, entered.reasons) == (True, ANNA, ())
    assert desk.row is not None
    assert (desk.row.entered_by, desk.row.entry) == ("p:1", entered.logged.entity)
    assert desk.crm.asked == []


@pytest.mark.parametrize(
    ("logged", "expected"),
    [
        (call(2, direction=OUT), Skipped("unknown_number_not_reached")),
        (call(2, direction=OUT, talked=True), Known),
        (call(2, talked=True), Entered),
    ],
)
async def test_only_an_outgoing_call_in_vain_leaves_nothing_in_the_crm(logged: Call, expected: Any) -> None:
    desk = Desk()
    outcome = await desk.log(logged)
    assert outcome == expected if isinstance(expected, Skipped) else isinstance(outcome, expected)
    assert (desk.row is not None) is isinstance(outcome, Entered)


async def test_a_contact_that_an_outgoing_talk_made_is_known_to_the_next_call() -> None:
    desk = Desk()
    outcome = await desk.log(call(1, direction=OUT, talked=True))
    assert isinstance(outcome, Known)
    assert desk.known_persons == [outcome.person]


async def test_an_outgoing_call_in_vain_waits_for_no_entry_that_is_being_made() -> None:
    desk = Desk(row=entering(CallId("p:1")), under_way={"p:1"})
    assert await desk.log(call(2, direction=OUT)) == Skipped("unknown_number_not_reached")


@pytest.mark.parametrize(
    ("ended", "seconds"),
    [(-0.0, 1.0), (-10.0, 1.0), (-11.0, 1.1), (-300.0, 30.0), (-600.0, 60.0), (-4000.0, 60.0), (None, 60.0)],
)
@pytest.mark.parametrize("is_overtaken", [False, True])
async def test_who_waits_for_another_call_waits_longer_the_longer_it_takes(
    ended: float | None, seconds: float, is_overtaken: bool
) -> None:
    desk = Desk(
        row=entering(CallId("p:1")),
        under_way=set() if is_overtaken else {"p:1"},
        is_overtaken=is_overtaken,
    )
    with pytest.raises(NotYet) as raised:
        await desk.log(call(2, ended=ended))
    assert raised.value.seconds == pytest.approx(seconds)
    assert not raised.value.afresh
    assert desk.row is not None
    assert desk.row.entered_by == "p:1"
    assert desk.crm.inbox == []


@pytest.mark.parametrize(
    ("former", "asked"),
    [
        (call(1), ["inbox p:1", "persons"]),
        (call(1, direction=OUT, talked=True), ["persons"]),  # it would have made a contact
        (None, ["persons"]),
    ],
)
async def test_who_follows_a_call_that_was_given_up_looks_for_what_it_may_have_made(
    former: Call | None, asked: list[str]
) -> None:
    desk = Desk(row=entering(CallId("p:1")))
    if former is not None:
        desk.known_calls["p:1"] = former
    assert isinstance(await desk.log(call(2)), Entered)
    assert desk.crm.asked == asked
    assert desk.row is not None
    assert desk.row.entered_by == "p:2"


@pytest.mark.parametrize(
    ("attempts", "is_uncertain", "direction", "asked"),
    [
        (1, False, IN, []),
        (2, False, IN, ["persons"]),  # somebody may have got the number since
        (2, True, IN, ["inbox p:1", "persons"]),
        (1, True, IN, ["inbox p:1"]),
        (2, True, OUT, ["persons"]),
    ],
)
async def test_a_repeated_attempt_looks_before_it_writes(
    attempts: int, is_uncertain: bool, direction: Direction, asked: list[str]
) -> None:
    desk = Desk()
    await desk.log(call(1, direction=direction, talked=True), attempts=attempts, is_uncertain=is_uncertain)
    assert desk.crm.asked == asked


@pytest.mark.parametrize("where", ["phone book", "crm"])
async def test_who_is_known_meanwhile_is_no_stranger(where: str) -> None:
    desk = Desk()
    if where == "crm":
        desk.crm.add(OLGA)
    else:
        desk.known_persons.append(OLGA)
    assert await desk.log(call(1), attempts=2) == Known(OLGA)
    assert (desk.row, desk.crm.inbox) == (None, [])
    assert desk.crm.asked == (["persons"] if where == "crm" else [])
    assert desk.known_persons == [OLGA]


async def test_a_refused_call_leaves_the_number_to_the_next() -> None:
    desk = Desk()
    desk.crm.fail_before = [Rejected("Unsorted is off")]
    with pytest.raises(Rejected):
        await desk.log(call(1))
    assert desk.row is None


async def test_a_call_that_made_its_entry_before_a_crash_says_so() -> None:
    desk = Desk()
    entry = await desk.with_entry()
    outcome = await desk.log(call(1), attempts=2, is_uncertain=True)
    assert isinstance(outcome, Entered)
    assert (outcome.logged.entity, outcome.logged.deal, outcome.is_in_inbox) == (entry.ref, entry.deal, True)
    assert (len(desk.crm.inbox), desk.crm.asked) == (1, [])


async def test_a_call_that_is_found_where_its_entry_was_accepted_to_is_not_in_the_inbox() -> None:
    desk = Desk()
    entry = await desk.with_entry()
    desk.crm.accept(entry.ref.id)
    desk.row = None  # the answer was lost before it was known
    outcome = await desk.log(call(1), attempts=2, is_uncertain=True)
    assert isinstance(outcome, Entered)
    assert (outcome.logged.entity, outcome.is_in_inbox, desk.row) == (entry.deal, False, None)


# ---- calls that join an entry ----------------------------------------------------------------------------------------


async def test_a_later_call_is_written_into_the_entry_and_renews_the_belief_in_it() -> None:
    desk = Desk()
    entry = await desk.with_entry()
    desk.clock.advance(59.0)
    assert await desk.calls.waits(desk.account, NUMBER)
    desk.clock.advance(1.0)
    assert not await desk.calls.waits(desk.account, NUMBER)
    outcome = await desk.log(call(2))
    assert isinstance(outcome, Entered)
    assert (outcome.logged.entity, outcome.is_in_inbox) == (entry.ref, True)
    assert [reason.code for reason in outcome.reasons] == ["joined_entry"]
    assert desk.payload == {"join": {"entry": entry.ref.id, "deal": entry.deal.id, "kept": False}}
    assert await desk.calls.waits(desk.account, NUMBER)


@pytest.mark.parametrize(
    ("ended", "seconds"), [(-10.0, 120.0), (-1200.0, 120.0), (-5000.0, 500.0), (-36_000.0, 3600.0), (-90_000.0, 3600.0)]
)
async def test_a_call_that_the_crm_does_not_take_is_kept_and_looked_after_less_and_less_often(
    ended: float, seconds: float
) -> None:
    desk = Desk()
    await desk.with_entry()
    desk.crm.takes_notes_in_inbox = False
    with pytest.raises(NotYet) as raised:
        await desk.log(call(2, ended=ended))
    assert (raised.value.seconds, raised.value.afresh) == (seconds, True)
    assert desk.payload["join"]["kept"] is True
    assert desk.crm.asked == []
    with pytest.raises(NotYet):  # the next one need not try
        await desk.log(call(3))
    assert desk.crm.asked == []
    desk.clock.advance(60.0)
    with pytest.raises(NotYet):
        await desk.log(call(3))
    assert desk.crm.asked == ["entry"]
    assert await desk.calls.waits(desk.account, NUMBER)


@pytest.mark.parametrize(("is_uncertain", "asked"), [(False, []), (True, ["note in lead", "note in deal"])])
async def test_a_lost_answer_of_a_joined_call_is_looked_for_in_the_entry_and_in_its_deal(
    is_uncertain: bool, asked: list[str]
) -> None:
    desk = Desk()
    await desk.with_entry()
    await desk.log(call(2), is_uncertain=is_uncertain)
    assert desk.crm.asked == asked
    assert desk.crm.logged("p:2") == 1


@pytest.mark.parametrize("is_accepted", [False, True])
async def test_a_joined_call_that_is_found_is_not_written_again(is_accepted: bool) -> None:
    desk = Desk()
    entry = await desk.with_entry()
    await desk.log(call(2))
    if is_accepted:
        desk.crm.accept(entry.ref.id)
    outcome = await desk.log(call(2), payload=desk.payload, attempts=2, is_uncertain=True)
    assert isinstance(outcome, Entered)
    assert (outcome.logged.entity, outcome.is_in_inbox) == ((entry.deal, False) if is_accepted else (entry.ref, True))
    assert desk.crm.logged("p:2") == 1


async def kept(desk: Desk) -> dict[str, Any]:
    """What the outbox keeps with a call that the CRM did not take."""
    desk.crm.takes_notes_in_inbox = False
    with pytest.raises(NotYet):
        await desk.log(call(2))
    desk.clock.advance(120.0)
    return desk.payload


async def test_a_kept_call_goes_where_the_entry_went() -> None:
    desk = Desk()
    entry = await desk.with_entry()
    payload = await kept(desk)
    desk.crm.accept(entry.ref.id)
    outcome = await desk.log(call(2), payload=payload)
    assert isinstance(outcome, Entered)
    assert (outcome.logged.entity, outcome.responsible, outcome.is_in_inbox) == (entry.deal, ANNA, False)
    assert [reason.code for reason in outcome.reasons] == ["joined_entry"]
    assert (desk.row, [person.ref for person in desk.known_persons]) == (None, [entry.person])


async def test_a_kept_call_is_dropped_with_its_entry_and_another_is_decided_again() -> None:
    desk = Desk()
    entry = await desk.with_entry()
    payload = await kept(desk)
    desk.crm.decline(entry.ref.id)
    row = desk.row
    assert await desk.log(call(2), payload=payload) == Skipped("declined")
    assert desk.row is None
    desk.row = row
    with pytest.raises(Unavailable, match="deciding again"):
        await desk.log(call(3), payload={"attribution": {}, "text": "kept"})
    assert (desk.row, desk.payload) == (None, {"text": "kept"})


async def test_a_call_whose_deal_was_deleted_since_is_decided_again() -> None:
    desk = Desk()
    entry = await desk.with_entry()
    payload = await kept(desk)
    desk.crm.accept(entry.ref.id)
    del desk.crm.deals[entry.deal]
    with pytest.raises(Unavailable, match="deciding again"):
        await desk.log(call(2), payload=payload)
    assert desk.payload == {}


async def test_a_call_whose_entry_was_accepted_to_where_nothing_is_shown_is_decided_again() -> None:
    desk = Desk()
    entry = await desk.with_entry()
    payload = await kept(desk)
    desk.crm.inbox_entries[entry.ref.id] = replace(entry, state=InboxState.ACCEPTED, deal=None, person=None)
    payload["join"]["deal"] = None
    with pytest.raises(Unavailable, match="deciding again"):
        await desk.log(call(2), payload=payload)
    assert desk.payload == {}


# ---- calls that wait are hastened ------------------------------------------------------------------------------------


async def test_calls_that_wait_for_the_entry_are_delivered_as_soon_as_it_is_made() -> None:
    desk = Desk(known_calls={f"p:{number}": call(number) for number in (2, 3)})
    await desk.log(call(1))
    assert desk.hastened == ["p:2", "p:3"]
    assert desk.wake.is_set()


async def test_the_delivery_sleeps_on_when_no_call_waits_for_the_entry() -> None:
    desk = Desk()
    await desk.log(call(1))
    assert not desk.wake.is_set()


async def test_no_more_than_the_latest_two_hundred_calls_of_a_number_are_hastened_at_once() -> None:
    desk = Desk(known_calls={f"p:{number}": call(number) for number in range(2, 300)})
    await desk.log(call(1))
    assert len(desk.hastened) == 200


# ---- a contact is wanted while the entry waits -----------------------------------------------------------------------


async def accept(desk: Desk) -> Person | None:
    return await desk.calls.accept(desk.account, NUMBER, name="Olga", responsible=ANNA)


@pytest.mark.parametrize("row", [None, entering(CallId("p:1"))])
async def test_without_an_entry_there_is_nothing_to_accept(row: Stranger | None) -> None:
    desk = Desk(row=row)
    assert await accept(desk) is None
    assert (desk.row, desk.crm.asked) == (row, [])


async def test_who_accepts_the_entry_names_its_contact_and_calls_that_waited_follow() -> None:
    desk = Desk()
    entry = await desk.with_entry()
    desk.known_calls["p:2"] = call(2)
    person = await accept(desk)
    assert person is not None
    assert (person.ref, person.name, person.responsible) == (entry.person, "Olga", ANNA)
    assert (desk.row, desk.hastened, desk.wake.is_set()) == (None, ["p:2"], True)


async def test_a_contact_that_a_colleague_has_accepted_before_keeps_its_name() -> None:
    desk = Desk()
    entry = await desk.with_entry()
    desk.crm.accept(entry.ref.id)
    assert await accept(desk) == desk.crm.persons[entry.person]
    assert desk.crm.persons[entry.person].name == NUMBER.e164
    assert desk.row is None


@pytest.mark.parametrize("error", [NotFound("not in the inbox"), OutcomeUnknown("timeout")])
async def test_an_entry_that_cannot_be_accepted_and_waits_on_stays_as_it_is(
    error: NotFound | OutcomeUnknown, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk()
    entry = await desk.with_entry()

    async def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(Asked, "accept_entry", refuse)
    with pytest.raises(Unavailable, match="cannot be accepted now"):
        await accept(desk)
    assert desk.row is not None
    assert (desk.row.entry, len(desk.crm.inbox), desk.hastened) == (entry.ref, 1, [])


@pytest.mark.parametrize("became", ["declined", "without a contact"])
async def test_an_entry_that_became_no_contact_gives_none_and_is_forgotten(became: str) -> None:
    desk = Desk()
    entry = await desk.with_entry()
    if became == "declined":
        desk.crm.decline(entry.ref.id)
    else:
        desk.crm.accept(entry.ref.id)
        desk.crm.inbox_entries[entry.ref.id] = replace(desk.crm.inbox_entries[entry.ref.id], person=None)
    assert await accept(desk) is None
    assert desk.row is None


# ---- what the row of a number says afterwards ------------------------------------------------------------------------


async def test_an_entry_that_a_call_given_up_had_made_is_known_to_the_calls_after_it() -> None:
    desk = Desk()
    entry = await desk.with_entry()
    desk.row, desk.known_calls["p:1"] = entering(CallId("p:1")), call(1)  # it was given up before it could say so
    assert isinstance(await desk.log(call(2)), Entered)
    assert desk.row is not None
    assert (desk.row.entry, desk.row.deal) == (entry.ref, entry.deal)
    assert desk.crm.logged("p:2") == 1


async def test_an_entry_without_a_deal_is_the_only_place_to_look_in() -> None:
    desk = Desk()
    await desk.with_entry()
    assert desk.row is not None
    desk.row = replace(desk.row, deal=None)
    await desk.log(call(2), is_uncertain=True)
    assert desk.crm.asked == ["note in lead"]


async def test_an_entry_that_takes_no_calls_is_believed_to_wait_for_another_minute() -> None:
    desk = Desk()
    await desk.with_entry()
    desk.crm.takes_notes_in_inbox = False
    desk.clock.advance(30.0)
    for number in (2, 3):
        with pytest.raises(NotYet):
            await desk.log(call(number))
        desk.clock.advance(45.0)
    assert desk.crm.asked == []


async def test_a_call_is_looked_for_in_the_deal_also_when_the_entry_is_gone() -> None:
    desk = Desk()
    entry = await desk.with_entry()
    await desk.log(call(2))
    desk.crm.accept(entry.ref.id)
    desk.crm.fail_before = [NotFound("no such entry")]
    outcome = await desk.log(call(2), payload=desk.payload, attempts=2, is_uncertain=True)
    assert isinstance(outcome, Entered)
    assert (outcome.logged.entity, desk.crm.logged("p:2")) == (entry.deal, 1)
