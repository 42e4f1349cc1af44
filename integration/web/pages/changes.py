"""Who changed the settings and when, and undo; and what a page says when somebody else was first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from integration.documents.differences import differences
from integration.documents.problems import InvalidDocument
from integration.domain.access import Permission, allowed_everywhere
from integration.domain.ids import AccountId, Timestamp
from integration.domain.settings_changes import Author, AuthorKind, Section, SettingsChange
from integration.errors import NotFound, Rejected
from integration.ports.offices import KeptOfficeChange, OfficeChange, Seen, UndoObstacle
from integration.ports.settings import KeptChange, UndoRefused
from integration.services.accounts import Account, Accounts, NamedInFile
from integration.texts.changes import author, changed, only_secrets, part_changed
from integration.texts.offices import ApiProblem, api_problem
from integration.texts.pages import texts
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.office_refusals import reason_of
from integration.web.pages.shell import Shell
from integration.web.pages.view import moment
from integration.web.permissions import needs


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """`address`: where it is undone, below the page's own."""

    at: Timestamp
    when: str
    who: str
    what: Sequence[str]
    undoes: str
    is_undone: bool
    can_undo: bool
    address: str


class OfficeHistory(Protocol):
    """Changes of whole offices; `process/office_edits.py` describes what it raises."""

    async def changes(self, office: AccountId, *, limit: int) -> list[KeptOfficeChange]: ...

    async def undo(self, office: AccountId, revision: int, *, who: Author, allowed: Collection[Permission]) -> Seen: ...


_PAGE_OF = {Section.PEOPLE: "/people", Section.SWITCH: ""}
_MOST_OF_OFFICE = 100  # changes; REST and `dozvon history` have the older ones
_MOST_ROWS = 200
_MOST_LINES = 10  # of what others have changed, on the page of the one who was second


@dataclass(frozen=True, slots=True)
class Conflict:
    """A sentence, and what stands in the way, a line for each part."""

    sentence: str
    lines: Sequence[str] = ()


class ChangePages:
    """
    Args:
        offices: None: there are none in the database.
        office_of: the office of an account.
    """

    def __init__(
        self,
        shell: Shell,
        accounts: Accounts,
        offices: OfficeHistory | None = None,
        office_of: Callable[[AccountId], AccountId] = lambda account: account,
    ) -> None:
        self._shell = shell
        self._accounts = accounts
        self._offices = offices
        self._office_of = office_of

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            *needs(Permission.SEE_OFFICE, web.get("/admin/{account}/changes", self.changes)),
            *needs(
                Permission.CHANGE_OFFICE,
                web.post("/admin/{account}/changes/{revision:[0-9]{1,9}}/undo", self.undo),
                web.post("/admin/{account}/changes/office/{revision:[0-9]{1,9}}/undo", self.undo_of_office),
            ),
        ]

    async def changes(self, request: web.Request) -> web.Response:
        return await self._page(request, self._shell.account(request))

    async def undo(self, request: web.Request) -> web.StreamResponse:
        account, viewer = self._shell.account(request), self._shell.who(request)
        form = await read_form(request)
        t = texts(language_of(request))
        try:
            made = await self._accounts.undo(account, int(request.match_info["revision"]), who=viewer)
        except UndoRefused as exc:
            if exc.by is None:
                return await self._page(request, account, Conflict(t["change_not_kept"]))
            sentence = t["undone_already" if exc.is_undone else "undo_refused"]
            return await self._page(request, account, conflict(request, account, sentence, [exc.by], viewer))
        except NamedInFile as exc:
            return await self._page(request, account, Conflict(t["named_in_file"].format(extension=exc.key)))
        section = "/changes" if made is None or form.get("back") == "changes" else _PAGE_OF[made.section]
        undo = str(made.revision) if made else ""
        back = f"/admin/{account.id}{section}"
        if request.query.get("back") == "setup" and section == _PAGE_OF[Section.PEOPLE]:
            back = f"/admin/setup/{self._office_of(account.id)}{section}"
        raise await self._shell.told(request, back, "undone", undo=undo)

    async def undo_of_office(self, request: web.Request) -> web.StreamResponse:
        """Of a change that concerns the whole office."""
        account, lang = self._shell.account(request), language_of(request)
        await read_form(request)
        if self._offices is None:
            raise web.HTTPNotFound
        revision, who = int(request.match_info["revision"]), self._shell.who(request)
        added = [each.change for each in await self._of_office(account) if each.change.revision == revision]
        is_gone = any(each.before.get(f"account/{account.id}", {}) is None for each in added)
        try:
            allowed = allowed_everywhere(self._shell.viewer(request))
            await self._offices.undo(self._office_of(account.id), revision, who=who, allowed=allowed)
        except InvalidDocument as exc:
            lines = [f"{key}: {said}" for key, said in exc.sentences(lang).items()]
            sentence = api_problem(ApiProblem.WRONG_SETTINGS, {}, lang)
            return await self._page(request, account, Conflict(sentence, _few(lines)))
        except NotFound as exc:
            raise web.HTTPNotFound from exc
        except Rejected as exc:
            reason = reason_of(exc)
            if reason is None:
                raise
            return await self._page(request, account, Conflict(api_problem(*reason, lang)))
        raise await self._shell.told(request, "/admin" if is_gone else f"/admin/{account.id}/changes", "undone")

    async def _of_office(self, account: Account) -> list[KeptOfficeChange]:
        if self._offices is None:
            return []
        try:
            return await self._offices.changes(self._office_of(account.id), limit=_MOST_OF_OFFICE)
        except NotFound:  # its account is in the configuration file
            return []

    async def _page(self, request: web.Request, account: Account, conflict: Conflict | None = None) -> web.Response:
        lang, viewer = language_of(request), self._shell.who(request)
        rows = _rows(account, await self._accounts.changes(account), lang, viewer)
        kept = await self._of_office(account)
        # In a thread: a hundred changes of long documents take a while to compare, and calls go on.
        rows += await asyncio.to_thread(_office_rows, account, kept, lang, viewer)
        return await self._shell.page(
            request,
            "changes.html",
            account=account,
            section="changes",
            conflict=conflict,
            rows=sorted(rows, key=lambda row: row.at, reverse=True)[:_MOST_ROWS],
            is_cut=len(rows) > _MOST_ROWS,
        )


