"""amoCRM's consent: the authorise address, the callback, the exchange of the code, the disconnect hook.

HTTP routes do not belong here. `tokens.py` refreshes the tokens later.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from connectors.amocrm.api.sending import Sender
from connectors.amocrm.api.tokens import ask_tokens, read_tokens
from connectors.amocrm.api.wire import problem_text
from connectors.amocrm.settings import AmocrmSettings
from integration.errors import ProtocolError, Rejected, Unavailable
from integration.ports.clock import Clock
from integration.ports.connector import Granted, Refused
from integration.ports.stores import Tokens

_CODE_LENGTH = 4096  # characters; real ones are below 2 KB


# ---- consent -------------------------------------------------------------------------------------------------------


def authorise_url(settings: AmocrmSettings, state: str) -> str:
    """The page where an administrator allows the integration. The redirect address is registered, not sent."""
    return f"{settings.oauth_url}?{urlencode({'client_id': settings.client_id, 'state': state, 'mode': 'popup'})}"


def read_callback(settings: AmocrmSettings, query: Mapping[str, str]) -> Granted | Refused:
    """
    Read a call to the redirect address. amoCRM sends no state after an installation from the marketplace
    (`from_widget`). The caller checks whether `state` is one of ours.

    Raises:
        Rejected: `client_id` is of another integration, the host is not amoCRM's, or the code or the state is missing.
    """
    if query.get("client_id", settings.client_id) != settings.client_id:
        raise Rejected("The consent is for another integration", code="client_id")
    state = query.get("state") or None
    if "error" in query:
        return Refused(error=query["error"][:100], state=state)
    # The documentation spells it both ways (README: OAuth 2.0).
    host = query.get("referer") or query.get("referrer") or urlsplit(settings.account_url).netloc
    base_url = settings.account_address(host)
    if base_url is None:
        raise Rejected("The consent comes from an address that is not amoCRM's", code="referer")
    code = query.get("code", "")
    if not code or len(code) > _CODE_LENGTH:
        raise Rejected("The consent carries no code", code="code")
    if state is None and not query.get("from_widget"):
        raise Rejected("The consent carries no state: start it from Dozvon again", code="state")
    return Granted(code=code, base_url=base_url, state=state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A consent after its code was exchanged: the account and its tokens, not stored yet."""

    crm_account_id: str
    subdomain: str
    name: str
    tokens: Tokens


async def exchange_code(settings: AmocrmSettings, sender: Sender, clock: Clock, granted: Granted) -> Installed:
    """
    Exchange the code (valid 20 minutes, once), and ask with the new token which account it is. Both requests count
    towards the rate limit, so call this only for a consent that is known to be wanted.

    Raises:
        Rejected: amoCRM does not accept the code.
        Unavailable, ProtocolError: as everywhere.
    """
    body = {"grant_type": "authorization_code", "code": granted.code}
    answer = await ask_tokens(settings, sender, granted.base_url, body)
    if answer.status != 200:
        if answer.status >= 500 or answer.status == 429:
            raise Unavailable(f"amoCRM's token service is out of order ({answer.status})")
        raise Rejected(problem_text(answer.body) or "amoCRM does not accept the code", code=str(answer.status))
    tokens = read_tokens(answer.body, granted.base_url, "", clock)
    account = await _account(settings, sender, tokens)
    return Installed(
        crm_account_id=str(account["id"]),
        subdomain=str(account.get("subdomain", "")),
        name=str(account.get("name", "")),
        tokens=replace(tokens, crm_account_id=str(account["id"])),
    )


async def _account(settings: AmocrmSettings, sender: Sender, tokens: Tokens) -> Mapping[str, Any]:
    answer = await sender.ask(
        "GET",
        tokens.base_url + "/api/v4/account",
        headers={"Authorization": f"Bearer {tokens.access}"},
        timeout_seconds=settings.request_seconds,
    )
    if answer.status != 200 or not isinstance(answer.body, dict) or not isinstance(answer.body.get("id"), int):
        raise ProtocolError(f"amoCRM does not say which account it is ({answer.status})")
    return answer.body


# ---- disconnect ----------------------------------------------------------------------------------------------------


def disconnect_signature(settings: AmocrmSettings, crm_account_id: str) -> str:
    message = f"{settings.client_id}|{crm_account_id}".encode()
    return hmac.new(settings.client_secret.encode(), message, hashlib.sha256).hexdigest()


def read_disconnect(settings: AmocrmSettings, query: Mapping[str, str]) -> str:
    """
    Read which account an administrator has disconnected. The hook has no time and can be replayed: confirm it with a
    cheap request (401) before deleting anything.

    Returns:
        The CRM's account id.

    Raises:
        Rejected: another integration, or a wrong signature.
    """
    crm_account_id = query.get("account_id", "")
    right = disconnect_signature(settings, crm_account_id)
    is_signed = hmac.compare_digest(right.encode(), query.get("signature", "").encode())
    if query.get("client_uuid") != settings.client_id or not crm_account_id.isdecimal() or not is_signed:
        raise Rejected("The disconnect call is not signed by amoCRM", code="signature")
    return crm_account_id
