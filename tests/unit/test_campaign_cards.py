"""What becomes of an entry whose card in the CRM has changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.campaigns.cards import WhyRemoved, cards_of, client_deleted, on_card
from integration.domain.campaigns.model import Entry, EntryNumber, EntryState
from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Person
from integration.domain.ids import CampaignId, EntryId

ANNA, SISTER = EntityRef(EntityKind.CONTACT, "1"), EntityRef(EntityKind.CONTACT, "2")
DEAL, ENQUIRY = EntityRef(EntityKind.DEAL, "1"), EntityRef(EntityKind.LEAD, "1")
A, B, C = (f"+7916000000{index}" for index in range(3))


def entry(*numbers: str, struck: str = "", card: EntityRef | None = ANNA, refs: tuple[EntityRef, ...] = ()) -> Entry:
    return Entry(
        id=EntryId(1),
        campaign=CampaignId("spring"),
        numbers=tuple(EntryNumber(e164=each, struck=each == struck) for each in numbers),
        card=card,
        refs=refs or ((card,) if card is not None else ()),
    )


def person(ref: EntityRef) -> Person:
    return Person(ref=ref, name="", responsible=None)


def numbers(*texts: str) -> list[EntryNumber]:
    return [EntryNumber(e164=each) for each in texts]


@pytest.mark.parametrize(
    ("before", "today", "after", "state"),
    [
        ((A,), (B,), (B,), EntryState.OPEN),
        ((A,), (A, B), (A, B), EntryState.OPEN),
        ((A, B), (B, A), (B, A), EntryState.OPEN),
        ((A, B), (B,), (B,), EntryState.OPEN),
        ((A, B), (), (A, B), EntryState.REMOVED),
    ],
)
def test_the_numbers_are_those_of_the_card_in_its_order(
    before: tuple[str, ...], today: tuple[str, ...], after: tuple[str, ...], state: EntryState
) -> None:
    found = on_card(entry(*before), numbers(*today), elsewhere=(), not_called=())
    assert ([each.e164 for each in found.numbers], found.state) == (list(after), state)
    assert found.removed_why == (WhyRemoved.NO_NUMBERS if state is EntryState.REMOVED else None)
    assert state is EntryState.OPEN or all(each.struck for each in found.numbers)


def test_what_was_struck_out_stays_so_and_a_client_without_another_number_is_done() -> None:
    known = entry(A, B, struck=A)
    assert on_card(known, numbers(C, A), elsewhere=(), not_called=()).numbers == (
        EntryNumber(e164=C),
        EntryNumber(e164=A, struck=True),
    )
    done = on_card(known, numbers(A), elsewhere=(), not_called=())
    assert (done.state, done.removed_why) == (EntryState.NOT_REACHED, None)


def test_a_number_of_another_entry_and_one_that_is_not_called_do_not_come_in() -> None:
    assert on_card(entry(A), numbers(A, B, C), elsewhere={B}, not_called={C}) == entry(A)
    gone = on_card(entry(A), numbers(B), elsewhere={B}, not_called=())
    assert (gone.state, gone.removed_why) == (EntryState.REMOVED, WhyRemoved.NO_NUMBERS)
    refused = on_card(entry(A), numbers(C), elsewhere=(), not_called={C})
    assert (refused.state, refused.removed_why) == (EntryState.DO_NOT_CALL, None)


def test_a_client_is_deleted_when_no_card_of_theirs_is_left() -> None:
    both = entry(A, refs=(DEAL, ANNA, SISTER))
    deal = Deal(ref=DEAL, name="", responsible=None)
    assert cards_of(both, {ANNA: person(ANNA), SISTER: person(SISTER), DEAL: deal}) == [person(ANNA), person(SISTER)]
    assert cards_of(both, {SISTER: person(SISTER)}) == [person(SISTER)]
    assert cards_of(both, {DEAL: deal}) is None
    after = client_deleted(both)
    assert (after.state, after.removed_why) == (EntryState.REMOVED, WhyRemoved.CLIENT_DELETED)


def test_of_an_enquiry_that_is_gone_and_of_what_has_no_card_nothing_is_known() -> None:
    assert cards_of(entry(A, card=ENQUIRY), {}) == []
    assert cards_of(entry(A, card=None, refs=(ANNA,)), {ANNA: person(ANNA)}) == []


some_numbers = st.lists(st.sampled_from([f"+7916000000{index}" for index in range(8)]), unique=True, max_size=8)


@given(some_numbers.filter(bool), some_numbers, some_numbers, some_numbers, some_numbers)
def test_nobody_is_dialled_at_a_number_that_is_not_on_the_card_or_belongs_elsewhere(
    had: list[str], struck: list[str], today: list[str], elsewhere: list[str], not_called: list[str]
) -> None:
    known = replace(entry(*had), numbers=tuple(EntryNumber(e164=each, struck=each in struck) for each in had))
    others = set(elsewhere) - set(had)  # a number has one entry
    after = on_card(known, numbers(*today), elsewhere=others, not_called=not_called)
    dialled = [each.e164 for each in after.numbers if not each.struck]
    assert after.numbers
    assert dialled == [each for each in today if each in dialled]  # in the card's order
    assert not set(dialled) & (others | set(struck) & set(had) | set(not_called) - set(had))
    assert set(today) - others - set(struck) - set(not_called) <= set(dialled)
    assert (after.state is EntryState.OPEN) == bool(dialled)
    again = on_card(after, numbers(*today), elsewhere=others, not_called=not_called)
    assert after.state is not EntryState.OPEN or again == after
