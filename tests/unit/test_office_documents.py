"""An office's document says everything that is wrong with it, each with its field, in three languages."""

from __future__ import annotations

import importlib
import string
from dataclasses import fields
from typing import Any

import pytest

from integration.documents.office import (
    ClicksDocument,
    DialDocument,
    LineDocument,
    OfficeDocument,
    read_office,
)
from integration.documents.people import EmployeeDocument
from integration.documents.problems import MOST_PROBLEMS, InvalidDocument
from integration.domain.numbers.numbering import DialRules
from integration.domain.settings import ClickRules, LineSettings
from integration.errors import ConfigError
from integration.process.adapters import CRMS, PBXS
from integration.process.config import parse
from integration.process.connections import setup_of
from integration.texts import LANGUAGES
from integration.texts.settings import _TEXTS, KindProblem, Problem, setting_problem


def read(**own: Any) -> OfficeDocument:
    return read_office({"id": "acme", **own}, crm="amocrm", pbx="asterisk")


def refused(**own: Any) -> InvalidDocument:
    with pytest.raises(InvalidDocument) as caught:
        read(**own)
    return caught.value


LINE = "line.74950000001"
# document, field, and how its sentence begins in Russian, Ukrainian and English
BAD: list[tuple[dict[str, Any], str, str, str, str]] = [
    ({"id": "Acme Ltd"}, "id", "«Acme Ltd» не годится", "«Acme Ltd» не годиться", '"Acme Ltd" is not a valid id'),
    ({"id": ""}, "id", "«» не годится", "«» не годиться", '"" is not a valid id'),
    ({"id": "login"}, "id", "«login» — начало", "«login» — початок", '"login" begins one of Dozvon’s own addresses'),
    ({"id": None}, "id", "Напишите текст", "Напишіть текст", "Write a text"),
    (
        {"contry": "RU"},
        "contry",
        "Такой настройки нет. В",
        "Такого налаштування немає. М",
        'No such setting; probably "country"',
    ),
    (
        {"zzz": 1},
        "zzz",
        "Такой настройки нет; здесь есть: amocrm,",
        "Такого налаштування немає; тут є: amocrm,",
        "No such setting; known here: amocrm,",
    ),
    ({"crm_options": {}}, "crm_options", "Такой настройки нет", "Такого налаштування немає", "No such setting"),
    (
        {"country": "UK"},
        "country",
        "Плана нумерации «UK» нет. Напишите GB",
        "Плану нумерації «UK» немає. Напишіть GB",
        'There is no numbering plan "UK": write "GB"',
    ),
    (
        {"country": "Narnia"},
        "country",
        "Плана нумерации «NARNIA» нет",
        "Плану нумерації «NARNIA» немає",
        'There is no numbering plan "NARNIA": write two',
    ),
    (
        {"language": "de"},
        "language",
        "«de» не подходит. Напишите одно из: ru, uk, en",
        "«de» не підходить",
        '"de" is not one of ru, uk, en',
    ),
    (
        {"time_zone": "../etc/passwd"},
        "time_zone",
        "Часового пояса «../etc/passwd» нет",
        "Часового поясу «../etc/passwd» немає",
        '"../etc/passwd" is not a time zone',
    ),
    (
        {"time_zone": "x" * 5000},
        "time_zone",
        "Слишком длинно. Знаков: 5000",
        "Задовго. Знаків: 5000",
        "Too long: it has 5000 characters",
    ),
    (
        {"log_to": "company"},
        "log_to",
        "«company» не подходит",
        "«company» не підходить",
        '"company" is not one of person, deal',
    ),
    (
        {"card_fields": "deals"},
        "card_fields",
        'Напишите список в квадратных скобках: ["company"',
        "Напишіть список у квадратних",
        'Write a list in square brackets: ["company"',
    ),
    (
        {"card_fields": ["deals", "phone"]},
        "card_fields",
        "«phone» не подходит. Напишите одно из: company,",
        "«phone» не підходить",
        '"phone" is not one of company, responsible,',
    ),
    (
        {"card_fields": ["deals", "line", "deals"]},
        "card_fields",
        "«deals» стоит в списке дважды",
        "«deals» стоїть у списку двічі",
        '"deals" is in the list twice',
    ),
    ({"default_responsible": 1.5}, "default_responsible", "Напишите текст", "Напишіть текст", "Write a text in quotes"),
    (
        {"default_responsible": True},
        "default_responsible",
        "Напишите текст",
        "Напишіть текст",
        "Write a text in quotes",
    ),
    ({"crm": "amo crm"}, "crm", "«amo crm» не может быть", "«amo crm» не може бути", '"amo crm" cannot be'),
    ({"crm": "employee"}, "crm", "«employee» не может быть", "«employee» не може бути", '"employee" cannot be'),
    ({"crm": ["amocrm"]}, "crm", "Напишите текст", "Напишіть текст", "Write a text"),
    ({"amocrm": "token"}, "amocrm", "Здесь должна быть таблица", "Тут має бути таблиця", "Write a table"),
    (
        {"pbx_id": "Office PBX"},
        "pbx_id",
        "«Office PBX» не годится",
        "«Office PBX» не годиться",
        '"Office PBX" is not a valid id',
    ),
    ({"dial": "495"}, "dial", "Здесь должна быть таблица", "Тут має бути таблиця", "Write a table"),
    ({"dial": {"area_code": 495}}, "dial.area_code", "Напишите код города", "Напишіть код міста", "Write an area code"),
    (
        {"dial": {"local_length": 7}},
        "dial.area_code",
        "Напишите код города, который",
        "Напишіть код міста, який",
        "Write the area code that belongs before a number of 7 digits",
    ),
    (
        {"dial": {"click": "local"}},
        "dial.area_code",
        "Напишите код города: звонок",
        "Напишіть код міста: дзвінок",
        'Write the area code: a click ("local")',
    ),
    (
        {"dial": {"local_length": "7"}},
        "dial.local_length",
        "Напишите, сколько цифр",
        "Напишіть, скільки цифр",
        "Write how many digits",
    ),
    (
        {"dial": {"outside_prefix": "9w"}},
        "dial.outside_prefix",
        "Напишите цифры, * и #",
        "Напишіть цифри, * і #",
        'Write digits, * and # in quotes, for example "9"',
    ),
    (
        {"dial": {"carrier_prefix": "0" * 11}},
        "dial.carrier_prefix",
        "Напишите цифры, * и #",
        "Напишіть цифри, * і #",
        'Write digits, * and # in quotes, for example "0001#"',
    ),
    (
        {"dial": {"trunk_prefix": None}},
        "dial.trunk_prefix",
        "Напишите цифры в кавычках",
        "Напишіть цифри в лапках",
        "Write digits in quotes",
    ),
    (
        {"dial": {"international_prefix": 810}},
        "dial.international_prefix",
        "Напишите цифры в кавычках",
        "Напишіть цифри в лапках",
        "Write digits in quotes",
    ),
    (
        {"clicks": {"per_minute": 0}},
        "clicks.per_minute",
        "Напишите от 1 до 10000 звонков",
        "Напишіть від 1 до 10000 дзвінків",
        "Write 1 to 10000 calls a minute",
    ),
    (
        {"clicks": {"per_minute": True}},
        "clicks.per_minute",
        "Напишите целое число",
        "Напишіть ціле число",
        "Write a whole number",
    ),
    (
        {"clicks": {"premium": "yes"}},
        "clicks.premium",
        "Напишите true или false",
        "Напишіть true або false",
        "Write true or false",
    ),
    ({"line": []}, "line", "Здесь должна быть таблица", "Тут має бути таблиця", "Write a table"),
    ({"line": {"74950000001": "x"}}, LINE, "Здесь должна быть таблица", "Тут має бути таблиця", "Write a table"),
    (
        {"line": {"74950000001": {"ring_seconds": 9}}},
        f"{LINE}.ring_seconds",
        "Такой настройки нет",
        "Такого налаштування немає",
        "No such setting",
    ),
    (
        {"line": {"74950000001": {"card": {}}}},
        f"{LINE}.card",
        "«{…}» не подходит",
        "«{…}» не підходить",
        '"{…}" is not one of never, ringing, answer',
    ),
    (
        {"line": {"74950000001": {"responsible_seconds": 10.5}}},
        f"{LINE}.responsible_seconds",
        "Напишите целое число",
        "Напишіть ціле число",
        "Write a whole number",
    ),
    (
        {"line": {"74950000001": {"responsible_seconds": 121}}},
        f"{LINE}.responsible_seconds",
        "Напишите от 1 до 120 секунд",
        "Напишіть від 1 до 120 секунд",
        "Write 1 to 120 seconds",
    ),
    (
        {"line": {"74950000001": {"unknown_lookup_seconds": float("nan")}}},
        f"{LINE}.unknown_lookup_seconds",
        "Напишите от 0 до 1 секунды",
        "Напишіть від 0 до 1 секунди",
        "Write 0 to 1 second",
    ),
    (
        {"line": {"74950000001": {"unknown_lookup_seconds": "1"}}},
        f"{LINE}.unknown_lookup_seconds",
        "Напишите число",
        "Напишіть число",
        "Write a number",
    ),
    (
        {"line": {"74950000001": {"task_deadline_seconds": -1}}},
        f"{LINE}.task_deadline_seconds",
        "Напишите от 0 до 31622400 секунд",
        "Напишіть від 0 до 31622400 секунд",
        "Write 0 to 31622400 seconds",
    ),
    (
        {"line": {"74950000001": {"source": "a\nb"}}},
        f"{LINE}.source",
        "Напишите в одну строку",
        "Напишіть в один рядок",
        "Write it in one line",
    ),
    (
        {"line": {"74950000001": {"source": "я" * 201}}},
        f"{LINE}.source",
        "Слишком длинно. Знаков: 201",
        "Задовго. Знаків: 201",
        "Too long: it has 201 characters, the maximum is 200",
    ),
    (
        {"line": {"74950000001": {"after_no_answer": "group"}}},
        f"{LINE}.group",
        "Напишите внутренний номер группы",
        "Напишіть внутрішній номер групи",
        "Write the extension of the group",
    ),
    (
        {"line": {"default": {"after_no_answer": "group"}}},
        "line.default.group",
        "Напишите внутренний",
        "Напишіть внутрішній",
        "Write the extension",
    ),
    (
        {"line": {"reception": {}}},
        "line.reception",
        "«reception» — не номер",
        "«reception» — не номер",
        '"reception" is not a number',
    ),
    (
        {"line": {"+7 495 000-00-01": {}, "74950000001": {}}},
        LINE,
        "Это та же линия, что «+7 495 000-00-01»",
        "Це та сама лінія, що «+7 495 000-00-01»",
        'This is the same line as "+7 495 000-00-01"',
    ),
    (
        {"employee": {"101": {"type": "fax"}}},
        "employee.101.type",
        "«fax» не подходит",
        "«fax» не підходить",
        '"fax" is not one of sip, web',
    ),
    (
        {"employee": {"101": {"manager": ["1"]}}},
        "employee.101.manager",
        "Напишите текст",
        "Напишіть текст",
        "Write a text",
    ),
    ({"employee": {"101": []}}, "employee.101", "Здесь должна быть таблица", "Тут має бути таблиця", "Write a table"),
    (
        {"employee": {" ": "1"}},
        "employee. ",
        "Напишите внутренний номер: от 1 до 40",
        "Напишіть внутрішній номер: від 1 до 40",
        "Write an extension, 1 to 40",
    ),
    (
        {"employee": {"1" * 41: "1"}},
        f"employee.{'1' * 40}…",
        "Напишите внутренний номер",
        "Напишіть внутрішній номер",
        "Write an extension",
    ),
]