def conflict(
    request: web.Request, account: Account, sentence: str, changes: Sequence[SettingsChange], viewer: Author
) -> Conflict:
    """Who was first, when, and what they changed; `changes` newest first."""
    lang = language_of(request)
    names = _names(account)
    lines = [
        f"{moment(change.at, account)} · {author(change.who, lang, viewer)}: {what}"
        for change in changes
        for what in changed(change, lang, names, zone=account.settings.zone)
    ]
    return Conflict(sentence, _few(lines))


def shown_revision(form: dict[str, str]) -> int | None:
    """
    The revision that a page carried from its reading to its saving. None: it carried none. What is no revision, as a
    page of an older release has it, is older than all.
    """
    text = form.get("shown", "")
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else -1


def _rows(account: Account, kept: Sequence[KeptChange], lang: str, viewer: Author) -> list[ChangeRow]:
    """Of the account's own settings: its people, its switch."""
    names = _names(account)
    when = {each.change.revision: moment(each.change.at, account) for each in kept}
    return [
        ChangeRow(
            at=each.change.at,
            when=when[each.change.revision],
            who=author(each.change.who, lang, viewer),
            what=changed(each.change, lang, names, zone=account.settings.zone),
            undoes=when.get(each.change.undoes or 0, ""),
            is_undone=each.clash is not None and each.clash.is_undone,
            can_undo=each.clash is None and each.change.who.kind is not AuthorKind.FILE,
            address=f"{each.change.revision}/undo",
        )
        for each in kept
    ]


def _office_rows(account: Account, kept: Sequence[KeptOfficeChange], lang: str, viewer: Author) -> list[ChangeRow]:
    """Of the office: its accounts and PBXs."""
    when = {each.change.revision: moment(each.change.at, account) for each in kept}
    return [
        ChangeRow(
            at=each.change.at,
            when=when[each.change.revision],
            who=author(each.change.who, lang, viewer),
            what=_few(_what(each.change, lang)),
            undoes=when.get(each.change.undoes or 0, ""),
            is_undone=each.obstacle is UndoObstacle.UNDONE,
            can_undo=each.obstacle is None,
            address=f"office/{each.change.revision}/undo",
        )
        for each in kept
    ]


def _what(change: OfficeChange, lang: str) -> list[str]:
    lines: list[str] = []
    for part in sorted(change.after):
        before, after = change.before[part], change.after[part]
        how = "added" if before is None else "removed" if after is None else ""
        details = [(each.key, each.before, each.after) for each in differences(before, after)]
        lines += part_changed(part, details, lang, how=how)
    return lines or [only_secrets(lang)]


def _few(lines: Sequence[str]) -> list[str]:
    return [*lines[:_MOST_LINES], *(["…"] if len(lines) > _MOST_LINES else [])]


def _names(account: Account) -> dict[str, str]:
    return {str(manager.id): manager.name for manager in account.managers.values()}
