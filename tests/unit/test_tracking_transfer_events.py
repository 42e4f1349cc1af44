"""Events of transfers, pickups and parking that come early, late, twice, or name a channel that stands for another."""

from __future__ import annotations

import pytest

from integration.domain.calls.events import CallStarted, ClientReleased, LegAnswered, TransferEnded, TransferStarted
from tests.unit.ami_story import Channel, Story, events, legs
from tests.unit.test_tracking_transfers import blind, client_with_101, ends, hands_over_while_ringing, transfers

# -- blind -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("after", "via"), [(0.05, "transfer"), (0.5, "direct")])
def test_a_leg_that_rings_just_before_the_event_was_reached_by_the_transfer_though_the_employee_has_left(
    after: float, via: str
) -> None:
    story = Story()
    client, phone = client_with_101(story)
    story.leaves(phone)
    story.unbridge(phone, client)
    story.hangup(phone)
    colleague = story.rung("102", by=client)
    story.wait(after)
    blind(story, phone, "102", client)
    story.wait(2)
    story.talk("b2", client, colleague)
    story.wait(3)
    ends(story, client, colleague)
    call = story.call()
    assert transfers(call) == [("blind", "101", "102", "answered")]
    assert legs(call)[1] == ("102", via, "answered")


def test_how_a_transfer_ended_shows_in_the_leg_that_rang_before_its_event() -> None:
    story = Story()
    client, phone = client_with_101(story)
    story.leaves(phone)
    story.unbridge(phone, client)
    story.hangup(phone)
    colleague = story.rung("102", by=client)
    blind(story, phone, "102", client)
    story.wait(2)
    story.end_dial(client, colleague, "BUSY")
    story.hangup(colleague, cause="17")
    story.wait(5)
    ends(story, client)
    assert transfers(story.call()) == [("blind", "101", "102", "busy")]


def test_a_blind_transfer_is_told_though_nothing_more_is_heard() -> None:
    story = Story()
    client, phone = client_with_101(story)
    transferred_at = story.now
    blind(story, phone, "102", client)
    assert [event.at for event in events(story.lines) if isinstance(event, TransferStarted)] == [transferred_at]


def test_a_stream_that_begins_with_a_refused_transfer_tells_of_the_call_first() -> None:
    story = Story()
    client, phone = client_with_101(story)
    story.lines[1:] = []
    blind(story, phone, "102", client, "Invalid")
    assert [type(event) for event in events(story.lines)[:3]] == [CallStarted, TransferStarted, TransferEnded]


def test_a_client_who_is_parked_is_not_transferred_though_the_event_of_that_comes_after() -> None:
    story = Story()
    client, phone = client_with_101(story)
    story.unbridge(phone, client)
    story.say("ParkedCall", client.headers("Parkee"), ParkerDialString="PJSIP/101", ParkingSpace="701")
    blind(story, phone, "700", client)
    story.hangup(phone)
    story.wait(5)
    ends(story, client)
    assert [kind for kind, *_ in transfers(story.call())] == ["park"]


def test_an_employee_whose_phone_has_neither_number_nor_extension_transfers_under_its_name() -> None:
    story = Story()
    client = story.client()
    phone = story.channel("PJSIP/anna-00000009", of=client)
    story.bridge("b1", client, phone)
    story.wait(3)
    blind(story, phone, "102", client)
    story.unbridge(phone, client)
    story.hangup(phone)
    story.wait(3)
    ends(story, client)
    assert transfers(story.call())[0][:3] == ("blind", "anna", "102")


# -- attended ----------------------------------------------------------------------------------


def test_a_handing_over_that_is_told_twice_is_one() -> None:
    story = Story()
    client, phone = client_with_101(story)
    asking = story.phone("101", dials="102")
    colleague = story.rung("102", by=asking)
    story.wait(1)
    story.talk("b2", asking, colleague)
    story.wait(2)
    for _ in range(2):
        story.attended(phone, asking, client, colleague)
    story.unbridge(asking, client)
    story.bridge("b2", client)
    story.hangup(phone, asking)
    story.wait(3)
    ends(story, client, colleague)
    assert transfers(story.call()) == [("attended", "101", "102", "completed")]


def test_a_consultation_of_a_mailbox_is_named_by_its_call_though_it_rang_nobody() -> None:
    story = Story()
    client, phone = client_with_101(story)
    asking = story.phone("101", dials="500")
    story.wait(2)
    story.attended(phone, asking, client, None, "VoiceMail")
    told = [event for event in events(story.lines) if isinstance(event, TransferStarted)]
    assert [(event.consultation_native_id, event.consultation_seconds) for event in told] == [(asking.uid, 0.0)]