@pytest.mark.parametrize(("own", "key", "ru", "uk", "en"), BAD)
def test_a_wrong_field_is_named_in_every_language(own: dict[str, Any], key: str, ru: str, uk: str, en: str) -> None:
    error = refused(**own)
    for language, begins in zip(LANGUAGES, (ru, uk, en), strict=True):
        said = error.sentences(language)
        assert list(said) == [key]
        assert said[key].startswith(begins)
    assert f"{key}: " in str(error)


def test_an_office_needs_an_id() -> None:
    with pytest.raises(InvalidDocument) as caught:
        read_office({}, crm="amocrm", pbx="asterisk")
    assert str(caught.value) == "id: this setting is needed"


def test_all_that_is_wrong_is_said_at_once() -> None:
    error = refused(
        id="Acme",
        contry="RU",
        language="de",
        line={"default": {"card": "always", "process": 1}},
        employee={"101": {"type": "fax"}, "102": {"nickname": "Bo"}},
    )
    assert set(error.sentences("en")) == {
        "id", "contry", "language", "line.default.card", "line.default.process", "employee.101.type",
        "employee.102.nickname",
    }  # fmt: skip
    assert str(error).splitlines()[0] == "several settings are wrong:"
    assert isinstance(error, ConfigError)


def test_what_is_beyond_a_screen_is_not_told() -> None:
    error = refused(employee={str(number): {"type": "fax"} for number in range(1000)})
    assert len(error.problems) == MOST_PROBLEMS
    assert str(error).endswith("and more")


