"""Every reason can be read in every language."""

from __future__ import annotations

import string

import pytest

from integration.domain.reasons import Reason, ReasonCode, because
from integration.texts import LANGUAGES
from integration.texts.reasons import TEXTS, sentence


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


def test_stored_reasons_of_other_versions_can_be_read() -> None:
    """An unknown code reads as itself, a missing value as a dash, an unknown language as English."""
    assert sentence(Reason(code="of_tomorrow", detail={})) == "of_tomorrow"
    assert sentence(Reason(code="called_by", detail={}), "de") == "— called."
