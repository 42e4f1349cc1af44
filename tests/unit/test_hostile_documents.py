"""Whatever comes as a document gets a short, clear error at once, and never a traceback."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.documents.bounds import MOST_CHARACTERS, MOST_DEEP, MOST_ENTRIES, MOST_VALUES
from integration.documents.office import read_office
from integration.documents.problems import MOST_PROBLEMS, InvalidDocument
from integration.errors import ConfigError
from integration.process.config import load, parse
from integration.texts import LANGUAGES
from integration.texts.settings import Problem

ENOUGH_SECONDS = 5.0  # of processor time, on a slow machine; all of these need a fraction of a second
LONGEST_MESSAGE = 20_000


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(depth):
        inner = {"a": inner}
    return inner


HOSTILE: list[tuple[Callable[[], dict[str, Any]], str, Problem]] = [
    (lambda: {"asterisk": nested(100_000)}, "asterisk" + ".a" * (MOST_DEEP - 1), Problem.TOO_DEEP),
    (lambda: {"line": nested(50)}, "line" + ".a" * (MOST_DEEP - 1), Problem.TOO_DEEP),
    (lambda: {"employee": {str(n): {"type": []} for n in range(100_000)}}, "employee", Problem.TOO_MANY),
    (lambda: {"line": {str(n): {} for n in range(MOST_ENTRIES + 1)}}, "line", Problem.TOO_MANY),
    (lambda: {"amocrm": {"list": [0] * 1_000_000}}, "amocrm.list", Problem.TOO_MANY),
    (lambda: {str(n): 1 for n in range(100_000)}, "", Problem.TOO_MANY),
    (lambda: {"asterisk": {str(n): [0] * 5000 for n in range(5000)}}, "", Problem.TOO_LARGE),
    (lambda: {"language": "x" * 100_000_000}, "language", Problem.TOO_LONG),
    (lambda: {"asterisk": {"secret": "x" * (MOST_CHARACTERS + 1)}}, "asterisk.secret", Problem.TOO_LONG),
    (lambda: {"x" * 1_000_000: 1}, "x" * 40 + "…", Problem.TOO_LONG),
    (lambda: {"country": "R\0"}, "country", Problem.UNREADABLE),
    (lambda: {"employee": {"101": {"name": "\udc00"}}}, "employee.101.name", Problem.UNREADABLE),
    (lambda: {"employee": {"\ud800": "1"}}, "employee.\ufffd", Problem.UNREADABLE),
    (lambda: {"amocrm": {"token": "a\0b"}}, "amocrm.token", Problem.UNREADABLE),
    (lambda: {"amocrm": {"\0": 1}}, "amocrm.\ufffd", Problem.UNREADABLE),
    (lambda: {"clicks": {"per_minute": 10**5000}}, "clicks.per_minute", Problem.HUGE_NUMBER),
    (lambda: {"asterisk": {1: 2}}, "asterisk", Problem.UNFIT),
]


@pytest.mark.parametrize(("own", "key", "problem"), HOSTILE)
def test_a_hostile_document_is_refused_at_once(own: Callable[[], dict[str, Any]], key: str, problem: Problem) -> None:
    document = {"id": "acme", **own()}  # made here: pytest could not print some of them
    began = time.process_time()
    with pytest.raises(InvalidDocument) as caught:
        read_office(document, crm="amocrm", pbx="asterisk")
    assert time.process_time() - began < ENOUGH_SECONDS
    assert [(each.key, each.problem) for each in caught.value.problems] == [(key, problem)]
    assert len(str(caught.value)) < 500
    str(caught.value).encode()


def test_as_much_as_may_stand_in_a_document_and_all_of_it_wrong() -> None:
    each = {f"{'strange' * 5}{n}": 1 for n in range(15)}
    people = {str(n): each for n in range(MOST_VALUES // 17)}
    began = time.process_time()
    with pytest.raises(InvalidDocument) as caught:
        read_office({"id": "acme", "employee": people}, crm="amocrm", pbx="asterisk")
    assert time.process_time() - began < ENOUGH_SECONDS
    assert len(caught.value.problems) == MOST_PROBLEMS
    assert len(str(caught.value)) < LONGEST_MESSAGE


@pytest.mark.parametrize("raw", [None, [], "acme", 7, True, [{"id": "acme"}]])
def test_a_document_is_a_table(raw: Any) -> None:
    with pytest.raises(InvalidDocument, match="Write a table"):
        read_office(raw, crm="amocrm", pbx="asterisk")


OWN = ["id", "country", "language", "time_zone", "log_to", "default_responsible", "crm", "pbx", "pbx_id", "crm_options"]
TABLES = ["amocrm", "asterisk", "dial", "area_code", "click", "local", "clicks", "line", "default", "card", "group"]
PEOPLE = ["after_no_answer", "employee", "101", "manager", "type"]
KEYS = st.sampled_from([*OWN, *TABLES, *PEOPLE]) | st.text(max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | KEYS | st.text(max_size=5) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=8))
def test_any_document_is_read_or_refused_in_sentences(raw: dict[str, Any]) -> None:
    try:
        document = read_office({"id": "acme", **raw}, crm="amocrm", pbx="asterisk")
    except InvalidDocument as exc:
        error = exc
    else:
        assert read_office(document.plain(), crm="amocrm", pbx="asterisk") == document
        return
    assert error.problems
    assert all(each.problem is not Problem.UNFIT for each in error.problems)
    for language in LANGUAGES:
        assert all(said.endswith(".") for said in error.sentences(language).values())


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 100_000, "a = " + "9" * 5000, "[" + "a." * 1000 + "b]", "account = 1", "[[account]]\nid = 1e400"],
    ids=["deep lists", "a long number", "deep tables", "no list", "infinity"],
)
def test_a_hostile_file_is_a_configuration_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "dozvon.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    assert str(file) in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_what_is_wrong_in_several_accounts_is_said_with_the_names_of_the_accounts() -> None:
    accounts = [
        {"id": "north", "line": {"74950000001": {"card": "x"}}},
        {"id": "No. 2", "language": "de"},
        {"id": "south", "pbx_id": "shared"},
        {"id": "east", "pbx_id": "shared"},
    ]
    with pytest.raises(ConfigError) as caught:
        parse({"account": accounts})
    said = str(caught.value)
    assert "account.north.line.74950000001.card: " in said
    assert "account[1].id: " in said
    assert "account[1].language: " in said
    assert 'account.pbx_id: "shared" is used twice' in said


def test_accounts_that_share_an_id_are_told_apart_by_their_place() -> None:
    accounts = [{"id": "acme", "language": "de"}, {"id": "acme", "language": "fr"}, {"id": "acme"}]
    with pytest.raises(ConfigError) as caught:
        parse({"account": accounts})
    assert [line.split(":")[0].strip() for line in str(caught.value).splitlines()[1:]] == [
        "account[0].language",
        "account[1].language",
    ]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"server": {"data_dir": "a\0b"}}, "server.data_dir: one of its characters cannot be stored"),
        ({"server": {"public_url": "http://" + "x" * 100_000}}, "server.public_url: too long"),
        ({"backup": {"keep": 10**5000}}, "backup.keep: the number is too large"),
        ({str(number): 1 for number in range(100_000)}, "Too many"),
        ({"server": {"lisen": "x", "public_uri": "y"}}, 'server.public_uri: no such setting; probably "public_url"'),
    ],
    ids=["NUL", "long", "huge", "many", "misspelt"],
)
def test_the_process_own_tables_are_measured_too(document: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(document)
    assert says in str(caught.value)


def test_that_more_is_wrong_is_said_of_a_whole_file_too() -> None:
    people = {str(number): {"type": "fax"} for number in range(MOST_PROBLEMS + 1)}
    with pytest.raises(ConfigError) as caught:
        parse({"account": [{"id": "acme", "employee": people}]})
    assert str(caught.value).endswith("and more")
    assert str(caught.value).count("account.acme.employee.") == MOST_PROBLEMS
