"""Where a call goes: every case with its outcome, its plan and its reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, Extension, ManagerId, Timestamp
from integration.domain.people.absence import Away
from integration.domain.routing.route import (
    MAX_RING_SECONDS,
    MIN_RING_SECONDS,
    TERMINAL,
    Outcome,
    RouteQuestion,
    StepKind,
    decide,
    reserve,
)
from integration.domain.settings import AccountSettings, AfterNoAnswer, Employee, LineSettings
from integration.texts.reasons import sentence

CLIENT = "79161234567"
DID = "74950000001"
NOW = Timestamp(1_764_421_200.0)  # 2025-11-29 16:00 in Moscow
OLGA, PAVEL, RITA = ManagerId("1"), ManagerId("2"), ManagerId("3")
EMPLOYEES = (
    Employee(extension=Extension("101"), manager=OLGA, mobile="+7 (903) 555-00-00"),
    Employee(extension=Extension("102"), manager=PAVEL),
    Employee(extension=Extension("103"), name="outside the integration"),
)
SETTINGS = AccountSettings(account=AccountId("a"), employees=EMPLOYEES)


def contact(n: int = 1, responsible: ManagerId | None = OLGA, *, created_at: int = 100, **more: object) -> Person:
    ref = EntityRef(EntityKind.CONTACT, str(n))
    return replace(Person(ref=ref, name=f"contact {n}", responsible=responsible, created_at=created_at), **more)  # type: ignore[arg-type]


def company(n: int = 50, responsible: ManagerId | None = OLGA) -> Person:
    return Person(ref=EntityRef(EntityKind.COMPANY, str(n)), name=f"company {n}", responsible=responsible)


def deal(n: int, of: Person, responsible: ManagerId | None, *, updated_at: int = 0, is_open: bool = True) -> Deal:
    ref = EntityRef(EntityKind.DEAL, str(n))
    return Deal(
        ref=ref, name=f"deal {n}", responsible=responsible, persons=(of.ref,), updated_at=updated_at, is_open=is_open
    )


def with_line(**line: object) -> AccountSettings:
    return replace(SETTINGS, default_line=replace(LineSettings(), **line))  # type: ignore[arg-type]


def employees_with(**changes: object) -> AccountSettings:
    return replace(SETTINGS, employees=(replace(EMPLOYEES[0], **changes), *EMPLOYEES[1:]))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Case:
    """`rings`: the extension of the plan's RING step, None when the route just goes on."""

    rings: str | None
    reasons: str  # the codes, in order
    settings: AccountSettings = SETTINGS
    persons: Sequence[Person] = (contact(),)
    deals: Sequence[Deal] = ()
    caller: str = CLIENT
    did: str = DID
    is_book_empty: bool = False


FOUND = "line_default person_found responsible_of_person"
RINGS = FOUND + " ring_responsible then_route"

