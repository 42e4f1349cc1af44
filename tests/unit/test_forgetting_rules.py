"""When the tracker asks about a channel, what it makes of the answer, and what it drops without asking."""

from __future__ import annotations

from typing import Any

import pytest

from integration.domain.calls.events import CallEnded, CallEvent
from integration.domain.ids import PbxId, Timestamp
from pbx_adapter.asterisk.tracker.tracker import Tracker

HOUR = 3600.0
CLIENT = "1.1"


class Pbx:
    """A tracker, and what it has told."""

    def __init__(self) -> None:
        self.tracker = Tracker(PbxId("pbx"))
        self.told = list[CallEvent]()

    def feed(self, event: str, at: float, uid: str, **headers: str) -> None:
        frame: dict[str, Any] = {
            "Event": event,
            "Uniqueid": uid,
            "Channel": f"PJSIP/trunk-{uid.replace('.', ''):0>8}",
            **headers,
        }
        self.told += self.tracker.feed(frame, Timestamp(at))

    def call(self, at: float = 0.0, uid: str = CLIENT) -> None:
        """A client calls: an announced call of one channel, which is known."""
        self.feed("Newchannel", at, uid, Linkedid=uid, Context="from-trunk", Exten="74950000001",
                  CallerIDNum="79161234567", ChannelState="4")  # fmt: skip

    def name(self, at: float, *uids: str) -> None:
        """Channels of which only the name is known."""
        for uid in uids:
            self.feed("VarSet", at, uid, Variable="ANYTHING", Value="1")

    def tick(self, at: float) -> None:
        self.told += self.tracker.tick(Timestamp(at))

    def asks(self, at: float) -> list[str]:
        return [each.uid for each in self.tracker.silent(Timestamp(at), after=600.0, half_seen_after=60.0)]

    def confirm(self, uid: str, at: float) -> None:
        self.tracker.confirm(uid, Timestamp(at))

    def gone(self, uid: str, at: float) -> None:
        self.told += self.tracker.gone(uid, Timestamp(at))

    @property
    def ends(self) -> list[float]:
        return [event.at for event in self.told if isinstance(event, CallEnded)]

    @property
    def channels(self) -> set[str]:
        return set(self.tracker._board.channels)


@pytest.fixture
def pbx() -> Pbx:
    return Pbx()


@pytest.mark.parametrize(
    ("at", "asked"), [(59.9, []), (60.0, ["named"]), (600.0 - 0.1, ["named"]), (600.0, [CLIENT, "named"])]
)
def test_a_channel_is_asked_about_after_its_time_of_silence(pbx: Pbx, at: float, asked: list[str]) -> None:
    pbx.call()
    pbx.name(0.0, "named")
    assert sorted(pbx.asks(at)) == sorted(asked)


def test_silence_is_counted_from_the_last_event_question_or_answer(pbx: Pbx) -> None:
    pbx.call()
    assert pbx.asks(600.0) == [CLIENT]
    assert pbx.asks(1199.9) == [], "asked at 600"
    assert pbx.asks(1200.0) == [CLIENT]
    pbx.confirm(CLIENT, 1300.0)
    assert pbx.asks(1899.9) == [], "answered at 1300"
    assert pbx.asks(1900.0) == [CLIENT]
    pbx.feed("Hold", 2000.0, CLIENT)
    assert pbx.asks(2599.9) == [], "an event at 2000"
    assert pbx.asks(2600.0) == [CLIENT]


@pytest.mark.parametrize(
    ("confirmed", "event", "gone", "ended"),
    [
        (None, None, 900.0, [450.0]),  # between its only event at 0 and the question
        (400.0, None, 900.0, [650.0]),  # the PBX has known it later
        (400.0, 500.0, 900.0, [700.0]),
        (400.0, 900.0, 900.0, []),  # an event as late as the question: it lived then
        (400.0, 901.0, 900.0, []),
    ],
)
def test_the_end_lies_in_the_middle_of_the_time_since_it_was_known(
    pbx: Pbx, confirmed: float | None, event: float | None, gone: float, ended: list[float]
) -> None:
    pbx.call()
    if confirmed is not None:
        pbx.confirm(CLIENT, confirmed)
    if event is not None:
        pbx.feed("Hold", event, CLIENT)
    pbx.gone(CLIENT, gone)
    pbx.tick(gone + 60)
    assert pbx.ends == ended


