"""The page that adds employees by groups of the CRM: choose, look at what would come of it, add, make their phones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from integration.domain.crm.entities import GroupKind
from integration.domain.ids import Extension
from integration.domain.people.by_group import GroupPlan, extensions_of, groups_of, plan
from integration.domain.settings import Employee, GroupRule
from integration.errors import DozvonError
from integration.ports.settings import ChangedMeanwhile
from integration.services.accounts import Account, Accounts, NamedInFile
from integration.services.extensions import Extensions, KnownExtensions
from integration.services.new_phones import MadePhones, NewPhones
from integration.texts.pages import texts
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.pages.changes import conflict, shown_revision
from integration.web.pages.shell import Shell
from integration.web.setup.shown import shown_steps, trouble

_LONGEST = 8  # digits of an extension of a range
_MOST_GROUPS = 200


class GroupPages:
    def __init__(self, shell: Shell, accounts: Accounts, extensions: KnownExtensions, new_phones: NewPhones) -> None:
        self._shell = shell
        self._accounts = accounts
        self._extensions = extensions
        self._new_phones = new_phones

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request, self._shell.account(request))

    async def act(self, request: web.Request) -> web.StreamResponse:
        """Raises: HTTPSeeOther to the page, when something was stored."""
        account, form = self._shell.account(request), await read_form(request)
        await self._accounts.reload(account)
        match form.get("do", ""):
            case "add":
                return await self._add(request, account, form)
            case "make":
                return await self._make(request, account)
        rule = _rule_of(account, form)
        error = _error(rule)
        if error:
            return await self._page(request, account, rule=rule, error=texts(language_of(request))[error])
        await self._accounts.set_group_rule(account, rule)
        raise web.HTTPSeeOther(_address(account))

    async def _add(self, request: web.Request, account: Account, form: Mapping[str, str]) -> web.Response:
        """Add those who were shown, and nobody else. Raises: HTTPSeeOther."""
        t, who = texts(language_of(request)), self._shell.who(request)
        found = await self._plan(account, await self._extensions.of(account))
        shown = {key.removeprefix("add."): value for key, value in form.items() if key.startswith("add.")}
        if not shown or shown != {str(manager.id): extension for manager, extension in found.additions}:
            return await self._page(request, account, error=t["groups_changed"])
        new = [Employee(extension=Extension(number), manager=manager.id) for manager, number in found.additions]
        people = [*account.settings.employees, *new]
        try:
            made = await self._accounts.set_employees(account, people, who=who, shown=shown_revision(dict(form)))
        except ChangedMeanwhile as exc:
            await self._accounts.reload(account)
            said = conflict(request, account, t["groups_changed"], exc.changes, who)
            return await self._page(request, account, first=said)
        except NamedInFile as exc:
            return await self._page(request, account, error=t["named_in_file"].format(extension=exc.key))
        undo = str(made.revision) if made else ""
        raise await self._shell.told(request, _address(account), "people_taken", undo=undo)

    async def _make(self, request: web.Request, account: Account) -> web.Response:
        lang = language_of(request)
        extensions = await self._extensions.of(account)
        lacking = _without_phone(account, extensions)
        if not lacking:
            return await self._page(request, account, error=texts(lang)["phones_none_lack"])
        try:
            made = await self._new_phones.make(account, lacking)
        except DozvonError as exc:
            return await self._page(request, account, error=trouble(exc, lang))
        self._extensions.forget(account)
        return await credentials_page(self._shell, request, account, made, back=_address(account))

    async def _plan(self, account: Account, extensions: Extensions) -> GroupPlan:
        known = [user.extension for user in extensions.users if user.pbx is None]
        return plan(account.settings.group_rule, account.managers, account.settings.employees, known)

    async def _page(
        self,
        request: web.Request,
        account: Account,
        *,
        rule: GroupRule | None = None,
        error: str = "",
        first: object = None,
    ) -> web.Response:
        t = texts(language_of(request))
        extensions = await self._extensions.of(account)
        wanted = rule or account.settings.group_rule
        is_stored = rule is None and bool(wanted.groups)
        found = await self._plan(account, extensions) if is_stored else GroupPlan()
        silent = [t["pbx_silent"].format(pbx=f" {pbx}" if len(account.pbxs) > 1 else "") for pbx in extensions.silent]
        return await self._shell.page(
            request,
            "people_groups.html",
            account=account,
            section="people",
            conflict=first,
            errors=[*([error] if error else []), *silent],
            kinds=_kinds(account, wanted, t),
            rule=wanted,
            is_stored=is_stored,
            plan=found,
            can_add=is_stored and not extensions.silent,
            lacking=[
                (each.extension, account.manager_name(each.manager) or "")
                for each in _without_phone(account, extensions)
            ],
            shown=account.revision,
        )


async def credentials_page(
    shell: Shell, request: web.Request, account: Account, made: MadePhones, *, back: str
) -> web.Response:
    """The secrets of phones, once: nothing here keeps them."""
    lang = language_of(request)
    refusal = made.writing.refusal if made.writing is not None else None
    return await shell.page(
        request,
        "phone_credentials.html",
        account=account,
        section="people",
        phones=made.phones,
        are_made=made.are_made,
        refusal=refusal.says.say(lang) if refusal is not None else "",
        advice=refusal.advice.say(lang) if refusal is not None and refusal.advice is not None else "",
        steps=shown_steps(made.steps, lang),
        back=back,
    )


def _address(account: Account) -> str:
    return f"/admin/{account.id}/people/groups"


def _rule_of(account: Account, form: Mapping[str, str]) -> GroupRule:
    known = [group.key for group in groups_of(account.managers.values())]
    return GroupRule(
        groups=tuple(key for key in known if f"group.{key}" in form)[:_MOST_GROUPS],
        first=form.get("first", "").strip()[: _LONGEST + 1],
        last=form.get("last", "").strip()[: _LONGEST + 1],
    )


def _error(rule: GroupRule) -> str:
    """A key of a text; empty: the rule can be used."""
    if not rule.groups:
        return "groups_none_chosen"
    return "" if extensions_of(rule) else "groups_no_range"


def _kinds(account: Account, rule: GroupRule, t: Mapping[str, str]) -> list[dict[str, Any]]:
    """The CRM's groups by kind, each with its number of managers."""
    groups = groups_of(account.managers.values())
    return [
        {
            "title": t[f"group_{kind}"],
            "groups": [
                {"key": each.key, "name": each.name, "count": count, "is_chosen": each.key in rule.groups}
                for each, count in groups.items()
                if each.kind is kind
            ],
        }
        for kind in GroupKind
        if any(each.kind is kind for each in groups)
    ]


def _without_phone(account: Account, extensions: Extensions) -> Sequence[Employee]:
    """Mapped people of the main PBX whose extension it does not have. Empty, if it does not answer."""
    if extensions.silent:
        return ()
    known = {user.key for user in extensions.users}
    return [
        each
        for each in account.settings.employees
        if each.manager and each.pbx is None and each.key not in known and account.settings.is_active(each.manager)
    ]
