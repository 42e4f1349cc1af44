"""Rules for every text that people read: one word for one thing, names without cases, the right apostrophe."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import integration.texts
from integration.domain.sentences import Words
from integration.texts import LANGUAGES
from integration.texts.pages import texts
from integration.texts.settings import KindProblem

ROOT = Path(__file__).parents[2]
CARD = "".join(
    (ROOT / f"widgets/shared/{place}{language}.ts").read_text()
    for place in ("words/", "words/settings_", "frame/words/")
    for language in LANGUAGES
)
_NAME = re.compile(r"\{(manager|who|user|caller|called|from_)\}")  # of a person
_STANDS_APART = re.compile(r"(?:^|: |«|→ |\(|, )$")


def _triples(value: Any) -> Iterator[tuple[str, str, str]]:
    """The texts in a constant: triples, or tables of languages, at any depth."""
    if isinstance(value, tuple) and len(value) == len(LANGUAGES) and all(isinstance(each, str) for each in value):
        yield value
    elif isinstance(value, dict) and set(value) == set(LANGUAGES):
        yield value["ru"], value["uk"], value["en"]
    elif isinstance(value, dict):
        for each in value.values():
            yield from _triples(each)
    elif isinstance(value, KindProblem | Words):
        yield value.ru, value.uk, value.en


def _catalogues() -> dict[str, list[tuple[str, str, str]]]:
    names = [f"integration.texts.{each.name}" for each in pkgutil.iter_modules(integration.texts.__path__)]
    kinds = ("connectors.amocrm", "connectors.bitrix24", "pbx_adapter.asterisk")
    names += [f"{kind}.setting_texts" for kind in kinds]
    found = {}
    for name in names:
        constants = vars(importlib.import_module(name)).items()
        tables = [value for key, value in constants if key.strip("_").isupper() and key != "LANGUAGES"]
        found[name] = [triple for table in tables for triple in _triples(table)]
    return found


CATALOGUES = _catalogues()
ALL = [triple for triples in CATALOGUES.values() for triple in triples]

FOR_TERMINALS = ("findings", "pbx_setup", "setting_texts")  # what commands print, too: plain ASCII in English


def test_every_catalogue_is_read() -> None:
    assert {name: len(triples) for name, triples in CATALOGUES.items() if not triples} == {}
    assert len(ALL) > 500


def test_no_language_lacks_a_text() -> None:
    assert [triple for triple in ALL if not all(text.strip() for text in triple)] == []


def test_every_language_has_the_same_values() -> None:
    different = [triple for triple in ALL if len({tuple(sorted(set(re.findall(r"\{\w*\}", t)))) for t in triple}) > 1]
    assert different == []


def test_a_call_is_one_word() -> None:
    """звонок, not вызов; дзвінок, not виклик."""
    assert [ru for ru, _, _ in ALL if re.search(r"\bвыз(?:ов|ыв)", ru, re.I)] == []
    assert [uk for _, uk, _ in ALL if re.search(r"\bвиклик", uk, re.I)] == []
    assert re.findall(r".*\b(?:вызов|вызыв|виклик).*", CARD, re.I) == []


def test_the_apostrophe_is_the_right_one() -> None:
    wrong = re.compile(r"[^\W\d_]['`ʼ][^\W\d_]")
    assert [uk for _, uk, _ in ALL if wrong.search(uk)] == []
    on_pages = (triples for name, triples in CATALOGUES.items() if not name.endswith(FOR_TERMINALS))
    assert [en for triples in on_pages for _, _, en in triples if wrong.search(en)] == []
    assert re.findall(r".*[а-яіїєґ]['`ʼ][а-яіїєґ].*", CARD, re.I) == []


def test_a_name_stands_where_no_case_can_be_wrong() -> None:
    """After a colon, an arrow, in quotes or brackets, or first: `Ответственный: Анна Орлова`."""
    wrong = [
        text
        for ru, uk, _ in ALL
        for text in (ru, uk)
        for found in _NAME.finditer(text)
        if not _STANDS_APART.search(text[: found.start()])
    ]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_key_hides_behind_a_method(language: str) -> None:
    """Templates write `t.key`: a key named like a method of the mapping would show the method."""
    assert [key for key in texts(language) if hasattr({}, key)] == []
