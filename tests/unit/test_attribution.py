"""The responsible manager of a call and the card it is logged to, case by case; and the call in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.calls.attribution import attribute
from integration.domain.calls.call import (
    Call,
    ChosenClient,
    Direction,
    Disposition,
    Leg,
    LegKind,
    LegResult,
    Transfer,
    TransferKind,
    TransferResult,
    Via,
)
from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, CallId, Extension, LegId, ManagerId, PbxId, Timestamp
from integration.domain.settings import AccountSettings, Employee, LineSettings, LogTarget
from integration.texts.calls import describe

CLIENT, DID, MOBILE = "79161234567", "74950000001", "79035550000"
OLGA, PAVEL, CHIEF, OUTSIDE, ADMIN = (ManagerId(n) for n in ("1", "2", "8", "9", "10"))
SETTINGS = AccountSettings(
    account=AccountId("a"),
    log_to=LogTarget.DEAL,
    default_line=LineSettings(missed_responsible=CHIEF, outside_responsible=OUTSIDE),
    employees=(
        Employee(extension=Extension("101"), manager=OLGA, mobile="+7 903 555-00-00"),
        Employee(extension=Extension("102"), manager=PAVEL),
        Employee(extension=Extension("103")),
    ),
    default_responsible=ADMIN,
)
ANNA = EntityRef(EntityKind.CONTACT, "5")
OWNED = Person(ref=ANNA, name="Anna", responsible=OLGA)
OWNERLESS = replace(OWNED, responsible=None)
DEAL = Deal(ref=EntityRef(EntityKind.DEAL, "77"), name="Roof", responsible=PAVEL, persons=(ANNA,))


def leg(
    target: str,
    via: str = "direct",
    result: LegResult = LegResult.NOANSWER,
    at: float = 1.0,
    kind: LegKind = LegKind.EXTENSION,
) -> Leg:
    return Leg(
        id=LegId(f"{target}@{at}"), target=target, kind=kind, via=Via(via), offered_at=Timestamp(at), result=result
    )


def call(direction: Direction = Direction.INBOUND, **more: object) -> Call:
    caller, called = {
        Direction.INBOUND: (CLIENT, DID),
        Direction.OUTBOUND: ("101", CLIENT),
        Direction.INTERNAL: ("101", "102"),
    }[direction]
    blank = Call(
        id=CallId("p:1"),
        account=AccountId("a"),
        pbx=PbxId("p"),
        native_id="1",
        direction=direction,
        caller=caller,
        called=called,
        started_at=Timestamp(0.0),
        ended_at=Timestamp(60.0),
        disposition=Disposition.MISSED,
    )
    return replace(blank, **more)  # type: ignore[arg-type]


def answered(by: str, last: str | None = None, **more: object) -> Call:
    at: dict[str, object] = {"answered_at": Timestamp(35.0), "answered_by": by, "final_responsible": last or by}
    return replace(call(disposition=Disposition.ANSWERED), **(at | more))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Case:
    call: Call
    responsible: ManagerId | None
    reasons: str  # the codes, in order
    target: EntityRef | None = ANNA
    persons: Sequence[Person] = (OWNED,)
    deals: Sequence[Deal] = ()
    settings: AccountSettings = SETTINGS


QUEUE = (leg("101", "queue"), leg("102", "queue"))
HERE = "target_person "

CASES = {
    # answered
    "answered": Case(answered("102"), PAVEL, HERE + "answered_by responsible_of_extension"),
    "a queue's call belongs to who answered": Case(
        answered("102", queue="sales", legs=QUEUE), PAVEL, HERE + "answered_by responsible_of_extension"
    ),
    "picked up: to who took it": Case(
        answered("102", legs=(leg("101"), leg("102", "pickup", LegResult.ANSWERED, 3))),
        PAVEL,
        HERE + "answered_by responsible_of_extension",
    ),
    "transferred: to who had the client last": Case(
        answered("101", "102"), PAVEL, HERE + "had_client_last responsible_of_extension"
    ),
    "answered outside the integration": Case(
        answered("103"), OUTSIDE, HERE + "answered_by outside_integration outside_responsible"
    ),
    "nobody is set for those outside: the contact's responsible": Case(
        answered("103"),
        OLGA,
        HERE + "answered_by outside_integration responsible_of_person",
        settings=replace(SETTINGS, default_line=LineSettings()),
    ),
    "answered on the employee's mobile": Case(answered(MOBILE), OLGA, HERE + "answered_by responsible_of_extension"),
    "forwarded to a number that nobody knows": Case(
        answered(
            "79990000000",
            legs=(
                leg("102", result=LegResult.FORWARDED),
                leg("79990000000", "forward", LegResult.ANSWERED, 3, LegKind.EXTERNAL),
            ),
        ),
        PAVEL,
        HERE + "answered_by forwarded_by",
    ),
    "who answered was dismissed since: the contact's responsible": Case(
        answered("102"),
        OLGA,
        HERE + "answered_by responsible_of_extension manager_inactive responsible_of_person",
        settings=replace(SETTINGS, inactive_managers=frozenset({PAVEL})),
    ),
    "dismissed like all the others who are named: the default": Case(
        answered("102"),
        ADMIN,
        HERE + "answered_by responsible_of_extension manager_inactive responsible_of_person manager_inactive"
        " default_responsible",
        settings=replace(SETTINGS, active_managers=frozenset({ADMIN, CHIEF})),
    ),
    "the default was dismissed too: the line's": Case(
        answered("102"),
        OUTSIDE,
        HERE + "answered_by responsible_of_extension manager_inactive no_responsible default_responsible"
        " manager_inactive line_responsible manager_inactive line_responsible",
        persons=(OWNERLESS,),
        settings=replace(SETTINGS, active_managers=frozenset({OUTSIDE})),
    ),
    "whoever is not in the CRM's list was deleted; nobody is left": Case(
        answered("102"),
        None,
        HERE + "answered_by responsible_of_extension manager_inactive no_responsible nobody_responsible",
        persons=(OWNERLESS,),
        settings=replace(
            SETTINGS, active_managers=frozenset({OLGA}), default_responsible=None, default_line=LineSettings()
        ),
    ),
    "answered, but nobody knows by whom": Case(
        call(disposition=Disposition.ANSWERED, answer_inferred=True), OLGA, HERE + "responsible_of_person"
    ),
    # missed
    "missed by the responsible": Case(call(legs=(leg("101"),)), OLGA, HERE + "rang_at_responsible"),
    "missed by somebody else": Case(call(legs=(leg("102"),)), PAVEL, HERE + "rang_at responsible_of_extension"),
    "rang at the responsible, then in the queue": Case(
        call(legs=(leg("101"), leg("101", "queue", at=11), leg("102", "queue", at=11)), queue="sales"),
        OLGA,
        HERE + "rang_at_responsible",
    ),
    "rang at the responsible, then at another": Case(
        call(legs=(leg("101"), leg("102", "fallback", at=11))), OLGA, HERE + "rang_at_responsible"
    ),
    "rang at two, one after the other: the last": Case(
        call(legs=(leg("101"), leg("102", "fallback", at=11))),
        PAVEL,
        "caller_unknown target_inbox rang_at responsible_of_extension",
        target=None,
        persons=(),
    ),
    "missed in the queue, known: the contact's responsible": Case(
        call(legs=QUEUE, queue="sales"), OLGA, HERE + "rang_at_group responsible_of_person"
    ),
    "missed by a ring group": Case(
        call(legs=(leg("101"), leg("102"))), OLGA, HERE + "rang_at_group responsible_of_person"
    ),
    "missed in the queue, unknown: the line's": Case(
        call(legs=QUEUE, queue="sales"),
        CHIEF,
        "caller_unknown target_inbox rang_at_group missed_responsible",
        target=None,
        persons=(),
    ),
    "missed in the queue, nobody owns the contact: the line's": Case(
        call(legs=QUEUE, queue="sales"),
        CHIEF,
        HERE + "rang_at_group no_responsible missed_responsible",
        persons=(OWNERLESS,),
    ),
    "missed outside the integration": Case(
        call(legs=(leg("103"),)), OUTSIDE, HERE + "rang_at outside_integration outside_responsible"
    ),
    "gave up in the menu": Case(call(), OLGA, HERE + "rang_at_nobody responsible_of_person"),
    "nobody at all is set": Case(
        call(),
        None,
        "caller_unknown target_inbox rang_at_nobody nobody_responsible",
        target=None,
        persons=(),
        settings=replace(SETTINGS, default_line=LineSettings(), default_responsible=None),
    ),
    "nobody but the account's default": Case(
        call(),
        ADMIN,
        "caller_unknown target_inbox rang_at_nobody default_responsible",
        target=None,
        persons=(),
        settings=replace(SETTINGS, default_line=LineSettings()),
    ),
    # outgoing and internal
    "outgoing: who called": Case(
        call(Direction.OUTBOUND, disposition=Disposition.NOANSWER),
        OLGA,
        HERE + "called_by responsible_of_extension",
    ),
    "outgoing and handed over: still who called": Case(
        answered(CLIENT, "102", direction=Direction.OUTBOUND, caller="101", called=CLIENT),
        OLGA,
        HERE + "called_by responsible_of_extension",
    ),
    "internal": Case(call(Direction.INTERNAL), OLGA, "internal_call responsible_of_extension", target=None, persons=()),
    # where it is logged
    "the only open deal": Case(
        answered("102"), PAVEL, "target_deal answered_by responsible_of_extension", target=DEAL.ref, deals=(DEAL,)
    ),
    "an account that wants calls on the contact, whatever deals there are": Case(
        answered("102"),
        PAVEL,
        "target_person answered_by responsible_of_extension",
        deals=(DEAL,),
        settings=replace(SETTINGS, log_to=LogTarget.PERSON),
    ),
    "several open deals: the contact": Case(
        answered("102"),
        PAVEL,
        "target_several_deals target_person answered_by responsible_of_extension",
        deals=(DEAL, replace(DEAL, ref=EntityRef(EntityKind.DEAL, "78"))),
    ),
    "a missed call of a client with a deal: the deal's responsible": Case(
        call(), PAVEL, "target_deal rang_at_nobody responsible_of_deal", target=DEAL.ref, deals=(DEAL,)
    ),
    "several contacts: the oldest": Case(
        answered("102"),
        PAVEL,
        "several_persons target_person answered_by responsible_of_extension",
        persons=(replace(OWNED, ref=EntityRef(EntityKind.CONTACT, "6"), created_at=9), OWNED),
    ),
    "a deleted contact is no contact": Case(
        answered("102"),
        PAVEL,
        "caller_unknown target_inbox answered_by responsible_of_extension",
        target=None,
        persons=(replace(OWNED, is_deleted=True),),
    ),
    "a hidden number": Case(
        call(caller="anonymous"),
        CHIEF,
        "caller_hidden target_inbox rang_at_nobody missed_responsible",
        target=None,
        persons=(),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_call_has_its_responsible_its_place_and_its_reasons(name: str) -> None:
    case = CASES[name]
    decided = attribute(case.call, case.settings, case.persons, case.deals)
    assert (decided.responsible, decided.target) == (case.responsible, case.target)
    assert [reason.code for reason in decided.reasons] == case.reasons.split()


LINES = [
    (
        answered(
            "101",
            "102",
            queue="sales",
            transfers=(
                Transfer(
                    kind=TransferKind.BLIND, from_="101", to="102", at=Timestamp(50), result=TransferResult.ANSWERED
                ),
            ),
        ),
        "Линия 74950000001, очередь sales, ожидание 35 с, ответил 101, перевод 101 → 102",
        "Line 74950000001, queue sales, 35 s wait, answered by 101, transferred 101 → 102",
    ),
    (
        call(legs=QUEUE, queue="sales"),
        "Линия 74950000001, очередь sales, пропущен, ожидание 1 мин 0 с, звонил на 101, 102",
        "Line 74950000001, queue sales, missed, 1 min 0 s wait, rang at 101, 102",
    ),
    (
        call(Direction.OUTBOUND, disposition=Disposition.BUSY, ended_at=Timestamp(0.4)),
        "Занято",
        "Busy",
    ),
    (
        answered(
            "103",
            legs=(leg("101"), leg("103", "pickup", LegResult.ANSWERED, 3)),
            held_seconds=12.4,
            transfers=(
                Transfer(
                    kind=TransferKind.ATTENDED, from_="103", to="101", at=Timestamp(50), result=TransferResult.ABORTED
                ),
            ),
        ),
        "Линия 74950000001, ожидание 35 с, перехватил 103, перевод 103 → 101 не удался, на удержании 12 с",
        "Line 74950000001, 35 s wait, picked up by 103, transfer 103 → 101 failed, 12 s on hold",
    ),
    (
        answered("102", legs=(leg("101", result=LegResult.FORWARDED), leg("102", "forward", LegResult.ANSWERED, 2))),
        "Линия 74950000001, ожидание 35 с, переадресация 101 → 102, ответил 102",
        "Line 74950000001, 35 s wait, forwarded 101 → 102, answered by 102",
    ),
    (
        answered(
            "101",
            "102",
            transfers=(
                Transfer(
                    kind=TransferKind.PARK, from_="101", to="102", at=Timestamp(50), result=TransferResult.COMPLETED
                ),
            ),
        ),
        "Линия 74950000001, ожидание 35 с, ответил 101, парковка 101, перевод 101 → 102",
        "Line 74950000001, 35 s wait, answered by 101, parked by 101, transferred 101 → 102",
    ),
]


@pytest.mark.parametrize(("finished", "russian", "english"), LINES)
def test_a_call_reads_in_one_line(finished: Call, russian: str, english: str) -> None:
    assert describe(finished, SETTINGS, "ru") == russian
    assert describe(finished, SETTINGS, "en") == describe(finished, SETTINGS, "xx") == english
    assert describe(finished, SETTINGS, "uk")


def test_the_lines_advertising_source_is_named() -> None:
    settings = replace(SETTINGS, lines={DID: LineSettings(source="Директ")})
    assert describe(call(), settings, "ru").startswith("Линия 74950000001 (Директ), пропущен")


numbers = st.one_of(st.sampled_from([CLIENT, DID, MOBILE, "101", "103", ""]), st.text(max_size=8))
moments = st.one_of(st.none(), st.floats(0, 100).map(Timestamp))
legs = st.builds(
    Leg,
    id=st.builds(LegId, st.text(max_size=3)),
    target=numbers,
    kind=st.sampled_from(LegKind),
    via=st.sampled_from(Via),
    offered_at=st.floats(0, 100).map(Timestamp),
    result=st.one_of(st.none(), st.sampled_from(LegResult)),
)
transfers = st.builds(
    Transfer,
    kind=st.sampled_from(TransferKind),
    from_=numbers,
    to=numbers,
    at=st.floats(0, 100).map(Timestamp),
    result=st.one_of(st.none(), st.sampled_from(TransferResult)),
)
calls = st.builds(
    Call,
    id=st.just(CallId("p:1")),
    account=st.just(AccountId("a")),
    pbx=st.just(PbxId("p")),
    native_id=st.just("1"),
    direction=st.sampled_from(Direction),
    caller=numbers,
    called=numbers,
    started_at=st.floats(0, 100).map(Timestamp),
    answered_at=moments,
    ended_at=moments,
    disposition=st.one_of(st.none(), st.sampled_from(Disposition)),
    answered_by=st.one_of(st.none(), numbers),
    final_responsible=st.one_of(st.none(), numbers),
    legs=st.lists(legs, max_size=4).map(tuple),
    transfers=st.lists(transfers, max_size=2).map(tuple),
    queue=st.one_of(st.none(), numbers),
)


@given(calls, st.lists(st.sampled_from([OWNED, OWNERLESS]), max_size=2), st.booleans())
def test_every_call_is_attributed_with_reasons_and_described(
    any_call: Call, persons: list[Person], has_deal: bool
) -> None:
    """Never raises. If the account has a default manager, every call has a responsible manager."""
    decided = attribute(any_call, SETTINGS, persons, [DEAL] if has_deal else [])
    assert decided.responsible
    assert decided.reasons
    assert decided.target is None or persons
    for language in ("ru", "uk", "en"):
        assert isinstance(describe(any_call, SETTINGS, language), str)


MARIA = Person(ref=EntityRef(EntityKind.CONTACT, "6"), name="Maria", responsible=PAVEL, created_at=9)


def chosen_in(person: EntityRef, by: str = "101") -> Call:
    return replace(answered("102"), chosen=ChosenClient(person=person, by=by, at=Timestamp(3.0)))


def test_the_person_whom_an_employee_chose_gets_the_call() -> None:
    decided = attribute(chosen_in(MARIA.ref), SETTINGS, [OWNED, MARIA], [DEAL])
    assert decided.target == MARIA.ref, "though Anna has an open deal"
    assert [reason.code for reason in decided.reasons][:2] == ["several_persons", "client_chosen"]
    assert decided.reasons[1].detail == {"extension": "101"}


def test_the_only_open_deal_of_the_chosen_person_gets_the_call_where_the_account_wants_it() -> None:
    deal = Deal(ref=EntityRef(EntityKind.DEAL, "78"), name="Door", responsible=OLGA, persons=(MARIA.ref,))
    assert attribute(chosen_in(MARIA.ref), SETTINGS, [OWNED, MARIA], [DEAL, deal]).target == deal.ref


def test_a_chosen_person_who_does_not_have_the_number_any_more_is_passed_over_with_the_reason() -> None:
    gone = replace(MARIA, is_deleted=True)
    other = replace(MARIA, ref=EntityRef(EntityKind.CONTACT, "7"))
    for persons in ([OWNED, other], [OWNED, other, gone]):
        decided = attribute(chosen_in(MARIA.ref), SETTINGS, persons, [DEAL])
        assert decided.target == DEAL.ref
        assert "chosen_is_gone" in [reason.code for reason in decided.reasons]
