"""Every sentence of a catalogue can be read in every language, is used, and says no more than its facts."""

from __future__ import annotations

import ast
import functools
import importlib
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.cli.doctor import language_of
from integration.domain.sentences import Words, say
from integration.ports import pbx_setup as port
from integration.ports.findings import FindingLevel, error, ok
from integration.texts import pbx_setup

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("integration", "connectors", "pbx_adapter")


def catalogues() -> list[str]:
    """Modules that hold words, found by what they assign: a new one is tested too."""
    found = []
    for folder in SOURCES:
        for file in sorted((ROOT / folder).rglob("*.py")):
            if re.search(r"^[A-Z_]+ = Words\(", file.read_text("utf-8"), re.MULTILINE):
                found.append(file.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."))
    return found


@functools.cache
def trees() -> dict[Path, ast.Module]:
    files = [file for folder in SOURCES for file in (ROOT / folder).rglob("*.py")]
    return {file: ast.parse(file.read_text("utf-8")) for file in files}


def words_of(module: str) -> dict[str, Words]:
    return {name: value for name, value in vars(importlib.import_module(module)).items() if isinstance(value, Words)}


ALL = [(module, name, words) for module in catalogues() for name, words in words_of(module).items()]
TABLES = (pbx_setup.TRUNK_SIGNS, pbx_setup.CONTEXT_PURPOSES, pbx_setup.RING_RESULTS)
ALL += [("texts.pbx_setup", key, words) for table in TABLES for key, words in table.items()]


def facts_of(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize(("module", "name", "words"), ALL, ids=[f"{module}.{name}" for module, name, _ in ALL])
def test_three_languages_with_the_same_facts(module: str, name: str, words: Words) -> None:
    texts = (words.ru, words.uk, words.en)
    assert all(text.strip() == text and text for text in texts)
    assert facts_of(words.ru) == facts_of(words.uk)
    assert facts_of(words.code) <= facts_of(words.en) == facts_of(words.ru)
    letters = re.sub(r"\{\w+\}", "", words.en)
    if re.search("[a-z]", letters) and letters not in _NAMES:
        assert re.search("[а-я]", words.ru.lower()), "not translated"
        assert re.search("[а-яіїєґ]", words.uk.lower()), "not translated"
    assert not re.search("[а-яё]", words.en.lower())
    assert not re.search("[ыэёъ]", words.uk.lower()), "Russian letters in Ukrainian"
    assert not re.search("[іїєґ]", words.ru.lower()), "Ukrainian letters in Russian"
    assert not any(re.search(r"[^\W\d_]['`ʼ][^\W\d_]", text) for text in (words.uk, words.en)), "the apostrophe is ’"
    assert not re.search(r"\bвыз(?:ов|ыв)", words.ru, re.IGNORECASE), "звонок"
    assert not re.search(r"\bвиклик", words.uk, re.IGNORECASE), "дзвінок"
    for text in (words.ru, words.uk):
        for person in _PERSONS.finditer(text):
            assert _STANDS_APART.search(text[: person.start()]), "a name in a sentence would need a case"


_NAMES = {"Redis"}
_PERSONS = re.compile(r"\{(manager|who|user|caller|called|account)\}")
_STANDS_APART = re.compile(r"(?:^|: |«|→ |\(|, )$")


@pytest.mark.parametrize("module", catalogues())
def test_codes_are_unique_and_every_sentence_is_used(module: str) -> None:
    words = words_of(module)
    codes = [each.code for each in words.values()]
    assert len(codes) == len(set(codes))
    own = ROOT / (module.replace(".", "/") + ".py")
    used = set()
    for file, tree in trees().items():
        for node in ast.walk(tree):
            if file == own and not isinstance(node, ast.Name):
                continue
            if isinstance(node, ast.Attribute):
                used.add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                used.add(node.id)
    assert set(words) - used == set()


BY_NAME: dict[str, list[set[str]]] = {}
for _module, _name, _words in ALL:
    BY_NAME.setdefault(_name, []).append(facts_of(_words.en) | facts_of(_words.code))


def said_in(call: ast.Call) -> Iterator[tuple[ast.Attribute, set[str]]]:
    """Sentences that this call makes of words, with the facts that it gives them."""
    said = [(call.func, {str(keyword.arg) for keyword in call.keywords})]
    if isinstance(call.func, ast.Name) and call.func.id in ("ok", "warning", "error"):
        said += [(argument, set()) for argument in call.args]
    for words, facts in said:
        if isinstance(words, ast.Attribute) and getattr(words.value, "id", "") in ("texts", "about", "doctor_texts"):
            yield words, facts


def test_every_sentence_is_said_with_its_facts() -> None:
    """By the source: `texts.NAME(fact=…)` has that sentence's facts; a bare `texts.NAME` in a finding has none."""
    said = [
        (f"{file.name}:{words.lineno} {words.attr}", facts, BY_NAME.get(words.attr, [facts]))
        for file, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for words, facts in said_in(node)
    ]
    assert len(said) > 100
    assert [where for where, facts, known in said if facts not in known] == []


def test_every_word_of_the_port_has_its_text() -> None:
    assert set(pbx_setup.TRUNK_SIGNS) == {sign.value for sign in port.TrunkSign}
    assert set(pbx_setup.CONTEXT_PURPOSES) == {purpose.value for purpose in port.ContextPurpose}
    assert set(pbx_setup.RING_RESULTS) == {result.value for result in port.RingResult}


def test_a_hostile_fact_is_no_pattern() -> None:
    greeting = Words("hello {who}", "Привет, {who}.", "Вітаю, {who}.", "Hello, {who}.")
    sentence = greeting(who="{who.__class__} <b>")
    assert sentence.say("en") == "Hello, {who.__class__} <b>."
    assert sentence.named == "hello {who.__class__} <b>"
    assert sentence.say("de") == sentence.say("en")


def test_a_sentence_within_a_sentence_is_said_in_its_language() -> None:
    inner = Words("tea", "чай", "чай-uk", "tea")
    outer = Words("drink", "Пейте {what}.", "Пийте {what}.", "Drink {what}.")
    assert [outer(what=inner).say(language) for language in ("ru", "uk", "en")] == [
        "Пейте чай.",
        "Пийте чай-uk.",
        "Drink tea.",
    ]
    assert (say("plain", "uk"), say(inner, "uk")) == ("plain", "чай-uk")


def test_a_finding_keeps_its_name_in_every_language() -> None:
    about = Words("clock", "Часы", "Годинник", "Clock")
    says = Words("late", "Отстают на {seconds} с.", "Відстає на {seconds} с.", "{seconds} s late")
    finding = error(about, says(seconds=3), Words("ntp", "Возьмите NTP.", "Візьміть NTP.", "use NTP"))
    assert (finding.check, finding.message, finding.remedy) == ("clock", "3 s late", "use NTP")
    document = finding.as_document("ru")
    assert document == {
        "check": "clock",
        "title": "Часы",
        "level": "error",
        "code": "late",
        "facts": {"seconds": 3},
        "message": "Отстают на 3 с.",
        "remedy": "Возьмите NTP.",
    }
    assert ok(about, says(seconds=0)).level is FindingLevel.OK
    assert ok(about, says(seconds=0)).remedy == ""


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": "uk_UA.UTF-8"}, "uk"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "C"}, "en"),
        ({"LC_ALL": "", "LANG": "uk_UA"}, "uk"),
        ({}, "en"),
    ],
)
def test_the_command_speaks_the_terminals_language(environment: dict[str, str], language: str) -> None:
    assert language_of(environment) == language
