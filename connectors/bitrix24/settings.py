"""The administrator's settings of a Bitrix24 portal; every address is configuration.

Requests do not belong here: `connector.check` tries the settings out.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from connectors.bitrix24.setting_texts import ADDRESS, OF_THE_APPLICATION, ONE_OF_BOTH, RATE, WEBHOOK
from integration.documents.problems import FieldProblem, InvalidDocument, shortened
from integration.documents.reader import TableReader, read_settings
from integration.domain.rates import LeakyBucket
from integration.texts.settings import KindProblem, Problem

OAUTH_URL = "https://oauth.bitrix24.tech"
API_SCRIPT_URL = "https://api.bitrix24.com/api/v1/"
# `burst` and `rate` of a portal. Source: Bitrix24 "Limits": 50 and 2 a second, Enterprise 250 and 5.
USUAL_LIMIT = (50, 2.0)
ENTERPRISE_LIMIT = (250, 5.0)
# A portal of the vendor's cloud. A self-hosted one has any name: only where an address is trusted before the
# installation does this pattern matter.
CLOUD_HOST = re.compile(r"[a-z0-9-]+\.bitrix24\.[a-z]{2,3}(\.[a-z]{2})?")

EventsBy = Literal["address", "asking", "auto"]
_EVENTS_BY: tuple[EventsBy, ...] = ("auto", "address", "asking")
_LOCAL_NAMES = (".local", ".lan", ".internal", ".localdomain", ".localhost", ".test")
_TABLE = "bitrix24"  # where these settings stand in a document
_WEBHOOK_PATH = re.compile(r"/rest/(\d{1,10})/([A-Za-z0-9]{1,64})/?")

_Wrong = tuple[str, Problem | KindProblem, dict[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bitrix24Settings:
    """
    One application (local, or of the marketplace) in one portal, or instead of it an incoming webhook. `repr` leaves
    out the secrets.

    Attributes:
        webhook_url: of an incoming webhook, for a portal where no application may be installed; it can do less.
        portal_url: where the button "give consent" leads; empty: the portal's own installation gives it.
        oauth_url: the only server that the key is sent to; never taken from a request, a token answer or a portal.
        api_script_url: the vendor's script for pages in a portal's frame.
        events: how changes and clicks arrive: posted to our address, asked for every few seconds, or `auto`: posted if
            our address is https and can be reached from outside.
    """

    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    webhook_url: str = field(default="", repr=False)
    portal_url: str = ""
    redirect_uri: str = ""  # the application's page, as registered; on this server
    oauth_url: str = OAUTH_URL
    api_script_url: str = API_SCRIPT_URL
    events: EventsBy = "auto"
    request_seconds: float = 60.0  # the portal ends a request after as long
    retry_seconds: float = 0.5  # first pause before a read is repeated; doubles, with jitter
    burst: int = USUAL_LIMIT[0]
    requests_per_second: float = USUAL_LIMIT[1]

    def __post_init__(self) -> None:
        """Raises InvalidDocument: names every wrong setting."""
        problems = [FieldProblem((_TABLE, key), problem, facts) for key, problem, facts in _wrong(self)]
        if problems:
            raise InvalidDocument(problems)

    @property
    def bucket(self) -> LeakyBucket:
        return LeakyBucket(holds=self.burst, per_second=self.requests_per_second)

    @property
    def is_webhook(self) -> bool:
        """Whether an incoming webhook is used instead of an application."""
        return bool(self.webhook_url)

    @property
    def has_events_posted(self) -> bool:
        """
        Whether events are posted to us, or kept until we ask. `auto`: the vendor's senders accept only https with a
        certificate of a public authority, and reach only what the internet reaches.
        """
        if self.events != "auto" or self.is_webhook:
            return self.events == "address" and not self.is_webhook
        parts = urlsplit(self.redirect_uri)
        host = parts.hostname or ""
        if parts.scheme != "https" or "." not in host or host.endswith(_LOCAL_NAMES):
            return False
        try:
            return ipaddress.ip_address(host).is_global
        except ValueError:
            return True  # a name

    @property
    def webhook_portal(self) -> str:
        """`scheme://host` of the webhook's portal."""
        parts = urlsplit(self.webhook_url)
        return f"{parts.scheme}://{parts.netloc.lower()}"

    @property
    def webhook_key(self) -> str:
        """The user and the code, as the addresses of methods have them: `1/abc123`."""
        found = _WEBHOOK_PATH.fullmatch(urlsplit(self.webhook_url).path)
        return f"{found[1]}/{found[2]}" if found else ""

    @classmethod
    def parse(cls, table: Mapping[str, Any]) -> Bitrix24Settings:
        """
        Read the `[bitrix24]` table of a document.

        Raises:
            InvalidDocument: names every key that is unknown, missing, of the wrong type or has a wrong value.
        """
        return read_settings(cls, table, _TABLE, _read)


def _read(read: TableReader, key: str, kind: str, default: Any) -> Any:
    if kind == "EventsBy":
        return read.one_of(key, _EVENTS_BY, default)
    text = read.line(key, default).strip()
    return text.rstrip("/") if key in ("portal_url", "oauth_url") else text


def _wrong(settings: Bitrix24Settings) -> Iterator[_Wrong]:
    yield from _wrong_access(settings)
    for key in ("portal_url", "oauth_url"):
        value: str = getattr(settings, key)
        if (value or key == "oauth_url") and not _is_address(value, may_have_path=False):
            yield key, ADDRESS, {}
    for key in ("redirect_uri", "api_script_url"):
        value = getattr(settings, key)
        if value and not _is_address(value, may_have_path=True):
            yield key, ADDRESS, {}
    if settings.events not in _EVENTS_BY:
        yield "events", Problem.ONE_OF, {"value": shortened(settings.events), "words": ", ".join(_EVENTS_BY)}
    if not 0 < settings.requests_per_second <= ENTERPRISE_LIMIT[1]:
        yield "requests_per_second", RATE, {"most": ENTERPRISE_LIMIT[1]}
    if not 0 < settings.burst <= ENTERPRISE_LIMIT[0]:
        yield "burst", RATE, {"most": ENTERPRISE_LIMIT[0]}
    if not 0 < settings.retry_seconds <= 60:
        yield "retry_seconds", Problem.BETWEEN, {"least": 0, "most": 60}
    if not 1 <= settings.request_seconds <= 300:
        yield "request_seconds", Problem.BETWEEN, {"least": 1, "most": 300}


def _wrong_access(settings: Bitrix24Settings) -> Iterator[_Wrong]:
    if not settings.webhook_url:
        for key in ("client_id", "client_secret"):
            if not getattr(settings, key):
                yield key, OF_THE_APPLICATION, {}
        return
    if settings.client_id or settings.client_secret:
        yield "webhook_url", ONE_OF_BOTH, {}
    elif not _is_address(settings.webhook_url, may_have_path=True) or not settings.webhook_key:
        yield "webhook_url", WEBHOOK, {}


def _is_address(text: str, *, may_have_path: bool) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:  # half an IPv6 address, or no port
        return False
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        return False
    return port != 0 and (may_have_path or parts.path in ("", "/"))
