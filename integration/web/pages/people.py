"""Managers of the CRM and extensions of the PBX: who is who."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from aiohttp import web

from integration.domain.ids import Extension, ManagerId, PbxId
from integration.domain.people.mapping import PbxUser, callable_managers, problems, suggest
from integration.domain.settings import Employee, PhoneType
from integration.errors import DozvonError
from integration.ports.settings import ChangedMeanwhile
from integration.services.accounts import Account, Accounts, NamedInFile
from integration.texts.pages import texts
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.pages.changes import Conflict, conflict, shown_revision
from integration.web.pages.shell import Shell, told

_LONGEST_KEY = 81  # a PBX's id, a stroke, an extension


class PeoplePages:
    def __init__(self, shell: Shell, accounts: Accounts) -> None:
        self._shell = shell
        self._accounts = accounts

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/admin/{account}/people", self.people),
            web.post("/admin/{account}/people", self.save_people),
        ]

    async def people(self, request: web.Request) -> web.Response:
        account = self._shell.account(request)
        return await self._people_page(request, account, account.settings.employees, [])

    async def save_people(self, request: web.Request) -> web.StreamResponse:
        account = self._shell.account(request)
        form = await read_form(request)
        await self._accounts.reload(account)  # what other processes have stored, also when their news was lost
        managers = callable_managers(account.managers.values())
        users, _ = await _pbx_users(account)
        wanted = {m.id: form.get(f"extension.{m.id}", "")[:_LONGEST_KEY] for m in managers}
        if form.get("do") == "suggest":
            taken = set(wanted.values())
            for manager, extension in suggest(managers, users).items():
                if not wanted.get(manager) and extension not in taken:
                    wanted[manager] = extension
        people = _employees(account, wanted, form, users)
        t = texts(language_of(request))
        if doubled := _doubled(wanted, t):
            return await self._people_page(request, account, people, doubled, wanted=wanted)
        who = self._shell.who(request)
        try:
            made = await self._accounts.set_employees(account, people, who=who, shown=shown_revision(form))
        except ChangedMeanwhile as exc:
            await self._accounts.reload(account)
            wanted, form = _on_top(wanted, form, exc.seen.employees, account.settings.employees)
            people = _employees(account, wanted, form, users)
            first = conflict(request, account, t["changed_meanwhile"], exc.changes, who)
            return await self._people_page(request, account, people, _doubled(wanted, t), wanted=wanted, first=first)
        except NamedInFile as exc:
            error = t["named_in_file"].format(extension=exc.key)
            return await self._people_page(request, account, people, [error], wanted=wanted)
        raise told(f"/admin/{account.id}/people", "saved", undo=str(made.revision) if made else "")

    async def _people_page(
        self,
        request: web.Request,
        account: Account,
        employees: tuple[Employee, ...],
        errors: list[str],
        *,
        wanted: dict[ManagerId, str] | None = None,
        first: Conflict | None = None,
    ) -> web.Response:
        t = texts(language_of(request))
        managers = callable_managers(account.managers.values())
        users, is_asked = await _pbx_users(account)
        wrong = problems(managers, employees, users)
        guesses = suggest(managers, users)
        by_manager = _by_manager(employees)
        rows = []
        for manager in managers:
            employee = by_manager.get(manager.id)
            extension = (wanted or {}).get(manager.id, employee.key if employee else "")
            notes = []
            if employee is not None and employee.key in account.named_in_file:
                notes.append({"tone": "soft", "text": t["note_in_file"]})
            if manager.id in wrong.unmapped:
                notes.append({"tone": "warn", "text": t["note_unmapped"]})
            if extension in wrong.doubled or manager.id in wrong.doubled:
                notes.append({"tone": "bad", "text": t["note_doubled"]})
            if extension in wrong.missing:
                notes.append({"tone": "bad", "text": t["note_missing"]})
            choices = (
                users
                if any(u.key == extension for u in users) or not extension
                else [*users, _named(account, extension)]
            )
            rows.append(
                {
                    "manager": manager,
                    "extension": extension,
                    "type": employee.phone_type if employee else PhoneType.SIP,
                    "choices": choices,
                    "suggestion": guesses.get(manager.id),
                    "notes": notes,
                }
            )
        return await self._shell.page(
            request,
            "people.html",
            account=account,
            section="people",
            rows=rows,
            conflict=first,
            shown=account.revision,
            problems=errors + ([] if is_asked else [t["pbx_silent"]]),
            has_suggestions=any(r["suggestion"] and not r["extension"] for r in rows),
        )


async def _pbx_users(account: Account) -> tuple[list[PbxUser], bool]:
    """
    The extensions of the PBXs, with those that are mapped already; and whether each PBX was asked. Of a PBX that does
    not answer only those that are mapped.
    """
    users: dict[str, PbxUser] = {}
    is_asked = True
    for number, (key, pbx) in enumerate(list(account.pbxs.items())):
        named = None if number == 0 else key
        try:
            found = [PbxUser(user.extension, user.name, named) for user in await pbx.employees()]
        except DozvonError:
            is_asked = False
            mapped = (each for each in account.settings.employees if account.pbx_of(each) == key)
            found = [PbxUser(each.extension, each.name, named) for each in mapped]
        users |= {user.key: user for user in found}
    return sorted(users.values(), key=lambda user: user.key), is_asked


def _named(account: Account, key: str) -> PbxUser:
    """The user of a key that an administrator chose."""
    pbx, stroke, extension = key.partition("/")
    return PbxUser(extension, pbx=PbxId(pbx)) if stroke and pbx in account.pbxs else PbxUser(key)


def _doubled(wanted: dict[ManagerId, str], t: dict[str, str]) -> list[str]:
    counted = Counter(extension for extension in wanted.values() if extension)
    return [t["doubled"].format(extension=extension) for extension in sorted(counted) if counted[extension] > 1]


def _on_top(
    wanted: dict[ManagerId, str], form: dict[str, str], seen: Sequence[Employee], now: Sequence[Employee]
) -> tuple[dict[ManagerId, str], dict[str, str]]:
    """What an administrator chose, for the managers whom they changed; for the others what is stored now."""
    before, after = _by_manager(seen), _by_manager(now)
    choices, fields = {}, dict(form)
    for manager, extension in wanted.items():
        was, stored = before.get(manager), after.get(manager)
        choices[manager] = extension if extension != (was.key if was else "") else stored.key if stored else ""
        if stored and form.get(f"type.{manager}", "sip") == (was.phone_type if was else PhoneType.SIP):
            fields[f"type.{manager}"] = stored.phone_type
    return choices, fields


def _by_manager(employees: Sequence[Employee]) -> dict[ManagerId, Employee]:
    return {e.manager: e for e in employees if e.manager}


def _employees(
    account: Account, wanted: dict[ManagerId, str], form: dict[str, str], users: list[PbxUser]
) -> tuple[Employee, ...]:
    """The new mapping: those who are mapped, and the PBX's other people as outside the integration."""
    old = {e.key: e for e in account.settings.employees}
    names = {user.key: user.name for user in users}
    # A manager dismissed in the CRM is not shown, but keeps the extension until another manager gets it.
    people = {key: replace(e, manager=None) if e.manager in wanted else e for key, e in old.items()}
    for manager, key in wanted.items():
        if not key:
            continue
        kind = PhoneType.WEB if form.get(f"type.{manager}") == "web" else PhoneType.SIP
        user = _named(account, key)
        base = old.get(key) or Employee(extension=Extension(user.extension), pbx=user.pbx, name=names.get(key, ""))
        people[key] = replace(base, manager=manager, phone_type=kind)
    return tuple(people.values())
