"""When a call is over, how soon that is told, and what closes with it."""

from __future__ import annotations

import pytest

from integration.domain.calls.events import CallEnded, CallEvent, ClientReleased
from integration.domain.ids import PbxId, Timestamp
from pbx_adapter.asterisk.replay import replay
from pbx_adapter.asterisk.tracker.tracker import Tracker
from tests.unit.ami_story import Channel, Story, events

NUMBER = "79161112233"


def followed(story: Story) -> tuple[Tracker, list[CallEvent]]:
    """The tracker after the last line, and what it has told until then."""
    tracker, heard = Tracker(PbxId("pbx")), list[CallEvent]()
    for at, _, said in story.lines[1:]:
        assert not isinstance(said, str)
        heard += tracker.feed(said, at)
    return tracker, heard


def told_after(story: Story, *pauses: float) -> list[bool]:
    """Whether the end is told by then, at each of these times after the last line."""
    tracker, heard = followed(story)
    ends = []
    for pause in pauses:
        heard += tracker.tick(Timestamp(story.lines[-1][0] + pause))
        ends.append(any(isinstance(event, CallEnded) for event in heard))
    return ends


def talks(story: Story) -> tuple[Channel, Channel]:
    """A client talks to 101."""
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    story.wait(5)
    return client, phone


# -- how soon the end is told -------------------------------------------------------------


def test_the_end_is_told_a_quarter_of_a_second_after_the_clients_hangup_though_the_phone_stays() -> None:
    story = Story()
    client, _ = talks(story)
    story.leaves(client)
    story.hangup(client)
    assert told_after(story, 0.15, 0.3) == [False, True]


def test_the_end_of_a_call_without_any_leg_is_told_as_soon() -> None:
    story = Story()
    phone = story.phone("101", dials=NUMBER)
    story.wait(2)
    story.hangup(phone)
    assert told_after(story, 0.15, 0.3) == [False, True]


def test_the_hangup_of_a_client_who_has_left_is_waited_for_a_second() -> None:
    """It tells the cause. Voicemail keeps the channel for longer."""
    story = Story()
    client = story.client()
    story.wait(5)
    story.leaves(client)
    assert told_after(story, 0.6, 1.3) == [False, True]


def test_a_client_who_has_left_ends_the_call_though_neither_channel_of_the_talk_goes() -> None:
    story = Story()
    client, _ = talks(story)
    story.leaves(client)
    assert told_after(story, 0.6, 1.3) == [False, True]


def test_a_call_goes_on_while_its_caller_waits_for_nothing() -> None:
    story = Story()
    talks(story)
    assert told_after(story, 60.0) == [False]


def test_a_client_whom_nobody_has_any_more_is_told_so_though_the_call_was_just_looked_at() -> None:
    story = Story()
    _, phone = talks(story)
    story.say("VarSet", phone.headers(), Variable="MIXMONITOR_FILENAME", Value="a.wav")
    story.wait(0.1)
    story.unbridge(phone)
    tracker, heard = followed(story)
    lost_at = story.lines[-1][0]
    for pause in (0.16, 0.5):
        heard += tracker.tick(Timestamp(lost_at + pause))
    assert [event.at for event in heard if isinstance(event, ClientReleased)] == [lost_at]


# -- when the call ended -------------------------------------------------------------------


def test_an_outgoing_call_that_was_refused_ends_when_its_caller_has_heard_the_tone() -> None:
    story = Story()
    phone = story.phone("101", dials=NUMBER)
    trunk = story.trunk(NUMBER, by=phone)
    story.wait(2)
    story.leaves(trunk, cause="17")
    story.end_dial(phone, trunk, "BUSY")
    story.hangup(trunk, cause="17")
    story.wait(4)
    story.leaves(phone)
    left_at = story.now
    story.hangup(phone)
    call = story.call()
    assert call["ended"] == pytest.approx(left_at, abs=0.1)
    assert (call["hangup_by"], call["disposition"]) == ("callee", "busy")