CASES = {
    # the account and the line
    "the integration is off": Case(None, "integration_off", replace(SETTINGS, enabled=False)),
    "the line is not processed": Case(None, "line_default line_not_processed", with_line(process=False)),
    "the line does not go to the responsible": Case(
        None, "line_default to_responsible_off", with_line(to_responsible=False)
    ),
    "a line with settings of its own": Case(
        None,
        "line_own line_not_processed",
        replace(SETTINGS, lines={DID: LineSettings(process=False)}),
    ),
    "the carrier shows the same line in local form": Case(
        None,
        "line_own line_not_processed",
        replace(SETTINGS, lines={DID: LineSettings(process=False)}),
        did="8" + DID[1:],
    ),
    "the carrier shows the line as an address": Case(
        None,
        "line_own line_not_processed",
        replace(SETTINGS, lines={DID: LineSettings(process=False)}),
        did=f"sip:+{DID}@10.0.0.5:5060",
    ),
    "the line is unknown": Case("101", RINGS, did=""),
    # the number
    "a hidden number": Case(None, "line_default caller_hidden", caller="anonymous"),
    "no number at all": Case(None, "line_default caller_hidden", caller=""),
    "AMI's word for absent": Case(None, "line_default caller_hidden", caller="<unknown>"),
    "a short number": Case(None, "line_default caller_bare_digits", caller="0911"),
    "a number of the town": Case(None, "line_default caller_bare_digits", caller="2667777"),
    "an employee calls": Case(None, "line_default caller_internal", caller="101"),
    "an employee with a long extension": Case(
        None,
        "line_default caller_internal",
        replace(SETTINGS, employees=(Employee(extension=Extension("74951112233"), manager=OLGA),)),
        caller="74951112233",
    ),
    "not a number": Case(None, "line_default caller_not_a_number", caller="sip-abuser"),
    "an impossible number": Case(None, "line_default caller_bare_digits", caller="1" * 30),
    "a number in local form": Case("101", RINGS.replace("default", "default caller_local_form"), caller="89161234567"),
    "a number with a plus": Case("101", RINGS, caller="+79161234567"),
    # the caller
    "an unknown caller": Case(None, "line_default caller_unknown", persons=()),
    "the phone book is not filled": Case(None, "line_default phone_book_empty", persons=(), is_book_empty=True),
    "a known caller": Case("101", RINGS),
    "the contact was deleted": Case(
        None, "line_default person_deleted caller_unknown", persons=(contact(is_deleted=True),)
    ),
    "one of two was deleted": Case(
        "102",
        "line_default person_deleted person_found responsible_of_person ring_responsible then_route",
        persons=(contact(1, is_deleted=True), contact(2, PAVEL)),
    ),
    "only a company": Case(
        "101",
        "line_default person_found company_only responsible_of_person ring_responsible then_route",
        persons=(company(),),
    ),
    "a contact goes before an older company": Case(
        "102",
        "line_default person_found several_persons responsible_of_person ring_responsible then_route",
        persons=(company(), contact(2, PAVEL)),
    ),
    "two contacts of one responsible": Case(
        "101",
        "line_default person_found several_persons responsible_of_person ring_responsible then_route",
        persons=(contact(1), contact(2)),
    ),
    "two contacts of different responsibles: the oldest": Case(
        "102",
        "line_default person_found several_persons responsible_of_person ring_responsible then_route",
        persons=(contact(1, OLGA, created_at=200), contact(2, PAVEL, created_at=100)),
    ),
    "two contacts: who has an open deal goes before the oldest": Case(
        "101",
        "line_default person_found several_persons responsible_of_deal ring_responsible then_route",
        persons=(contact(1, OLGA, created_at=200), contact(2, PAVEL, created_at=100)),
        deals=(deal(7, contact(1), OLGA),),
    ),
    "two contacts with deals: the deal touched last": Case(
        "102",
        "line_default person_found several_persons responsible_of_deal ring_responsible then_route",
        persons=(contact(1), contact(2, PAVEL)),
        deals=(deal(7, contact(1), OLGA, updated_at=5), deal(8, contact(2), PAVEL, updated_at=6)),
    ),
    "the first one's responsible is away: the other contact's is rung": Case(
        "102",
        "line_default person_found several_persons responsible_of_person manager_absent"
        " responsible_of_person ring_responsible then_route",
        employees_with(is_absent=True),
        persons=(contact(1), contact(2, PAVEL)),
    ),
    # the responsible manager
    "the only open deal speaks before the contact": Case(
        "102",
        "line_default person_found responsible_of_deal ring_responsible then_route",
        deals=(deal(7, contact(), PAVEL),),
    ),
    "a closed deal says nothing": Case("101", RINGS, deals=(deal(7, contact(), PAVEL, is_open=False),)),
    "a deal of somebody else says nothing": Case("101", RINGS, deals=(deal(7, contact(9), PAVEL),)),
    "several deals of one manager agree": Case(
        "102",
        "line_default person_found responsible_of_deal ring_responsible then_route",
        deals=(deal(7, contact(), PAVEL), deal(8, contact(), PAVEL)),
    ),
    "several deals that disagree: the contact speaks": Case(
        "101", RINGS, deals=(deal(7, contact(), PAVEL), deal(8, contact(), RITA))
    ),
    "a contact without responsible: the deal touched last": Case(
        "102",
        "line_default person_found responsible_of_deal ring_responsible then_route",
        persons=(contact(1, None),),
        deals=(deal(7, contact(), RITA, updated_at=1), deal(8, contact(), PAVEL, updated_at=2)),
    ),
    "a known caller without responsible": Case(
        None, "line_default person_found no_responsible nobody_to_ring", persons=(contact(1, None),)
    ),
    # whether that manager can be called
    "a responsible without extension": Case(
        None, FOUND + " manager_without_extension nobody_to_ring", persons=(contact(1, RITA),)
    ),
    "a responsible whose extension is no extension": Case(
        None, FOUND + " manager_without_extension nobody_to_ring", employees_with(extension="101&102")
    ),
    "an inactive responsible": Case(
        None, FOUND + " manager_inactive nobody_to_ring", replace(SETTINGS, inactive_managers=frozenset({OLGA}))
    ),
    "an absent responsible": Case(None, FOUND + " manager_absent nobody_to_ring", employees_with(is_absent=True)),
    "absent until later": Case(
        None, FOUND + " manager_absent nobody_to_ring", employees_with(absent_until=Timestamp(NOW + 1))
    ),
    "an absence that is over": Case("101", RINGS, employees_with(absent_until=NOW)),
    "away by one's own word": Case(
        None, FOUND + " manager_absent nobody_to_ring", replace(SETTINGS, away={OLGA: Away()})
    ),
    "back by itself": Case("101", RINGS, replace(SETTINGS, away={OLGA: Away(until=NOW)})),
    "somebody else is away": Case("101", RINGS, replace(SETTINGS, away={RITA: Away()})),
    "mapped twice: the present one": Case(
        "104",
        RINGS,
        replace(
            SETTINGS,
            employees=(
                replace(EMPLOYEES[0], is_absent=True),
                Employee(extension=Extension("104"), manager=OLGA),
            ),
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_case_has_its_outcome_and_its_reasons(name: str) -> None:
    case = CASES[name]
    question = RouteQuestion(did=case.did, caller=case.caller)
    decision = decide(question, case.settings, case.persons, case.deals, is_book_empty=case.is_book_empty, now=NOW)
    rings = next((step.target for step in decision.steps if step.kind is StepKind.RING), None)
    assert [reason.code for reason in decision.reasons] == case.reasons.split()
    assert rings == case.rings
    assert decision.outcome is (Outcome.RESPONSIBLE if case.rings else Outcome.ROUTE)
    assert all(sentence(reason, "en").find("—") < 0 for reason in decision.reasons), "a sentence lacks a value"


@pytest.mark.parametrize("name", CASES)
def test_the_order_of_the_phone_book_does_not_matter(name: str) -> None:
    case = CASES[name]
    question = RouteQuestion(did=case.did, caller=case.caller)
    one = decide(question, case.settings, case.persons, case.deals, is_book_empty=case.is_book_empty, now=NOW)
    other = decide(
        question, case.settings, case.persons[::-1], case.deals[::-1], is_book_empty=case.is_book_empty, now=NOW
    )
    assert one == other


PLANS = [
    # the route goes on, the default
    ({}, "ring:101:10 continue"),
    # both notices
    ({"notice_before": "dozvon/hello", "notice_no_answer": "sorry"}, "notice ring:101:10 notice continue"),
    # a notice that no PBX should play
    ({"notice_before": "../etc/passwd", "notice_no_answer": "a&b"}, "ring:101:10 continue"),
    ({"responsible_seconds": 0}, f"ring:101:{MIN_RING_SECONDS} continue"),
    ({"responsible_seconds": 10**6}, f"ring:101:{MAX_RING_SECONDS} continue"),
    ({"after_no_answer": AfterNoAnswer.MOBILE}, "ring:101:10 mobile:+79035550000:25 continue"),
    ({"after_no_answer": AfterNoAnswer.VOICEMAIL}, "ring:101:10 voicemail:101"),
    ({"after_no_answer": AfterNoAnswer.GROUP, "group": "600"}, "ring:101:10 group:600"),
    # no group is set, or none that can be dialled
    ({"after_no_answer": AfterNoAnswer.GROUP}, "ring:101:10 continue"),
    ({"after_no_answer": AfterNoAnswer.GROUP, "group": "6,1(x)"}, "ring:101:10 continue"),
]


@pytest.mark.parametrize(("line", "plan"), PLANS)
def test_the_plan_follows_the_lines_settings(line: dict[str, object], plan: str) -> None:
    decision = decide(RouteQuestion(did=DID, caller=CLIENT), with_line(**line), [contact()], (), now=NOW)
    said = [":".join(str(x) for x in (s.kind, s.target, s.seconds) if x is not None) for s in decision.steps]
    assert " ".join(said) == plan
    assert decision.manager == OLGA


def test_without_a_mobile_the_route_goes_on_and_says_so() -> None:
    settings = with_line(after_no_answer=AfterNoAnswer.MOBILE)
    decision = decide(RouteQuestion(did=DID, caller=CLIENT), settings, [contact(1, PAVEL)], (), now=NOW)
    assert [step.kind for step in decision.steps] == [StepKind.RING, StepKind.CONTINUE]
    assert [reason.code for reason in decision.reasons][-2:] == ["no_mobile", "then_route"]


def test_the_reserve_is_the_lines_number_when_it_can_be_dialled() -> None:
    assert reserve(LineSettings(reserve="+7 (495) 000-00-09")).steps[0].target == "+74950000009"
    assert reserve(LineSettings(reserve="a b,c")).steps[0].target is None
    assert reserve(None).outcome is Outcome.RESERVE


# ---- whatever comes in ---------------------------------------------------------------------------------------------

ids = st.sampled_from(["1", "2", "3", ""])
refs = st.builds(EntityRef, st.sampled_from(EntityKind), ids)
managers = st.one_of(st.none(), st.builds(ManagerId, ids))
texts = st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["101", "600", "+79035550000", "hello/world"]))
persons = st.builds(
    Person,
    ref=refs,
    name=st.text(max_size=5),
    responsible=managers,
    created_at=st.integers(0, 3),
    is_deleted=st.booleans(),
    deals=st.lists(refs, max_size=2).map(tuple),
)
deals = st.builds(
    Deal,
    ref=refs,
    name=st.text(max_size=5),
    responsible=managers,
    is_open=st.booleans(),
    is_deleted=st.booleans(),
    updated_at=st.integers(0, 3),
    persons=st.lists(refs, max_size=2).map(tuple),
)
lines = st.builds(
    LineSettings,
    process=st.booleans(),
    responsible_seconds=st.integers(-(10**9), 10**9),
    notice_before=texts,
    notice_no_answer=texts,
    after_no_answer=st.sampled_from(AfterNoAnswer),
    group=texts,
    reserve=texts,
)
employees = st.builds(
    Employee,
    extension=st.builds(Extension, st.one_of(st.text(max_size=6), st.sampled_from(["101", "102"]))),
    manager=managers,
    mobile=texts,
    is_absent=st.booleans(),
)
accounts = st.builds(
    AccountSettings,
    account=st.just(AccountId("a")),
    country=st.sampled_from(["RU", "UA", "KZ", "XX"]),
    default_line=lines,
    lines=st.dictionaries(st.sampled_from([DID, "1", ""]), lines, max_size=2),
    employees=st.lists(employees, max_size=3).map(tuple),
    inactive_managers=st.frozensets(st.builds(ManagerId, ids), max_size=2),
)
questions = st.builds(
    RouteQuestion,
    did=st.one_of(st.text(max_size=15), st.just(DID)),
    caller=st.one_of(st.text(max_size=20), st.just(CLIENT), st.from_regex(r"\+?[0-9]{1,15}", fullmatch=True)),
    caller_name=st.text(max_size=5),
)


@given(questions, accounts, st.lists(persons, max_size=4), st.lists(deals, max_size=4), st.booleans())
def test_every_question_has_a_plan_that_ends(
    question: RouteQuestion,
    settings: AccountSettings,
    known: list[Person],
    theirs: list[Deal],
    is_book_empty: bool,
) -> None:
    """Never raises; one to five steps, only the last terminal; ring times within limits; all targets can be dialled."""
    decision = decide(question, settings, known, theirs, is_book_empty=is_book_empty, now=NOW)
    assert 1 <= len(decision.steps) <= 5
    assert [step.kind in TERMINAL for step in decision.steps] == [False] * (len(decision.steps) - 1) + [True]
    assert decision.reasons
    for step in decision.steps:
        assert step.seconds is None or MIN_RING_SECONDS <= step.seconds <= MAX_RING_SECONDS
        assert step.target is None or not set(step.target) & set(" ,&;/\\\"'${}()@|\n")
        assert (step.target is not None) is (step.kind not in {StepKind.NOTICE, StepKind.CONTINUE})
    for reason in decision.reasons:
        assert all(sentence(reason, language) for language in ("ru", "uk", "en"))
