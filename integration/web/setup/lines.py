"""The wizard's screen about lines: rules for all of them, own rules of one, and how the office dials."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from integration.documents.office import DEFAULT_LINE
from integration.domain.access import Permission
from integration.domain.numbers.numbering import DialForm
from integration.domain.sentences import say
from integration.domain.settings import AfterNoAnswer, CardMoment, LineSettings, LogTarget
from integration.domain.setup import Step
from integration.errors import DozvonError
from integration.services.accounts import Account, Accounts
from integration.services.dial_samples import dial_samples
from integration.texts.setup import setup_texts
from integration.web.forms import read_form
from integration.web.language import language_of, with_language
from integration.web.permissions import needs
from integration.web.setup.frame import Frame, Opened, Wrong, path_of, seen_of

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
    Field("responsible_seconds", "number"),
    Field("notice_before", "text"),
    Field("notice_no_answer", "text"),
    Field("after_no_answer", "choice", tuple((each.value, f"after_{each}") for each in AfterNoAnswer)),
    Field("group", "text"),
    Field("missed_responsible", "person"),
    Field("outside_responsible", "person"),
    Field("reserve", "text"),
    Field("missed_task", "flag"),
    Field("task_deadline_seconds", "minutes"),
    Field("unknown_lookup_seconds", "number"),
)
_DIAL = (
    "area_code",
    "local_length",
    "trunk_prefix",
    "international_prefix",
    "outside_prefix",
    "carrier_prefix",
    "click",
)
_MOST_NEW = 40  # characters of a line's number


class LinesScreen:
    def __init__(self, frame: Frame, accounts: Accounts) -> None:
        self._frame = frame
        self._accounts = accounts

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return needs(
            Permission.CHANGE_OFFICE,
            web.get("/admin/setup/{office}/lines", self.show),
            web.post("/admin/setup/{office}/lines", self.save),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        opened = await self._frame.open(request)
        if opened.parts.account is None:
            raise web.HTTPSeeOther(with_language(request, path_of(opened.office, Step.CRM)))
        return await self._page(request, opened, request.query.get("line", DEFAULT_LINE))

    async def _page(
        self,
        request: web.Request,
        opened: Opened,
        line: str,
        form: Mapping[str, str] | None = None,
        wrong: Wrong | None = None,
    ) -> web.Response:
        document, lang = opened.parts.account_document, language_of(request)
        s = setup_texts(lang)
        lines: Mapping[str, Mapping[str, Any]] = document.get("line", {})
        if line != DEFAULT_LINE and line not in lines:
            line = DEFAULT_LINE
        account = self._accounts.get(opened.parts.account) if opened.parts.account is not None else None
        people, is_default = _people(account), line == DEFAULT_LINE
        path = path_of(opened.office, Step.LINES)
        own, common = lines.get(line, {}), lines.get(DEFAULT_LINE, {})
        rows = [
            {
                "name": each.name,
                "label": s[f"f_{each.name}"],
                "choices": _choices(each, s, people),
                "value": (form or {}).get(each.name, _shown(each, own, common)),
                "is_own": f"own.{each.name}" in form if form is not None else each.name in own,
                "hint": "" if is_default else f"{s['inherited']}: {_said(each, _value(each, {}, common), s, people)}",
            }
            for each in FIELDS
        ]
        dial: Mapping[str, Any] = document.get("dial", {})
        return await self._frame.page(
            request,
            opened,
            Step.LINES,
            values={
                **{f"dial.{name}": str(dial.get(name, "") or "") for name in _DIAL},
                "default_responsible": str(document.get("default_responsible") or ""),
                "log_to": str(document.get("log_to", LogTarget.PERSON)),
                "source": str(own.get("source") or ""),
                **(form or {}),
            },
            wrong=wrong,
            line=line,
            is_default=is_default,
            tabs=[
                (path, s["all_lines"], is_default),
                *(
                    (f"{path}?{urlencode({'line': key})}", str(each.get("source") or key), key == line)
                    for key, each in lines.items()
                    if key != DEFAULT_LINE
                ),
            ],
            rows=rows,
            people=[("", s["nobody"]), *people],
            log_targets=[(each.value, s[f"log_{each}"]) for each in LogTarget],
            dial=[(f"dial.{name}", s[f"d_{name}"]) for name in _DIAL if name != "click"],
            clicks=[(each.value, s[f"click_{each}"]) for each in DialForm],
            samples=_samples(account, lang),
        )

    async def save(self, request: web.Request) -> web.StreamResponse:
        opened, form = await self._frame.open(request), await read_form(request)
        if opened.parts.account is None:
            raise web.HTTPSeeOther(with_language(request, path_of(opened.office, Step.CRM)))
        line, do = form.get("line", DEFAULT_LINE), form.get("do", "")
        document = dict(opened.parts.account_document)
        lines = {key: dict(each) for key, each in document.get("line", {}).items()}
        if line != DEFAULT_LINE and line not in lines:
            raise web.HTTPBadRequest
        goal = line
        s = setup_texts(language_of(request))
        match do:
            case "add":
                goal = form.get("new_line", "").strip()[:_MOST_NEW]
                if goal in lines:
                    return await self._page(request, opened, line, form, Wrong(fields={"new_line": s["line_exists"]}))
                name = form.get("new_name", "").strip()
                lines[goal] = {"source": name} if name else {}
            case "remove":
                lines.pop(line, None)
                goal = DEFAULT_LINE
            case "reset":
                lines[line] = {key: value for key, value in lines.get(line, {}).items() if key == "source"}
            case _:
                lines[line] = _line(form, is_default=line == DEFAULT_LINE)
                if line == DEFAULT_LINE:
                    document |= {"dial": _dial(form), **_common(form)}
        document["line"] = {key: each for key, each in lines.items() if each or key != DEFAULT_LINE}
        try:
            await self._frame.desk.put(
                opened.office,
                f"account/{opened.parts.account}",
                document,
                seen=seen_of(form, opened),
                who=self._frame.shell.who(request),
            )
        except DozvonError as exc:
            return await self._page(request, opened, line, form, self._frame.refused(request, exc, _names(goal, do)))
        if do == "next":
            raise await self._frame.finish(request, opened.office, Step.LINES)
        await self._frame.desk.store.keep(opened.office, Step.LINES, None)
        where = path_of(opened.office, Step.LINES) + ("" if goal == DEFAULT_LINE else f"?line={goal}")
        raise web.HTTPSeeOther(with_language(request, where))


def _line(form: Mapping[str, str], *, is_default: bool) -> dict[str, Any]:
    """The line as it was typed; of one that is not the default, what is its own."""
    found: dict[str, Any] = {}
    for each in FIELDS:
        if is_default or f"own.{each.name}" in form:
            found[each.name] = _typed(each, form.get(each.name, ""))
    if is_default:
        built_in = {each.name: _plain(getattr(_BUILT_IN, each.name)) for each in FIELDS}
        found = {name: value for name, value in found.items() if value != built_in[name]}
    elif name := form.get("source", "").strip():
        found["source"] = name
    return found


def _choices(field: Field, s: Mapping[str, str], people: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What can be chosen; empty: it is typed."""
    match field.kind:
        case "flag":
            return [("yes", s["yes"]), ("no", s["no"])]
        case "person":
            return [("", s["nobody"]), *people]
    return [(value, s[key]) for value, key in field.choices]


