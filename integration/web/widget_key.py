"""A key typed into the widget's settings window: says whether it works, and what this CRM account still lacks.

The widget signs in by the CRM's signature, which needs the integration's secret and the CRM's consent here. Until then
the key is the only thing by which an administrator's page in the CRM and an office here can find each other. It is
checked once and kept nowhere: every user's browser reads what a CRM keeps of a widget's settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from integration.domain.access import Permission, Viewer, may, sees, viewer_by_key
from integration.domain.ids import AccountId
from integration.domain.setup import Step
from integration.errors import AuthFailed, DozvonError
from integration.ports.administrators import FoundKey
from integration.ports.connector import Connector
from integration.services.accounts import Account
from integration.services.api_keys import KeyRefused
from integration.services.click import Refused
from integration.web.api.keys import KnownKeys, author_by
from integration.web.errors import json_body, text_field
from integration.web.pages.session import AdminSessions
from integration.web.permissions import for_everybody
from integration.web.setup.frame import path_of

log = structlog.get_logger()

_LONGEST_KEY = 200


class KeyFinding(StrEnum):
    """What a working key has found out about the CRM account of the page."""

    CONNECTED = "connected"
    NO_CRM = "no_crm"  # the office has no CRM yet: its keys have to be entered here
    NO_CONSENT = "no_consent"  # the CRM's keys are entered, its consent is missing
    NOT_RECOGNISED = "not_recognised"  # connected, but not to this account, or with another secret


class Office(Protocol):
    """A running account."""

    @property
    def account(self) -> Account: ...

    @property
    def connector(self) -> Connector: ...


class Consents(Protocol):
    """`consent.py` describes it."""

    async def confirm_for(self, account: AccountId, host: str, is_visible: Callable[[AccountId], bool]) -> bool: ...


class WidgetKey:
    """
    Args:
        office_of: the office of an account.
        may_be_crms: whether a page of this origin may be a CRM's.
        public_url: where our pages are.
    """

    def __init__(
        self,
        keys: KnownKeys,
        sessions: AdminSessions,
        offices: Mapping[AccountId, Office],
        consents: Consents,
        *,
        office_of: Callable[[AccountId], AccountId],
        may_be_crms: Callable[[str], bool],
        public_url: str,
    ) -> None:
        self._keys = keys
        self._sessions = sessions
        self._offices = offices
        self._consents = consents
        self._office_of = office_of
        self._may_be_crms = may_be_crms
        self._public_url = public_url

    def routes(self) -> list[web.AbstractRouteDef]:
        return [*for_everybody("a key is checked", [web.post("/api/widget/key", self.check)])]

    async def check(self, request: web.Request) -> web.Response:
        """Raises: Refused, with why the key does not work; Unavailable."""
        origin = request.headers.get("Origin", "")
        if not self._may_be_crms(origin):
            raise Refused("not_allowed", "this page may not check keys")
        text = text_field(await json_body(request), "key", longest=_LONGEST_KEY).strip()
        address = self._sessions.address_of(request)
        try:
            found = await self._keys.recognised(text, address=address)
        except KeyRefused as exc:
            if await self._sessions.count_wrong_key(request):
                raise Refused("rate_limited", "too many wrong keys") from exc
            raise Refused(exc.reason.value, "the key does not work") from exc
        viewer = viewer_by_key(found.key, found.maker, author_by(found, address))
        finding, path = await self._about(viewer, found, urlsplit(origin).netloc, request)
        return web.json_response(
            {
                "key": found.key.name,
                "office": found.key.office,
                "finding": finding.value,
                "url": f"{self._public_url}{path}" if path else None,
            },
            headers={"Cache-Control": "no-store"},
        )

    async def _about(self, viewer: Viewer, found: FoundKey, host: str, request: web.Request) -> tuple[KeyFinding, str]:
        """What is to be said of the CRM account whose page has asked, and where it is mended. Raises: Refused."""
        token = request.headers.get("X-Auth-Token", "")
        if (account := self._account_of(token)) is not None:
            if not sees(viewer, self._office_of(account)):
                raise Refused("key_other_office", "the key is another office's")
            return KeyFinding.CONNECTED, ""
        own = [key for key in self._offices if sees(viewer, self._office_of(key))]
        if not own:
            return KeyFinding.NO_CRM, _crm_step(found)
        waiting = [key for key in own if not self._offices[key].connector.is_known]
        if not waiting:
            return KeyFinding.NOT_RECOGNISED, f"/admin/setup/{self._office_of(own[0])}/{Step.CRM}"
        if await self._bound(viewer, waiting, host):
            return KeyFinding.CONNECTED, ""
        return KeyFinding.NO_CONSENT, f"/admin/{waiting[0]}/connect"

    def _account_of(self, token: str) -> AccountId | None:
        """The account whose CRM has signed the token."""
        if not token.isascii():
            return None
        for office in self._offices.values():
            try:
                return office.connector.gate.user(token).account
            except AuthFailed:
                continue
        return None

    async def _bound(self, viewer: Viewer, waiting: list[AccountId], host: str) -> bool:
        """Whether a consent that the CRM gave unasked now connects an account: a key that may change it confirms it."""

        def is_visible(each: AccountId) -> bool:
            return sees(viewer, self._office_of(each))

        for account in waiting:
            if not may(viewer, Permission.CHANGE_OFFICE, self._office_of(account)):
                continue
            try:
                if await self._consents.confirm_for(account, host, is_visible):
                    return True
            except DozvonError as exc:
                log.warning("consent not bound by a key", account_id=account, error=str(exc))
        return False


def _crm_step(found: FoundKey) -> str:
    office = found.key.office
    return "/admin/setup" if office is None else path_of(office, Step.CRM)
