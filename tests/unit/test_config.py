"""The configuration says which key is wrong and what to write there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from integration.domain.numbers.numbering import DEFAULT_NUMBERING, DialForm, DialRules, Numbering
from integration.domain.settings import AfterNoAnswer, CardMoment
from integration.errors import ConfigError
from integration.process.config import load, parse


def account(**own: Any) -> dict[str, Any]:
    return {"account": [{"id": "acme", "amocrm": {}, "asterisk": {}, **own}]}


def test_a_line_inherits_what_it_does_not_say_itself() -> None:
    config = parse(
        account(
            line={
                "default": {"responsible_seconds": 15, "card": "answer"},
                "+7 495 000-00-01": {"to_responsible": False},
            }
        )
    )
    [acme] = config.accounts
    settings = acme.settings
    line = settings.lines["74950000001"]
    assert (line.responsible_seconds, line.card, line.to_responsible) == (15, CardMoment.ANSWER, False)
    assert settings.default_line.to_responsible is True


def test_an_employee_is_a_manager_id_or_a_table() -> None:
    [acme] = parse(account(employee={"101": 610077, "102": {"name": "Boris", "type": "web"}})).accounts
    assert [(e.extension, e.manager, e.name, e.phone_type) for e in acme.settings.employees] == [
        ("101", "610077", "", "sip"),
        ("102", None, "Boris", "web"),
    ]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"sever": {}}, "sever: no such setting"),
        ({"server": {"listen": "8080"}}, "server.listen"),
        ({"server": {"public_url": "calls.example.com"}}, "server.public_url"),
        ({"server": {"log_level": "loud"}}, "server.log_level"),
        ({"server": {"trusted_proxies": ["proxy"]}}, "server.trusted_proxies"),
        ({"server": {"trusted_proxies": 1}}, "server.trusted_proxies"),
        ({"server": {"admin_password": "$argon2id$nonsense"}}, "dozvon password"),
        ({"server": {"public_url": "https://calls.example.com", "admin_password": "short"}}, "5 characters"),
        ({"server": {"listen": "0.0.0.0:8080", "admin_password": "eleven char"}}, "12"),
        ({"server": []}, "server: write a table"),
        ({"account": {"id": "acme"}}, "two brackets"),
        ({"account": [{"id": "Acme Ltd"}]}, "account[0].id"),
        (account(country="Narnia"), 'country: there is no numbering plan "NARNIA": write two letters'),
        (account(country="UK"), 'country: there is no numbering plan "UK": write "GB"'),
        (account(clicks={"per_minute": 0}), "account.acme.clicks.per_minute: write 1 to 10000 calls a minute"),
        (account(clicks={"premium": "yes"}), "clicks.premium: write true or false"),
        (account(clicks={"free": True}), "clicks"),
        (account(time_zone="Moscow"), 'time_zone: "Moscow" is not a time zone'),
        (account(time_zone="../etc/passwd"), "is not a time zone"),
        (account(dial={"area_code": 495}), "account.acme.dial.area_code: write an area code"),
        (account(dial={"area_code": "+7495"}), "dial.area_code: write an area code without the trunk prefix"),
        (account(dial={"local_length": 7}), "dial.area_code: write the area code that belongs before"),
        (account(dial={"area_code": "495", "local_length": 70}), "dial.local_length: write how many digits"),
        (account(dial={"outside_prefix": "9w"}), "dial.outside_prefix: write digits, * and #"),
        (account(dial={"trunk_prefix": "8 "}), "dial.trunk_prefix: write digits"),
        (account(dial={"click": "loud"}), 'dial.click: "loud" is not one of e164, national, local'),
        (account(dial={"click": "local"}), 'dial.area_code: write the area code: a click ("local")'),
        (account(dial={"prefix": "9"}), "dial.prefix: no such setting"),
        (account(dial="495"), "account.acme.dial: write a table"),
        (account(country="XX"), "country: there is no numbering plan"),
        (account(line={"default": {"card": "always"}}), "never, ringing, answer"),
        (account(line={"default": {"responsible_seconds": 0}}), "1 to 120 seconds"),
        (account(line={"default": {"responsible_seconds": "ten"}}), "responsible_seconds: write a whole number"),
        (account(line={"default": {"process": 1}}), "process: write true or false"),
        (account(line={"default": {"unknown_lookup_seconds": 60}}), "0 to 1 second"),
        (account(line={"default": {"after_no_answer": "group"}}), "line.default.group"),
        (account(line={"74950000001": {"colour": "red"}}), "account.acme.line.74950000001.colour: no such setting"),
        (account(employee={"101": {"type": "fax"}}), "not one of sip, web"),
        ({"account": [{"id": "acme"}, {"id": "acme"}]}, '"acme" is used twice'),
    ],
)
def test_a_wrong_key_is_named(document: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(document)
    assert says in str(caught.value)


def test_a_group_takes_the_call_when_it_is_named() -> None:
    [acme] = parse(account(line={"default": {"after_no_answer": "group", "group": 600}})).accounts
    line = acme.settings.default_line
    assert (line.after_no_answer, line.group) == (AfterNoAnswer.GROUP, "600")


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    file = tmp_path / "dozvon.toml"
    file.write_text('[server]\nlisten = "127.0.0.1:1000"\n')
    config = load(file, {"DOZVON_LISTEN": "127.0.0.1:2000", "DOZVON_DATABASE": "postgresql://db/dozvon"})
    assert (config.port, config.database_url) == (2000, "postgresql://db/dozvon")


@pytest.mark.parametrize(("text", "says"), [(None, "no such file"), ("= 1", "not valid TOML"), ("a\udcff", "read")])
def test_a_file_that_cannot_be_read_is_a_clear_error(tmp_path: Path, text: str | None, says: str) -> None:
    file = tmp_path / "dozvon.toml"
    if text is not None:
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    assert says in str(caught.value)
    assert str(file) in str(caught.value)


def test_secrets_do_not_show_in_the_settings_text() -> None:
    config = parse({"server": {"admin_password": "hunter2"}, **account(amocrm={"client_secret": "s3cr3t"})})
    assert "hunter2" not in repr(config)
    assert "s3cr3t" not in repr(config)


def test_roles_are_split_only_where_there_can_be_other_processes(tmp_path: Path) -> None:
    shared = {"redis": "redis://127.0.0.1:6379/0"}
    assert parse({}).roles == {"web", "pbx", "worker"}
    assert parse({"server": {"roles": ["web", "pbx"]}, "storage": shared}).roles == {"web", "pbx"}
    file = tmp_path / "dozvon.toml"
    file.write_text('[storage]\nredis = "redis://127.0.0.1:6379/0"\n')
    assert load(file, {"DOZVON_ROLES": "worker, pbx"}).roles == {"pbx", "worker"}
    for roles in ([], ["boss"], 7, "web;pbx", [["web"]]):
        with pytest.raises(ConfigError, match=r"server\.roles: write"):
            parse({"server": {"roles": roles}, "storage": shared})
    with pytest.raises(ConfigError, match=r"needs storage\.redis"):
        parse({"server": {"roles": ["web"]}})


def test_a_short_password_is_let_through_where_only_this_machine_reaches_the_pages() -> None:
    assert parse({"server": {"admin_password": "demo"}}).admin_password == "demo"


def test_trusted_proxies_come_from_the_environment_too() -> None:
    config = load(None, {"DOZVON_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/24"})
    assert [str(net) for net in config.trusted_proxies] == ["127.0.0.1/32", "10.0.0.0/24"]


def test_how_an_office_dials() -> None:
    rules = {"area_code": "495", "outside_prefix": "9", "trunk_prefix": "", "carrier_prefix": "0001#", "click": "local"}
    settings = parse(account(dial=rules)).accounts[0].settings
    wanted = DialRules(
        area_code="495", outside_prefix="9", trunk_prefix="", carrier_prefix="0001#", click=DialForm.LOCAL
    )
    assert settings.numbering == Numbering("RU", wanted)
    assert settings.numbering.local_length == 7
    assert parse(account()).accounts[0].settings.numbering == DEFAULT_NUMBERING
