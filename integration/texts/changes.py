"""Describes who changed which settings, in Russian, Ukrainian and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.domain.settings_changes import Author, AuthorKind, SettingsChange
from integration.texts import LANGUAGES

# key: (ru, uk, en)
_TEXTS: dict[str, tuple[str, str, str]] = {
    "administrator": (
        "Администратор {session}, адрес {address}",
        "Адміністратор {session}, адреса {address}",
        "Administrator {session} from {address}",
    ),
    "you": ("Вы, адрес {address}", "Ви, адреса {address}", "You, from {address}"),
    "file": ("Файл конфигурации", "Файл конфігурації", "The configuration file"),
    "program": ("Dozvon", "Dozvon", "Dozvon"),
    "older_release": ("Dozvon прежней версии", "Dozvon попередньої версії", "An older release of Dozvon"),
    "enabled": ("Интеграция", "Інтеграція", "Integration"),
    "name": ("имя", "ім’я", "name"),
    "manager": ("менеджер", "менеджер", "manager"),
    "phone_type": ("телефон", "телефон", "phone"),
    "mobile": ("мобильный", "мобільний", "mobile"),
    "is_absent": ("отсутствует", "відсутній", "absent"),
    "added": ("номер добавлен", "номер додано", "extension added"),
    "removed": ("номер убран", "номер прибрано", "extension removed"),
    "none": ("нет", "немає", "none"),
    "yes": ("да", "так", "yes"),
    "no": ("нет", "ні", "no"),
    "on": ("включена", "увімкнена", "on"),
    "off": ("выключена", "вимкнена", "off"),
}
_PHONES = {"sip": "Sip", "web": "Web"}
_FIELDS = ("name", "manager", "phone_type", "mobile", "is_absent")
_FIELDS_OF_NEW = ("manager", "mobile", "is_absent")


def author(who: Author, language: str, viewer: Author | None = None) -> str:
    """The author's name, in the nominative; "you" if the author is the `viewer`."""
    t = _words(language)
    if who.kind is not AuthorKind.ADMINISTRATOR:
        return t[who.kind]
    is_own = viewer is not None and bool(who.session) and viewer.session == who.session
    return t["you" if is_own else "administrator"].format(session=who.session, address=who.address)


def changed(change: SettingsChange, language: str, names: Mapping[str, str]) -> list[str]:
    """
    The changed settings, a line for each part: `101 Anna Orlova — manager: none → Boris Klimov`.

    Args:
        names: the names of the CRM's users, by id.
    """
    t = _words(language)
    return [_line(path, change.before.get(path), after, t, names) for path, after in change.after.items()]


def _line(path: str, before: Any, after: Any, t: Mapping[str, str], names: Mapping[str, str]) -> str:
    field, _, key = path.partition("/")
    if not key:
        return f"{t.get(field, field)}: {_switch(before, t)} → {_switch(after, t)}"
    old, new = before or {}, after or {}
    subject = f"{key} {new.get('name') or old.get('name') or ''}".strip()
    shown = _FIELDS if before is not None else _FIELDS_OF_NEW
    details = [
        f"{t[name]}: {was} → {now}"
        for name in shown
        if (was := _value(name, old.get(name), t, names)) != (now := _value(name, new.get(name), t, names))
    ]
    if after is None:
        details = [t["removed"]]
    elif before is None:
        details.insert(0, t["added"])
    return f"{subject} — {'; '.join(details)}"


def _value(name: str, value: Any, t: Mapping[str, str], names: Mapping[str, str]) -> str:
    match name:
        case "is_absent":
            return t["yes" if value else "no"]
        case "manager" if value:
            return names.get(value, str(value))
        case "phone_type":
            return _PHONES.get(value, str(value))
    return str(value) if value else t["none"]


def _switch(value: Any, t: Mapping[str, str]) -> str:
    return t["on" if value else "off"]


def _words(language: str) -> dict[str, str]:
    column = LANGUAGES.index(language) if language in LANGUAGES else LANGUAGES.index("en")
    return {key: values[column] for key, values in _TEXTS.items()}
