"""Every rule that can hold a call can be read in every language."""

from __future__ import annotations

import string

import pytest

from integration.domain.campaigns.holds import Hold, held
from integration.domain.campaigns.model import Outcome
from integration.domain.reasons import Reason
from integration.texts import LANGUAGES
from integration.texts.dialling import HOLDS, OUTCOMES, hold_sentence, outcome_text
from tests.unit.campaign_scene import MOSCOW, NOON, at


@pytest.mark.parametrize("code", list(Hold))
def test_each_hold_has_three_sentences_with_the_same_values(code: Hold) -> None:
    texts = HOLDS[code]
    values = [{name for _, name, _, _ in string.Formatter().parse(text) if name is not None} for text in texts]
    assert values[0] == values[1] == values[2]
    assert all(text.endswith(".") for text in texts)
    assert len(set(texts)) == len(LANGUAGES)


def test_there_is_no_sentence_without_a_hold_and_no_outcome_without_a_word() -> None:
    assert set(HOLDS) == {code.value for code in Hold}
    assert set(OUTCOMES) == {outcome.value for outcome in Outcome}
    assert outcome_text(Outcome.BUSY, "uk") == "зайнято"
    assert outcome_text(Outcome.BUSY, "de") == "busy"


def test_a_moment_is_in_the_office_s_time_and_of_another_day_with_its_date() -> None:
    today = held(Hold.WINDOW_CLOSED, until=at("2026-11-30T15:00"))
    assert hold_sentence(today, "en", zone=MOSCOW, now=NOON).endswith("begins at 15:00.")
    assert hold_sentence(today, "en", zone=MOSCOW).endswith("begins at 30.11 15:00.")
    redial = held(Hold.REDIAL, until=at("2026-12-01T09:00"), outcome=Outcome.NO_ANSWER)
    assert hold_sentence(redial, "ru", zone=MOSCOW, now=NOON) == (
        "Повтор в 01.12 09:00. Итог прошлой попытки: нет ответа."
    )


@pytest.mark.parametrize("until", ["", "soon", "nan", "1e300"])
def test_a_stored_hold_of_another_version_can_be_read(until: str) -> None:
    assert hold_sentence(Reason(code="of_tomorrow", detail={})) == "of_tomorrow"
    assert hold_sentence(Reason(code="gap", detail={"until": until}), "en", zone="../etc") == (
        "The gap between two attempts lasts until —."
    )
