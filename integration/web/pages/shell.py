"""The common parts of all pages: the frame, the account in the address, the error page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from integration import __version__
from integration.domain.access import Granted, Permission, Viewer, allows, sees
from integration.domain.ids import AccountId, Timestamp
from integration.domain.settings_changes import Author
from integration.ports.stores import Outbox, OutboxState
from integration.services.accounts import Account, Accounts
from integration.texts import LANGUAGES
from integration.texts.pages import texts
from integration.web.language import COOKIE, language_of
from integration.web.pages.session import AdminSessions
from integration.web.pages.view import local_moment
from integration.web.permissions import for_everybody

_HERE = Path(__file__).parent
_UNDO = {
    "discarded": "/delivery/{item}/retry",
    **dict.fromkeys(("saved", "switched_on", "switched_off", "undone"), "/changes/{item}/undo"),
}
"""The address that undoes a change, by the key of the message about the change."""


class Shell:
    """Renders the pages of all sections."""

    def __init__(self, accounts: Accounts, outbox: Outbox, sessions: AdminSessions) -> None:
        self._accounts = accounts
        self._outbox = outbox
        self._sessions = sessions
        self._jinja = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined
        )

    def routes(self) -> list[web.AbstractRouteDef]:
        return [*for_everybody("pictures and styles", [web.static("/admin/static", _HERE / "static")])]

    def account(self, request: web.Request) -> Account:
        """The account in the address. Raises: HTTPNotFound."""
        account = self._accounts.get(AccountId(request.match_info["account"]))
        if account is None:
            raise web.HTTPNotFound
        return account

    def who(self, request: web.Request) -> Author:
        """The administrator who sends this request."""
        return self._sessions.who(request)

    def viewer(self, request: web.Request) -> Viewer:
        """What the sender of this request may."""
        return self._sessions.viewer(request)

    def may_see(self, request: web.Request, account: AccountId) -> bool:
        """Whether the sender may see this account; for lists of several."""
        return sees(self.viewer(request), self._sessions.office_of(account))

    def moment(self, at: Timestamp) -> str:
        """Of what belongs to no office: in the zone of the first one, else in UTC."""
        first = next(iter(self._accounts), None)
        return local_moment(at, first.settings.zone if first is not None else "UTC")

    def error_page(self, request: web.Request, status: int, message: str) -> web.Response:
        """The page for a failed request. It does not use the database, which may have failed."""
        lang = language_of(request)
        html = self._jinja.get_template("error.html").render(
            {
                "t": texts(lang),
                "lang": lang,
                "version": __version__,
                "account": None,
                "section": "",
                "message": "",
                "signed_in": False,
                "status": status,
                "sentence": message,
            }
        )
        return web.Response(text=html, status=status, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def page(self, request: web.Request, template: str, **values: Any) -> web.Response:
        lang = language_of(request)
        t = texts(lang)
        account: Account | None = values.get("account")
        done, item = request.query.get("done", ""), request.query.get("item", "")
        is_number = item.isascii() and item.isdigit() and len(item) <= 18
        undo = f"/admin/{account.id}{_UNDO[done].format(item=item)}" if account and is_number and done in _UNDO else ""
        dead = (await self._outbox.depth_of(account.id))[OutboxState.DEAD] if account else 0
        html = self._jinja.get_template(template).render(
            {
                "t": t,
                "lang": lang,
                "version": __version__,
                "account": None,
                "section": "",
                "message": t.get(done, "") if done in t else "",
                "message_kind": "bad" if done in ("already_gone", "consent_gone") else "",
                "undo": undo,
                "signed_in": await self._sessions.is_signed_in(request),
                "manages": self._may_manage(request),
                "dead": dead,
                **values,
            }
        )
        response = web.Response(text=html, content_type="text/html", headers={"Cache-Control": "no-store"})
        if request.query.get("lang") in LANGUAGES:
            response.set_cookie(COOKIE, lang, max_age=365 * 24 * 3600, samesite="Lax", httponly=True)
        return response

    def _may_manage(self, request: web.Request) -> bool:
        return isinstance(allows(self.viewer(request), Permission.MANAGE_ADMINISTRATORS), Granted)


def told(path: str, key: str, *, undo: str = "") -> web.HTTPSeeOther:
    """Redirect to a page that shows the message `key`. `undo`: the outbox item or settings' revision to undo."""
    return web.HTTPSeeOther(f"{path}?done={key}" + (f"&item={undo}" if undo else ""))
