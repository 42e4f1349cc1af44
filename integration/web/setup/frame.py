"""The frame of the wizard's pages: the steps with their marks, the form's values, and what is wrong in each field."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from integration.documents.problems import FieldProblem, InvalidDocument
from integration.domain.access import Permission, may
from integration.domain.ids import AccountId
from integration.domain.settings import AccountSettings
from integration.domain.setup import Mark, Step, marks, next_step
from integration.errors import NotFound, Rejected
from integration.ports.offices import OfficeChangedMeanwhile, Seen
from integration.ports.settings import ChangedMeanwhile
from integration.ports.setups import SetupState
from integration.texts.changes import author
from integration.texts.offices import api_problem
from integration.texts.setup import setup_texts
from integration.web.language import language_of, with_language
from integration.web.office_refusals import reason_of
from integration.web.pages.shell import Shell
from integration.web.setup.desk import NEW, OfficeParts, SetupDesk

Form = Mapping[str, str]
LONGEST_ANSWER = 2000  # characters of one field of a half-filled form
MOST_ANSWERS = 200  # fields
_TEMPLATES = {
    Step.OFFICE: "setup/office.html",
    Step.ADDRESS: "setup/address.html",
    Step.PBX: "setup/pbx.html",
    Step.CRM: "setup/crm.html",
    Step.LINES: "setup/lines.html",
    Step.PEOPLE: "setup/people.html",
    Step.ROUTING: "setup/routing.html",
    Step.KEYS: "setup/keys.html",
    Step.REHEARSAL: "setup/rehearsal.html",
}
_STATES = {Mark.DONE: "done", Mark.ATTENTION: "attention"}  # of the component `steps`; others are open


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """
    An office as a request finds it.

    Attributes:
        keeps: half-filled forms are kept, by step alone: not those about a second telephone system or account.
    """

    state: SetupState
    parts: OfficeParts
    keeps: bool = True

    @property
    def office(self) -> AccountId:
        return self.state.office

    def kept(self, step: Step) -> Mapping[str, str]:
        """The half-filled form of a step; empty: there is none."""
        return self.state.answers.get(step, {}) if self.keeps else {}

    @property
    def zone(self) -> str:
        """The IANA name of the office's time zone."""
        state = self.state
        return AccountSettings(account=state.office, country=state.country, time_zone=state.time_zone).zone

    def path(self, step: Step, fragment: str = "", /, *, below: str = "", **query: str) -> str:
        """The address of a step, or of a route below it, about the same telephone system and account as this page."""
        parts, own = self.parts, dict[str, str]()
        if parts.pbx is not None:
            own["pbx"] = address_of(parts.pbx, parts.pbxs)
        if parts.account is not None:
            own["account"] = address_of(parts.account, parts.accounts)
        wanted = urlencode({name: value for name, value in (own | query).items() if value})
        path = path_of(self.office, step) + (f"/{below}" if below else "")
        return path + (f"?{wanted}" if wanted else "") + (f"#{fragment}" if fragment else "")


@dataclass(slots=True, kw_only=True)
class Wrong:
    """
    Attributes:
        fields: the sentence beside each field, by the field's name.
        page: sentences about the whole form.
    """

    fields: dict[str, str] = field(default_factory=dict)
    page: list[str] = field(default_factory=list)


def _with_settings(state: SetupState, document: Mapping[str, Any]) -> SetupState:
    """The account's settings count, once there are some: REST and `dozvon apply` change them too."""
    stored = {key: str(document[key]) for key in ("name", "country", "language", "time_zone") if document.get(key)}
    return replace(state, **stored)  # type: ignore[arg-type]


