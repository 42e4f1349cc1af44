"""Who has the client: bridges with several people, moments between bridges, rooms, and what an employee does after."""

from __future__ import annotations

import pytest

from integration.domain.calls.events import CallStarted, ClientReleased
from pbx_adapter.asterisk.replay import replay
from tests.unit.ami_story import Channel, Story, events

ROOM = {"BridgeUniqueid": "r1", "BridgeTechnology": "softmix", "BridgeCreator": "ConfBridge", "BridgeName": "600"}


def talks(story: Story) -> tuple[Channel, Channel]:
    """A client talks to 101."""
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    story.wait(3)
    return client, phone


def calls_103(story: Story) -> None:
    """101 calls a colleague, who does not answer."""
    story.wait(2)
    asking = story.phone("101", dials="103")
    asked = story.rung("103", by=asking)
    story.wait(2)
    story.hangup(asked, asking)


def is_consultation(story: Story, called: str = "103") -> bool:
    return bool(next(call for call in story.calls() if call["called"] == called).get("consultation"))


def joins(story: Story, extension: str) -> Channel:
    """A colleague's phone that enters the talk."""
    phone = story.phone(extension, dials="300")
    story.bridge("b1", phone)
    story.wait(1)
    return phone


def test_of_several_who_stay_with_the_client_the_one_who_came_last_has_it() -> None:
    story = Story()
    client, phone = talks(story)
    second, third = joins(story, "102"), joins(story, "104")
    story.leaves(phone)
    story.hangup(phone)
    story.wait(2)
    story.leaves(client)
    story.hangup(client, second, third)
    assert story.call()["final_responsible"] == "104"


def test_an_employee_whose_client_another_one_took_consults_nobody() -> None:
    story = Story()
    client, phone = talks(story)
    second = joins(story, "102")
    story.hangup(phone)
    calls_103(story)
    story.hangup(client, second)
    assert not is_consultation(story)


def test_an_employee_who_left_the_client_in_a_menu_consults_nobody() -> None:
    story = Story()
    client, phone = talks(story)
    story.hangup(phone)
    story.unbridge(client)
    calls_103(story)
    story.hangup(client)
    assert not is_consultation(story)


def test_an_employee_who_has_a_client_and_enters_a_room_consults_nobody() -> None:
    story = Story()
    client, phone = talks(story)
    asking = story.phone("101", dials="600")
    story.say("BridgeEnter", asking.headers(), ROOM)
    story.wait(3)
    story.hangup(asking, client, phone)
    assert not is_consultation(story, "600")


def test_a_client_who_is_between_two_bridges_for_a_moment_is_not_released() -> None:
    """Though the call is looked at in that moment, for its recording."""
    story = Story()
    client, phone = talks(story)
    story.say("VarSet", phone.headers(), Variable="MIXMONITOR_FILENAME", Value="a.wav")
    story.wait(0.1)
    story.unbridge(client)
    story.wait(0.2)
    story.bridge("b1", client)
    story.wait(1)
    assert not [event for event in events(story.lines) if isinstance(event, ClientReleased)]


def test_a_client_who_is_joined_at_once_to_a_phone_whose_dial_was_not_heard_has_called_first() -> None:
    story = Story()
    client = story.client(did="s")
    story.bridge("b1", client, story.channel("PJSIP/101-00000009", "101", of=client))
    assert isinstance(events(story.lines)[0], CallStarted)


def test_a_recording_of_a_client_who_is_only_parked_has_no_sound() -> None:
    story = Story()
    client = story.client()
    story.say("VarSet", client.headers(), Variable="MIXMONITOR_FILENAME", Value="a.wav")
    story.say("BridgeEnter", client.headers(), BridgeUniqueid="p1", BridgeTechnology="holding_bridge")
    story.wait(5)
    story.hangup(client)
    assert [call.recordings for call in replay(story.lines)] == [()]


def test_a_helper_that_was_in_the_bridge_first_takes_no_call_in() -> None:
    story = Story()
    helper = story.channel("Announcer/ARI-00000001;2", exten="s")
    story.bridge("b1", helper)
    phone = story.phone("101", dials="102")
    colleague = story.rung("102", by=phone)
    story.talk("b1", phone, colleague)
    story.wait(2)
    story.hangup(phone, colleague, helper)
    assert story.call()["uniqueid"] == phone.uid


