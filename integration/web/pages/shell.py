"""The common parts of all pages: the frame, the components, the account in the address, the error page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from integration import __version__
from integration.domain.access import Permission, Viewer, may, sees
from integration.domain.administrators import AdministratorId
from integration.domain.ids import AccountId, Timestamp
from integration.domain.settings_changes import Author
from integration.ports.stores import Outbox, OutboxState
from integration.services.accounts import Account, Accounts
from integration.texts.pages import texts
from integration.web.language import language_of
from integration.web.pages.compiled import templates
from integration.web.pages.flash import Flash
from integration.web.pages.session import AdminSessions
from integration.web.pages.view import local_moment
from integration.web.permissions import for_everybody

_HERE = Path(__file__).parent
_TOKENS = Path(str(files("widgets"))) / "shared"  # the design's values: files of the package that has the card, too
_UNDO = {
    "discarded": "/delivery/{item}/retry",
    **dict.fromkeys(("saved", "switched_on", "switched_off", "undone"), "/changes/{item}/undo"),
    **dict.fromkeys(("people_taken", "people_freed", "people_absent", "people_present"), "/changes/{item}/undo"),
}
"""The address that undoes a change, by the key of the message about the change."""
# The tones of messages; others are good.
_TONES = {
    "already_gone": "bad",
    "camp_not_undone": "bad",
    "camp_state_not_changed": "warn",
    "dnc_gone": "warn",
    "file_already_over": "warn",
    "file_stopped": "warn",
    "list_not_changed": "bad",
    "changed_by_another": "warn",
    "consent_gone": "bad",
    "consent_by_installing": "warn",
    "invitation_already_gone": "bad",
    "key_already_gone": "bad",
    "switched_off": "warn",
}
_LANGUAGE_NAMES = (("ru", "Рус"), ("uk", "Укр"), ("en", "Eng"))
_SECTIONS = {
    "overview": "",
    "calls": "/calls",
    "campaigns": "/campaigns",
    "delivery": "/delivery",
    "people": "/people",
    "changes": "/changes",
    "api_keys": "/keys",
    "what_if": "/route",
}
"""The pages of an account, by the key of their name and icon."""
_OTHER_NEEDS = {
    "calls": Permission.SEE_CALLS,
    "campaigns": Permission.SEE_CAMPAIGNS,
    "api_keys": Permission.MANAGE_KEYS,
}
"""What a section needs to be offered; the others need SEE_OFFICE."""
_LIVE_HEADER = "X-Dozvon-Live"  # the page reads itself again
NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NavigationItem:
    """A link of the sidebar. `badge`: a number that needs attention; `badge_hint` says of what."""

    href: str
    text: str
    icon: str
    is_current: bool
    badge: int = 0
    badge_hint: str = ""


class Shell:
    """Renders the pages of all sections."""

    def __init__(self, accounts: Accounts, outbox: Outbox, sessions: AdminSessions, flash: Flash) -> None:
        self._accounts = accounts
        self._outbox = outbox
        self._sessions = sessions
        self._flash = flash
        self.told = flash.told
        self._jinja = templates()
        self._files = {file.name: file for file in (*(_HERE / "static").iterdir(), *_TOKENS.glob("tokens*.css"))}
        self._components = cache(self._load_components)

    def routes(self) -> list[web.AbstractRouteDef]:
        return [*for_everybody("pictures and styles", [web.get("/admin/static/{name}", self._file)])]

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """By a table: what a browser asks for never becomes a path."""
        file = self._files.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound
        return web.FileResponse(file)

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

    async def administrator(self, request: web.Request) -> AdministratorId | None:
        """Who sends this request; None: who signed in with the configuration file's password."""
        found = await self._sessions.signed_in(request)
        return None if found is None or found.administrator is None else found.administrator.id

    def is_visible(self, request: web.Request) -> Callable[[AccountId], bool]:
        """Tells which accounts the sender may see; for lists of several."""
        viewer = self.viewer(request)
        return lambda account: sees(viewer, self._sessions.office_of(account))

    def may_add_offices(self, request: web.Request) -> bool:
        return may(self.viewer(request), Permission.ADD_OFFICE)

    def first_page(self, request: web.Request, account: AccountId) -> str:
        """Where the sender begins with an account: its overview, if they may see it."""
        is_whole = may(self.viewer(request), Permission.SEE_OFFICE)
        return f"/admin/{account}" if is_whole else f"/admin/{account}/campaigns"

    def moment(self, request: web.Request, at: Timestamp) -> str:
        """Of what belongs to no office: in the zone of the first one that the reader may see, else in UTC."""
        first = next(iter(self.visible(request)), None)
        return local_moment(at, first.settings.zone if first is not None else "UTC")

    def visible(self, request: web.Request) -> list[Account]:
        """The accounts that the sender of this request may see."""
        is_visible = self.is_visible(request)
        return [each for each in self._accounts if is_visible(each.id)]

    def error_page(self, request: web.Request, status: int, message: str) -> web.Response:
        """The page for a failed request. It does not use the database, which may have failed."""
        frame = self._frame(request, None, "", signed_in=False)
        html = self._jinja.get_template("error.html").render({**frame, "status": status, "sentence": message})
        return web.Response(text=html, status=status, content_type="text/html", headers=NO_STORE)

    async def page(self, request: web.Request, template: str, **values: Any) -> web.Response:
        """
        Args:
            values: `account` and `section` (a key of `_SECTIONS`) of the pages of an account; `undo_account` of a
                screen of the wizard whose changes can be undone; `live=True` for a page that changes by itself, or the
                account with which another page changes; `here`: the page's address, where it answers a form; `theme`
                is `light` or `dark` where the reader's own does not count.
        """
        account: Account | None = values.get("account")
        dead = (await self._outbox.depth_of(account.id))[OutboxState.DEAD] if account else 0
        signed_in = await self._sessions.is_signed_in(request)
        here, section = values.pop("here", ""), values.get("section", "")
        frame = self._frame(request, account, section, signed_in=signed_in, dead=dead, here=here)
        live = values.pop("live", False)
        if live and (account is not None or live is not True):
            frame["live"] = f"/admin/{account.id if account is not None else live}/live"
        is_for_a_person = _LIVE_HEADER not in request.headers
        said = await self._flash.take(request) if is_for_a_person else None
        if said is not None and said.key in frame["t"]:
            frame["message"] = frame["t"][said.key]
            frame["message_kind"] = _TONES.get(said.key, "good")
            undone = account or values.get("undo_account")
            if undone and said.undo and said.key in _UNDO:
                back = "?back=setup" if account is None else ""
                frame["undo"] = f"/admin/{undone.id}{_UNDO[said.key].format(item=said.undo)}{back}"
        html = self._jinja.get_template(template).render({**frame, "dead": dead, **values})
        response = web.Response(text=html, content_type="text/html", headers=NO_STORE)
        if is_for_a_person and self._flash.is_waiting(request):
            self._flash.forget(response)
        return response

    def _may_manage(self, request: web.Request) -> bool:
        return may(self.viewer(request), Permission.MANAGE_ADMINISTRATORS)

    def _frame(
        self,
        request: web.Request,
        account: Account | None,
        section: str,
        *,
        signed_in: bool,
        dead: int = 0,
        here: str = "",
    ) -> dict[str, Any]:
        """What `layout.html` needs. `here`: the page's address, if a form without one of its own is answered."""
        lang = language_of(request)
        here = here or request.path
        if request.method not in ("GET", "HEAD") and account is not None and section in _SECTIONS:
            here = f"/admin/{account.id}{_SECTIONS[section]}"  # the answer to a form has no address of its own
        return {
            "t": texts(lang),
            "lang": lang,
            "ui": self._components(lang),
            "version": __version__,
            "account": account,
            "section": section,
            "message": "",
            "message_kind": "",
            "undo": "",
            "live": "",
            "theme": "",
            "signed_in": signed_in,
            "manages": signed_in and self._may_manage(request),
            "may_change": signed_in and may(self.viewer(request), Permission.CHANGE_OFFICE),
            "languages_to": [(code, name, in_language(request, here, code)) for code, name in _LANGUAGE_NAMES],
            "navigation": list(self._navigation(request, account, section, lang, dead)),
        }

    def _navigation(
        self, request: web.Request, account: Account | None, section: str, lang: str, dead: int
    ) -> Iterator[NavigationItem]:
        t = texts(lang)
        if account is None or len(self.visible(request)) > 1:
            yield NavigationItem(
                href="/admin", text=t["accounts"], icon="offices", is_current=request.path.rstrip("/") == "/admin"
            )
        if account is not None:
            viewer = self.viewer(request)
            for key, path in _SECTIONS.items():
                if not may(viewer, _OTHER_NEEDS.get(key, Permission.SEE_OFFICE)):
                    continue
                yield NavigationItem(
                    href=f"/admin/{account.id}{path}",
                    text=t[key],
                    icon=key,
                    is_current=section == key,
                    badge=dead if key == "delivery" else 0,
                    badge_hint=t["dead_letters"],
                )
        if self.may_add_offices(request):
            yield NavigationItem(
                href=f"/admin/setup/{self._sessions.office_of(account.id)}" if account is not None else "/admin/setup",
                text=t["setup"],
                icon="setup",
                is_current=section == "setup",
            )
        manages = self._may_manage(request)
        yield NavigationItem(
            href="/admin/administrators" if manages else "/admin/administrators/me",
            text=t["administrators" if manages else "my_profile"],
            icon="administrators",
            is_current=section == "administrators",
        )

    def _load_components(self, lang: str) -> SimpleNamespace:
        """The macros of all files in `templates/components/`, by name; they may use `t`, `lang` and `version`."""
        shared = {"t": texts(lang), "lang": lang, "version": __version__}
        found: dict[str, Any] = {}
        for name in sorted(self._jinja.list_templates(filter_func=lambda name: name.startswith("components/"))):
            found |= vars(self._jinja.get_template(name).make_module(shared))
        return SimpleNamespace(**{name: macro for name, macro in found.items() if not name.startswith("_")})


def in_language(request: web.Request, path: str, lang: str) -> str:
    """`path` with this request's query in another language: a search is not lost by reading it in English."""
    query = [(name, value) for name, value in request.query.items() if name != "lang"] if path == request.path else []
    return f"{path}?{urlencode([*query, ('lang', lang)])}"
