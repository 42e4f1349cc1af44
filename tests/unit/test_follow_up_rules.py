"""What follows from a step of a call, rule by rule: who gets a popup, what is asked first, when there is a task."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.domain.calls.call import Call, Direction, Disposition, LegKind, LegResult
from integration.domain.calls.follow_up import follow_up, ringing_extensions
from integration.domain.calls.tracking import Change
from integration.domain.settings import CardMoment, LineSettings
from tests.unit.test_follow_up import ANSWERED, ENDED, MISSED, NOW, RANG, RINGING, SETTINGS, kinds, leg, line

AT_ANSWER = line(LineSettings(card=CardMoment.ANSWER))
TALKING = replace(RINGING, answered_at=NOW, answered_by="102")


def test_phones_that_ring_within_a_quarter_second_are_one_popup() -> None:
    assert {intent.not_before for intent in follow_up(RINGING, RANG, SETTINGS, NOW)} == {NOW + 0.25}


@pytest.mark.parametrize(
    ("call", "changes", "settings", "why"),
    [
        (TALKING, RANG, SETTINGS, "somebody talks already, another phone that rings is no incoming call"),
        (TALKING, frozenset({Change.ANSWERED}), SETTINGS, "the card came with the ringing"),
        (replace(TALKING, answered_by=None), frozenset({Change.ANSWERED}), AT_ANSWER, "nobody is known who answered"),
        (TALKING, frozenset({Change.HANDED_OVER}), AT_ANSWER, "the card comes at the first answer"),
        (replace(RINGING, caller="0911"), RANG, SETTINGS, "a short number is nobody who could be shown"),
    ],
)
def test_no_popup(call: Call, changes: frozenset[Change], settings: object, why: str) -> None:
    assert kinds(call, changes, settings) == [], why  # type: ignore[arg-type]


def test_a_call_of_a_short_number_is_logged() -> None:
    assert kinds(replace(MISSED, caller="0911"), ENDED, line(LineSettings(missed_task=False))) == ["log_call"]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (ANSWERED, ["fetch_recording", "log_call"]),
        (replace(ANSWERED, recordings=()), ["log_call"]),
        # a recording made before any answer is of an announcement
        (replace(MISSED, recordings=("a.wav",)), ["log_call", "create_task"]),
        # the end was not seen: the PBX's records may have a talk and its recording
        (replace(MISSED, end_inferred=True), ["fetch_recording", "log_call", "create_task"]),
        (replace(ANSWERED, recordings=(), end_inferred=True), ["fetch_recording", "log_call"]),
    ],
    ids=["answered", "not recorded", "missed", "its end was not seen", "answered, its end was not seen"],
)
def test_a_recording_is_looked_for_where_there_may_be_one(call: Call, expected: list[str]) -> None:
    assert kinds(call, ENDED) == expected


@pytest.mark.parametrize(("end_inferred", "not_before"), [(True, NOW + 8.0), (False, None)])
def test_the_pbxs_own_records_are_waited_for_only_where_the_end_was_not_seen(
    end_inferred: bool, not_before: float | None
) -> None:
    first, log, *_ = follow_up(replace(ANSWERED, end_inferred=end_inferred), ENDED, SETTINGS, NOW)
    assert (first.not_before, log.not_before) == (not_before, None)


@pytest.mark.parametrize(
    ("call", "has_task"),
    [
        (MISSED, True),
        (replace(MISSED, direction=Direction.OUTBOUND, caller="101", called="79161234567"), False),
        (replace(MISSED, disposition=Disposition.NOANSWER), False),
        (ANSWERED, False),
    ],
)
def test_only_a_missed_call_of_a_client_asks_to_be_called_back(call: Call, has_task: bool) -> None:
    assert ("create_task" in kinds(call, ENDED)) is has_task


def test_a_call_that_was_corrected_is_followed_like_one_that_ended() -> None:
    assert kinds(MISSED, frozenset({Change.CORRECTED})) == kinds(MISSED, ENDED)


def test_a_phone_rings_while_it_has_no_result_and_is_the_offices() -> None:
    legs = (
        leg("101"),
        replace(leg("102"), result=LegResult.BUSY),
        replace(leg("79031112233"), kind=LegKind.EXTERNAL),
        leg("103"),
        leg("101"),
    )
    assert ringing_extensions(replace(RINGING, legs=legs)) == ("101", "103")
