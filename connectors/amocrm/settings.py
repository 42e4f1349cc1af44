"""The administrator's settings of the amoCRM (Kommo) integration; every address is configuration.

Requests do not belong here: `connector.check` tries the settings out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from connectors.amocrm.setting_texts import (
    ACCOUNT_URL,
    ADDRESS,
    ADDRESS_WITHOUT_PATH,
    OF_THE_INTEGRATION,
    RATE,
    SOURCE_NAME,
)
from integration.documents.problems import FieldProblem, InvalidDocument, shortened
from integration.documents.reader import TableReader, read_settings
from integration.texts.settings import KindProblem, Problem

# `referer` of the consent comes from outside, and our client secret is posted to it (README: OAuth 2.0).
ACCOUNT_HOSTS = r"[a-z0-9-]+\.(amocrm\.ru|amocrm\.com|kommo\.com)"
RATE_LIMIT = 7.0  # requests per second of one integration. Source: amoCRM "Limitations", checked 2026-03
UNSORTED_SOURCE = "dozvon"

LogVia = Literal["notes", "calls"]
_LOG_VIA: tuple[LogVia, ...] = ("notes", "calls")
_TABLE = "amocrm"  # where these settings stand in a document

_Wrong = tuple[str, Problem | KindProblem, dict[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AmocrmSettings:
    """
    One integration of amoCRM; any number of accounts may allow it.

    `account_url` is the address of the only account (required with `long_lived_token`); empty: each account's address
    comes from its consent. `account_hosts` is a pattern that the whole host (with port, if any) must match. `repr`
    leaves out the secrets.
    """

    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    redirect_uri: str = ""  # exactly as registered; sent with a refresh too
    long_lived_token: str = field(default="", repr=False)
    account_url: str = ""
    oauth_url: str = "https://www.amocrm.ru/oauth"
    account_hosts: str = ACCOUNT_HOSTS
    api_host: str = ""  # the shared API host that knows moved accounts; empty: the one that the token names
    source_name: str = "Dozvon"  # shown beside a call; amoCRM refuses a blank one
    service_code: str = UNSORTED_SOURCE
    log_via: LogVia = "notes"
    unsorted_pipeline_id: int | None = None  # None: the main pipeline that has Unsorted switched on
    task_type_id: int = 1  # 1 is "follow up" in every account
    requests_per_second: float = 6.5
    request_seconds: float = 10.0  # deadline of one exchange
    retry_seconds: float = 0.5  # first pause before a read is repeated; doubles, with jitter
    block_seconds: float = 300.0  # pause after a blanket 403; doubles up to an hour

    def __post_init__(self) -> None:
        """Raises InvalidDocument: names every wrong setting."""
        problems = [FieldProblem((_TABLE, key), problem, facts) for key, problem, facts in _wrong(self)]
        if problems:
            raise InvalidDocument(problems)

    @property
    def scheme(self) -> str:
        """The scheme of the accounts' addresses: the same as of the consent page."""
        return urlsplit(self.oauth_url).scheme

    def allows_host(self, host: str) -> bool:
        """Whether requests with our secrets may go to `host` (with port, if any). Never raises."""
        host = host.lower()
        if self.account_url and host == urlsplit(self.account_url).netloc.lower():
            return True
        return re.fullmatch(self.account_hosts, host) is not None

    def account_address(self, host: str) -> str | None:
        """`scheme://host` of an account, or None for a host that is not allowed."""
        if not self.allows_host(host):
            return None
        if self.account_url:
            own = urlsplit(self.account_url)
            if host.lower() == own.netloc.lower():
                return f"{own.scheme}://{own.netloc}"
        return f"{self.scheme}://{host.lower()}"

    @classmethod
    def parse(cls, table: Mapping[str, Any]) -> AmocrmSettings:
        """
        Read the `[amocrm]` table of a document.

        Raises:
            InvalidDocument: names every key that is unknown, missing, of the wrong type or has a wrong value.
        """
        return read_settings(cls, table, _TABLE, _read)


def _read(read: TableReader, key: str, kind: str, default: Any) -> Any:
    if kind == "LogVia":
        return read.one_of(key, _LOG_VIA, default)
    return read.text(key, default).strip()


def _wrong(settings: AmocrmSettings) -> Iterator[_Wrong]:
    if not 0 < settings.requests_per_second < RATE_LIMIT:
        yield "requests_per_second", RATE, {}
    yield from _wrong_addresses(settings)
    try:
        re.compile(settings.account_hosts)
    except (re.error, OverflowError, RecursionError) as exc:
        yield "account_hosts", Problem.PATTERN, {"detail": shortened(str(exc)), "example": ACCOUNT_HOSTS}
    if not settings.source_name.strip():
        yield "source_name", SOURCE_NAME, {}
    if settings.log_via not in _LOG_VIA:
        yield "log_via", Problem.ONE_OF, {"value": shortened(settings.log_via), "words": ", ".join(_LOG_VIA)}
    if settings.long_lived_token:
        if not settings.account_url:
            yield "account_url", ACCOUNT_URL, {}
        return
    for key in ("client_id", "client_secret", "redirect_uri"):
        if not getattr(settings, key):
            yield key, OF_THE_INTEGRATION, {}


def _wrong_addresses(settings: AmocrmSettings) -> Iterator[_Wrong]:
    for key in ("oauth_url", "redirect_uri", "account_url"):
        value: str = getattr(settings, key)
        if not value and key != "oauth_url":
            continue
        try:
            parts = urlsplit(value)
        except ValueError:  # half an IPv6 address
            yield key, ADDRESS, {}
            continue
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.username or parts.query or parts.fragment:
            yield key, ADDRESS, {}
        elif key == "account_url" and parts.path not in ("", "/"):
            yield key, ADDRESS_WITHOUT_PATH, {}
