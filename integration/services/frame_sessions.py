"""Sessions of pages that a CRM shows in a frame: a ticket in the page, exchanged once for a token in its memory.

A framed page gets no cookies (browsers refuse those of another site), and the CRM's own token has to stay out of HTML.
So the page carries a ticket that works once and for two minutes, and its script exchanges it for a token that names the
person. The token is worth nothing by itself: only its digest, kept by all processes for half an hour, makes it valid.
Afterwards the page proves again with the CRM's word who is there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any

from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId, ManagerId, Timestamp
from integration.errors import AuthFailed
from integration.ports.clock import Clock
from integration.ports.coordination import Coordination
from integration.ports.crm import WidgetUser

TICKET_SECONDS = 120.0  # the CRM's script is loaded before ours
SESSION_SECONDS = 30 * 60.0

_KIND = "frame"
_PREFIX = "dzf_"
_LONGEST = 512


@dataclass(frozen=True, slots=True)
class FrameSession:
    """`subject`: the entity in whose card the page stands, which the CRM lets the person see."""

    user: WidgetUser
    subject: EntityRef | None


class FrameSessions:
    """Errors of all methods: Unavailable if the coordination is away."""

    def __init__(self, coordination: Coordination, clock: Clock) -> None:
        self._coordination = coordination
        self._clock = clock

    async def ticket(self, user: WidgetUser, subject: EntityRef | None) -> str:
        """For the HTML of a page that this person has opened, in the card of this entity."""
        payload = {
            "for": _KIND,
            "account": user.account,
            "manager": user.manager,
            "admin": user.is_admin,
            "subject": None if subject is None else [subject.kind, subject.id],
        }
        return await self._coordination.issue_ticket(payload, ttl_seconds=TICKET_SECONDS)

    async def begin(self, ticket: str) -> str:
        """A token for a ticket, which is used now. Raises: AuthFailed, it is unknown, used or too old."""
        found = await self._coordination.take_ticket(ticket)
        if found is None or found.get("for") != _KIND:
            raise AuthFailed("the page's ticket is unknown, used or too old")
        user = WidgetUser(
            account=AccountId(str(found["account"])),
            manager=ManagerId(str(found["manager"])),
            is_admin=found["admin"] is True,
        )
        kind, id_ = found["subject"] or ("", "")
        return await self.begin_for(user, EntityRef(EntityKind(kind), str(id_)) if kind else None)

    async def begin_for(self, user: WidgetUser, subject: EntityRef | None) -> str:
        """A token for somebody for whom the CRM has just vouched, and who may see this entity."""
        until = self._clock.now() + SESSION_SECONDS
        seen = ["", ""] if subject is None else [subject.kind, subject.id]
        named = [user.account, user.manager, user.is_admin, *seen, round(until), secrets.token_urlsafe(24)]
        token = _PREFIX + base64.urlsafe_b64encode(json.dumps(named).encode()).decode().rstrip("=")
        await self._coordination.mark(_key(token), ttl_seconds=SESSION_SECONDS)
        return token

    async def session(self, token: str) -> FrameSession:
        """Whose token it is. Raises: AuthFailed, it is none of ours or is over."""
        found = _read(token)
        until = 0.0 if found is None else found.user.token_until or 0.0
        if found is None or self._clock.now() >= until or not await self._coordination.is_marked(_key(token)):
            raise AuthFailed("the page's session is over")
        return found


def is_frame_token(token: str) -> bool:
    """Whether it may be one of ours rather than one that a CRM has signed."""
    return token.startswith(_PREFIX)


def _key(token: str) -> str:
    return f"frame:{hashlib.sha256(token.encode()).hexdigest()}"


def _read(token: str) -> FrameSession | None:
    if not token.isascii() or not is_frame_token(token) or len(token) > _LONGEST:
        return None
    packed = token.removeprefix(_PREFIX)
    try:
        named: Any = json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    match named:
        case [str(account), str(manager), bool(is_admin), str(kind), str(id_), int(until), str(_)]:
            user = WidgetUser(
                account=AccountId(account),
                manager=ManagerId(manager),
                is_admin=is_admin,
                token_id=_key(token),
                token_until=Timestamp(until),
            )
            return FrameSession(user, EntityRef(EntityKind(kind), id_) if kind in set(EntityKind) else None)
    return None