def test_a_consultation_that_was_joined_long_before_is_known_by_its_leg() -> None:
    """Three talk for a while; then the employee leaves, and the phone says that this was a transfer."""
    story = Story()
    client, phone = client_with_101(story)
    asking = story.phone("101", dials="102")
    colleague = story.rung("102", by=asking)
    story.wait(1)
    story.talk("b2", asking, colleague)
    story.wait(2)
    story.unbridge(colleague)
    story.bridge("b1", colleague)
    story.wait(30)
    story.attended(phone, asking, client, colleague)
    story.hangup(phone, asking)
    story.wait(3)
    ends(story, client, colleague)
    call = story.call()
    assert transfers(call) == [("attended", "101", "102", "completed")]
    assert call["transfers"][0]["consultation_seconds"] > 30


def test_a_client_given_to_the_mailbox_of_a_colleague_who_was_busy_has_arrived() -> None:
    story = Story()
    client, phone = client_with_101(story)
    asking = story.phone("101", dials="102")
    busy = story.rung("102", by=asking)
    story.wait(1)
    story.end_dial(asking, busy, "BUSY")
    story.hangup(busy, cause="17")
    story.wait(2)
    story.attended(phone, asking, client, None, "VoiceMail")
    story.unbridge(client)
    story.hangup(phone, asking)
    story.wait(4)
    ends(story, client)
    call = next(call for call in story.calls() if call["direction"] == "inbound")
    assert transfers(call) == [("attended", "101", "102", "completed")]


def test_a_client_handed_over_while_somebody_rings_was_consulted_about_for_no_time() -> None:
    story = Story()
    client, _, (colleague,) = hands_over_while_ringing(story, "102")
    story.wait(1)
    story.talk("b2", client, colleague)
    story.wait(2)
    ends(story, client, colleague)
    assert story.call()["transfers"][0]["consultation_seconds"] == 0


def test_a_client_handed_over_through_a_local_pair_is_handed_to_the_phone_behind_it() -> None:
    story = Story()
    client, phone = client_with_101(story)
    asking = story.phone("101", dials="600")
    one, two = story.local("600", by=asking)
    story.dial(asking, one, "600@from-internal")
    colleague = story.rung("102", by=two)
    story.wait(1)
    story.talk("b3", two, colleague)
    story.answer(asking, one)
    story.bridge("b2", one, asking)
    story.wait(2)
    story.attended(phone, asking, client, one)
    story.unbridge(asking, client)
    story.bridge("b2", client)
    story.hangup(phone, asking)
    story.wait(3)
    ends(story, client, one, two, colleague)
    assert transfers(story.call()) == [("attended", "101", "102", "completed")]


def test_a_caller_whom_the_called_colleague_joins_with_a_third_is_with_somebody_all_the_time() -> None:
    story = Story()
    caller = story.phone("101", dials="102")
    called = story.rung("102", by=caller)
    story.wait(1)
    story.talk("b1", caller, called)
    asking = story.phone("102", dials="103")
    third = story.rung("103", by=asking)
    story.wait(1)
    story.talk("b2", asking, third)
    story.wait(2)
    story.attended(called, asking, caller, third)
    story.unbridge(asking, caller)
    story.bridge("b2", caller)
    story.hangup(called, asking)
    story.wait(2)
    assert not [event for event in events(story.lines) if isinstance(event, ClientReleased)]


# -- pickup and parking ----------------------------------------------------------------------------


def _parked(story: Story) -> Channel:
    client, phone = client_with_101(story)
    story.unbridge(phone, client)
    story.say("ParkedCall", client.headers("Parkee"), ParkerDialString="PJSIP/101", ParkingSpace="701")
    story.hangup(phone)
    story.wait(5)
    return client


def test_an_employee_who_fetches_a_client_has_answered_then_though_both_hear_an_announcement_first() -> None:
    story = Story()
    client = _parked(story)
    fetcher = story.phone("103", dials="701")
    fetched_at = story.now
    story.say("UnParkedCall", client.headers("Parkee"), fetcher.headers("Retriever"), ParkingSpace="701")
    story.wait(2)
    story.bridge("b2", client, fetcher)
    told = [event.at for event in events(story.lines) if isinstance(event, LegAnswered)]
    assert told[-1] == fetched_at


def test_an_employee_who_was_rung_to_fetch_a_client_has_one_leg() -> None:
    """A CRM's button "take the parked call" rings the employee, whose phone then fetches it."""
    story = Story()
    client = _parked(story)
    fetcher = story.channel("PJSIP/103-00000009", "103", exten="701")
    story.dial(None, fetcher, "103")
    story.wait(1)
    story.answer(None, fetcher)
    story.say("UnParkedCall", client.headers("Parkee"), fetcher.headers("Retriever"), ParkingSpace="701")
    story.bridge("b2", client, fetcher)
    story.wait(3)
    ends(story, client, fetcher)
    assert legs(story.call()) == [("101", "direct", "answered"), ("103", "consultation", "answered")]


def test_a_client_whom_the_dialplan_parks_is_parked_by_what_it_names() -> None:
    story = Story()
    client = story.client()
    story.say("ParkedCall", client.headers("Parkee"), ParkerDialString="PJSIP/anna", ParkingSpace="701")
    story.wait(5)
    ends(story, client)
    assert transfers(story.call())[0][:3] == ("park", "anna", "701")
