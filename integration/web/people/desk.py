"""The list of people, on its own page and on the wizard's screen: shows it, and carries out what its form asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from integration.documents.problems import InvalidDocument
from integration.domain.crm.entities import Manager
from integration.domain.ids import Timestamp
from integration.domain.people.mapping import OF_LEAVERS, Trouble
from integration.domain.sentences import say
from integration.domain.settings import Employee
from integration.domain.settings_changes import Author
from integration.errors import DozvonError
from integration.ports.clock import Clock
from integration.ports.pbx_setup import RingOutcome, RingResult
from integration.ports.settings import ChangedMeanwhile
from integration.services.accounts import Account, Accounts, NamedInFile
from integration.services.extensions import Extensions, KnownExtensions
from integration.services.phone_trials import RING_SECONDS, NotTried, PhoneTrials
from integration.texts.pages import texts
from integration.texts.pbx_setup import RING_RESULTS
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.pages.changes import Conflict, conflict, shown_revision
from integration.web.pages.shell import Shell
from integration.web.people.mapping_form import (
    Wanted,
    by_phone,
    chosen,
    doubled,
    named,
    on_top,
    people_of_form,
    wanted_of,
    with_absence,
)
from integration.web.people.query import ROWS_OF_PAGE, PeopleQuery, Show
from integration.web.people.rows import (
    TONES,
    Options,
    People,
    Row,
    absence_text,
    end_text,
    notes,
    offers,
    others_said,
    reasons,
)
from integration.web.people.steps import Refused, Step, choose, step_of
from integration.web.setup.shown import trouble

_MOST_NAMES = 10  # of those whom a question concerns
_MOST_SUGGESTED = 20  # shown above the list; the rows have the others


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where the list stands.

    Attributes:
        address: without a query; the form is sent there.
        render: makes the page of what the list's template needs.
        is_setup: in the wizard.
    """

    address: str
    render: Callable[[web.Request, Mapping[str, Any]], Awaitable[web.Response]]
    is_setup: bool = False


@dataclass(slots=True, kw_only=True)
class _Choice:
    """What an administrator has chosen in a form; a step of theirs changes it before it is stored or shown again."""

    form: dict[str, str] = field(default_factory=dict)
    wanted: Wanted = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    first: Conflict | None = None
    invalid: InvalidDocument | None = None
    rung: tuple[str, str] | None = None  # tone and sentence


