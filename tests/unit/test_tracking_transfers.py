"""Transfers, pickups and parking where the PBX says less, or says it twice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.ami_story import Channel, Story, legs


def client_with_101(story: Story) -> tuple[Channel, Channel]:
    """They talk in the bridge b1."""
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(2)
    story.talk("b1", client, phone)
    story.wait(3)
    return client, phone


def blind(story: Story, by: Channel, to: str, transferee: Channel | None, result: str = "Success") -> None:
    story.say(
        "BlindTransfer",
        by.headers("Transferer"),
        transferee.headers("Transferee") if transferee else {},
        Result=result,
        Extension=to,
        BridgeUniqueid="b1",
    )


def ends(story: Story, leaver: Channel, *others: Channel) -> None:
    story.leaves(leaver)
    story.hangup(leaver, *others)
    story.wait(3)


def transfers(call: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [(it["kind"], it["from"], it["to"], it["result"]) for it in call["transfers"]]


# -- blind ------------------------------------------------------------------------


@pytest.mark.parametrize("names_the_client", [True, False])
@pytest.mark.parametrize("times", [1, 2])
def test_a_blind_transfer_is_told_once_and_answered_by_who_takes_the_client(names_the_client: bool, times: int) -> None:
    story = Story()
    client, phone = client_with_101(story)
    for _ in range(times):
        blind(story, phone, "102", client if names_the_client else None)
    story.unbridge(phone, client)
    story.hangup(phone)
    colleague = story.rung("102", by=client)
    story.wait(2)
    story.talk("b2", client, colleague)
    story.wait(3)
    ends(story, client, colleague)
    call = story.call()
    assert transfers(call) == [("blind", "101", "102", "answered")]
    assert legs(call) == [("101", "direct", "answered"), ("102", "transfer", "answered")]
    assert (call["final_responsible"], call["hangup_by"]) == ("102", "caller")


@pytest.mark.parametrize("result", ["Fail", "Invalid", "Not Permitted"])
def test_a_blind_transfer_that_the_pbx_refuses_has_failed_and_the_talk_goes_on(result: str) -> None:
    story = Story()
    client, phone = client_with_101(story)
    blind(story, phone, "999", client, result)
    story.wait(5)
    ends(story, client, phone)
    call = story.call()
    assert transfers(call) == [("blind", "101", "999", "failed")]
    assert (call["final_responsible"], call["talk_seconds"]) == ("101", pytest.approx(8.0, abs=0.2))


def test_who_rings_after_a_refused_transfer_was_not_reached_by_it() -> None:
    story = Story()
    client, phone = client_with_101(story)
    blind(story, phone, "999", client, "Fail")
    story.wait(2)
    story.unbridge(phone, client)
    story.leaves(phone)
    story.hangup(phone)
    other = story.rung("103", by=client)
    story.wait(2)
    story.talk("b2", client, other)
    story.wait(3)
    ends(story, client, other)
    call = story.call()
    assert transfers(call) == [("blind", "101", "999", "failed")]
    assert legs(call)[1:] == [("103", "direct", "answered")]


@pytest.mark.parametrize(
    ("status", "cause", "result"),
    [("BUSY", "17", "busy"), ("BUSY", "21", "busy"), ("NOANSWER", "19", "noanswer"), ("CONGESTION", "34", "failed")],
)
def test_a_blind_transfer_ends_as_its_last_leg_does(status: str, cause: str, result: str) -> None:
    story = Story()
    client, phone = client_with_101(story)
    blind(story, phone, "102", client)
    story.unbridge(phone, client)
    story.hangup(phone)
    colleague = story.rung("102", by=client)
    story.wait(4)
    story.end_dial(client, colleague, status)
    story.hangup(colleague, cause=cause)
    story.wait(5)
    story.hangup(client)
    story.wait(3)
    assert transfers(story.call()) == [("blind", "101", "102", result)]


def test_a_second_blind_transfer_closes_the_first_which_nobody_took() -> None:
    story = Story()
    client, phone = client_with_101(story)
    blind(story, phone, "102", client)
    story.unbridge(phone, client)
    colleague = story.rung("102", by=client)
    story.wait(2)
    story.end_dial(client, colleague, "BUSY")
    story.hangup(colleague, cause="17")
    story.wait(0.4)
    blind(story, phone, "103", client)
    story.hangup(phone)
    other = story.rung("103", by=client)
    story.wait(2)
    story.talk("b2", client, other)
    story.wait(3)
    ends(story, client, other)
    assert transfers(story.call()) == [("blind", "101", "102", "busy"), ("blind", "101", "103", "answered")]


def test_the_caller_of_an_internal_call_who_transfers_the_callee_leaves_the_call_to_them() -> None:
    story = Story()
    caller = story.phone("101", dials="102")
    callee = story.rung("102", by=caller)
    story.wait(2)
    story.talk("b1", caller, callee)
    story.wait(3)
    blind(story, caller, "103", callee)
    story.unbridge(caller, callee)
    story.hangup(caller)
    third = story.rung("103", by=callee)
    story.wait(2)
    story.talk("b2", callee, third)
    story.wait(4)
    ends(story, third, callee)
    call = story.call()
    assert transfers(call) == [("blind", "101", "103", "answered")]
    assert (call["direction"], call["caller"], call["called"]) == ("internal", "101", "102")
    assert (call["answered_by"], call["final_responsible"]) == ("102", "103")
    assert call["talk_seconds"] == pytest.approx(3.0 + 4.0, abs=0.3)


def test_an_event_that_comes_after_the_new_leg_tells_of_the_same_transfer() -> None:
    story = Story()
    client, phone = client_with_101(story)
    story.unbridge(phone, client)
    colleague = story.rung("102", by=client)
    blind(story, phone, "102", client)
    story.hangup(phone)
    story.wait(2)
    story.talk("b2", client, colleague)
    story.wait(3)
    ends(story, client, colleague)
    call = story.call()
    assert transfers(call) == [("blind", "101", "102", "answered")]
    assert legs(call) == [("101", "direct", "answered"), ("102", "transfer", "answered")]


@pytest.mark.parametrize(
    ("pause", "result", "via"), [(0.5, "answered", "transfer"), (1.6, "busy", "direct"), (5.0, "busy", "direct")]
)
def test_a_dialplan_that_goes_on_at_once_still_serves_the_transfer(pause: float, result: str, via: str) -> None:
    story = Story()
    client, phone = client_with_101(story)
    blind(story, phone, "102", client)
    story.unbridge(phone, client)
    story.hangup(phone)
    colleague = story.rung("102", by=client)
    story.wait(2)
    story.end_dial(client, colleague, "BUSY")
    story.hangup(colleague, cause="17")
    story.wait(pause)
    other = story.rung("103", by=client)
    story.wait(2)
    story.talk("b2", client, other)
    story.wait(3)
    ends(story, client, other)
    call = story.call()
    assert transfers(call) == [("blind", "101", "102", result)]
    assert legs(call)[1:] == [("102", "transfer", "busy"), ("103", via, "answered")]


def test_a_refer_to_the_parking_extension_is_no_blind_transfer() -> None:
    """Also when the call is looked at between both events, for another reason."""
    story = Story()
    client, phone = client_with_101(story)
    story.say("VarSet", client.headers(), Variable="MIXMONITOR_FILENAME", Value="a.wav")
    story.wait(0.2)
    blind(story, phone, "700", client)
    story.wait(0.1)
    park(story, client, phone)
    story.wait(5)
    ends(story, client)
    assert [kind for kind, *_ in transfers(story.call())] == ["park"]


# -- attended ---------------------------------------------------------------------


def hands_over_while_ringing(story: Story, *rung: str) -> tuple[Channel, Channel, list[Channel]]:
    """101 dials these extensions, and gives the client away while they ring."""
    client, phone = client_with_101(story)
    consultation = story.phone("101", dials="600")
    phones = [story.rung(extension, by=consultation) for extension in rung]
    story.wait(2)
    story.attended(phone, consultation, client, None, "" if rung else "Queue")
    story.unbridge(phone, client)
    story.hangup(phone)
    return client, consultation, phones


@pytest.mark.parametrize(("pause", "result"), [(0.5, "completed"), (1.6, "aborted"), (5.0, "aborted")])
def test_a_client_whom_nobody_of_those_who_rang_took_was_not_handed_over(pause: float, result: str) -> None:
    story = Story()
    client, consultation, (one, two) = hands_over_while_ringing(story, "102", "103")
    story.wait(1)
    story.end_dial(consultation, one, "BUSY")
    story.hangup(one, cause="17")
    story.wait(6)  # the other one rings on: the transfer is open
    story.end_dial(consultation, two, "NOANSWER")
    story.hangup(two, cause="19")
    story.wait(pause)
    third = story.rung("104", by=client)
    story.wait(2)
    story.talk("b2", client, third)
    story.wait(3)
    ends(story, client, third, consultation)
    call = next(call for call in story.calls() if call["direction"] == "inbound")
    assert [each[3] for each in transfers(call)] == [result]
    assert call["final_responsible"] == "104"


def test_a_client_handed_over_while_one_of_two_has_declined_is_taken_by_the_other() -> None:
    story = Story()
    client, consultation, (one, two) = hands_over_while_ringing(story, "102", "103")
    story.wait(1)
    story.end_dial(consultation, one, "BUSY")
    story.hangup(one, cause="17")
    story.wait(6)
    story.answer(consultation, two)
    story.bridge("b2", two, client)
    story.hangup(consultation)
    story.wait(3)
    ends(story, client, two)
    call = next(call for call in story.calls() if call["direction"] == "inbound")
    assert transfers(call) == [("attended", "101", "103", "completed")]


def test_a_client_handed_to_a_queue_that_rings_in_vain_was_not_handed_over() -> None:
    story = Story()
    client, consultation, _ = hands_over_while_ringing(story)
    story.say("QueueCallerJoin", client.headers(), Queue="sales", Position="1")
    member = story.rung("102", by=client)
    story.wait(4)
    story.end_dial(client, member, "NOANSWER")
    story.hangup(member, cause="19")
    story.wait(4)
    story.say("QueueCallerLeave", client.headers(), Queue="sales")
    other = story.rung("104", by=client)
    story.wait(2)
    story.talk("b2", client, other)
    story.wait(3)
    ends(story, client, other, consultation)
    call = next(call for call in story.calls() if call["direction"] == "inbound")
    assert [each[3] for each in transfers(call)] == ["aborted"]


@pytest.mark.parametrize(("app", "result"), [("VoiceMail", "completed"), ("Queue", "aborted")])
def test_a_client_given_to_a_mailbox_has_arrived_and_one_given_to_a_queue_has_not(app: str, result: str) -> None:
    story = Story()
    client, phone = client_with_101(story)
    consultation = story.phone("101", dials="500")
    story.wait(2)
    story.attended(phone, consultation, client, None, app)
    story.unbridge(phone, client)
    story.hangup(phone, consultation)
    story.wait(4)
    ends(story, client)
    call = next(call for call in story.calls() if call["direction"] == "inbound")
    assert transfers(call) == [("attended", "101", "500", result)]


def consults_by_code(story: Story, client: Channel, phone: Channel) -> tuple[Channel, Channel, Channel]:
    """101 presses *2 and talks to 102 through a Local pair."""
    story.unbridge(phone)
    one, two = story.local("102", by=phone)
    colleague = story.rung("102", by=two)
    story.wait(2)
    story.answer(two, colleague)
    story.bridge("b2", colleague, two)
    story.bridge("b3", phone, one)
    story.wait(3)
    return one, two, colleague


@pytest.mark.parametrize("times", [1, 2])
def test_a_transfer_after_a_consultation_by_feature_code_is_told_once(times: int) -> None:
    story = Story()
    client, phone = client_with_101(story)
    one, two, colleague = consults_by_code(story, client, phone)
    for _ in range(times):
        story.attended(phone, phone, client, one)
    story.unbridge(phone, client)
    story.bridge("b3", client)
    story.hangup(phone)
    story.wait(4)
    ends(story, client, one, two, colleague)
    call = story.call()
    assert transfers(call) == [("attended", "101", "102", "completed")]
    assert call["transfers"][0]["consultation_seconds"] == pytest.approx(3.0, abs=0.2)
    assert (call["final_responsible"], call["hangup_by"]) == ("102", "caller")


def test_a_consultation_by_feature_code_that_ends_without_a_transfer_was_aborted() -> None:
    story = Story()
    client, phone = client_with_101(story)
    one, two, colleague = consults_by_code(story, client, phone)
    story.unbridge(phone)
    story.hangup(colleague, two, one)
    story.bridge("b1", phone)
    story.wait(4)
    ends(story, client, phone)
    call = story.call()
    assert transfers(call) == [("attended", "101", "102", "aborted")]
    assert call["transfers"][0]["consultation_seconds"] == pytest.approx(3.0, abs=0.2)
    assert call["final_responsible"] == "101"


def test_a_consultation_by_feature_code_that_nobody_answers_lasts_no_time() -> None:
    story = Story()
    client, phone = client_with_101(story)
    story.unbridge(phone)
    one, two = story.local("102", by=phone)
    colleague = story.rung("102", by=two)
    story.bridge("b3", phone, one)
    story.wait(5)
    story.end_dial(two, colleague, "NOANSWER")
    story.unbridge(phone)
    story.hangup(colleague, two, one, cause="19")
    story.bridge("b1", phone)
    story.wait(4)
    ends(story, client, phone)
    call = story.call()
    assert transfers(call) == [("attended", "101", "102", "aborted")]
    assert call["transfers"][0]["consultation_seconds"] == 0.0


def test_a_consultation_with_who_came_through_a_colleague_counts_from_the_own_answer() -> None:
    """103 called 102, who passed the call on to 101; 101 then gives the client to 103."""
    story = Story()
    client, phone = client_with_101(story)
    colleague = story.phone("103", dials="102")
    passing = story.rung("102", by=colleague)
    story.wait(1)
    story.talk("b2", colleague, passing)
    story.wait(10)
    blind(story, passing, "101", colleague)
    story.unbridge(passing, colleague)
    story.hangup(passing)
    second = story.rung("101", by=colleague)
    story.wait(1)
    story.talk("b3", colleague, second)
    story.wait(3)
    story.attended(phone, second, client, colleague)
    story.unbridge(second, client)
    story.bridge("b3", client)
    story.hangup(phone, second)
    story.wait(4)
    ends(story, client, colleague)
    call = next(call for call in story.calls() if call["direction"] == "inbound")
    (attended,) = [it for it in call["transfers"] if it["kind"] == "attended"]
    assert (attended["from"], attended["to"], attended["result"]) == ("101", "103", "completed")
    assert attended["consultation_seconds"] == pytest.approx(3.0, abs=0.2)


def test_a_transfer_inside_one_call_goes_to_the_number_that_was_dialled() -> None:
    """The consultation had the Linkedid of the client's call already when it was first seen."""
    story = Story()
    client, phone = client_with_101(story)
    second = story.channel("PJSIP/101-000000aa", "101", of=client, exten="103", state="4")
    third = story.rung("103", by=second)
    story.wait(1)
    story.talk("b2", second, third)
    story.wait(3)
    story.attended(phone, second, client, third)
    story.unbridge(second, client)
    story.bridge("b2", client)
    story.hangup(phone, second)
    story.wait(4)
    ends(story, client, third)
    assert transfers(story.call()) == [("attended", "101", "103", "completed")]