def test_a_field_that_two_checks_refuse_is_named_once() -> None:
    assert refused(crm="line", line=3).sentences("en")["line"] == "Write a table."


def test_a_number_does_for_an_id_and_an_empty_text_for_none() -> None:
    office = read(
        id=7,
        default_responsible=610077,
        line={"default": {"group": 600, "source": "site"}, "74950000001": {"source": ""}},
        employee={"101": 610077, "102": {"manager": "", "mobile": 79165550102, "absent": True}},
    ).settings()
    assert (office.account, office.default_responsible, office.default_line.group) == ("7", "610077", "600")
    assert (office.default_line.source, office.lines["74950000001"].source) == ("site", None)
    assert [(e.manager, e.mobile, e.is_absent) for e in office.employees] == [
        ("610077", None, False),
        (None, "79165550102", True),
    ]


def test_a_line_may_leave_the_group_that_it_would_inherit() -> None:
    lines = {"default": {"after_no_answer": "group", "group": "600"}, "74950000001": {"group": ""}}
    assert list(refused(line=lines).sentences("en")) == [f"{LINE}.group"]
    lines["74950000001"] = {"group": "", "after_no_answer": "route"}
    assert read(line=lines).settings().lines["74950000001"].group is None


def test_the_tables_of_adapters_are_opaque_and_their_secrets_do_not_show() -> None:
    office = read(amocrm={"client_secret": "s3cr3t", "any": [1, {"thing": None}]}, asterisk={"secret": "t0p"})
    assert office.crm_options == {"client_secret": "s3cr3t", "any": [1, {"thing": None}]}
    assert office.pbx_options == {"secret": "t0p"}
    assert "s3cr3t" not in repr(office)
    assert "t0p" not in repr(office)
    assert "s3cr3t" not in str(refused(amocrm={"client_secret": "s3cr3t"}, language="de"))


