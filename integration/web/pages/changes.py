"""Who changed the settings and when, and undo; and what a page says when somebody else was first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from integration.domain.settings_changes import Author, AuthorKind, Section, SettingsChange
from integration.ports.settings import KeptChange, UndoRefused
from integration.services.accounts import Account, Accounts, NamedInFile
from integration.texts.changes import author, changed
from integration.texts.pages import texts
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.pages.shell import Shell, told
from integration.web.pages.view import moment

_PAGE_OF = {Section.PEOPLE: "/people", Section.SWITCH: ""}
_MOST_LINES = 10  # of what others have changed, on the page of the one who was second


@dataclass(frozen=True, slots=True)
class Conflict:
    """A sentence, and what stands in the way, a line for each part."""

    sentence: str
    lines: Sequence[str] = ()


class ChangePages:
    def __init__(self, shell: Shell, accounts: Accounts) -> None:
        self._shell = shell
        self._accounts = accounts

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/admin/{account}/changes", self.changes),
            web.post("/admin/{account}/changes/{revision:[0-9]{1,9}}/undo", self.undo),
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
        raise told(f"/admin/{account.id}{section}", "undone", undo=str(made.revision) if made else "")

    async def _page(self, request: web.Request, account: Account, conflict: Conflict | None = None) -> web.Response:
        kept = await self._accounts.changes(account)
        return await self._shell.page(
            request,
            "changes.html",
            account=account,
            section="changes",
            conflict=conflict,
            rows=_rows(account, kept, language_of(request), self._shell.who(request)),
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
        for what in changed(change, lang, names)
    ]
    return Conflict(sentence, lines[:_MOST_LINES] + (["…"] if len(lines) > _MOST_LINES else []))


def shown_revision(form: dict[str, str]) -> int | None:
    """
    The revision that a page carried from its reading to its saving. None: it carried none. What is no revision, as a
    page of an older release has it, is older than all.
    """
    text = form.get("shown", "")
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else -1


def _rows(account: Account, kept: Sequence[KeptChange], lang: str, viewer: Author) -> list[dict[str, object]]:
    names = _names(account)
    when = {each.change.revision: moment(each.change.at, account) for each in kept}
    return [
        {
            "revision": each.change.revision,
            "when": when[each.change.revision],
            "who": author(each.change.who, lang, viewer),
            "what": changed(each.change, lang, names),
            "undoes": when.get(each.change.undoes or 0, ""),
            "is_undone": each.clash is not None and each.clash.is_undone,
            "can_undo": each.clash is None and each.change.who.kind is not AuthorKind.FILE,
        }
        for each in kept
    ]


def _names(account: Account) -> dict[str, str]:
    return {str(manager.id): manager.name for manager in account.managers.values()}