def _samples(account: Account | None, lang: str) -> list[str]:
    """How numbers are dialled with the stored settings."""
    found = dial_samples(account.settings) if account is not None else ()
    said = setup_texts(lang)["example"]
    return [said.format(what=say(each.what, lang), dialled=each.dialled) for each in found]


def _typed(field: Field, text: str) -> Any:
    """As a document has it; what is no number stays a text, and its reader says so."""
    text = text.strip()
    match field.kind:
        case "flag":
            return text == "yes"
        case "number" | "minutes":
            try:
                number = float(text.replace(",", "."))
            except ValueError:
                return text
            if not math.isfinite(number):
                return text
            number *= 60 if field.kind == "minutes" else 1
            return int(number) if number == int(number) else number
    return text


def _plain(value: Any) -> Any:
    return "" if value is None else str(value) if isinstance(value, CardMoment | AfterNoAnswer) else value


def _value(field: Field, own: Mapping[str, Any], common: Mapping[str, Any]) -> Any:
    return own.get(field.name, common.get(field.name, _plain(getattr(_BUILT_IN, field.name))))


def _shown(field: Field, own: Mapping[str, Any], common: Mapping[str, Any]) -> str:
    value = _value(field, own, common)
    match field.kind:
        case "flag":
            return "yes" if value else "no"
        case "minutes":
            return f"{float(value) / 60:g}"
        case "number":
            return f"{value:g}" if isinstance(value, int | float) else str(value)
    return str(value or "")


def _said(field: Field, value: Any, s: Mapping[str, str], people: list[tuple[str, str]]) -> str:
    """The inherited value in words."""
    shown = _shown(field, {field.name: value}, {})
    named = {"yes": s["yes"], "no": s["no"], **{value: s[key] for value, key in field.choices}}
    if field.kind == "person":
        return dict(people).get(shown, shown)
    return named.get(shown, shown) or "—"


def _dial(form: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {name: form.get(f"dial.{name}", "").strip() for name in _DIAL}
    length = found.pop("local_length")
    if length:
        found["local_length"] = int(length) if length.isascii() and length.isdigit() and len(length) < 4 else length
    return {name: value for name, value in found.items() if value != ""}


def _common(form: Mapping[str, str]) -> dict[str, Any]:
    return {"default_responsible": form.get("default_responsible", ""), "log_to": form.get("log_to", "")}


def _names(line: str, do: str) -> dict[str, str]:
    """The form's field of each key of the document."""
    if do == "add":
        return {f"line.{line}": "new_line", f"line.{line}.source": "new_name"}
    fields = {f"line.{line}.{each.name}": each.name for each in FIELDS} | {f"line.{line}.source": "source"}
    return (
        fields
        | {f"dial.{name}": f"dial.{name}" for name in _DIAL}
        | {key: key for key in ("default_responsible", "log_to")}
    )


def _people(account: Account | None) -> list[tuple[str, str]]:
    """The managers who can work in the CRM, by name."""
    managers = account.managers.values() if account is not None else ()
    named = sorted((each.name or str(each.id), str(each.id)) for each in managers if each.is_active)
    return [(key, name) for name, key in named]
