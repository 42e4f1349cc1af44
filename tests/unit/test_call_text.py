"""A call in one line: from which second on a wait is told, and how many phones are named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.domain.calls.call import Disposition
from integration.domain.ids import Timestamp
from integration.texts.calls import describe, duration
from tests.unit.test_attribution import SETTINGS, answered, call, leg

BEGAN = Timestamp(1000.0)


@pytest.mark.parametrize(
    ("waited", "said"),
    [(0.0, ""), (0.99, ""), (1.0, ", 1 s wait"), (1.4, ", 1 s wait"), (61.0, ", 1 min 1 s wait")],
)
def test_a_wait_is_told_from_one_second_on(waited: float, said: str) -> None:
    missed = call(started_at=BEGAN, ended_at=Timestamp(BEGAN + waited))
    assert describe(missed, SETTINGS, "en") == f"Line 74950000001, missed{said}"
    talked = answered("101", started_at=BEGAN, answered_at=Timestamp(BEGAN + waited), ended_at=Timestamp(BEGAN + 99.0))
    assert describe(talked, SETTINGS, "en") == f"Line 74950000001{said}, answered by 101"


@pytest.mark.parametrize(
    ("held", "said"), [(0.0, ""), (0.99, ""), (1.0, ", 1 s on hold"), (60.0, ", 1 min 0 s on hold")]
)
def test_a_hold_is_told_from_one_second_on(held: float, said: str) -> None:
    talked = answered("101", answered_at=Timestamp(0.0), held_seconds=held)
    assert describe(talked, SETTINGS, "en") == f"Line 74950000001, answered by 101{said}"


@pytest.mark.parametrize(
    ("phones", "said"),
    [
        (1, "101"),
        (6, "101, 102, 103, 104, 105, 106"),
        (7, "101, 102, 103, 104, 105, 106 …"),
        (30, "101, 102, 103, 104, 105, 106 …"),
    ],
)
def test_of_many_phones_that_rang_six_are_named(phones: int, said: str) -> None:
    legs = tuple(leg(str(101 + n)) for n in range(phones))
    missed = call(ended_at=Timestamp(0.0), legs=legs + legs)
    assert describe(missed, SETTINGS, "en") == f"Line 74950000001, missed, rang at {said}"


def test_a_call_that_was_read_from_the_records_says_so() -> None:
    assert describe(call(ended_at=Timestamp(0.0), recovered=True), SETTINGS, "en").endswith("the PBX’s records")


def test_a_live_call_has_no_result_yet() -> None:
    live = replace(call(), ended_at=None, disposition=None)
    assert describe(live, SETTINGS, "en") == "Line 74950000001"
    assert describe(replace(live, disposition=Disposition.MISSED), SETTINGS, "en") == "Line 74950000001, missed"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (60, "1 min 0 s"), (3725, "62 min 5 s")],
)
def test_a_duration_in_words(seconds: float, said: str) -> None:
    assert duration(seconds, "en") == said
