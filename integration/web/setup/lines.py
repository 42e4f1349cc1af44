"""The wizard's screen about lines: rules for all of them, own rules of one, and how the office dials."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from integration.documents.office import DEFAULT_LINE
from integration.domain.access import Permission
from integration.domain.numbers.numbering import DialForm
from integration.domain.sentences import say
from integration.domain.settings import LogTarget, MadeByHand
from integration.domain.setup import Step
from integration.errors import DozvonError
from integration.ports.findings import Finding
from integration.services.accounts import Account, Accounts
from integration.services.dial_samples import dial_samples
from integration.services.line_watches import LineWatches
from integration.texts.setup import setup_texts
from integration.web.forms import read_form
from integration.web.language import language_of, with_language
from integration.web.permissions import needs
from integration.web.setup.card_layout import layout_shown
from integration.web.setup.frame import Form, Frame, Opened, Wrong
from integration.web.setup.line_fields import (
    FIELDS,
    Choices,
    Field,
    choices_of,
    common_rules,
    offered_fields,
    own_rules,
    said_value,
    shown_value,
    value_of,
)
from integration.web.setup.line_finding import lines_of_survey, watch_shown
from integration.web.setup.shown import shown_findings, trouble

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
_LINE = re.compile(r"\+?[0-9][0-9 ()-]*")
_RESET = "reset."
_REFRESH_SECONDS = 4  # of a page without a script, while somebody waits for a call
_NUMBERS = "numbers dialled"  # checks of how the office dials, among those of the telephone system
Lines = dict[str, dict[str, Any]]


class LinesScreen:
    def __init__(self, frame: Frame, accounts: Accounts, watches: LineWatches) -> None:
        self._frame = frame
        self._accounts = accounts
        self._watches = watches

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return needs(
            Permission.CHANGE_OFFICE,
            web.get("/admin/setup/{office}/lines", self.show),
            web.post("/admin/setup/{office}/lines", self.save),
            web.post("/admin/setup/{office}/lines/watch", self.watch),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        opened = await self._open(request)
        await self._watches.go_on(opened.office, opened.state.watch)
        return await self._page(request, opened, request.query.get("line", DEFAULT_LINE))

    async def watch(self, request: web.Request) -> web.StreamResponse:
        """Begin to wait for a call, or stop."""
        opened, form = await self._open(request), await read_form(request)
        match form.get("do"):
            case "watch":
                await self._watches.start(opened.office)
            case "stop":
                await self._watches.stop(opened.office)
            case _:
                raise web.HTTPBadRequest
        raise web.HTTPSeeOther(with_language(request, opened.path(Step.LINES, "watch")))

    async def _open(self, request: web.Request) -> Opened:
        """Raises: HTTPSeeOther to the CRM, if there is no account yet."""
        opened = await self._frame.open(request)
        if opened.parts.account is None:
            raise web.HTTPSeeOther(with_language(request, opened.path(Step.CRM)))
        return opened

    def _account(self, opened: Opened) -> Account | None:
        return self._accounts.get(opened.parts.account) if opened.parts.account is not None else None

    async def _page(
        self, request: web.Request, opened: Opened, line: str, form: Form | None = None, wrong: Wrong | None = None
    ) -> web.Response:
        document, lang = opened.parts.account_document, language_of(request)
        s, account = setup_texts(lang), self._account(opened)
        lines: Mapping[str, Mapping[str, Any]] = document.get("line", {})
        if line != DEFAULT_LINE and line not in lines:
            line = DEFAULT_LINE
        people, is_default = _people(account), line == DEFAULT_LINE
        own, common = lines.get(line, {}), lines.get(DEFAULT_LINE, {})
        watch = watch_shown(opened, account, is_live=self._watches.is_live(opened.state.watch), lang=lang)
        findings, survey, problem = await self._asked(request, opened, account)
        return await self._frame.page(
            request,
            opened,
            Step.LINES,
            values={**_values(document, own), **(form or {})},
            wrong=wrong,
            live=opened.parts.account,
            refresh_seconds=_REFRESH_SECONDS if watch.is_live and not watch.has_new else 0,
            line=line,
            is_default=is_default,
            tabs=list(_tabs(opened, lines, line, s, watch.known)),
            rows=_rows(
                offered_fields(account.crm.abilities if account is not None else None, {**common, **own}),
                own,
                common,
                form,
                s,
                people,
                is_default=is_default,
            ),
            people=[("", s["nobody"]), *people],
            made_by_hand=_made_by_hand(account, document, s),
            log_targets=[(each.value, s[f"log_{each}"]) for each in LogTarget],
            dial=[(f"dial.{name}", s[f"d_{name}"]) for name in _DIAL if name != "click"],
            clicks=[(each.value, s[f"click_{each}"]) for each in DialForm],
            samples=_samples(account, lang),
            watch=watch,
            card=layout_shown(opened, lang),
            survey_lines=survey,
            dial_findings=shown_findings(findings, lang),
            problem=problem,
            action=opened.path(Step.LINES),
            to_watch=opened.path(Step.LINES, below="watch"),
            to_read=opened.path(Step.LINES, "read", read="1"),
            to_try=opened.path(Step.LINES, "dialling", dial="1"),
            pbx_step=opened.path(Step.PBX),
        )

    async def _asked(
        self, request: web.Request, opened: Opened, account: Account | None
    ) -> tuple[list[Finding], list[dict[str, str]] | None, str]:
        """What the telephone system was asked by this address: how it takes numbers, and which lines it has."""
        findings: list[Finding] = []
        survey = None
        try:
            if request.query.get("dial") and account is not None:
                trial = await self._frame.desk.trial(opened.parts)
                found = await trial.diagnose(dial_samples(account.settings))
                findings = [each for each in found if each.check.startswith(_NUMBERS)] or found
            if request.query.get("read"):
                trial = await self._frame.desk.trial(opened.parts)
                survey = lines_of_survey(await trial.survey(), account)
        except DozvonError as exc:
            return [], None, trouble(exc, language_of(request))
        return findings, survey, ""

    async def save(self, request: web.Request) -> web.StreamResponse:
        opened, form = await self._open(request), await read_form(request)
        line, do = form.get("line", DEFAULT_LINE), form.get("do", "")
        document = dict(opened.parts.account_document)
        lines = {key: dict(each) for key, each in document.get("line", {}).items()}
        if line != DEFAULT_LINE and line not in lines:
            raise web.HTTPBadRequest
        goal = form.get("new_line", "").strip()[:_MOST_NEW] if do == "add" else line
        if do == "add" and (goal in lines or not _LINE.fullmatch(goal)):
            said = setup_texts(language_of(request))["line_exists" if goal in lines else "line_is_no_number"]
            return await self._page(request, opened, line, form, Wrong(fields={"new_line": said}))
        document |= _changed(lines, line, goal, form)
        document["line"] = {key: each for key, each in lines.items() if each or key != DEFAULT_LINE}
        try:
            await self._frame.put_account(request, opened, form, document)
        except DozvonError as exc:
            return await self._page(request, opened, line, form, self._frame.refused(request, exc, _names(goal, do)))
        if do == "next":
            raise await self._frame.finish(request, opened.office, Step.LINES)
        await self._frame.desk.store.keep(opened.office, Step.LINES, None)
        is_seen, goal = form.get("from") == "watch", goal if goal in lines else DEFAULT_LINE
        where = opened.path(
            Step.LINES, "watch" if is_seen else "", line="" if is_seen or goal == DEFAULT_LINE else goal
        )
        raise web.HTTPSeeOther(with_language(request, where))


def _changed(lines: Lines, line: str, goal: str, form: Form) -> dict[str, Any]:
    """Carry the form out in `lines`. Returns what it changes elsewhere in the account."""
    do, common = form.get("do", ""), lines.get(DEFAULT_LINE, {})
    if do == "add":
        name = form.get("new_name", "").strip()
        lines[goal] = {"source": name} if name else {}
    elif do == "remove":
        lines.pop(line, None)
    elif do == "reset":
        lines[line] = {key: value for key, value in lines.get(line, {}).items() if key == "source"}
    elif line == DEFAULT_LINE:
        lines[line] = common_rules(form, common)
        return {"dial": _dial(form), **_common(form)}
    else:
        lines[line] = own_rules(form, common, reset=do.removeprefix(_RESET) if do.startswith(_RESET) else "")
    return {}


def _tabs(
    opened: Opened, lines: Mapping[str, Mapping[str, Any]], line: str, s: Mapping[str, str], seen: frozenset[str]
) -> list[tuple[str, str, bool]]:
    """A tab for each line; those that a call has just come through have a tick."""
    tabs = [(opened.path(Step.LINES), s["all_lines"], line == DEFAULT_LINE)]
    for key, each in lines.items():
        if key != DEFAULT_LINE:
            name = str(each.get("source") or key)
            tabs.append((opened.path(Step.LINES, line=key), f"✓ {name}" if key in seen else name, key == line))
    return tabs


def _rows(
    fields: Sequence[Field],
    own: Mapping[str, Any],
    common: Mapping[str, Any],
    form: Form | None,
    s: Mapping[str, str],
    people: Choices,
    *,
    is_default: bool,
) -> list[dict[str, Any]]:
    """The rules of a line; of a single line each with whether it is its own, and what it would inherit."""
    return [
        {
            "name": each.name,
            "label": s[f"f_{each.name}"],
            "choices": choices_of(each, s, people),
            "value": (form or {}).get(each.name, shown_value(each, value_of(each, own, common))),
            "is_own": not is_default and (f"own.{each.name}" in form if form is not None else each.name in own),
            "inherited": "" if is_default else said_value(each, value_of(each, {}, common), s, people),
        }
        for each in fields
    ]


def _values(document: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, str]:
    dial: Mapping[str, Any] = document.get("dial", {})
    return {
        **{f"dial.{name}": str(dial.get(name, "") or "") for name in _DIAL},
        "default_responsible": str(document.get("default_responsible") or ""),
        "log_to": str(document.get("log_to", LogTarget.PERSON)),
        "made_by_hand": str(document.get("made_by_hand", MadeByHand.CONTACT)),
        "never_clients": ", ".join(str(each) for each in document.get("never_clients", ())),
        "source": str(own.get("source") or ""),
    }


def _samples(account: Account | None, lang: str) -> list[str]:
    """How numbers are dialled with the stored settings."""
    found = dial_samples(account.settings) if account is not None else ()
    said = setup_texts(lang)["example"]
    return [said.format(what=say(each.what, lang), dialled=each.dialled) for each in found]


def _dial(form: Form) -> dict[str, Any]:
    found: dict[str, Any] = {name: form.get(f"dial.{name}", "").strip() for name in _DIAL}
    length = found.pop("local_length")
    if length:
        found["local_length"] = int(length) if length.isascii() and length.isdigit() and len(length) < 4 else length
    return {name: value for name, value in found.items() if value != ""}


def _common(form: Form) -> dict[str, Any]:
    found: dict[str, Any] = {key: form.get(key, "") for key in ("default_responsible", "log_to")}
    if "made_by_hand" in form:
        found["made_by_hand"] = form["made_by_hand"]
    if "never_clients" in form:
        found["never_clients"] = [each.strip() for each in re.split(r"[,;]", form["never_clients"]) if each.strip()]
    return found


def _names(line: str, do: str) -> dict[str, str]:
    """The form's field of each key of the document."""
    if do == "add":
        return {f"line.{line}": "new_line", f"line.{line}.source": "new_name"}
    fields = {f"line.{line}.{each.name}": each.name for each in FIELDS} | {f"line.{line}.source": "source"}
    return (
        fields
        | {f"dial.{name}": f"dial.{name}" for name in _DIAL}
        | {key: key for key in ("default_responsible", "log_to", "made_by_hand", "never_clients")}
    )


def _made_by_hand(account: Account | None, document: Mapping[str, Any], s: Mapping[str, str]) -> Choices:
    """What can be chosen; empty: the CRM has one kind only, and no other was chosen before."""
    has_leads = account is not None and account.crm.abilities.leads
    if not has_leads and document.get("made_by_hand", MadeByHand.CONTACT) == MadeByHand.CONTACT:
        return []
    return [(each.value, s[f"made_by_hand_{each}"]) for each in MadeByHand]


def _people(account: Account | None) -> Choices:
    """The managers who can work in the CRM, by name."""
    managers = account.managers.values() if account is not None else ()
    named = sorted((each.name or str(each.id), str(each.id)) for each in managers if each.is_active)
    return [(key, name) for name, key in named]
