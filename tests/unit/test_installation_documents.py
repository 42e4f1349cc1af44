"""What a process needs before it knows any office: every wrong setting with its name, in three languages."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import pytest

from integration.documents.installation import read_installation
from integration.documents.problems import InvalidDocument
from integration.errors import ConfigError
from integration.process.config import load, parse
from integration.texts import LANGUAGES

REDIS = {"redis": "redis://127.0.0.1"}
# document, field, and how its sentence begins in Russian, Ukrainian and English
BAD: list[tuple[dict[str, Any], str, str, str, str]] = [
    ({"sever": {}}, "sever", "Такой настройки нет", "Такого налаштування", 'No such setting; probably "server"'),
    ({"server": []}, "server", "Здесь должна быть", "Тут має бути", "Write a table"),
    ({"server": {"listen": "8080"}}, "server.listen", "По адресу «8080»", "На адресі «8080»", '"8080" is not'),
    ({"server": {"listen": ":99999"}}, "server.listen", "По адресу «:99999»", "На адресі", '":99999" is not'),
    ({"server": {"listen": "a:\u0663"}}, "server.listen", "По адресу «a:", "На адресі", '"a:'),
    ({"server": {"listen": True}}, "server.listen", "Напишите текст", "Напишіть текст", "Write a text"),
    ({"server": {"public_url": ""}}, "server.public_url", "Напишите адрес", "Напишіть адресу", "Write the address"),
    ({"server": {"log_level": "loud"}}, "server.log_level", "«loud» не подходит", "«loud» не під", '"loud" is not one'),
    ({"server": {"connections": 0}}, "server.connections", "Напишите целое число от 1", "Напишіть ціле", "Write a who"),
    ({"server": {"roles": ["boss"]}}, "server.roles", "Напишите одно или", "Напишіть одне або", "Write one or more"),
    ({"server": {"roles": "web"}}, "server.roles", "Если процесс", "Якщо процес", "A process that does not do"),
    ({"server": {"trusted_proxies": 1}}, "server.trusted_proxies", "Напишите список", "Напишіть список", "Write a li"),
    ({"server": {"trusted_proxies": "proxy"}}, "server.trusted_proxies", "«proxy» — не", "«proxy» — не", '"proxy" is'),
    ({"security": {"key": "k", "key_file": "f"}}, "security.key_file", "Уберите", "Приберіть", "Remove it"),
    (
        {"backup": {"every_hours": 0}},
        "backup.every_hours",
        "Напишите количество часов",
        "Напишіть кількість",
        "Write a numb",
    ),
    ({"backup": {"keep": True}}, "backup.keep", "Напишите целое", "Напишіть ціле", "Write a whole number"),
]


@pytest.mark.parametrize(("document", "key", "ru", "uk", "en"), BAD)
def test_a_wrong_field_is_named_in_every_language(
    document: dict[str, Any], key: str, ru: str, uk: str, en: str
) -> None:
    with pytest.raises(InvalidDocument) as caught:
        read_installation(document)
    for language, begins in zip(LANGUAGES, (ru, uk, en), strict=True):
        said = caught.value.sentences(language)
        assert list(said) == [key]
        assert said[key].startswith(begins)


def test_all_that_is_wrong_in_a_file_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(
            {
                "server": {"listen": "8080", "lgo_level": "info"},
                "backup": {"keep": 0},
                "account": [{"id": "acme", "language": "de"}],
            }
        )
    assert [line.split(":")[0].strip() for line in str(caught.value).splitlines()[1:]] == [
        "server.listen",
        "server.lgo_level",
        "backup.keep",
        "account.acme.language",
    ]


def test_no_secret_is_shown() -> None:
    secrets = {"server": {"admin_password": "hunter2\n"}, "security": {"key": "s3cr3t\n"}, "storage": {"redis": "r\n"}}
    with pytest.raises(InvalidDocument) as caught:
        read_installation(secrets)
    assert len(caught.value.problems) == 3
    assert "hunter2" not in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    document = read_installation({"server": {"admin_password": "hunter2"}, "security": {"key": "s3cr3t"}})
    assert "hunter2" not in repr(document)
    assert "s3cr3t" not in repr(document)


def test_what_is_left_out_has_its_default_and_numbers_do_for_texts() -> None:
    config = parse({"server": {"admin_password": 12345678, "trusted_proxies": ["::1"]}, "storage": REDIS})
    assert (config.host, config.port, config.public_url) == ("127.0.0.1", 8080, "http://127.0.0.1:8080")
    assert not config.has_public_url
    assert config.admin_password == "12345678"
    assert config.trusted_proxies == (ipaddress.ip_network("::1"),)
    assert config.backup is None
    assert parse({"server": {"listen": "[::1]:1"}}).host == "::1"


def test_the_environment_over_a_section_that_is_no_table(tmp_path: Path) -> None:
    file = tmp_path / "dozvon.toml"
    file.write_text("server = 1")
    with pytest.raises(ConfigError, match="server: write a table"):
        load(file, {"DOZVON_LISTEN": "127.0.0.1:1"})


def test_half_a_character_in_the_environment_is_a_clear_error() -> None:
    with pytest.raises(ConfigError, match=r"server\.data_dir: one of its characters cannot be stored"):
        load(None, {"DOZVON_DATA_DIR": "/srv/\udcff"})
