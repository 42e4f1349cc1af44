"""The people in Bitrix24's frames: what a placement's POST says, and what of it is believed.

Part of the POST is in the query, part in the body, and all of it may be forged. The portal is found by `member_id`; the
mark of our application in it (`APPLICATION_TOKEN`) is compared; the person is asked of the OAuth server. The address in
the query (`DOMAIN`) is never used: whoever is asked there gets the person's token.
Source: b24-rest-docs, "Widgets", "Simplified way to get tokens".
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import aiohttp

from connectors.bitrix24.api import refusals
from connectors.bitrix24.api.identity import KnownOwners, TokenOwner, owner_of
from connectors.bitrix24.api.wire import exchange
from connectors.bitrix24.placements import CALL_CARD, CLIENT_TABS, LIST_MENUS, LIST_ROWS, OWN_PAGES, PLACEMENTS
from connectors.bitrix24.settings import Bitrix24Settings
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId, ManagerId
from integration.errors import AuthFailed, OutcomeUnknown, ProtocolError, Unavailable
from integration.ports.connector import Granted, Installation
from integration.ports.crm import WidgetUser
from integration.ports.frames import FramePlace, FrameProblem, FrameRefused, FrameRequest, FrameWaits, OpenedFrame
from integration.ports.stores import Tokens
from widgets.pack import DIST

_LONGEST_OPTIONS = 16_384  # characters of PLACEMENT_OPTIONS; real ones have a few hundred
_LONGEST_MARK = 256
_SECONDS = 10.0
_USUAL_SECONDS = 3600.0  # of an access token
_ENTITY_TYPES = {EntityKind.LEAD: 1, EntityKind.DEAL: 2, EntityKind.CONTACT: 3, EntityKind.COMPANY: 4}
_LANGUAGES = {"ru": "ru", "by": "ru", "kz": "ru", "ua": "uk", "uk": "uk", "en": "en"}


class Bitrix24Frames:
    """
    `integration.ports.frames.FrameGate` of one connection.

    Args:
        stored: the tokens of the connected portal with the mark of our application there; None: it is not connected.
        install: `Connector.take_installation`.
        owners: kept by the connection, for all frames.
    """

    files: ClassVar[Path] = DIST / "bitrix24"

    def __init__(
        self,
        account: AccountId,
        settings: Bitrix24Settings,
        session: aiohttp.ClientSession,
        *,
        stored: Callable[[], Awaitable[Tokens | None]],
        install: Callable[[Installation], Awaitable[Granted | None]],
        owners: KnownOwners,
    ) -> None:
        self._account = account
        self._settings = settings
        self._session = session
        self._stored = stored
        self._install = install
        self._owners = owners
        self._known: Tokens | None = None  # as last read, for what must not wait

    @property
    def script(self) -> str:
        return self._settings.api_script_url

    @property
    def ancestor(self) -> str:
        return self._known.base_url if self._known is not None else ""

    def opens(self, query: Mapping[str, str]) -> bool:
        return "APP_SID" in query

    async def is_addressed(self, request: FrameRequest) -> bool:
        portal = await self._portal()
        return portal is not None and request.form.get("member_id") == portal.crm_account_id

    async def open(self, request: FrameRequest) -> OpenedFrame:
        sent = _Sent.read(request)
        portal = await self._portal()
        is_own_page = sent.placement in OWN_PAGES
        if portal is not None and sent.member_id != portal.crm_account_id:
            raise FrameRefused(FrameProblem.OTHER_ACCOUNT)
        if portal is None and not is_own_page:
            raise FrameRefused(FrameProblem.UNKNOWN)
        is_marked = portal is not None and _same(sent.application_token, portal.event_key)
        if not is_marked and not is_own_page:
            raise FrameRefused(FrameProblem.NOT_ITS_OWN)
        owner = await self._owner(sent.access_token, sent.member_id, host="" if is_own_page else sent.host)
        if is_own_page and (portal is None or not portal.event_key or not owner.is_installed):
            return await self._installed(sent, owner)
        if not is_marked:
            raise FrameRefused(FrameProblem.NOT_ITS_OWN)
        if (subject := sent.subject) is not None:
            await self._check_sight(owner, sent.access_token, subject)
        place = _place_of(sent.placement)
        is_supervisors = place in (FramePlace.PANEL, FramePlace.SELECTION)
        is_admin = is_supervisors and await self._is_admin(owner, sent.access_token)
        return self._opened(sent, owner, place, is_admin=is_admin)

    async def user(self, proof: str, subject: EntityRef | None) -> WidgetUser:
        portal = await self._portal()
        if portal is None:
            raise FrameRefused(FrameProblem.UNKNOWN)
        owner = await self._owner(proof, portal.crm_account_id)
        if subject is not None:
            await self._check_sight(owner, proof, subject)
        is_admin = subject is None and await self._is_admin(owner, proof)
        return self._user(owner, is_admin=is_admin)

    # ---- pieces

    async def _portal(self) -> Tokens | None:
        found = await self._stored()
        self._known = found if found is not None and found.crm_account_id else None
        return self._known

    async def _owner(self, token: str, member_id: str, *, host: str = "") -> TokenOwner:
        """`host`: where an answer of some minutes ago is enough. Raises: FrameRefused, Unavailable."""
        try:
            if host:
                owner = await self._owners.owner_of(self._session, self._settings, token, host=host)
            else:
                owner = await owner_of(self._session, self._settings, token)
        except AuthFailed as exc:
            raise FrameRefused(FrameProblem.EXPIRED, str(exc)) from exc
        except ProtocolError as exc:
            raise Unavailable(str(exc)) from exc
        if not _same(owner.member_id, member_id):
            raise FrameRefused(FrameProblem.EXPIRED, "the token is another portal's")
        return owner

    async def _installed(self, sent: _Sent, owner: TokenOwner) -> OpenedFrame:
        if not await self._is_admin(owner, sent.access_token):
            raise FrameRefused(FrameProblem.NO_ADMIN)
        installation = Installation(
            crm_account_id=sent.member_id,
            access=sent.access_token,
            refresh=sent.refresh_token,
            event_key=sent.application_token,
            expires_in=sent.expires_in,
        )
        granted = await self._install(installation)
        if granted is not None:
            raise FrameWaits(granted)
        await self._portal()
        place = FramePlace.PANEL if owner.is_installed else FramePlace.INSTALL
        return replace(self._opened(sent, owner, place, is_admin=True), has_connected=True)

    async def _is_admin(self, owner: TokenOwner, token: str) -> bool:
        """
        By the portal's own word, at the address that the OAuth server has named. Raises: Unavailable.

        Source: b24-rest-docs, `profile`: ADMIN is the right of the token's user, and it needs no scope.
        """
        profile = await self._asked(owner, token, "profile", {}, FrameProblem.EXPIRED)
        if not isinstance(profile, dict) or str(profile.get("ID")) != owner.user_id:
            raise FrameRefused(FrameProblem.EXPIRED, "the portal names another person than the OAuth server")
        return profile.get("ADMIN") in (True, "Y", "1", 1)

    async def _check_sight(self, owner: TokenOwner, token: str, subject: EntityRef) -> None:
        """
        That the portal shows this entity to the person: its id came from their browser. Raises: FrameRefused,
        Unavailable.
        """
        wanted = {"entityTypeId": _ENTITY_TYPES[subject.kind], "id": int(subject.id)}
        await self._asked(owner, token, "crm.item.get", wanted, FrameProblem.NOT_VISIBLE)

    async def _asked(
        self, owner: TokenOwner, token: str, method: str, parameters: Mapping[str, Any], refused: FrameProblem
    ) -> Any:
        """The result of a method with the person's own rights. Raises: FrameRefused, Unavailable."""
        url, body = f"{owner.base_url}/rest/{method}", {**parameters, "auth": token}
        try:
            answer = await exchange(self._session, url, timeout_seconds=_SECONDS, body=body)
        except OutcomeUnknown as exc:
            raise Unavailable(str(exc)) from exc
        if refusals.is_error(answer):
            error = refusals.error_of(answer)
            if isinstance(error, Unavailable):
                raise error
            raise FrameRefused(refused, str(error))
        return (answer.body or {}).get("result")

    def _opened(self, sent: _Sent, owner: TokenOwner, place: FramePlace, *, is_admin: bool) -> OpenedFrame:
        return OpenedFrame(
            user=self._user(owner, is_admin=is_admin),
            place=place,
            ancestor=owner.base_url,  # the present one: a portal can be renamed
            language=sent.language,
            subject=sent.subject,
            crm_call=sent.option("CALL_ID") if place is FramePlace.CALL else "",
            number=sent.option("PHONE_NUMBER") if place is FramePlace.CALL else "",
            listed=LIST_MENUS.get(sent.placement) or LIST_ROWS.get(sent.placement),
            selected=sent.selected,
        )

    def _user(self, owner: TokenOwner, *, is_admin: bool) -> WidgetUser:
        return WidgetUser(account=self._account, manager=ManagerId(owner.user_id), is_admin=is_admin)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """The parts of a placement's POST that we use. `options`: texts only."""

    member_id: str
    placement: str
    host: str
    language: str
    options: Mapping[str, str] = field(repr=False)
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: float  # seconds
    application_token: str = field(repr=False)

    @classmethod
    def read(cls, request: FrameRequest) -> _Sent:
        """Raises: FrameRefused, what every placement has is not there."""
        form = request.form
        placement = form.get("PLACEMENT", "").upper()
        options = form.get("PLACEMENT_OPTIONS", "")
        marks = [form.get(name, "") for name in ("member_id", "APPLICATION_TOKEN", "AUTH_ID")]
        is_whole = all(0 < len(mark) <= _LONGEST_MARK for mark in marks) and len(options) <= _LONGEST_OPTIONS
        if not is_whole or placement not in (*PLACEMENTS, *OWN_PAGES):
            raise FrameRefused(FrameProblem.MISSING)
        return cls(
            member_id=form["member_id"],
            placement=placement,
            host=request.query.get("DOMAIN", ""),
            language=_LANGUAGES.get(request.query.get("LANG", "").lower(), "en" if "LANG" in request.query else ""),
            options=_texts(options),
            access_token=form["AUTH_ID"],
            refresh_token=form.get("REFRESH_ID", ""),
            expires_in=_seconds(form.get("AUTH_EXPIRES", "")),
            application_token=form["APPLICATION_TOKEN"],
        )

    @property
    def subject(self) -> EntityRef | None:
        """The entity of a tab. Raises: FrameRefused, the tab names none."""
        return self._named(CLIENT_TABS.get(self.placement))

    @property
    def selected(self) -> EntityRef | None:
        """The entity of a list's row. Raises: FrameRefused, the row names none."""
        return self._named(LIST_ROWS.get(self.placement))

    def _named(self, kind: EntityKind | None) -> EntityRef | None:
        id_ = self.option("ID")
        if kind is None:
            return None
        if not (id_.isascii() and id_.isdigit() and len(id_) < 13):
            raise FrameRefused(FrameProblem.MISSING)
        return EntityRef(kind, id_)

    def option(self, name: str) -> str:
        found = self.options.get(name, "")[:_LONGEST_MARK]
        return "" if found in ("undefined", "unknown", "hidden") else found


class NoScript:
    """
    `integration.ports.crm.WidgetGate` of Bitrix24, whose own page never loads our script: all its pages are frames, and
    no token of the portal is taken from a browser.
    """

    def user(self, token: str) -> WidgetUser:
        raise AuthFailed("Bitrix24 signs no tokens for pages: they come through its frames")

    def allows_origin(self, origin: str) -> bool:
        return False


def _place_of(placement: str) -> FramePlace:
    if placement == CALL_CARD:
        return FramePlace.CALL
    if placement in LIST_MENUS or placement in LIST_ROWS:
        return FramePlace.SELECTION
    return FramePlace.CLIENT if placement in CLIENT_TABS else FramePlace.PANEL


def _same(given: str, known: str) -> bool:
    """In constant time. An empty one is never the same."""
    return bool(known) and hmac.compare_digest(given.encode(), known.encode())


def _texts(options: str) -> dict[str, str]:
    """PLACEMENT_OPTIONS: a JSON text of an object with texts and numbers; everything else is left out."""
    try:
        found = json.loads(options or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: str(value) for name, value in found.items() if isinstance(value, str | int)}


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 8 else _USUAL_SECONDS