def test_an_answer_about_a_channel_that_has_ended_meanwhile_means_nothing(pbx: Pbx) -> None:
    pbx.call()
    pbx.feed("Hangup", 10.0, CLIENT, Cause="16")
    pbx.tick(20.0)
    told = list(pbx.told)
    pbx.confirm(CLIENT, 30.0)
    pbx.gone(CLIENT, 30.0)
    assert pbx.told == told
    assert pbx.ends == [10.0]


def test_a_name_that_the_pbx_does_not_know_was_no_call(pbx: Pbx) -> None:
    pbx.name(0.0, "named")
    pbx.gone("named", 60.0)
    assert pbx.told == []
    assert pbx.channels == set()


def test_a_name_is_kept_four_hours_where_the_pbx_may_not_be_asked(pbx: Pbx) -> None:
    pbx.name(0.0, "first")
    pbx.name(HOUR, "second")
    pbx.tick(4 * HOUR - 1)
    assert pbx.channels == {"first", "second"}
    pbx.tick(4 * HOUR)
    assert pbx.channels == {"second"}
    pbx.tick(5 * HOUR)
    assert pbx.channels == set()


def test_a_name_that_the_pbx_confirms_is_kept_from_then_on(pbx: Pbx) -> None:
    pbx.name(HOUR, "named")
    pbx.confirm("named", 3 * HOUR)
    pbx.tick(7 * HOUR - 1)
    assert pbx.channels == {"named"}
    pbx.tick(7 * HOUR)
    assert pbx.channels == set()


def test_a_channel_that_became_known_is_never_dropped_unasked(pbx: Pbx) -> None:
    """An event named it before its own beginning arrived."""
    pbx.name(0.0, CLIENT)
    pbx.call(1.0)
    pbx.tick(24 * HOUR)
    assert pbx.channels == {CLIENT}
    assert pbx.ends == []


def test_a_name_that_has_ended_makes_room_for_none(pbx: Pbx) -> None:
    """It waits in the queue of names, and is not ended again when its turn comes."""
    pbx.name(0.0, "ended", "named")
    pbx.gone("ended", 60.0)
    pbx.tick(HOUR)
    assert pbx.channels == {"named"}
    assert set(pbx.tracker._board.half_seen) == {"named"}


def test_of_ten_thousand_names_none_is_dropped_and_of_more_the_longest_silent(pbx: Pbx) -> None:
    names = [f"2.{number}" for number in range(10_000)]
    pbx.name(0.0, *names)
    pbx.tick(1.0)
    assert pbx.channels == set(names)
    pbx.name(2.0, names[0])  # heard of again
    pbx.name(3.0, "one more")
    assert pbx.channels == {*names, "one more"} - {names[1]}


def test_a_bridge_is_kept_while_somebody_is_in_it(pbx: Pbx) -> None:
    pbx.call()
    pbx.call(0.0, "2.2")
    pbx.feed("Hangup", 1.0, "2.2", Cause="16")
    for uid, bridge in ((CLIENT, "talk"), ("2.2", "late"), ("unknown", "nameless")):
        frame: dict[str, Any] = {
            "Event": "BridgeEnter",
            "Uniqueid": uid,
            "BridgeUniqueid": bridge,
            "BridgeTechnology": "simple_bridge",
        }
        pbx.told += pbx.tracker.feed(frame, Timestamp(2.0))
    assert set(pbx.tracker._board.bridges) == {"talk"}
    pbx.feed("Hangup", 3.0, CLIENT, Cause="16")
    assert set(pbx.tracker._board.bridges) == set()