def test_an_internal_call_goes_on_when_its_caller_leaves_the_colleague_in_a_menu() -> None:
    story = Story()
    phone = story.phone("101", dials="102")
    colleague = story.rung("102", by=phone)
    story.wait(1)
    story.talk("b1", phone, colleague)
    story.wait(3)
    story.leaves(phone)
    story.hangup(phone)
    story.unbridge(colleague)
    story.wait(5)
    story.leaves(colleague)
    left_at = story.now
    story.hangup(colleague)
    assert story.call()["ended"] == pytest.approx(left_at, abs=0.1)


@pytest.mark.parametrize("first_goes_after", [0.5, 6.0], ids=["at once", "last of all"])
def test_an_internal_call_ends_when_the_last_far_end_has_left_however_late_the_channels_go(
    first_goes_after: float,
) -> None:
    story = Story()
    phone = story.phone("101", dials="102")
    colleague = story.rung("102", by=phone)
    story.wait(1)
    story.talk("b1", phone, colleague)
    story.wait(3)
    story.leaves(phone)
    if first_goes_after < 2:
        story.hangup(phone)
    story.wait(2)
    story.leaves(colleague)
    left_at = story.now
    if first_goes_after > 2:
        story.hangup(colleague)
    story.wait(4)
    story.hangup(*([phone] if first_goes_after > 2 else [colleague]))
    assert story.call()["ended"] == pytest.approx(left_at, abs=0.1)


def test_a_caller_who_leaves_a_recorded_message_ends_the_call_before_the_message_is_stored() -> None:
    story = Story()
    phone = story.phone("101", dials="300")
    story.wait(3)
    story.leaves(phone)
    left_at = story.now
    story.wait(8)
    story.hangup(phone)
    assert story.call()["ended"] == pytest.approx(left_at, abs=0.1)


@pytest.mark.parametrize("helper", ["Recorder/ARI-00000001;1", "Announcer/ARI-00000001;1"])
def test_a_helper_of_the_pbx_keeps_no_call_open(helper: str) -> None:
    story = Story()
    phone = story.phone("101", dials="300")
    story.channel(helper, of=phone)
    story.wait(3)
    story.hangup(phone)
    (ended,) = [event for event in events(story.lines) if isinstance(event, CallEnded)]
    assert ended.at == pytest.approx(story.now, abs=0.1)


def test_a_local_pair_that_goes_last_does_not_lengthen_its_call() -> None:
    story = Story()
    phone = story.phone("101", dials="102")
    one, two = story.local("102", by=phone)
    story.dial(phone, one, "102@from-internal")
    colleague = story.rung("102", by=two)
    story.wait(3)
    story.end_dial(two, colleague, "NOANSWER")
    story.hangup(colleague, phone)
    ended_at = story.now
    story.wait(2)
    story.hangup(one, two)
    assert story.call()["ended"] == pytest.approx(ended_at, abs=0.1)


def test_a_phone_that_hangs_up_has_left_its_bridge_though_that_was_not_heard() -> None:
    story = Story()
    client, phone = talks(story)
    phone.bridge = ""
    story.leaves(phone)
    story.hangup(phone)
    story.wait(6)
    story.leaves(client)
    story.hangup(client)
    assert story.call()["talk_seconds"] == pytest.approx(5.0, abs=0.1)


def test_the_cause_of_a_call_is_that_of_its_clients_channel() -> None:
    story = Story()
    client, phone = talks(story)
    story.hangup(client, cause="31")
    story.hangup(phone, cause="16")
    assert [event.cause for event in events(story.lines) if isinstance(event, CallEnded)] == [31]


# -- what closes with it ------------------------------------------------------------------


def test_a_client_who_hangs_up_before_anything_is_dialled_has_called() -> None:
    story = Story()
    story.hangup(story.client(did="s"))
    call = story.call()
    assert (call["direction"], call["disposition"]) == ("inbound", "missed")


def test_nothing_is_kept_of_what_was_no_call() -> None:
    story = Story()
    story.hangup(story.phone("101", dials="*8"))
    tracker, _ = followed(story)
    tracker.tick(Timestamp(3600.0))
    assert not tracker._board.calls


def test_nothing_is_kept_of_a_call_that_ended_with_its_client_in_the_bridge() -> None:
    story = Story()
    client, phone = talks(story)
    story.leaves(client)
    story.wait(5)
    story.hangup(client, phone)
    tracker, _ = followed(story)
    tracker.tick(Timestamp(3600.0))
    assert not tracker._board.talking


