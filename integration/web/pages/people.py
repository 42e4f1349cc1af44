"""Managers of the CRM and extensions of the PBX: who is who."""

from __future__ import annotations

from collections import Counter, defaultdict
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
from integration.web.pages.view import phone_text

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
        texts_of = _texts_of(account, users)
        wanted = {m.id: form.get(f"extension.{m.id}", "")[:_LONGEST_KEY] for m in managers}
        if form.get("do") == "suggest":
            taken = set(wanted.values())
            for manager, extension in suggest(managers, users).items():
                if not wanted.get(manager) and extension not in taken:
                    wanted[manager] = extension
        people = _employees(account, wanted, form, users)
        t = texts(language_of(request))
        if doubled := _doubled(wanted, t, texts_of):
            return await self._people_page(request, account, people, doubled, wanted=wanted)
        who = self._shell.who(request)
        try:
            made = await self._accounts.set_employees(account, people, who=who, shown=shown_revision(form))
        except ChangedMeanwhile as exc:
            await self._accounts.reload(account)
            wanted, form = _on_top(wanted, form, exc.seen.employees, account.settings.employees)
            people = _employees(account, wanted, form, users)
            first = conflict(request, account, t["changed_meanwhile"], exc.changes, who)
            return await self._people_page(
                request, account, people, _doubled(wanted, t, texts_of), wanted=wanted, first=first
            )
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
        users, silent = await _pbx_users(account)
        texts_of = _texts_of(account, users)
        wrong = problems(managers, employees, users)
        guesses = suggest(managers, users)
        by_manager = _by_manager(employees)
        more = _more_phones(account, employees)
        rows = []
        for manager in managers:
            employee = by_manager.get(manager.id)
            extension = (wanted or {}).get(manager.id, employee.key if employee else "")
            notes = [{"tone": "soft", "text": t["note_also"].format(extension=other)} for other in more[manager.id]]
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
                    "choices": [{"key": u.key, "text": phone_text(account, u), "name": u.name} for u in choices],
                    "suggestion": texts_of.get(guesses.get(manager.id, "")),
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
            problems=[*errors, *(t["pbx_silent"].format(pbx=pbx) for pbx in silent)],
            has_suggestions=any(r["suggestion"] and not r["extension"] for r in rows),
        )


async def _pbx_users(account: Account) -> tuple[list[PbxUser], list[str]]:
    """
    The extensions of the PBXs, with those that are mapped already; and the PBXs that do not answer, of which only those
    that are mapped are known. The only PBX of an account needs no name.
    """
    users: dict[str, PbxUser] = {}
    silent: list[str] = []
    pbxs = list(account.pbxs.items())
    for number, (key, pbx) in enumerate(pbxs):
        named = None if number == 0 else key
        try:
            found = [PbxUser(user.extension, user.name, named) for user in await pbx.employees()]
        except DozvonError:
            silent.append("" if len(pbxs) == 1 else f" {key}")
            mapped = (each for each in account.settings.employees if account.pbx_of(each) == key)
            found = [PbxUser(each.extension, each.name, named) for each in mapped]
        users |= {user.key: user for user in found}
    return sorted(users.values(), key=lambda user: user.key), silent


def _texts_of(account: Account, users: Sequence[PbxUser]) -> dict[str, str]:
    """What each phone is called on the page, by its key."""
    phones: list[Employee | PbxUser] = [*account.settings.employees, *users]
    return {each.key: phone_text(account, each) for each in phones}


def _more_phones(account: Account, employees: Sequence[Employee]) -> dict[ManagerId, list[str]]:
    """The phones of each manager beside the one that can be chosen: a person may sit in the office and the branch."""
    more: dict[ManagerId, list[str]] = defaultdict(list)
    chosen = _by_manager(employees)
    for each in employees:
        if each.manager and chosen[each.manager] is not each:
            more[each.manager].append(phone_text(account, each))
    return more


def _named(account: Account, key: str) -> PbxUser:
    """The user of a key that an administrator chose."""
    pbx, stroke, extension = key.partition("/")
    return PbxUser(extension, pbx=PbxId(pbx)) if stroke and pbx in account.pbxs else PbxUser(key)


def _doubled(wanted: dict[ManagerId, str], t: dict[str, str], texts_of: dict[str, str]) -> list[str]:
    counted = Counter(key for key in wanted.values() if key)
    return [t["doubled"].format(extension=texts_of.get(key, key)) for key in sorted(counted) if counted[key] > 1]


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
    """The phone of each manager that can be chosen: the first one, with which a click calls."""
    return {e.manager: e for e in reversed(employees) if e.manager}


def _employees(
    account: Account, wanted: dict[ManagerId, str], form: dict[str, str], users: list[PbxUser]
) -> tuple[Employee, ...]:
    """The new mapping: those who are mapped, and the PBX's other people as outside the integration."""
    old = {e.key: e for e in account.settings.employees}
    names = {user.key: user.name for user in users}
    # A manager dismissed in the CRM is not shown, but keeps the extension until another manager gets it.
    shown = _by_manager(account.settings.employees)
    kept = {manager for manager, key in wanted.items() if manager in shown and shown[manager].key == key}
    people = {key: replace(e, manager=None) if e.manager in wanted.keys() - kept else e for key, e in old.items()}
    for manager, key in wanted.items():
        if not key:
            continue
        kind = PhoneType.WEB if form.get(f"type.{manager}") == "web" else PhoneType.SIP
        user = _named(account, key)
        base = old.get(key) or Employee(extension=Extension(user.extension), pbx=user.pbx, name=names.get(key, ""))
        people[key] = replace(base, manager=manager, phone_type=kind)
    return tuple(people.values())
