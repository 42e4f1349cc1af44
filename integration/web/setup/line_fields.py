"""The fields of a line's form: how each is shown, what was typed, and which of them are the line's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from integration.domain.connections.abilities import CrmAbilities
from integration.domain.settings import AfterNoAnswer, CardMoment, LineSettings, NewClient, NewClientOf

Choices = list[tuple[str, str]]
_BUILT_IN = LineSettings()


@dataclass(frozen=True, slots=True)
class Field:
    """
    A field of a line's form.

    Attributes:
        kind: flag, choice, number, minutes, text or person.
        choices: values with the keys of their texts.
    """

    name: str
    kind: str
    choices: tuple[tuple[str, str], ...] = ()


FIELDS = (
    Field("process", "flag"),
    Field("card", "choice", tuple((each.value, f"card_{each}") for each in CardMoment)),
    Field("to_responsible", "flag"),
    Field("respect_working_day", "flag"),
    Field("responsible_seconds", "number"),
    Field("notice_before", "text"),
    Field("notice_no_answer", "text"),
    Field("after_no_answer", "choice", tuple((each.value, f"after_{each}") for each in AfterNoAnswer)),
    Field("group", "text"),
    Field("missed_responsible", "person"),
    Field("outside_responsible", "person"),
    Field("reserve", "text"),
    Field("new_client", "choice", tuple((each.value, f"new_client_{each}") for each in NewClient)),
    Field("new_client_of", "choice", tuple((each.value, f"new_client_of_{each}") for each in NewClientOf)),
    Field("transfer_changes_responsible", "flag"),
    Field("missed_task", "flag"),
    Field("task_deadline_seconds", "minutes"),
    Field("repeat_calls", "flag"),
    Field("repeat_times", "number"),
    Field("repeat_interval_seconds", "minutes"),
    Field("repeat_hours", "text"),
    Field("repeat_weekend_hours", "text"),
    Field("unknown_lookup_seconds", "number"),
    Field("calls_at_once", "number"),
)


def offered_fields(abilities: CrmAbilities | None, stored: Mapping[str, Any]) -> tuple[Field, ...]:
    """Those that mean something to the account's CRM, and those that were set before. `abilities` None: not known."""
    if abilities is None:
        return FIELDS
    idle = set() if abilities.working_day else {"respect_working_day"}
    unmade = set() if abilities.leads else {NewClient.LEAD.value} - {stored.get("new_client")}
    offered = (each for each in FIELDS if each.name not in idle or each.name in stored)
    return tuple(
        replace(each, choices=tuple(choice for choice in each.choices if choice[0] not in unmade))
        if each.name == "new_client"
        else each
        for each in offered
    )


def common_rules(form: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, Any]:
    """The rules of all lines, as a document has them: what differs from the built-in ones. A field that the form does
    not have stays as it was `before`."""
    typed = dict(before) | {each.name: _typed(each, form[each.name]) for each in FIELDS if each.name in form}
    built_in = {each.name: _plain(getattr(_BUILT_IN, each.name)) for each in FIELDS}
    return {name: value for name, value in typed.items() if name not in built_in or value != built_in[name]}


def own_rules(form: Mapping[str, str], common: Mapping[str, Any], *, reset: str = "") -> dict[str, Any]:
    """
    What is a line's own: what was its own before (the form says `own.FIELD`), and what differs from the rules of all
    lines. Without `reset`, the field that shall follow them again.
    """
    found: dict[str, Any] = {}
    for each in FIELDS:
        value = _typed(each, form.get(each.name, ""))
        differs = each.name in form and value != value_of(each, {}, common)
        if each.name != reset and (differs or f"own.{each.name}" in form):
            found[each.name] = value
    if name := form.get("source", "").strip():
        found["source"] = name
    return found


def value_of(field: Field, own: Mapping[str, Any], common: Mapping[str, Any]) -> Any:
    """The line's own, else that of all lines, else the built-in one."""
    return own.get(field.name, common.get(field.name, _plain(getattr(_BUILT_IN, field.name))))


def shown_value(field: Field, value: Any) -> str:
    """As the form's field has it."""
    match field.kind:
        case "flag":
            return "yes" if value else "no"
        case "minutes" | "number" if isinstance(value, int | float):
            return f"{value / 60 if field.kind == 'minutes' else value:g}"
    return str(value or "")


def said_value(field: Field, value: Any, s: Mapping[str, str], people: Choices) -> str:
    """In words."""
    shown = shown_value(field, value)
    named = {"yes": s["yes"], "no": s["no"], **{value: s[key] for value, key in field.choices}}
    if field.kind == "person":
        return dict(people).get(shown, shown) or s["nobody"]
    return named.get(shown, shown) or "—"


def choices_of(field: Field, s: Mapping[str, str], people: Choices) -> Choices:
    """What can be chosen; empty: it is typed."""
    match field.kind:
        case "flag":
            return [("yes", s["yes"]), ("no", s["no"])]
        case "person":
            return [("", s["nobody"]), *people]
    return [(value, s[key]) for value, key in field.choices]


def _typed(field: Field, text: str) -> Any:
    """As a document has it; what is no number stays a text, and its reader says so."""
    text = text.strip()
    match field.kind:
        case "flag":
            return text == "yes"
        case "number" | "minutes":
            try:
                number = float(text.replace(",", ".")) * (60 if field.kind == "minutes" else 1)
            except ValueError:
                return text
            if not math.isfinite(number):
                return text
            return int(number) if number == int(number) else number
    return text


def _plain(value: Any) -> Any:
    return "" if value is None else str(value) if isinstance(value, StrEnum) else value