@pytest.mark.parametrize(
    ("document", "domain"),
    [(DialDocument, DialRules), (ClicksDocument, ClickRules), (LineDocument, LineSettings)],
)
def test_a_document_has_the_fields_of_the_domain_and_their_defaults(document: Any, domain: Any) -> None:
    assert set(document.model_fields) == {each.name for each in fields(domain)}
    assert {name: getattr(document(), name) for name in document.model_fields} == {
        name: getattr(domain(), name) for name in document.model_fields
    }
    assert EmployeeDocument().employee("101", None).extension == "101"


def test_every_problem_has_a_sentence_in_every_language_with_the_same_facts() -> None:
    assert set(_TEXTS) == set(Problem)
    for sentences in _TEXTS.values():
        needed = {frozenset(name for _, name, _, _ in string.Formatter().parse(each) if name) for each in sentences}
        assert len(needed) == 1
        assert all(each.endswith(".") for each in sentences)
    assert setting_problem(Problem.SECONDS, {"least": 1, "most": 5}, "en") == "Write 1 to 5 seconds."


@pytest.mark.parametrize("kind", [*(f"connectors.{name}" for name in CRMS), *(f"pbx_adapter.{name}" for name in PBXS)])
def test_so_has_every_problem_of_a_kind(kind: str) -> None:
    texts = vars(importlib.import_module(f"{kind}.setting_texts"))
    own = [value for value in texts.values() if isinstance(value, KindProblem)]
    assert len({each.code for each in own}) == len(own) > 0
    for each in own:
        said = each.ru, each.uk, each.en
        needed = {frozenset(name for _, name, _, _ in string.Formatter().parse(one) if name) for one in said}
        assert len(needed) == 1
        assert all(one.endswith(".") for one in said)
        assert len(set(said)) == 3 or each.code == "tls"


def test_the_adapters_say_everything_at_once_beside_what_is_wrong() -> None:
    """With the full name of each setting, over all accounts and PBXs."""
    asterisk = {"host": "h", "username": "u", "secret": "s"}
    documents = {
        "account": [
            {"id": "a", "amocrm": {"client_id": "1"}, "asterisk": {**asterisk, "port": 0, "hots": 1}},
            {"id": "b", "amocrm": {"client_secret": "s", "log_via": "x"}, "pbxs": ["branch"]},
        ],
        "pbx": [{"id": "branch", "office": "b", "asterisk": {}}],
    }
    with pytest.raises(InvalidDocument) as caught:
        setup_of(parse(documents))
    assert sorted(caught.value.sentences("uk")) == [
        "account.a.amocrm.client_secret", "account.a.asterisk.hots", "account.a.asterisk.port",
        "account.b.amocrm.client_id", "account.b.amocrm.log_via",
        "pbx.branch.asterisk.host", "pbx.branch.asterisk.secret", "pbx.branch.asterisk.username",
    ]  # fmt: skip


def test_a_kind_that_nobody_knows_is_named() -> None:
    account = {"id": "a", "crm": "fax", "fax": {}, "pbx": "telex", "telex": {}}
    with pytest.raises(InvalidDocument) as caught:
        setup_of(parse({"account": [account]}))
    assert sorted(caught.value.sentences("en")) == ["account.a.crm", "account.a.pbx"]