def test_a_helper_of_the_pbx_that_is_alone_is_no_call() -> None:
    story = Story()
    helper = story.channel("Message/ast_msg_queue", exten="s")
    story.wait(5)
    story.hangup(helper)
    assert story.calls() == []


@pytest.mark.parametrize(("name", "exten"), [("PJSIP/101-00000001", "*8"), ("Local/300@x-00000001;1", "300")])
def test_nothing_is_kept_or_told_of_what_was_no_call_and_whose_hangup_was_lost(name: str, exten: str) -> None:
    story = Story()
    channel = story.channel(name, exten=exten, state="4")
    tracker, _ = followed(story)
    assert tracker.gone(channel.uid, Timestamp(700.0)) == []
    assert tracker.tick(Timestamp(3600.0)) == []
    assert not tracker._board.calls


def test_a_recording_that_begins_as_the_pbx_stops_is_told() -> None:
    story = Story()
    client, phone = talks(story)
    story.say("VarSet", client.headers(), Variable="MIXMONITOR_FILENAME", Value="a.wav")
    story.say("Shutdown", Shutdown="Cleanly")
    assert [call.recordings for call in replay(story.lines)] == [("a.wav",)]
    assert phone.state == "6"


def test_a_consultation_by_feature_code_that_the_client_does_not_wait_for_is_a_transfer_that_was_aborted() -> None:
    story = Story()
    client, phone = talks(story)
    one, two = story.local("102", by=phone)
    story.unbridge(phone)
    story.bridge("b2", phone, one)
    colleague = story.rung("102", by=two)
    story.wait(2)
    story.leaves(client)
    story.hangup(client)
    story.wait(5)
    story.hangup(colleague, one, two, phone)
    call = story.call()
    assert [(it["kind"], it["from"], it["to"], it["result"]) for it in call["transfers"]] == [
        ("attended", "101", "102", "aborted")
    ]


def test_a_call_that_no_originate_made_is_no_click() -> None:
    story = Story()
    client, phone = talks(story)
    story.leaves(client)
    story.hangup(client, phone)
    colleague = story.rung("102", by=(caller := story.phone("101", dials="102")))
    story.hangup(caller, colleague)
    outside = story.trunk(NUMBER, by=(caller := story.phone("103", dials=NUMBER)))
    story.hangup(caller, outside)
    assert [call.origin for call in replay(story.lines)] == [None, None, None]


@pytest.mark.parametrize(("wanted", "kind"), [(NUMBER, "click"), ("102", None)])
def test_a_call_to_a_number_outside_that_another_programs_originate_made_is_a_click(
    wanted: str, kind: str | None
) -> None:
    story = Story()
    phone = story.channel("PJSIP/101-00000001", wanted)
    story.dial(None, phone, "101")
    story.wait(5)
    story.end_dial(None, phone, "NOANSWER")
    story.hangup(phone)
    (call,) = replay(story.lines)
    assert (call.origin.kind if call.origin else None) == kind


def test_a_click_that_is_over_is_forgotten_with_its_order() -> None:
    story = Story()
    story.action(Action="Originate", ActionID="crm-1", Channel="PJSIP/101", Exten=NUMBER, Variable="CRM_CALL_ID=1")
    for _ in range(2):
        phone = story.channel(f"PJSIP/101-{story.now:08.0f}", NUMBER)
        story.dial(None, phone, "101")
        story.wait(5)
        story.end_dial(None, phone, "NOANSWER")
        story.hangup(phone)
        story.wait(60)
    assert [call.get("origin", {}).get("crm_call_id") for call in story.calls()] == ["1", None]


def test_an_employee_whose_client_has_gone_consults_nobody() -> None:
    story = Story()
    client, phone = talks(story)
    story.leaves(client)
    story.wait(3)
    asking = story.phone("101", dials="102")
    asked = story.rung("102", by=asking)
    story.wait(2)
    story.hangup(asked, asking, client, phone)
    _, second = story.calls()
    assert (second["called"], second.get("consultation")) == ("102", None)
