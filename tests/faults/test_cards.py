"""A slow card can be explained: by the change at whose beginning, or the kill after which, its phone rang."""

from __future__ import annotations

from tests.faults.cards import Card, Phase, UnderWay


def test_the_slowest_cards_say_what_was_under_way() -> None:
    line = UnderWay(change="line", began=100.0)
    killed = UnderWay(change="people", began=200.0, killed="maker", killed_at=201.0)
    phase = Phase("changing", [Card(5.0, 99.0, None) for _ in range(5)])
    phase.cards += [Card(80.04, 104.5, line), Card(300.0, 203.25, killed)]

    first, second, *others = phase.slowest()

    assert first == {
        "milliseconds": 300.0, "change": "people", "seconds_since_its_beginning": 3.25, "killed": "maker",
        "seconds_since_the_kill": 2.25,
    }  # fmt: skip
    assert second == {
        "milliseconds": 80.0, "change": "line", "seconds_since_its_beginning": 4.5, "killed": None,
        "seconds_since_the_kill": None,
    }  # fmt: skip
    assert [each["change"] for each in others] == [None, None, None]


def test_a_card_before_the_kill_of_its_change_says_so() -> None:
    waits = UnderWay(change="people", began=200.0, killed="taker")
    said = Card(10.0, 200.5, waits).as_json()
    assert (said["killed"], said["seconds_since_the_kill"]) == ("taker", None)
