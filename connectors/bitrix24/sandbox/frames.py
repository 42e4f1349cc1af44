"""Opens an application's page in an iframe: what the portal posts to it, and what the host page answers to its script.

Part of the POST is in the query, part in the body. `web/static/host.js` speaks to the frame.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

from yarl import URL

from connectors.bitrix24.sandbox import tokens
from connectors.bitrix24.sandbox.sandbox import Install, Sandbox
from connectors.bitrix24.sandbox.session import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """
    `action` and `fields`: the form that opens it. `sid`: its APP_SID. `name`: the window's, from which the SDK of today
    reads address, protocol and APP_SID. `init`: the answer to `getInitData`.
    """

    action: str
    fields: dict[str, str]
    sid: str
    name: str
    init: dict[str, Any]


def open_frame(
    who: Person, added: Install, url: str, placement: str, options: dict[str, Any], *, origin: str, lang: str
) -> Frame:
    """
    Args:
        url: the page of the application.
        placement: its code; `DEFAULT` for the application's own page and its installer.
        origin: the portal's address in the person's browser.
    """
    sandbox = who.sandbox
    grant = tokens.issue(sandbox, added.app.client_id, who.portal.member_id, who.id)
    sid = secrets.token_hex(16)
    sandbox.frames[sid] = (who.portal.member_id, added.app.client_id, who.id)
    domain = origin.partition("://")[2]
    protocol = "1" if origin.startswith("https") else "0"
    action = URL(url).update_query({"DOMAIN": domain, "PROTOCOL": protocol, "LANG": lang, "APP_SID": sid})
    fields = {
        "AUTH_ID": grant.access_token,
        "AUTH_EXPIRES": str(sandbox.settings.access_seconds),
        "REFRESH_ID": grant.refresh_token,
        "SERVER_ENDPOINT": f"{sandbox.oauth_origin()}/rest/",
        "APPLICATION_TOKEN": added.application_token,
        "APPLICATION_SCOPE": added.app.scopes,
        "member_id": who.portal.member_id,
        "status": added.app.status,
        "PLACEMENT": placement,
        "PLACEMENT_OPTIONS": json.dumps(options, ensure_ascii=False),
    }
    init = {
        "LANG": lang,
        "DOMAIN": domain,
        "PROTOCOL": int(protocol),
        "PATH": "/rest",
        "AUTH_ID": grant.access_token,
        "REFRESH_ID": grant.refresh_token,
        "AUTH_EXPIRES": sandbox.settings.access_seconds,
        "MEMBER_ID": who.portal.member_id,
        "IS_ADMIN": who.is_admin,
        "INSTALL": not added.is_finished,
        "FIRST_RUN": False,
        "APP_OPTIONS": added.options,
        "USER_OPTIONS": {},
        "PLACEMENT": placement,
        "PLACEMENT_OPTIONS": options,
    }
    return Frame(action=str(action), fields=fields, sid=sid, name=f"{domain}|{protocol}|{sid}", init=init)


def owner_of(sandbox: Sandbox, sid: str, who: Person) -> Install | None:
    """The installed application of a frame that this person opened."""
    known = sandbox.frames.get(sid)
    if known is None or known[0] != who.portal.member_id or known[2] != who.id:
        return None
    return sandbox.install_of(who.portal, known[1])


def fresh_auth(who: Person, added: Install) -> dict[str, Any]:
    """The answer to `refreshAuth`: a new pair for the frame."""
    grant = tokens.issue(who.sandbox, added.app.client_id, who.portal.member_id, who.id)
    return {
        "AUTH_ID": grant.access_token,
        "REFRESH_ID": grant.refresh_token,
        "AUTH_EXPIRES": who.sandbox.settings.access_seconds,
    }
