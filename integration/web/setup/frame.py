"""The frame of the wizard's pages: the steps with their marks, the form's values, and what is wrong in each field."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from integration.documents.problems import FieldProblem, InvalidDocument
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
from integration.web.setup.desk import OfficeParts, SetupDesk

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
    Step.REHEARSAL: "setup/rehearsal.html",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An office as a request finds it."""

    state: SetupState
    parts: OfficeParts

    @property
    def office(self) -> AccountId:
        return self.state.office

    @property
    def zone(self) -> str:
        """The IANA name of the office's time zone."""
        state = self.state
        return AccountSettings(account=state.office, country=state.country, time_zone=state.time_zone).zone


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
        parts = await self.desk.parts(state.office)
        return Opened(state=_with_settings(state, parts.account_document), parts=parts)

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
        kept = opened.state.answers.get(step, {}) if wrong is None else {}
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
                    "state": "current" if each is step else "done" if found[each] is Mark.DONE else "open",
                    "href": path_of(opened.office, each) if found[each] is not Mark.WAITS else "",
                }
                for each in Step
            ],
            back=_before(opened.office, step),
            seen=str(opened.parts.seen),
            is_kept=bool(kept),
            **form_values({**(values or {}), **kept}, wrong or Wrong()),
            **more,
        )

    async def finish(self, request: web.Request, office: AccountId, step: Step) -> web.HTTPSeeOther:
        """The step is done: where to go on."""
        await self.desk.store.finish(office, step)
        state = await self.desk.state(office)
        after = next_step(await self.desk.facts(state, await self.desk.parts(office)))
        later = [each for each in Step if list(Step).index(each) > list(Step).index(step)]
        goal = after if after in later else next(iter(later), step)
        return web.HTTPSeeOther(with_language(request, path_of(office, goal)))

    async def resumed(self, request: web.Request, opened: Opened) -> web.HTTPSeeOther:
        """The first step that is not done; the first one of all where everything is."""
        step = next_step(await self.desk.facts(opened.state, opened.parts)) or Step.OFFICE
        return web.HTTPSeeOther(with_language(request, path_of(opened.office, step)))

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


def _before(office: AccountId, step: Step) -> str:
    steps = list(Step)
    place = steps.index(step)
    return path_of(office, steps[place - 1]) if place else "/admin/setup"