class Frame:
    def __init__(self, shell: Shell, desk: SetupDesk) -> None:
        self.shell = shell
        self.desk = desk

    async def open(self, request: web.Request) -> Opened:
        """The office in the address. Raises: HTTPNotFound, Unavailable; HTTPSeeOther for one of the file."""
        office = AccountId(request.match_info["office"])
        try:
            state = await self.desk.state(office)
        except NotFound as exc:
            if office in self.desk.in_file:
                raise web.HTTPSeeOther(with_language(request, "/admin/setup")) from exc
            raise web.HTTPNotFound from exc
        try:
            pbx, account = (request.query.get(name, "") for name in ("pbx", "account"))
            parts = await self.desk.parts(state.office, pbx=pbx, account=account)
        except NotFound as exc:
            raise web.HTTPNotFound from exc
        return Opened(state=_with_settings(state, parts.account_document), parts=parts, keeps=not (pbx or account))

    async def page(
        self,
        request: web.Request,
        opened: Opened,
        step: Step,
        *,
        values: Mapping[str, str] | None = None,
        wrong: Wrong | None = None,
        **more: Any,
    ) -> web.Response:
        """`values`: the form's fields; those of a half-filled form that was kept come first."""
        facts = await self.desk.facts(opened.state, opened.parts)
        found, lang = marks(facts), language_of(request)
        s = setup_texts(lang)
        kept = opened.kept(step) if wrong is None else {}
        if all((values or {}).get(name, "") == value for name, value in kept.items()):
            kept = {}
        return await self.shell.page(
            request,
            _TEMPLATES[step],
            s=s,
            office=opened.state,
            section="setup",
            step=step.value,
            steps=[
                {
                    "text": s[f"step_{each}"],
                    "state": "current" if each is step else _STATES.get(found[each], "open"),
                    "href": opened.path(each) if found[each] is not Mark.WAITS else "",
                }
                for each in self._steps(request)
            ],
            chooser=_chooser(opened, step),
            back=self._before(request, opened, step),
            seen=str(opened.parts.seen),
            is_kept=bool(kept),
            keeps_to=f"{path_of(opened.office, step)}/kept" if opened.keeps else "",
            refresh_seconds=more.pop("refresh_seconds", 0),
            **form_values({**(values or {}), **kept}, wrong or Wrong()),
            **more,
        )

    async def put_account(self, request: web.Request, opened: Opened, form: Form, document: Mapping[str, Any]) -> Seen:
        """Store the account that the screen is about. Raises: as `SetupDesk.put`."""
        part, seen = f"account/{opened.parts.account}", seen_of(form, opened)
        return await self.desk.put(opened.office, part, document, seen=seen, who=self.shell.who(request))

    async def put_pbx(self, request: web.Request, opened: Opened, form: Form, options: Mapping[str, Any]) -> Seen:
        """Store other options of the telephone system that the screen is about. Raises: as `SetupDesk.put`."""
        parts = opened.parts
        document = {**parts.pbx_document, parts.pbx_kind: options}
        part, seen = f"pbx/{parts.pbx}", seen_of(form, opened)
        return await self.desk.put(opened.office, part, document, seen=seen, who=self.shell.who(request))

    async def ask(
        self, request: web.Request, opened: Opened, title: str, consequences: Sequence[str], step: Step
    ) -> web.Response:
        """The question before something is removed; its answer comes to the same address with `confirmed`."""
        return await self.shell.page(
            request,
            "confirm.html",
            section="setup",
            title=title,
            consequences=consequences,
            action=opened.path(step, below="remove"),
            confirm=title,
            fields={"seen": str(opened.parts.seen)},
            cancel_href=opened.path(step),
        )

    async def finish(self, request: web.Request, office: AccountId, step: Step) -> web.HTTPSeeOther:
        """The step is done: where to go on."""
        await self.desk.store.finish(office, step)
        state = await self.desk.state(office)
        facts, steps = await self.desk.facts(state, await self.desk.parts(office)), self._steps(request)
        after = next_step(facts, but=set(Step) - set(steps))
        later = [each for each in steps if list(Step).index(each) > list(Step).index(step)]
        goal = after if after in later else next(iter(later), step)
        chosen = {name: request.query.get(name, "") for name in ("pbx", "account")}
        query = urlencode({name: value for name, value in chosen.items() if value not in ("", NEW)})
        path = path_of(office, goal) + (f"?{query}" if query else "")
        return web.HTTPSeeOther(with_language(request, path))

    async def resumed(self, request: web.Request, opened: Opened) -> web.HTTPSeeOther:
        """The first step that is not done; the first one of all where everything is."""
        facts = await self.desk.facts(opened.state, opened.parts)
        step = next_step(facts, but=set(Step) - set(self._steps(request))) or Step.OFFICE
        return web.HTTPSeeOther(with_language(request, path_of(opened.office, step)))

    def _steps(self, request: web.Request) -> list[Step]:
        """Those that the reader may take: the address is the whole server's."""
        is_servers = may(self.shell.viewer(request), Permission.CHANGE_INSTALLATION)
        return [each for each in Step if each is not Step.ADDRESS or is_servers]

    def _before(self, request: web.Request, opened: Opened, step: Step) -> str:
        steps = self._steps(request)
        place = steps.index(step)
        return opened.path(steps[place - 1]) if place else "/admin/setup"

    def refused(self, request: web.Request, exc: Exception, names: Mapping[str, str]) -> Wrong:
        """
        What to show of an error of `SetupDesk.put`; others are raised again.

        Args:
            names: the form's field of each key of the document, `asterisk.host`.
        """
        lang = language_of(request)
        s = setup_texts(lang)
        match exc:
            case InvalidDocument():
                return by_field(exc.problems, names, lang)
            case OfficeChangedMeanwhile() | ChangedMeanwhile():
                who = [author(each.who, lang) for each in exc.changes[:1]]
                return Wrong(page=[s["changed_meanwhile"].format(who=who[0] if who else "—")])
            case Rejected() if (said := reason_of(exc)) is not None:
                problem, facts = said
                return Wrong(page=[api_problem(problem, facts, lang)])
            case NotFound():
                raise web.HTTPNotFound from exc
        raise exc


