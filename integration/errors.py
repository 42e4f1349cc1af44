"""The exception tree, cut by what the caller does next. Adapters translate into it at their edge.

DozvonError
├── Unavailable          try again later (`retry_after_seconds` when the other side said so)
│   ├── RateLimited      too many requests: slow down first
│   └── OutcomeUnknown   the request may have been carried out: look before repeating it
├── AuthFailed           stop, and tell an administrator once
├── Rejected             the other side refuses this very request: never repeat it unchanged
│   └── NotFound         what it names does not exist (any more)
├── ProtocolError        the other side broke its own protocol
├── LeaseLost            another process does this now: stop, and forget what you know of it
└── ConfigError          the configuration is wrong: say which key, and what to write there
"""

from __future__ import annotations


class DozvonError(Exception):
    """The root; `str()` of every error is a sentence that a person can read."""


class Unavailable(DozvonError):
    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RateLimited(Unavailable):
    pass


class OutcomeUnknown(Unavailable):
    pass


class AuthFailed(DozvonError):
    pass


class Rejected(DozvonError):
    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class NotFound(Rejected):
    pass


class ProtocolError(DozvonError):
    pass


class LeaseLost(DozvonError):
    pass


class ConfigError(DozvonError):
    pass