class PeopleDesk:
    def __init__(
        self, shell: Shell, accounts: Accounts, extensions: KnownExtensions, trials: PhoneTrials, clock: Clock
    ) -> None:
        self._shell = shell
        self._accounts = accounts
        self._extensions = extensions
        self._trials = trials
        self._clock = clock

    async def show(self, request: web.Request, account: Account, place: Place) -> web.Response:
        return await self._page(request, account, place, _Choice())

    async def act(self, request: web.Request, account: Account, place: Place) -> web.StreamResponse:
        """Raises: HTTPSeeOther to the list, when something was stored."""
        choice = _Choice(form=await read_form(request))
        await self._accounts.reload(account)  # what other processes have stored, also when their news was lost
        extensions = await self._extensions.of(account)
        people = self._people(account, account.settings.employees, extensions)
        targets = [each.id for each in people.managers if each.is_active and each.is_paid]
        choice.wanted = wanted_of(account, targets, choice.form)
        t = texts(language_of(request))
        try:
            step = step_of(people, choice.form, self._clock.now(), t)
            if step.name == "ring":
                self._extensions.forget(account)
                choice.rung = await self._ring(request, account, step.key)
                return await self._page(request, account, place, choice)
            if step.name in ("free", "absent") and not choice.form.get("confirmed"):
                return await self._ask(request, account, place, people, step, choice.form)
            choose(people, choice.wanted, step, t)
        except Refused as exc:
            choice.errors = [str(exc)]
            return await self._page(request, account, place, choice)
        return await self._store(request, account, place, choice, step, extensions)

    # ---- storing -------------------------------------------------------------------------------------------------

    async def _store(
        self, request: web.Request, account: Account, place: Place, choice: _Choice, step: Step, known: Extensions
    ) -> web.Response:
        """Raises: HTTPSeeOther to the list."""
        t, who = texts(language_of(request)), self._shell.who(request)
        if twice := doubled(choice.wanted):
            choice.errors = self._doubled(account, twice, known, t)
            return await self._page(request, account, place, choice)
        try:
            made = await self._write(account, choice, step, known, who)
        except ChangedMeanwhile as exc:
            await self._accounts.reload(account)
            choice.wanted, choice.form = on_top(
                choice.wanted, choice.form, exc.seen.employees, account.settings.employees
            )
            choice.first = conflict(request, account, t["changed_meanwhile"], exc.changes, who)
            choice.errors = self._doubled(account, doubled(choice.wanted), known, t)
            return await self._page(request, account, place, choice)
        except NamedInFile as exc:
            choice.errors = [t["named_in_file"].format(extension=exc.key)]
            return await self._page(request, account, place, choice)
        except InvalidDocument as exc:
            choice.invalid = exc
            return await self._page(request, account, place, choice)
        key = {"take": "people_taken", "free": "people_freed", "absent": "people_absent", "present": "people_present"}
        back = f"{place.address}{PeopleQuery.of(choice.form).address()}"
        raise await self._shell.told(request, back, key.get(step.name, "saved"), undo=str(made) if made else "")

    async def _write(self, account: Account, choice: _Choice, step: Step, known: Extensions, who: Author) -> int | None:
        """The revision of the change, if there is one. Raises: as `Accounts.set_employees`; InvalidDocument."""
        people = people_of_form(account, choice.wanted, choice.form, known.users)
        if step.name == "free":  # leavers too, who cannot be chosen
            people = tuple(_freed(each) if each.manager in step.managers else each for each in people)
        if step.name in ("absent", "present"):
            people = with_absence(people, step.managers, is_away=step.name == "absent", until=step.until)
        back = step.managers if step.name == "present" else ()
        made = await self._accounts.set_employees(
            account, people, who=who, shown=shown_revision(choice.form), back=back
        )
        return made.revision if made else None

    @staticmethod
    def _doubled(account: Account, keys: Sequence[str], known: Extensions, t: Mapping[str, str]) -> list[str]:
        people = People.of(account, account.settings.employees, known, Timestamp(0.0))
        return [t["doubled"].format(extension=people.names.get(key, key)) for key in keys]

    async def _ask(
        self,
        request: web.Request,
        account: Account,
        place: Place,
        people: People,
        step: Step,
        form: Mapping[str, str],
    ) -> web.Response:
        """The question before a step that stops calls, with the whole form, so that nothing typed is lost."""
        t = texts(language_of(request))
        who = [each.name for each in people.managers if each.id in step.managers]
        names = who[:_MOST_NAMES]
        if len(who) > _MOST_NAMES:
            names.append(t["absent_more"].format(count=len(who) - _MOST_NAMES))
        lines = [t["these_people"].format(names=", ".join(names))]
        if step.name == "free":
            lines += [t["free_consequence_cards"], t["free_consequence_calls"]]
        else:
            lines.append(t["absent_consequence_calls"])
            now, zone = self._clock.now(), account.settings.zone
            end = end_text(step.until, zone, now) if step.until is not None else ""
            lines.append(t["absent_consequence_end"].format(end=end) if end else t["absent_consequence_no_end"])
        return await self._shell.page(
            request,
            "confirm.html",
            account=account,
            section="people",
            title=t[f"{step.name}_title"].format(count=len(who)),
            consequences=[*lines, t["can_be_undone"]],
            action=place.address,
            confirm=t[f"do_{step.name}"],
            fields={name: value for name, value in form.items() if name != "confirmed"},
            cancel_href=f"{place.address}{PeopleQuery.of(form).address()}",
        )

    # ---- letting it ring -----------------------------------------------------------------------------------------

    async def _ring(self, request: web.Request, account: Account, key: str) -> tuple[str, str]:
        lang = language_of(request)
        t = texts(lang)
        phone = next((each for each in account.settings.employees if each.key == key), None) or named(account, key)
        pbx = phone.pbx or next(iter(account.pbxs), None)
        if pbx is None or not phone.extension:
            return "bad", t["ring_not_here"]
        try:
            said = await self._trials.ring(account, pbx, phone.extension)
        except DozvonError as exc:
            return "bad", t["ring_said"].format(extension=phone.extension, result=trouble(exc, lang))
        if isinstance(said, NotTried):
            return "warn", t["ring_said"].format(extension=phone.extension, result=t[f"ring_{said}"])
        result = say(RING_RESULTS[said.result], lang)
        return _tone(said), t["ring_said"].format(extension=phone.extension, result=result)

    # ---- showing -------------------------------------------------------------------------------------------------

    def _people(self, account: Account, employees: Sequence[Employee], extensions: Extensions) -> People:
        return People.of(account, employees, extensions, self._clock.now())

    async def _page(self, request: web.Request, account: Account, place: Place, choice: _Choice) -> web.Response:
        lang = language_of(request)
        t = texts(lang)
        extensions = await self._extensions.of(account)
        shown = chosen(account, choice.wanted, choice.form, extensions.users)
        people = self._people(account, shown, extensions)
        query = PeopleQuery.of(choice.form or dict(request.query))
        found = people.shown(query, choice.form)
        said = by_phone(choice.invalid, lang)
        options = Options(account, extensions.users)
        rows = [self._row(people, each, choice, options, said, t) for each in query.rows(found)]
        silent = [t["pbx_silent"].format(pbx=f" {pbx}" if len(account.pbxs) > 1 else "") for pbx in extensions.silent]
        values = {
            "conflict": choice.first,
            "errors": [*choice.errors, *others_said(said), *silent],
            "people": {
                "action": place.address,
                "rows": rows,
                "query": query,
                "shown": account.revision,
                "mapped": people.mapped,
                "targets": people.targets,
                "is_long": len(found) > ROWS_OF_PAGE,
                "first": min((query.page - 1) * ROWS_OF_PAGE + 1, len(found)),
                "last": (query.page - 1) * ROWS_OF_PAGE + len(rows),
                "total": len(found),
                "previous": query.address(page=query.page - 1) if query.page > 1 and rows else "",
                "next": query.address(page=query.page + 1) if query.page * ROWS_OF_PAGE < len(found) else "",
                "shows": [(each.value, t[f"show_{each}"]) for each in Show],
                "troubles": self._troubles(people, query, place, t),
                "sure": len(people.sure),
                "suggested": self._suggested(people, t),
                "rung": choice.rung,
                "zone": account.settings.zone,
                "groups_href": f"/admin/{account.id}/people/groups",
                "ring_seconds": int(RING_SECONDS),
                "absent_until": choice.form.get("absent_until", ""),
                "ticked": [str(each.id) for each in found if f"pick.{each.id}" in choice.form],
            },
        }
        return await place.render(request, values)

    def _row(
        self,
        people: People,
        manager: Manager,
        choice: _Choice,
        options: Options,
        said: dict[str, list[str]],
        t: Mapping[str, str],
    ) -> Row:
        employee = people.phones.get(manager.id)
        is_target = manager.is_active and manager.is_paid
        key = choice.wanted.get(manager.id, employee.key if employee else "")
        stored = employee.phone_type.value if employee else "sip"
        return Row(
            manager=manager,
            key=key,
            phone=people.names.get(key, key),
            type=choice.form.get(f"type.{manager.id}", stored),
            options=options.html(key, t["not_assigned"]) if is_target else None,
            notes=notes(people, manager, said.pop(key, []) if key else [], t),
            offers=[] if key else offers(people, manager.id, t),
            absence=absence_text(people.absences.get(manager.id), people.account.settings.zone, self._clock.now(), t),
        )

    @staticmethod
    def _troubles(people: People, query: PeopleQuery, place: Place, t: Mapping[str, str]) -> list[dict[str, str]]:
        """What is wrong, each with how many it concerns, what to do, and where they are."""
        made = []
        for each in Trouble:
            if count := people.counts[each]:
                show = Show.UNMAPPED if each is Trouble.UNMAPPED else Show.PROBLEMS
                show = Show.INACTIVE if each in OF_LEAVERS else show
                made.append(
                    {
                        "tone": TONES.get(each, "bad"),
                        "text": f"{_capital(t[f'trouble_{each}'])}: {count}",
                        "todo": t[f"mend_{each}"],
                        "href": f"{place.address}{query.address(show=show)}",
                        "frees": "1" if each in OF_LEAVERS else "",
                    }
                )
        return made

    @staticmethod
    def _suggested(people: People, t: Mapping[str, str]) -> list[dict[str, str]]:
        """The surest first."""
        names = {each.id: each.name for each in people.managers}
        sure = sorted(people.sure.values(), key=lambda each: ([-n for n in each.rank], names[each.manager].casefold()))
        return [
            {
                "name": names[each.manager],
                "extension": people.names.get(each.key, each.key),
                "reasons": "; ".join(reasons(each, t)),
            }
            for each in sure[:_MOST_SUGGESTED]
        ]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _freed(employee: Employee) -> Employee:
    return Employee(
        extension=employee.extension,
        pbx=employee.pbx,
        name=employee.name,
        phone_type=employee.phone_type,
        mobile=employee.mobile,
    )


def _tone(outcome: RingOutcome) -> str:
    if outcome.result is RingResult.ANSWERED or outcome.has_rung:
        return "good"
    return "warn" if outcome.result in (RingResult.BUSY, RingResult.DECLINED) else "bad"
