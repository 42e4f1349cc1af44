"""The story that our dialplan tells of a campaign's client becomes events: each word once, also over a lost link."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.calls.call import Call
from integration.domain.calls.events import (
    AnswererJudged,
    CallEvent,
    ClientTurnedAway,
    ClientWaiting,
    KeyPressed,
    MessagePlayed,
    MessageStarted,
)
from integration.domain.calls.received import Answerer, Received
from integration.domain.calls.tracking import Change, advance
from integration.domain.ids import AccountId, PbxId, Timestamp
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.tracker.receiving import VARIABLE
from pbx_adapter.asterisk.tracker.tracker import Tracker
from tests.unit.ami_story import Channel, Story, events

CLIENT = "79161112233"
UID = "dozvon-a-1"
RECEIVING = (AnswererJudged, ClientWaiting, ClientTurnedAway, KeyPressed, MessagePlayed, MessageStarted)


def dialled(story: Story) -> Channel:
    """The client's phone was rung first through a Local channel, and has answered. Returns the channel's first half."""
    story.action(Action="Originate", ChannelId=UID, Channel=f"Local/{CLIENT}@internal/n", Exten="s")
    one, two = story.local(CLIENT, "internal")
    one.uid = one.linkedid = two.linkedid = UID
    story.lines = [(at, kind, renamed(said)) for at, kind, said in story.lines]
    trunk = story.trunk(CLIENT, two)
    story.talk("b1", two, trunk)
    return one


def renamed(said: Any) -> Any:
    """Story names channels by itself; an Originate of ours names the first one."""
    return said if isinstance(said, str) else {k: UID if v == "1796000001.2" else v for k, v in said.items()}


def says(story: Story, channel: Channel, told: str) -> None:
    story.say("VarSet", channel.headers(), Variable=VARIABLE, Value=told)


def heard(story: Story) -> list[CallEvent]:
    return [event for event in events(story.lines) if isinstance(event, RECEIVING)]


def folded(story: Story) -> Call:
    call = None
    for event in events(story.lines):
        call = advance(call, event, account=AccountId("a"), pbx=PbxId("pbx")).call
    assert call is not None
    return call


def followed(story: Story) -> Tracker:
    tracker = Tracker(PbxId("pbx"))
    for at, kind, said in story.lines:
        if isinstance(said, str):
            continue
        if kind == "action":
            tracker.sent(said)
        else:
            tracker.feed(said, at)
    return tracker


def test_each_word_is_told_once_however_often_the_story_comes() -> None:
    story = Story()
    client = dialled(story)
    says(story, client, "judged:HUMAN:HUMAN-600-600")
    story.wait(0.1)
    says(story, client, "judged:HUMAN:HUMAN-600-600 waits")
    says(story, client, "judged:HUMAN:HUMAN-600-600 waits")
    story.wait(2.0)
    says(story, client, "judged:HUMAN:HUMAN-600-600 waits away")
    assert [type(event) for event in heard(story)] == [AnswererJudged, ClientWaiting, ClientTurnedAway]
    call = folded(story)
    assert call.received is not None
    assert call.received.answerer is Answerer.PERSON
    assert call.received.answerer_cause == "HUMAN-600-600"
    assert call.received.waits_since is not None
    assert call.received.turned_away_at is not None
    assert call.received.turned_away_at - call.received.waits_since >= 2.0


def test_a_message_with_keys() -> None:
    story = Story()
    client = dialled(story)
    says(story, client, " playing key:2 playing played key:9")
    call = folded(story)
    assert call.received is not None
    assert (call.received.keys, call.received.message_whole, call.received.left_message) == ("29", True, False)


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("judged:MACHINE:LONGGREETING-1900-1500", Answerer.MACHINE),
        ("judged:NOTSURE:TOOLONG-5000", Answerer.NOT_SURE),
        ("judged:NOTSURE:NOAMD", Answerer.NOT_SURE),
        ("judged:Whatever:", Answerer.NOT_SURE),
        ("judged:HANGUP:", None),  # the client has left: nobody was judged
    ],
)
def test_who_answered(word: str, wanted: Answerer | None) -> None:
    story = Story()
    says(story, dialled(story), word)
    assert (folded(story).received or Received()).answerer is wanted


@pytest.mark.parametrize("told", ["", "sings:loud", "key:", "key:12", "waits" * 500, "\x00:"])
def test_a_word_of_another_release_is_passed_over(told: str) -> None:
    story = Story()
    client = dialled(story)
    says(story, client, told)
    assert heard(story) == []


def test_a_client_waits_until_somebody_takes_them_or_their_time_is_over() -> None:
    story = Story()
    client = dialled(story)
    says(story, client, "waits")
    tracker = followed(story)
    assert tracker.client_waits(UID)
    assert not tracker.client_waits("dozvon-other")
    frame: Frame = {"Event": "VarSet", **client.headers(), "Variable": VARIABLE, "Value": "waits away"}
    tracker.feed(frame, Timestamp(story.now))
    assert not tracker.client_waits(UID)


def test_a_client_who_talks_does_not_wait() -> None:
    story = Story()
    client = dialled(story)
    says(story, client, "waits")
    phone = story.rung("102", client)
    story.talk("b2", client, phone)
    tracker = followed(story)
    assert not tracker.client_waits(UID)


def test_a_repeated_event_changes_nothing_and_a_second_wait_is_a_change() -> None:
    story = Story()
    client = dialled(story)
    says(story, client, "waits")
    call = folded(story)
    (first,) = heard(story)
    again = advance(call, first, account=AccountId("a"), pbx=PbxId("pbx"))
    assert (again.call, again.changes) == (call, frozenset())
    later = replace(first, at=Timestamp(first.at + 1.0))
    step = advance(call, later, account=AccountId("a"), pbx=PbxId("pbx"))
    assert step.changes == {Change.RECEIVED}
    assert step.call is not None
    assert call.received is not None
    assert step.call.received == call.received, "since when a client waits stays"


def test_a_client_has_pressed_no_more_keys_than_a_person_can() -> None:
    story = Story()
    says(story, dialled(story), " ".join(["key:1"] * 190))
    assert folded(story).received == Received(keys="1" * 32)


WORDS = st.sampled_from(
    ["waits", "away", "playing", "played", "left", "key:1", "key:9", "judged:HUMAN:HUMAN-1-1", "new"]
)


@given(st.lists(WORDS, max_size=12), st.data())
def test_however_a_story_is_cut_and_repeated_each_known_word_is_told_once_and_in_order(
    words: list[str], data: st.DataObject
) -> None:
    """The PBX's variable grows; some of its values are missed while the link is lost, others come twice."""
    story = Story()
    client = dialled(story)
    ends = sorted(data.draw(st.lists(st.integers(0, len(words)), max_size=8)))
    for end in [*ends, len(words), len(words)]:
        says(story, client, " ".join(words[:end]))
    kinds = {
        "waits": ClientWaiting, "away": ClientTurnedAway, "playing": MessageStarted, "played": MessagePlayed,
        "left": MessagePlayed, "key": KeyPressed, "judged": AnswererJudged,
    }  # fmt: skip
    told = heard(story)
    assert [type(event) for event in told] == [kinds[word.partition(":")[0]] for word in words if word != "new"]
    assert len(set(told)) == len(told), "equal events are one event"
