"""Whose token it is, by the OAuth server's word: the only one that is believed about a token that came from outside.

Source: b24-rest-docs, "Security recommendations", and the shape that b24pysdk 1.3 reads.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from connectors.bitrix24.api import refusals
from connectors.bitrix24.api.wire import exchange
from connectors.bitrix24.settings import Bitrix24Settings
from integration.errors import AuthFailed, OutcomeUnknown, ProtocolError, Unavailable

_LONGEST_TOKEN = 1000  # characters; real ones have about 70
_SECONDS = 10.0  # somebody looks at an empty frame
_KNOWN_SECONDS = 300.0  # so long a person who was dismissed may still open a card; our list of users comes on top
_MOST_KNOWN = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenOwner:
    """
    Attributes:
        base_url: the portal's present address, scheme and host.
        is_installed: the installation was finished (`installFinish`).
    """

    client_id: str
    member_id: str
    user_id: str
    base_url: str
    scopes: frozenset[str]
    is_installed: bool


async def owner_of(session: aiohttp.ClientSession, settings: Bitrix24Settings, token: str) -> TokenOwner:
    """
    Ask the OAuth server (`app.info`).

    Raises:
        AuthFailed: it does not know the token (any more), or it is another application's.
        Unavailable: it does not answer.
        ProtocolError: its answer is not the documented one.
    """
    if not token or len(token) > _LONGEST_TOKEN or not token.isascii():
        raise AuthFailed("Bitrix24's token is missing")
    url = f"{settings.oauth_url}/rest/app.info"
    try:
        answer = await exchange(session, url, timeout_seconds=_SECONDS, form={"auth": token})
    except OutcomeUnknown as exc:
        raise Unavailable(str(exc)) from exc
    if refusals.is_error(answer):
        error = refusals.error_of(answer)
        if isinstance(error, Unavailable):
            raise error
        raise AuthFailed(f"The OAuth server does not know the token: {refusals.code_of(answer) or answer.status}")
    owner = _read((answer.body or {}).get("result"))
    if owner.client_id != settings.client_id:
        raise AuthFailed("The token is another application's")
    return owner


class KnownOwners:
    """
    Whose tokens the OAuth server has confirmed in the last minutes: a call that rings at a group opens a card at each
    of its people, with the token that they had for the call before. Not for what an administrator does.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._known: dict[bytes, tuple[float, TokenOwner]] = {}  # by digest, the oldest first

    async def owner_of(
        self, session: aiohttp.ClientSession, settings: Bitrix24Settings, token: str, *, host: str
    ) -> TokenOwner:
        """
        As the function of this name.

        Args:
            host: the portal's, as a browser says it. One that we do not know means no more than that we ask again: the
                portal may have been renamed.
        """
        key = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        found = self._known.get(key)
        if found is not None and self._now() < found[0] and urlsplit(found[1].base_url).netloc == host:
            return found[1]
        owner = await owner_of(session, settings, token)
        self._known.pop(key, None)
        self._known[key] = (self._now() + _KNOWN_SECONDS, owner)
        while len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        return owner

    def forget(self) -> None:
        """The application was installed again, or removed."""
        self._known.clear()


def _read(result: Any) -> TokenOwner:
    match result:
        case {
            "client_id": str(client_id),
            "user_id": int() | str() as user_id,
            "install": {"member_id": str(member_id), "client_endpoint": str(endpoint)} as install,
        } if member_id and str(user_id).isdigit():
            address = urlsplit(endpoint)
            if address.scheme in ("https", "http") and address.netloc:
                return TokenOwner(
                    client_id=client_id,
                    member_id=member_id,
                    user_id=str(user_id),
                    base_url=f"{address.scheme}://{address.netloc}",
                    scopes=frozenset(str(result.get("scope", "")).replace(",", " ").split()),
                    is_installed=str(install.get("installed")).lower() in ("true", "1", "y"),
                )
    raise ProtocolError("The OAuth server's app.info has no user or no portal")