def form_values(values: Mapping[str, str], wrong: Wrong) -> dict[str, Any]:
    """For a template: an unknown field is empty."""
    return {"v": defaultdict(str, values), "wrong": defaultdict(str, wrong.fields), "problems": wrong.page}


def by_field(problems: Sequence[FieldProblem], names: Mapping[str, str], lang: str) -> Wrong:
    """The problems beside the form's fields; those of other settings with their keys."""
    wrong = Wrong()
    for each in problems:
        key = ".".join(map(str, each.path[2:] if each.path[:1] in (("account",), ("pbx",)) else each.path))
        sentence = each.sentence(lang)
        if key in names:
            name = names[key]
            wrong.fields[name] = f"{wrong.fields[name]} {sentence}" if name in wrong.fields else sentence
        else:
            wrong.page.append(f"{key}: {sentence}" if key else sentence)
    return wrong


def path_of(office: AccountId, step: Step) -> str:
    return f"/admin/setup/{office}/{step}"


def seen_of(form: Mapping[str, str], opened: Opened) -> Seen:
    """What the form's writer has read. Raises: HTTPBadRequest for a foreign word."""
    seen = Seen.read(form.get("seen", str(opened.parts.seen)))
    if seen is None:
        raise web.HTTPBadRequest
    return seen


def answers_of(form: Mapping[str, str]) -> dict[str, str]:
    """A half-filled form as it is kept: without our own fields, secrets, and what is too long to be typed."""
    kept = {
        name: value
        for name, value in form.items()
        if name not in ("seen", "do") and "secret" not in name and "password" not in name and len(name) <= 100
    }
    if len(kept) > MOST_ANSWERS or any(len(value) > LONGEST_ANSWER for value in kept.values()):
        raise web.HTTPRequestEntityTooLarge(max_size=MOST_ANSWERS * LONGEST_ANSWER, actual_size=0)
    return kept


_ABOUT_PBX = frozenset({Step.ROUTING})
_ABOUT_ACCOUNT = frozenset({Step.LINES, Step.PEOPLE, Step.REHEARSAL})


def _chooser(opened: Opened, step: Step) -> list[tuple[str, str, bool]]:
    """Tabs of an office with several telephone systems or accounts; empty where there is one."""
    parts = opened.parts
    if step in _ABOUT_PBX and len(parts.pbxs) > 1:
        return [(opened.path(step, pbx=address_of(each, parts.pbxs)), each, each == parts.pbx) for each in parts.pbxs]
    if step in _ABOUT_ACCOUNT and len(parts.accounts) > 1:
        every = parts.accounts
        return [(opened.path(step, account=address_of(each, every)), each, each == parts.account) for each in every]
    return []


def address_of(each: str, among: Iterable[str]) -> str:
    """The first one needs no name in an address."""
    return "" if each == next(iter(among)) else each
