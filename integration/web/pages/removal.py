"""Removing an account in the browser: a page that names what goes and what stays, and the step itself."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from integration.documents.problems import InvalidDocument
from integration.domain.access import Permission
from integration.domain.ids import AccountId
from integration.domain.settings_changes import Author
from integration.errors import NotFound
from integration.ports.offices import InConfigurationFile, OfficeChangedMeanwhile
from integration.services.accounts import Account
from integration.texts.pages import texts
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.pages.shell import Shell
from integration.web.permissions import needs

CONSEQUENCES = ("remove_route", "remove_webhooks", "remove_widget", "remove_stays", "remove_back")
"""What removing an account means, as keys of texts."""


class RemovedAccount(Protocol):
    """`webhooks`: a key of `texts/pages.py` after `removed_webhooks_`."""

    @property
    def office(self) -> AccountId: ...

    @property
    def revision(self) -> int: ...

    @property
    def webhooks(self) -> str: ...


class Remover(Protocol):
    async def remove(self, account: AccountId, *, who: Author) -> RemovedAccount:
        """Raises: NotFound, InConfigurationFile, InvalidDocument, OfficeChangedMeanwhile, Unavailable."""


class RemovalPages:
    def __init__(self, shell: Shell, remover: Remover) -> None:
        self._shell = shell
        self._remover = remover

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            *needs(
                Permission.CHANGE_OFFICE,
                web.get("/admin/{account}/remove", self.ask),
                web.post("/admin/{account}/remove", self.remove),
            )
        ]

    async def ask(self, request: web.Request) -> web.Response:
        account = self._shell.account(request)
        t = texts(language_of(request))
        return await self._shell.page(
            request,
            "confirm.html",
            account=account,
            section="overview",
            title=t["remove_title"].format(name=account.name),
            consequences=[t[key] for key in CONSEQUENCES],
            action=f"/admin/{account.id}/remove",
            confirm=t["remove"],
            fields={},
            cancel_href=f"/admin/{account.id}",
        )

    async def remove(self, request: web.Request) -> web.StreamResponse:
        account = self._shell.account(request)
        if not (await read_form(request)).get("confirmed"):
            return await self.ask(request)
        t = texts(language_of(request))
        try:
            removed = await self._remover.remove(account.id, who=self._shell.who(request))
        except InConfigurationFile:
            return await self._refused(request, account, t["remove_in_file"])
        except InvalidDocument:
            return await self._refused(request, account, t["remove_is_needed"])
        except (OfficeChangedMeanwhile, NotFound):
            return await self._refused(request, account, t["remove_changed"])
        return await self._shell.page(
            request,
            "removed.html",
            name=account.name,
            webhooks=t[f"removed_webhooks_{removed.webhooks}"],
            webhooks_tone="warn" if removed.webhooks == "left" else "good",
            command=f"dozvon history {removed.office} --undo {removed.revision}",
            here="/admin",
        )

    async def _refused(self, request: web.Request, account: Account, sentence: str) -> web.Response:
        return await self._shell.page(
            request, "removal_refused.html", account=account, section="overview", sentence=sentence
        )
