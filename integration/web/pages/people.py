"""Managers of the CRM and extensions of the PBX: who is who."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from aiohttp import web
from markupsafe import Markup

from integration.documents.people import person_table, read_people
from integration.documents.problems import InvalidDocument
from integration.domain.access import Permission
from integration.domain.crm.entities import Manager
from integration.domain.ids import ManagerId, PbxId
from integration.domain.people.mapping import PbxUser, callable_managers, problems, suggest
from integration.domain.settings import Employee, PhoneType
from integration.errors import DozvonError
from integration.ports.settings import ChangedMeanwhile
from integration.services.accounts import Account, Accounts, NamedInFile
from integration.texts.pages import texts
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.pages.changes import Conflict, conflict, shown_revision
from integration.web.pages.shell import Shell
from integration.web.pages.view import LONGEST_SEARCH, phone_text
from integration.web.permissions import needs

ROWS_OF_PAGE = 50  # an office of five hundred has ten pages; one of fifty sees no other
_MOST_PAGES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerList:
    """Which managers the page shows."""

    find: str = ""
    unmapped: bool = False
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> ManagerList:
        text = query.get("page", "")
        page = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 1
        return cls(
            find=query.get("find", "")[:LONGEST_SEARCH].strip(),
            unmapped=bool(query.get("unmapped")),
            page=min(max(page, 1), _MOST_PAGES),
        )

    @property
    def offset(self) -> int:
        return (self.page - 1) * ROWS_OF_PAGE

    @property
    def fields(self) -> dict[str, str]:
        """As a form sends them; what is not chosen is left out."""
        every = {"find": self.find, "unmapped": "1" if self.unmapped else "", "page": str(self.page)}
        return {name: value for name, value in every.items() if value and (name, value) != ("page", "1")}

    def address(self, *, page: int | None = None) -> str:
        """The query of this list, or of another page of it; empty for the first page of all."""
        fields = self.fields if page is None else replace(self, page=page).fields
        return f"?{urlencode(fields)}" if fields or page is not None else ""

    def filter(
        self, managers: Sequence[Manager], phones: Mapping[ManagerId, Employee], form: Mapping[str, str]
    ) -> list[Manager]:
        """Those of a form stay, whatever was chosen for them: what was typed must not vanish."""
        words = self.find.casefold()

        def is_wanted(manager: Manager) -> bool:
            phone = phones.get(manager.id)
            known = (manager.name, manager.email or "", phone.extension if phone else "")
            if self.unmapped and phone is not None and f"extension.{manager.id}" not in form:
                return False
            return not words or any(words in each.casefold() for each in known)

        return [manager for manager in managers if is_wanted(manager)]


class _Options:
    """The extensions to choose from, as HTML: written once, because a page shows hundreds of them for each manager."""

    def __init__(self, account: Account, users: Sequence[PbxUser]) -> None:
        self._account = account
        self._users = {user.key: user for user in users}
        self._plain = [self._option(user) for user in users]
        self._at = {user.key: number for number, user in enumerate(users)}

    def html(self, chosen: str, none_text: str) -> Markup:
        """With the chosen one marked, also if no PBX has it."""
        options = [_option("", none_text, is_chosen=not chosen), *self._plain]
        if chosen:
            marked = self._option(self._users.get(chosen) or _named(self._account, chosen), is_chosen=True)
            if chosen in self._at:
                options[self._at[chosen] + 1] = marked
            else:
                options.append(marked)
        return Markup("").join(options)

    def _option(self, user: PbxUser, *, is_chosen: bool = False) -> Markup:
        text = phone_text(self._account, user) + (f" — {user.name}" if user.name else "")
        return _option(user.key, text, is_chosen=is_chosen)


def _option(key: str, text: str, *, is_chosen: bool) -> Markup:
    pattern = '<option value="{}" selected>{}</option>' if is_chosen else '<option value="{}">{}</option>'
    return Markup(pattern).format(key, text)  # noqa: S704  the pattern is ours, and format() escapes the values


class PeoplePages:
    def __init__(self, shell: Shell, accounts: Accounts) -> None:
        self._shell = shell
        self._accounts = accounts

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            *needs(Permission.SEE_OFFICE, web.get("/admin/{account}/people", self.people)),
            *needs(Permission.CHANGE_OFFICE, web.post("/admin/{account}/people", self.save_people)),
        ]

    async def people(self, request: web.Request) -> web.Response:
        account = self._shell.account(request)
        return await self._people_page(request, account, [])

    async def save_people(self, request: web.Request) -> web.StreamResponse:
        account = self._shell.account(request)
        form = await read_form(request)
        await self._accounts.reload(account)  # what other processes have stored, also when their news was lost
        managers = callable_managers(account.managers.values())
        users, _ = await pbx_users(account)
        texts_of = _texts_of(account, users)
        stored = {manager: employee.key for manager, employee in _by_manager(account.settings.employees).items()}
        # A long list has several pages: the managers of the others keep what they have.
        wanted = {m.id: form.get(f"extension.{m.id}", stored.get(m.id, "")) for m in managers}
        if form.get("do") == "suggest":
            taken = set(wanted.values())
            for manager, extension in suggest(managers, users).items():
                is_shown = f"extension.{manager}" in form
                if is_shown and not wanted.get(manager) and extension not in taken:
                    wanted[manager] = extension
        t = texts(language_of(request))
        if doubled := _doubled(wanted, t, texts_of):
            return await self._people_page(request, account, doubled, typed=(wanted, form))
        who = self._shell.who(request)
        try:
            people = people_of_form(account, wanted, form, users)
            made = await self._accounts.set_employees(account, people, who=who, shown=shown_revision(form))
        except ChangedMeanwhile as exc:
            await self._accounts.reload(account)
            wanted, form = _on_top(wanted, form, exc.seen.employees, account.settings.employees)
            first = conflict(request, account, t["changed_meanwhile"], exc.changes, who)
            doubled = _doubled(wanted, t, texts_of)
            return await self._people_page(request, account, doubled, typed=(wanted, form), first=first)
        except NamedInFile as exc:
            error = t["named_in_file"].format(extension=exc.key)
            return await self._people_page(request, account, [error], typed=(wanted, form))
        except InvalidDocument as exc:
            return await self._people_page(request, account, [], typed=(wanted, form), invalid=exc)
        undo = str(made.revision) if made else ""
        back = f"/admin/{account.id}/people{ManagerList.of(form).address()}"
        raise await self._shell.told(request, back, "saved", undo=undo)

    async def _people_page(
        self,
        request: web.Request,
        account: Account,
        errors: list[str],
        *,
        typed: tuple[dict[ManagerId, str], dict[str, str]] | None = None,
        first: Conflict | None = None,
        invalid: InvalidDocument | None = None,
    ) -> web.Response:
        """`typed`: the extensions that an administrator chose, and the whole form: it stays as they left it."""
        wanted, form = typed or ({}, {})
        t = texts(language_of(request))
        managers = callable_managers(account.managers.values())
        users, silent = await pbx_users(account)
        employees = _chosen(account, wanted, form, users)
        texts_of = _texts_of(account, users)
        said = _by_phone(invalid, language_of(request))
        wrong = problems(managers, employees, users)
        guesses = suggest(managers, users)
        by_manager = _by_manager(employees)
        more = _more_phones(account, employees)
        query = ManagerList.of(form or dict(request.query))
        found = query.filter(managers, by_manager, form)
        shown = found[query.offset : query.offset + ROWS_OF_PAGE]
        options = _Options(account, users)
        rows = []
        for manager in shown:
            employee = by_manager.get(manager.id)
            extension = wanted.get(manager.id, employee.key if employee else "")
            kind = form.get(f"type.{manager.id}", employee.phone_type if employee else PhoneType.SIP)
            notes = [{"tone": "soft", "text": t["note_also"].format(extension=other)} for other in more[manager.id]]
            notes += [{"tone": "bad", "text": sentence} for sentence in said.pop(extension, [])]
            if employee is not None and employee.key in account.named_in_file:
                notes.append({"tone": "soft", "text": t["note_in_file"]})
            if manager.id in wrong.unmapped:
                notes.append({"tone": "warn", "text": t["note_unmapped"]})
            if extension in wrong.doubled or manager.id in wrong.doubled:
                notes.append({"tone": "bad", "text": t["note_doubled"]})
            if extension in wrong.missing:
                notes.append({"tone": "bad", "text": t["note_missing"]})
            rows.append(
                {
                    "manager": manager,
                    "extension": extension,
                    "type": kind,
                    "options": options.html(extension, t["not_assigned"]),
                    "suggestion": texts_of.get(guesses.get(manager.id, "")),
                    "notes": notes,
                }
            )
        others = [f"{key}: {sentence}" for key, sentences in said.items() for sentence in sentences]
        return await self._shell.page(
            request,
            "people.html",
            account=account,
            section="people",
            rows=rows,
            conflict=first,
            shown=account.revision,
            problems=[*errors, *others, *(t["pbx_silent"].format(pbx=pbx) for pbx in silent)],
            has_suggestions=any(r["suggestion"] and not r["extension"] for r in rows),
            query=query,
            is_long=len(managers) > ROWS_OF_PAGE,
            first=min(query.offset + 1, len(found)),
            last=query.offset + len(shown),
            total=len(found),
            previous_page=query.address(page=query.page - 1) if query.page > 1 and shown else "",
            next_page=query.address(page=query.page + 1) if query.offset + len(shown) < len(found) else "",
        )


async def pbx_users(account: Account) -> tuple[list[PbxUser], list[str]]:
    """
    The extensions of the PBXs, with those that are mapped already; and the PBXs that do not answer, of which only those
    that are mapped are known. The only PBX of an account needs no name.
    """
    users: dict[str, PbxUser] = {}
    silent: list[str] = []
    pbxs = list(account.pbxs.items())
    for number, (key, pbx) in enumerate(pbxs):
        named = None if number == 0 else key
        mapped = (each for each in account.settings.employees if account.pbx_of(each) == key)
        found = [PbxUser(each.extension, each.name, named) for each in mapped]
        if pbx.abilities.lists_extensions:
            try:
                found = [PbxUser(user.extension, user.name, named) for user in await pbx.employees()]
            except DozvonError:
                silent.append("" if len(pbxs) == 1 else f" {key}")
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


def _doubled(wanted: dict[ManagerId, str], t: Mapping[str, str], texts_of: dict[str, str]) -> list[str]:
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


def people_of_form(
    account: Account, wanted: dict[ManagerId, str], form: dict[str, str], users: list[PbxUser]
) -> tuple[Employee, ...]:
    """
    The new mapping: those who are mapped, and the PBX's other people as outside the integration.

    Raises:
        InvalidDocument: names what of the form is wrong, as it would in a file.
    """
    # A manager dismissed in the CRM is not shown, but keeps the extension until another manager gets it.
    shown = _by_manager(account.settings.employees)
    kept = {manager for manager, key in wanted.items() if manager in shown and shown[manager].key == key}
    stored = [
        replace(each, manager=None) if each.manager in wanted.keys() - kept else each
        for each in account.settings.employees
    ]
    # On PBXs that the account has left: no document may name them, so they stay as they are.
    left = {each.key: each for each in stored if account.pbx_of(each) not in account.pbxs}
    table = {each.key: person_table(each) for each in stored if each.key not in left}
    names = {user.key: user.name for user in users}
    for manager, key in wanted.items():
        if key in left:
            left[key] = replace(left[key], manager=manager)
        elif key:
            base = table.get(key) or {"name": names.get(key, "")}
            table[key] = {**base, "manager": manager, "type": form.get(f"type.{manager}", PhoneType.SIP.value)}
    return (*read_people(table, tuple(account.pbxs)), *left.values())


def _chosen(
    account: Account, wanted: dict[ManagerId, str], form: dict[str, str], users: list[PbxUser]
) -> tuple[Employee, ...]:
    """The mapping that the page shows: what was chosen, as far as it can be read."""
    try:
        return people_of_form(account, wanted, form, users) if form else account.settings.employees
    except InvalidDocument:
        return account.settings.employees


def _by_phone(invalid: InvalidDocument | None, language: str) -> dict[str, list[str]]:
    """What is wrong, by the key of the person's phone."""
    found: dict[str, list[str]] = defaultdict(list)
    for each in invalid.problems if invalid is not None else ():
        found[str(each.path[1]) if len(each.path) > 1 else ""].append(each.sentence(language))
    return found
