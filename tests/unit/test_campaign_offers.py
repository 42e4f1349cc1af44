"""Preview campaigns: who is shown to whom, until when, and what a press of "Call" begins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from integration.domain.campaigns.decide import Dial
from integration.domain.campaigns.holds import Hold
from integration.domain.campaigns.model import (
    USUAL_PREVIEW_SECONDS,
    CampaignState,
    Entry,
    EntryNumber,
    EntryState,
    Mode,
)
from integration.domain.campaigns.offers import called, is_outdone, looked_at, offered
from integration.domain.campaigns.situation import Clients, EmployeeState, LineNow, Offer, Situation
from integration.domain.ids import CampaignId, EntryId, Timestamp
from integration.domain.reasons import Reason
from tests.unit.campaign_scene import MOSCOW, NOON, NUMBER, asked, campaign, entries, entry, in_flight, people

PREVIEW = campaign(mode=Mode.PREVIEW)


def shown(entry_: Entry | None = None, **changes: Any) -> Offer:
    client = entry_ or entry()
    (offer,) = offered(PREVIEW, asked(PREVIEW, entries=(client,)).dial, {client.id: client}, NOON)
    return replace(offer, **changes)


def scene(*offers: Offer, state: EmployeeState = EmployeeState.FREE, **more: Any) -> Situation:
    team = people(2, state)
    return Situation(**{"employees": team, "lines": {"pbx/1": LineNow()}, "offers": offers, **more})


def test_a_client_is_kept_for_two_minutes_for_who_has_waited_for_longest() -> None:
    offer = shown(entry((NUMBER, "+74957654321")))
    assert (offer.employee, offer.number, offer.numbers) == ("100", NUMBER, (NUMBER, "+74957654321"))
    assert offer.until == NOON + USUAL_PREVIEW_SECONDS


def test_a_campaign_says_how_long_a_client_is_kept() -> None:
    quick = replace(PREVIEW, preview_seconds=15)
    client = entry()
    (offer,) = offered(quick, asked(quick, entries=(client,)).dial, {client.id: client}, NOON)
    assert offer.until == NOON + 15


def test_nobody_else_is_shown_the_client_nor_gets_another_one() -> None:
    offer = shown()
    decision = asked(PREVIEW, team=people(2), offers=(offer,))
    assert (decision.dial, decision.skipped) == ((), ())
    assert decision.hold.code == Hold.OFFERED
    (dial,) = asked(PREVIEW, team=people(2), offers=(offer,), entries=(entry(), entry("+74957654321", 2))).dial
    assert (dial.entry, dial.employee) == (EntryId(2), "101")
    assert asked(PREVIEW, team=people(1), offers=(offer,), entries=entries(3)).dial == ()
    other = asked(PREVIEW, team=people(2), offers=(offer,), entries=(entry(id_=2),))
    assert [each.reason.code for each in other.skipped] == [Hold.IN_USE]


def test_an_employee_without_an_open_page_is_shown_nobody() -> None:
    blind = [replace(each, sees_cards=False) for each in people(2)]
    assert asked(PREVIEW, team=blind).hold.code == Hold.NO_CARD
    assert [each.employee for each in asked(PREVIEW, team=[blind[0], people(2)[1]]).dial] == ["101"]
    assert [each.employee for each in asked(campaign(), team=blind).dial] == ["100"]  # a phone needs no page


def test_a_predictive_campaign_does_not_count_on_who_looks_at_a_client() -> None:
    ahead = campaign(mode=Mode.PREDICTIVE, least_team=1, id=CampaignId("winter"))
    assert asked(ahead, team=people(1), offers=(shown(),)).dial == ()
    assert len(asked(ahead, team=people(1)).dial) == 1


def test_a_client_goes_back_to_the_list_when_nobody_decides_or_the_hour_is_over() -> None:
    client, offer = entry(), shown()
    late, night = Timestamp(NOON + USUAL_PREVIEW_SECONDS), Timestamp(NOON + 12 * 3600.0)
    soon = Timestamp(late - 1)
    assert looked_at(PREVIEW, {client.id: client}, scene(offer), soon).kept == (offer,)
    assert looked_at(PREVIEW, {client.id: client}, scene(offer), late).missed == (offer,)
    assert looked_at(PREVIEW, {client.id: client}, scene(offer), night).withdrawn == (offer,)
    assert looked_at(PREVIEW, {client.id: client}, scene(offer), soon, left={offer}).withdrawn == (offer,)


@pytest.mark.parametrize(
    "changes",
    [
        {"employees": people(1, EmployeeState.RINGING)},
        {"employees": people(1, EmployeeState.PAUSED)},
        {"employees": []},
        {"calls": [replace(in_flight(1)[0], number=NUMBER)]},
        {"clients": Clients(talking={NUMBER})},
        {"clients": Clients(do_not_call={NUMBER})},
        {"clients": Clients(called_in={NUMBER: NOON})},
    ],
)
def test_a_client_is_taken_back_when_a_rule_holds_the_call(changes: dict[str, Any]) -> None:
    client, offer = entry(), shown()
    situation = replace(scene(offer), **changes)
    assert looked_at(PREVIEW, {client.id: client}, situation, NOON).withdrawn == (offer,)
    assert isinstance(called(PREVIEW, offer, client, situation, NOON), Reason)


def test_a_client_waits_for_an_employee_whose_pbx_is_not_connected_for_a_moment() -> None:
    client, offer = entry(), shown()
    gone, late = scene(offer, state=EmployeeState.GONE), Timestamp(NOON + USUAL_PREVIEW_SECONDS)
    assert looked_at(PREVIEW, {client.id: client}, gone, NOON, {"100"}).kept == (offer,)
    assert looked_at(PREVIEW, {client.id: client}, gone, late, {"100"}).withdrawn == (offer,)  # nobody missed them
    assert looked_at(PREVIEW, {client.id: client}, gone, NOON, {"101"}).withdrawn == (offer,)
    rings = scene(offer, state=EmployeeState.RINGING)
    assert looked_at(PREVIEW, {client.id: client}, rings, NOON, {"100"}).withdrawn == (offer,)
    assert isinstance(called(PREVIEW, offer, client, gone, NOON), Reason)


@pytest.mark.parametrize("state", [each for each in CampaignState if each is not CampaignState.RUNNING])
def test_a_campaign_that_does_not_run_shows_and_calls_nobody(state: CampaignState) -> None:
    client, offer, still = entry(), shown(), replace(PREVIEW, state=state)
    assert looked_at(still, {client.id: client}, scene(offer), NOON).withdrawn == (offer,)
    assert isinstance(called(still, offer, client, scene(offer), NOON), Reason)


@pytest.mark.parametrize("state", [each for each in EntryState if each is not EntryState.OPEN])
def test_an_entry_that_is_not_open_any_more_is_not_called(state: EntryState) -> None:
    client, offer = entry(state=state), shown()
    assert looked_at(PREVIEW, {client.id: client}, scene(offer), NOON).withdrawn == (offer,)
    assert isinstance(called(PREVIEW, offer, client, scene(offer), NOON), Reason)
    assert looked_at(PREVIEW, {}, scene(offer), NOON).withdrawn == (offer,)


def test_call_dials_the_client_who_was_shown_for_the_one_who_pressed() -> None:
    offer = shown(employee="101")
    dial = called(PREVIEW, offer, entry(), scene(offer), NOON)
    assert isinstance(dial, Dial)
    assert (dial.entry, dial.number, dial.employee) == (EntryId(1), NUMBER, "101")


def test_no_other_number_is_dialled_than_the_one_that_was_shown() -> None:
    offer = shown(entry((NUMBER, "+74957654321")))
    numbers = (
        EntryNumber(e164=NUMBER, zones=(MOSCOW,), struck=True),
        EntryNumber(e164="+74957654321", zones=(MOSCOW,)),
    )
    said = called(PREVIEW, offer, entry(numbers=numbers), scene(offer), NOON)
    assert isinstance(said, Reason)
    assert said.code == Hold.OFFER_OVER


def test_of_two_processes_that_show_one_client_exactly_one_takes_it_back() -> None:
    one, other = shown(), shown(employee="101", campaign=CampaignId("winter"))
    assert [is_outdone(one, [one, other]), is_outdone(other, [one, other])].count(True) == 1
    later = replace(one, since=Timestamp(NOON + 1))
    assert is_outdone(later, [other])
    assert not is_outdone(other, [later])
    assert not is_outdone(later, [replace(other, numbers=("+74950000000",))])
