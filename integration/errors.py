"""The exception tree, divided by what the caller does next. Adapters translate other errors into it.

DozvonError
├── Unavailable          try again later (`retry_after_seconds` when the other side said so)
│   ├── RateLimited      too many requests: slow down first
│   ├── Unpaid           the CRM's subscription has ended: work continues after the payment
│   ├── StorageUnavailable  our own database or Redis: what was done elsewhere before it may not be recorded
│   └── OutcomeUnknown   the request may have been carried out: look before repeating it
├── AuthFailed           stop, and tell an administrator once
├── Rejected             the other side refuses this request: never repeat it unchanged
│   ├── NotFound         what it names does not exist (any more)
│   ├── NotResponsible   the CRM does not accept this user as responsible: name another one, or none
│   └── InInbox          the entry waits in the CRM's inbox and accepts no notes: write after it is accepted
├── ProtocolError        the other side broke its own protocol
├── LeaseLost            another process does this now: stop, and forget what you know of it
└── ConfigError          the configuration is wrong: say which key, and what to write there
"""

from __future__ import annotations

from typing import Self

from integration.domain.ids import ManagerId
from integration.domain.reasons import Reason


class DozvonError(Exception):
    """The root. `str()` of every error is a sentence for people. `fault`: why a connection fails, as its state says."""

    fault: Reason | None = None

    def with_fault(self, fault: Reason | None) -> Self:
        self.fault = fault
        return self


class Unavailable(DozvonError):
    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RateLimited(Unavailable):
    pass


class Unpaid(Unavailable):
    pass


class StorageUnavailable(Unavailable):
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


class NotResponsible(Rejected):
    """The CRM refuses `manager`: dismissed, deleted, of another account, or without the right."""

    def __init__(self, message: str, *, manager: ManagerId) -> None:
        super().__init__(message, code="responsible")
        self.manager = manager


class InInbox(Rejected):
    pass


class ProtocolError(DozvonError):
    pass


class LeaseLost(DozvonError):
    pass


class ConfigError(DozvonError):
    pass
