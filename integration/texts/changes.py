"""Describes who changed which settings, in Russian, Ukrainian and English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from integration.domain.settings_changes import BY_FILE, Author, AuthorKind, SettingsChange
from integration.texts import LANGUAGES

# key: (ru, uk, en)
_TEXTS: dict[str, tuple[str, str, str]] = {
    "administrator": (
        "Администратор {session}, адрес {address}",
        "Адміністратор {session}, адреса {address}",
        "Administrator {session} from {address}",
    ),
    "administrator_named": (
        "{name}, адрес {address}",
        "{name}, адреса {address}",
        "{name} from {address}",
    ),
    "administrator_of_file": (
        "Пароль из файла конфигурации, сеанс {session}, адрес {address}",
        "Пароль із файлу конфігурації, сеанс {session}, адреса {address}",
        "The configuration file’s password, session {session} from {address}",
    ),
    "key": (
        "Ключ API «{key}», автор: {name}, адрес {address}",
        "Ключ API «{key}», автор: {name}, адреса {address}",
        "API key “{key}”, made by {name}, from {address}",
    ),
    "key_of_file": (
        "Ключ API «{key}», адрес {address}",
        "Ключ API «{key}», адреса {address}",
        "API key “{key}” from {address}",
    ),
    "you": ("Вы, адрес {address}", "Ви, адреса {address}", "You, from {address}"),
    "command": ("Команда {command}", "Команда {command}", "The command {command}"),
    "command_of": (
        "Команда {command}, пользователь: {user}",
        "Команда {command}, користувач: {user}",
        "The command {command}, user: {user}",
    ),
    "file": ("Файл конфигурации", "Файл конфігурації", "The configuration file"),
    "program": ("Dozvon", "Dozvon", "Dozvon"),
    "older_release": ("Dozvon прежней версии", "Dozvon попередньої версії", "An older release of Dozvon"),
    "enabled": ("Интеграция", "Інтеграція", "Integration"),
    "only_for": ("Работает для", "Працює для", "Works for"),
    "everybody": ("все", "усі", "everybody"),
    "name": ("имя", "ім’я", "name"),
    "manager": ("менеджер", "менеджер", "manager"),
    "phone_type": ("телефон", "телефон", "phone"),
    "mobile": ("мобильный", "мобільний", "mobile"),
    "is_absent": ("отсутствует", "відсутній", "absent"),
    "absent_until": ("отсутствует до", "відсутній до", "absent until"),
    "added": ("номер добавлен", "номер додано", "extension added"),
    "removed": ("номер убран", "номер прибрано", "extension removed"),
    "account": ("Аккаунт {id}", "Акаунт {id}", "Account {id}"),
    "pbx": ("АТС {id}", "АТС {id}", "PBX {id}"),
    "account_added": ("добавлен", "додано", "added"),
    "account_removed": ("убран", "прибрано", "removed"),
    "pbx_added": ("добавлена", "додано", "added"),
    "pbx_removed": ("убрана", "прибрано", "removed"),
    "only_secrets": ("Изменены только секреты", "Змінено лише секрети", "Only secrets were changed"),
    "none": ("нет", "немає", "none"),
    "yes": ("да", "так", "yes"),
    "no": ("нет", "ні", "no"),
    "on": ("включена", "увімкнена", "on"),
    "off": ("выключена", "вимкнена", "off"),
}
_PHONES = {"sip": "Sip", "web": "Web"}
_FIELDS = ("name", "manager", "phone_type", "mobile", "is_absent", "absent_until")
_FIELDS_OF_NEW = ("manager", "mobile", "is_absent", "absent_until")


def author(who: Author, language: str, viewer: Author | None = None) -> str:
    """The author's name, in the nominative; "you" if the author is the `viewer`."""
    t = _words(language)
    if who.kind is AuthorKind.COMMAND:
        return t["command_of" if who.user else "command"].format(command=who.command, user=who.user)
    if who.kind is not AuthorKind.ADMINISTRATOR:
        return t[who.kind]
    key = "administrator"
    if viewer is not None and viewer.is_same_person(who):
        key = "you"
    elif who.key:
        key = "key" if who.name else "key_of_file"
    elif who.name:
        key = "administrator_named"
    elif who.administrator == BY_FILE:
        key = "administrator_of_file"
    return t[key].format(session=who.session, address=who.address, name=who.name, key=who.key)


def changed(change: SettingsChange, language: str, names: Mapping[str, str], *, zone: str = "UTC") -> list[str]:
    """
    The changed settings, a line for each part: `101 Anna Orlova — manager: none → Boris Klimov`.

    Args:
        names: the names of the CRM's users, by id.
        zone: of moments; its IANA name.
    """
    t = _Words(_words(language), names, ZoneInfo(zone))
    return [_line(path, change.before.get(path), after, t) for path, after in change.after.items()]


def part_changed(
    part: str, details: Sequence[tuple[str, str | None, str | None]], language: str, *, how: str
) -> list[str]:
    """
    What was changed in a part of an office, a line for each setting: `PBX branch — asterisk.port: 5038 → 5039`.

    Args:
        part: `account/sales`, `pbx/branch`.
        details: key, before and after of each setting.
        how: `added`, `removed`; empty: neither.
    """
    t = _words(language)
    kind, _, name = part.partition("/")
    subject = t[kind].format(id=name)
    if how:
        return [f"{subject} — {t[f'{kind}_{how}']}"]
    return [f"{subject} — {key}: {before or t['none']} → {after or t['none']}" for key, before, after in details]


def only_secrets(language: str) -> str:
    return _words(language)["only_secrets"]


@dataclass(frozen=True, slots=True)
class _Words:
    texts: Mapping[str, str]
    names: Mapping[str, str]
    zone: ZoneInfo


def _line(path: str, before: Any, after: Any, words: _Words) -> str:
    t = words.texts
    field, _, key = path.partition("/")
    if field == "only_for":
        return f"{t[field]}: {_people(before, t, words.names)} → {_people(after, t, words.names)}"
    if not key:
        return f"{t.get(field, field)}: {_switch(before, t)} → {_switch(after, t)}"
    old, new = before or {}, after or {}
    subject = f"{key} {new.get('name') or old.get('name') or ''}".strip()
    shown = _FIELDS if before is not None else _FIELDS_OF_NEW
    details = [
        f"{t[name]}: {was} → {now}"
        for name in shown
        if (was := _value(name, old.get(name), words)) != (now := _value(name, new.get(name), words))
    ]
    if after is None:
        details = [t["removed"]]
    elif before is None:
        details.insert(0, t["added"])
    return f"{subject} — {'; '.join(details)}"


def _value(name: str, value: Any, words: _Words) -> str:
    t = words.texts
    match name:
        case "absent_until" if value:
            return f"{datetime.fromtimestamp(value, words.zone):%d.%m.%Y %H:%M}"
        case "is_absent":
            return t["yes" if value else "no"]
        case "manager" if value:
            return words.names.get(value, str(value))
        case "phone_type":
            return _PHONES.get(value, str(value))
    return str(value) if value else t["none"]


def _people(value: Any, t: Mapping[str, str], names: Mapping[str, str]) -> str:
    if value is None:
        return t["everybody"]
    return ", ".join(sorted(names.get(each, str(each)) for each in value)) or t["none"]


def _switch(value: Any, t: Mapping[str, str]) -> str:
    return t["on" if value else "off"]


def _words(language: str) -> dict[str, str]:
    column = LANGUAGES.index(language) if language in LANGUAGES else LANGUAGES.index("en")
    return {key: values[column] for key, values in _TEXTS.items()}
