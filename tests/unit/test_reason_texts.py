"""Every reason can be read in every language."""

from __future__ import annotations

import string

import pytest

from integration.domain.reasons import Reason, ReasonCode, because
from integration.texts import LANGUAGES
from integration.texts.reasons import TEXTS, sentence

MSK = "Europe/Moscow"


@pytest.mark.parametrize("code", list(ReasonCode))
def test_each_code_has_three_sentences_with_the_same_values(code: ReasonCode) -> None:
    texts = TEXTS[code]
    values = [{name for _, name, _, _ in string.Formatter().parse(text) if name is not None} for text in texts]
    assert len(texts) == len(LANGUAGES)
    assert values[0] == values[1] == values[2]
    assert all(text.endswith(".") for text in texts)
    assert len(set(texts)) == len(LANGUAGES)


def test_there_is_no_sentence_without_a_code() -> None:
    assert set(TEXTS) == {code.value for code in ReasonCode}


def test_a_sentence_names_the_manager_and_says_the_kind() -> None:
    reason = because(ReasonCode.PERSON_FOUND, kind="company", id="5", name="{ООО}")
    assert sentence(reason) == "Номер принадлежит: {ООО} (компания 5)."
    reason = because(ReasonCode.RING_RESPONSIBLE, manager="7", extension="101", seconds=10)
    assert sentence(reason, "en", names={"7": "Olga"}) == "Ring Olga at 101 for 10 s."
    assert sentence(reason, "uk") == "Дзвінок на 101 (7), 10 с."


def test_an_absence_with_an_end_says_it_in_the_office_s_time() -> None:
    today = because(ReasonCode.MANAGER_ABSENT, manager="7", extension="101", until=1764428400, now=1764421200, zone=MSK)
    assert sentence(today, names={"7": "Анна Ким"}) == "Отмечен отсутствующим: Анна Ким (101), до 18:00."
    assert sentence(today, "en", names={"7": "Anna"}) == "Marked as away: Anna (101), until 18:00."
    later = because(ReasonCode.MANAGER_ABSENT, manager="7", extension="101", until=1764600000, now=1764421200, zone=MSK)
    assert sentence(later) == "Отмечен отсутствующим: 7 (101), до 01.12 17:40."
    without = because(ReasonCode.MANAGER_ABSENT, manager="7", extension="101")
    assert sentence(without, "uk") == "Позначено як відсутнього: 7 (101)."
    broken = because(ReasonCode.MANAGER_ABSENT, manager="7", extension="101", until="9" * 30, now="x", zone="../etc")
    assert sentence(broken, "en") == "Marked as away: 7 (101)."


def test_stored_reasons_of_other_versions_can_be_read() -> None:
    """An unknown code reads as itself, a missing value as a dash, an unknown language as English."""
    assert sentence(Reason(code="of_tomorrow", detail={})) == "of_tomorrow"
    assert sentence(Reason(code="called_by", detail={}), "de") == "— called."