# -- parking ----------------------------------------------------------------------


def park(story: Story, client: Channel, phone: Channel) -> None:
    story.unbridge(phone, client)
    story.say(
        "ParkedCall", client.headers("Parkee"), ParkerDialString="PJSIP/101", ParkingSpace="701", ParkingTimeout="45"
    )
    story.hangup(phone)


def test_a_parked_client_is_fetched() -> None:
    story = Story()
    client, phone = client_with_101(story)
    park(story, client, phone)
    story.wait(5)
    fetcher = story.phone("103", dials="701")
    story.say("UnParkedCall", client.headers("Parkee"), fetcher.headers("Retriever"), ParkingSpace="701")
    story.bridge("b2", client, fetcher)
    story.wait(4)
    ends(story, client, fetcher)
    call = story.call()
    assert transfers(call) == [("park", "101", "103", "completed")]
    assert legs(call) == [("101", "direct", "answered"), ("103", "parking", "answered")]


def test_a_parked_client_whose_time_is_over_comes_back() -> None:
    story = Story()
    client, phone = client_with_101(story)
    park(story, client, phone)
    story.wait(45)
    story.say("ParkedCallTimeOut", client.headers("Parkee"), ParkingSpace="701")
    again = story.rung("101", by=client)
    story.wait(2)
    story.talk("b2", client, again)
    story.wait(4)
    ends(story, client, again)
    call = story.call()
    assert transfers(call) == [("park", "101", "101", "returned")]
    assert legs(call) == [("101", "direct", "answered"), ("101", "parking-return", "answered")]


@pytest.mark.parametrize("missing", ["Parkee", "Retriever"])
def test_an_event_of_parking_that_names_nobody_changes_nothing(missing: str) -> None:
    story = Story()
    client, phone = client_with_101(story)
    other = story.phone("103", dials="701")
    named = {"Parkee": client.headers("Parkee"), "Retriever": other.headers("Retriever")}
    story.say("UnParkedCall", *(headers for name, headers in named.items() if name != missing))
    story.say("ParkedCallTimeOut", ParkingSpace="701")
    story.say("ParkedCall", ParkerDialString="PJSIP/101", ParkingSpace="701")
    story.say("Pickup", client.headers())
    story.say("BlindTransfer", client.headers("Transferee"), Result="Success", Extension="102")
    story.say("AttendedTransfer", client.headers("OrigTransferer"), Result="Success")
    story.hangup(other)
    story.wait(4)
    ends(story, client, phone)
    call = next(call for call in story.calls() if call["direction"] == "inbound")
    assert transfers(call) == []
    assert legs(call) == [("101", "direct", "answered")]
