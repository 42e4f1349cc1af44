"""Keys of programs as use cases: make, recognise, list, revoke. `web/api/keys.py` takes them from requests."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from uuid import uuid4

import structlog

from integration.domain.access import Permission, Viewer, may
from integration.domain.administrators import AdministratorId, NameProblem, clean_name
from integration.domain.api_keys import (
    KEY_BYTES,
    ApiKey,
    ApiKeyId,
    KeyAccess,
    KeyRefusal,
    hint_of,
    key_text,
    refusal_of_key,
    refusal_of_text,
)
from integration.domain.ids import AccountId, Timestamp
from integration.domain.settings_changes import BY_FILE
from integration.errors import DozvonError, Rejected, Unavailable
from integration.ports.administrators import ApiKeyStore, FoundKey
from integration.ports.clock import Clock
from integration.services.administrators import NotUsable, digest

log = structlog.get_logger()

MOST_KEYS = 50
"""Of one office that are not revoked."""
_TOUCH_SECONDS = 60.0  # how exactly the last use is known


class KeyRefused(DozvonError):
    """A key that opens nothing. `reason` says why."""

    def __init__(self, reason: KeyRefusal) -> None:
        super().__init__(reason)
        self.reason = reason


class TooManyKeys(Rejected):
    """The office has `MOST_KEYS` keys."""


class NotTheirs(Rejected):
    """Who makes or revokes the key may not."""


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key with its text, which nobody can read again."""

    key: ApiKey
    text: str

    def __repr__(self) -> str:
        return f"MadeKey({self.key.id})"


class ApiKeys:
    """
    Errors of all methods: Unavailable if the database is away.

    Args:
        has_file_password: whether the configuration has a password: keys made with it end with it.
    """

    def __init__(self, store: ApiKeyStore, clock: Clock, *, has_file_password: bool) -> None:
        self._store = store
        self._clock = clock
        self._has_file_password = has_file_password

    async def make(
        self, viewer: Viewer, *, name: str, office: AccountId | None, access: KeyAccess, days: int | None
    ) -> MadeKey:
        """
        Args:
            office: None: all offices.
            days: after which it ends; None: never.

        Raises:
            NotUsable: the name. NotTheirs. TooManyKeys.
        """
        if not may_manage(viewer, office):
            raise NotTheirs("This administrator may not make this key")
        cleaned = clean_name(name)
        if isinstance(cleaned, NameProblem):
            raise NotUsable(cleaned)
        text, now, author = key_text(secrets.token_bytes(KEY_BYTES)), self._clock.now(), viewer.author
        key = ApiKey(
            id=ApiKeyId(uuid4().hex),
            name=cleaned,
            hint=hint_of(text),
            office=office,
            access=access,
            maker=None if author.administrator == BY_FILE else AdministratorId(author.administrator),
            made_by=author.name,
            created_at=now,
            until=None if days is None else Timestamp(now + days * 86_400),
        )
        if not await self._store.add(key, hash_=digest(text), at_most=MOST_KEYS):
            raise TooManyKeys(f"There are {MOST_KEYS} keys already: revoke those that are not used")
        log.warning("an API key was made", key=key.id, office=office, by=author.administrator)
        return MadeKey(key, text)

    async def shown(self, viewer: Viewer, office: AccountId) -> list[FoundKey]:
        """Those that the viewer may manage, of the office and of all offices; the newest first."""
        return await self._store.of(_theirs(viewer, office))

    async def revoke(self, viewer: Viewer, office: AccountId, key: ApiKeyId) -> bool:
        """At once, for all processes. Whether it was there, the viewer's to revoke, and not revoked yet."""
        theirs, author = _theirs(viewer, office), viewer.author
        done = await self._store.revoke(key, offices=theirs, now=self._clock.now(), revoked_by=author.name)
        if done:
            log.warning("an API key was revoked", key=key, by=author.administrator)
        return done

    async def recognised(self, text: str, *, address: str) -> FoundKey:
        """
        The key that this is, which works. Stores its use, to the minute.

        Raises:
            KeyRefused.
        """
        problem = refusal_of_text(text)
        if problem is not None:
            raise KeyRefused(problem)
        found = await self._store.find(digest(text))
        if found is None:
            raise KeyRefused(KeyRefusal.UNKNOWN)
        now = self._clock.now()
        problem = self.refusal(found)
        if problem is not None:
            raise KeyRefused(problem)
        key = found.key
        if key.used_at is None or now - key.used_at >= _TOUCH_SECONDS or key.address != address:
            await self._touch(key, now, address)
        return found

    def refusal(self, found: FoundKey) -> KeyRefusal | None:
        """Why a stored key opens nothing; None: it works."""
        if found.key.maker is None:
            is_active = self._has_file_password
        else:
            is_active = found.maker is not None and found.maker.is_active
        return refusal_of_key(found.key, self._clock.now(), is_maker_active=is_active)

    async def _touch(self, key: ApiKey, now: Timestamp, address: str) -> None:
        """A request does not fail because this cannot be stored."""
        try:
            await self._store.touch(key.id, now=now, address=address)
        except Unavailable as exc:
            log.warning("the last use of an API key was not stored", error=str(exc))


def may_manage(viewer: Viewer, office: AccountId | None) -> bool:
    """Whether they may make and revoke keys of an office; of all offices (None): owners only."""
    if office is None:
        return may(viewer, Permission.MANAGE_ADMINISTRATORS)
    return may(viewer, Permission.MANAGE_KEYS, office)


def _theirs(viewer: Viewer, office: AccountId) -> frozenset[AccountId | None]:
    return frozenset(each for each in (office, None) if may_manage(viewer, each))