def test_a_channel_that_enters_a_bridge_after_its_hangup_is_not_there() -> None:
    story = Story()
    client, phone = talks(story)
    third = story.rung("102", by=phone)
    story.hangup(third)
    story.bridge("b1", third)
    story.say("BridgeEnter", client.headers(), BridgeTechnology="simple_bridge")  # of no bridge
    story.wait(2)
    story.leaves(client)
    story.hangup(client, phone)
    assert story.call()["final_responsible"] == "101"


def test_a_client_handed_over_to_a_mobile_is_handed_to_the_number_that_was_dialled() -> None:
    """The carrier shows it in another form."""
    story = Story()
    client, phone = talks(story)
    asking = story.phone("101", dials="79031112233")
    mobile = story.channel("PJSIP/trunk-00000009", "89031112233", context="from-trunk", of=asking)
    story.dial(asking, mobile, "79031112233@trunk")
    story.ring(mobile)
    story.wait(2)
    story.attended(phone, asking, client, None, app="Dial")
    story.unbridge(client)
    story.hangup(phone, asking)
    story.wait(2)
    story.talk("b2", client, mobile)
    story.wait(3)
    story.leaves(client)
    story.hangup(client, mobile)
    call = next(call for call in story.calls() if call["direction"] == "inbound")
    assert [(it["from"], it["to"], it["result"]) for it in call["transfers"]] == [("101", "79031112233", "completed")]


def test_a_client_whose_employee_leaves_the_bridge_alone_is_released_though_nothing_more_is_heard() -> None:
    story = Story()
    _, phone = talks(story)
    left_at = story.now
    story.unbridge(phone)
    assert [event.at for event in events(story.lines) if isinstance(event, ClientReleased)] == [left_at]


@pytest.mark.parametrize(("gone_after", "by"), [(0.5, "caller"), (1.5, "system")])
def test_a_client_who_leaves_the_bridge_first_has_hung_up_if_the_channel_goes_within_a_second(
    gone_after: float, by: str
) -> None:
    """Where the AMI user's filter drops HangupRequest. Longer than that, the dialplan did something with the client."""
    story = Story()
    client, phone = talks(story)
    story.unbridge(client)
    story.wait(gone_after)
    story.hangup(client, phone)
    assert story.call()["hangup_by"] == by


# -- listening --------------------------------------------------------------------------


def spies(story: Story, supervisor: Channel, on: Channel) -> None:
    story.say("ChanSpyStart", supervisor.headers("Spyer"), on.headers("Spyee"))


def test_a_supervisor_who_stops_listening_talks_to_nobody_though_nothing_more_is_heard() -> None:
    story = Story()
    _, phone = talks(story)
    supervisor = story.phone("104", dials="*9101")
    spies(story, supervisor, phone)
    story.wait(3)
    stopped_at = story.now
    story.say("ChanSpyStop", supervisor.headers("Spyer"), phone.headers("Spyee"))
    told = [(event.call[-len(supervisor.uid) :], event.at) for event in events(story.lines)
            if isinstance(event, ClientReleased)]  # fmt: skip
    assert told == [(supervisor.uid, stopped_at)]


def test_a_supervisor_who_calls_in_from_outside_to_listen_has_called_first() -> None:
    story = Story()
    _, phone = talks(story)
    supervisor = story.client("79165556677", did="s")
    spies(story, supervisor, phone)
    assert isinstance(next(event for event in events(story.lines) if event.call.endswith(supervisor.uid)), CallStarted)


def test_listening_that_was_not_seen_to_begin_or_begins_after_the_hangup_changes_no_talk() -> None:
    story = Story()
    client, phone = talks(story)
    gone = story.phone("104", dials="*9101")
    story.hangup(gone)
    spies(story, gone, phone)
    unknown = Channel("PJSIP/105-00000099", "9.9", "9.9", "105", "internal", "*9101", "6")
    for channel in (phone, gone, unknown):
        story.say("ChanSpyStop", channel.headers("Spyer"), client.headers("Spyee"))
    story.wait(5)
    story.leaves(client)
    story.hangup(client, phone)
    assert [(call["direction"], round(call["talk_seconds"])) for call in story.calls()] == [("inbound", 8)]
