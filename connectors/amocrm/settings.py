"""The administrator's settings of the amoCRM (Kommo) integration; every address is configuration.

Requests do not belong here: `connector.check` tries the settings out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal
from urllib.parse import urlsplit

from integration.errors import ConfigError

# `referer` of the consent comes from outside, and our client secret is posted to it (README: OAuth 2.0).
ACCOUNT_HOSTS = r"[a-z0-9-]+\.(amocrm\.ru|amocrm\.com|kommo\.com)"
RATE_LIMIT = 7.0  # requests per second of one integration. Source: amoCRM "Limitations", checked 2026-03
UNSORTED_SOURCE = "dozvon"

LogVia = Literal["notes", "calls"]


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
        _check_rate(self.requests_per_second)
        _check_urls(self)
        try:
            re.compile(self.account_hosts)
        except re.error as exc:
            raise ConfigError(f"amocrm.account_hosts is not a regular expression: {exc}") from exc
        if not self.source_name.strip():
            raise ConfigError("amocrm.source_name is blank: write the name that people see beside a call")
        if self.log_via not in ("notes", "calls"):
            raise ConfigError('amocrm.log_via must be "notes" or "calls"')
        if self.long_lived_token:
            if not self.account_url:
                raise ConfigError(
                    "amocrm.account_url is missing: a long-lived token needs the address of its account, "
                    "such as https://example.amocrm.ru"
                )
        elif not (self.client_id and self.client_secret and self.redirect_uri):
            missing = next(k for k in ("client_id", "client_secret", "redirect_uri") if not getattr(self, k))
            raise ConfigError(f"amocrm.{missing} is missing: copy it from the integration's page in amoCRM")

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
        Read the `[amocrm]` table of the configuration file.

        Raises:
            ConfigError: a key is unknown, missing or of the wrong type; the message names it.
        """
        known = {each.name: each for each in fields(cls)}
        values: dict[str, Any] = {}
        for key, value in table.items():
            if key not in known:
                raise ConfigError(f"amocrm.{key} is not a setting; known are {', '.join(sorted(known))}")
            values[key] = _typed(key, value, str(known[key].type))
        return cls(**values)


def _typed(key: str, value: Any, kind: str) -> Any:
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind.startswith("int") and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind in ("str", "LogVia") and isinstance(value, str):
        return value.strip()
    expected = {"float": "a number", "str": "text", "LogVia": "text"}.get(kind, "a whole number")
    raise ConfigError(f"amocrm.{key} must be {expected}")


def _check_rate(rate: float) -> None:
    if not 0 < rate < RATE_LIMIT:
        raise ConfigError("amocrm.requests_per_second must be above 0 and below 7: amoCRM blocks who sends more")


def _check_urls(settings: AmocrmSettings) -> None:
    for key in ("oauth_url", "redirect_uri", "account_url"):
        value: str = getattr(settings, key)
        if not value and key != "oauth_url":
            continue
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.username or parts.query or parts.fragment:
            raise ConfigError(f"amocrm.{key} must be an address such as https://example.amocrm.ru")
        if key == "account_url" and parts.path not in ("", "/"):
            raise ConfigError("amocrm.account_url must be an address without a path, such as https://example.amocrm.ru")
