"""An account's condition as amoCRM's answers show it: no consent, not paid, blocked, slowed down, unreachable.

Read `condition`, or set `told` to get changes. This module sends no requests; the pages have the sentences for people.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from integration.domain.crm.entities import CrmCondition, CrmTrouble

_SLOWED_SECONDS = 30.0  # how long a 429 is shown: the pause itself is a second, too short to see
_PROBE_SECONDS = 30.0  # between two writes that check whether the subscription was paid; no others are sent

Told = Callable[[CrmCondition], None]


class Standing:
    """
    The condition of one account; for one event loop. It may have several troubles at once: `condition` is the one to
    solve first.

    Source: README, limits. 402: writes stop when the subscription ends, reads some 30 days later, so a successful read
    does not mean that writes succeed.
    """

    def __init__(self) -> None:
        self.told: Told = _nobody
        self._consent: CrmCondition | None = None
        self._unpaid = ""  # the reason; empty while it is paid
        self._unpaid_reads = False
        self._probe_at = 0.0
        self._blocked_until = 0.0
        self._slowed_until = 0.0
        self._away = ""
        self._last = CrmCondition()
        self._since: float | None = None  # of the present trouble, or of its end
        self._timer: asyncio.TimerHandle | None = None

    @property
    def condition(self) -> CrmCondition:
        return replace(self._trouble(), since=self._since)

    def _trouble(self) -> CrmCondition:
        now = time.time()
        if self._consent is not None:
            return self._consent
        if self._unpaid:
            return CrmCondition(trouble=CrmTrouble.UNPAID, detail=self._unpaid)
        if now < self._blocked_until:
            return CrmCondition(
                trouble=CrmTrouble.BLOCKED, detail="amoCRM answers 403 to everything", until=self._blocked_until
            )
        if self._away:
            return CrmCondition(trouble=CrmTrouble.AWAY, detail=self._away)
        if now < self._slowed_until:
            return CrmCondition(trouble=CrmTrouble.SLOWED, detail="amoCRM answers 429", until=self._slowed_until)
        return CrmCondition()

    # ---- from answers

    def not_allowed(self, trouble: CrmTrouble, detail: str) -> None:
        self._consent = CrmCondition(trouble=trouble, detail=detail)
        self._look()

    def allowed(self) -> None:
        """Consent was given or withdrawn: drop everything learned with the old one."""
        self._consent, self._unpaid, self._unpaid_reads, self._away = None, "", False, ""
        self._look()

    def unpaid(self, detail: str, *, by_read: bool) -> None:
        self._unpaid = detail
        self._unpaid_reads = self._unpaid_reads or by_read
        self._probe_at = time.monotonic() + _PROBE_SECONDS
        self._look()

    def may_write(self) -> bool:
        """False while amoCRM would refuse a write because the subscription ended; one write in 30 s may try."""
        if not self._unpaid:
            return True
        if time.monotonic() < self._probe_at:
            return False
        self._probe_at = time.monotonic() + _PROBE_SECONDS
        return True

    def blocked(self, seconds: float) -> None:
        self._blocked_until = time.time() + seconds
        self._look()

    def slowed(self) -> None:
        self._slowed_until = time.time() + _SLOWED_SECONDS
        self._look()

    def away(self, detail: str) -> None:
        self._away = detail
        self._look()

    def answered(self) -> None:
        """amoCRM answered with a status below 500."""
        self._away = ""
        self._look()

    def passed(self, *, is_read: bool) -> None:
        """amoCRM answered 2xx to a request with our token."""
        self._consent, self._away, self._blocked_until = None, "", 0.0
        if not is_read or self._unpaid_reads:
            self._unpaid, self._unpaid_reads = "", False
        self._look()

    # ---- from other processes

    def adopt(self, condition: CrmCondition) -> None:
        """Apply what another process learned from amoCRM, without notifying anybody."""
        told, self.told = self.told, _nobody
        try:
            match condition.trouble:
                case CrmTrouble.UNPAID:
                    self.unpaid(condition.detail, by_read=False)
                case CrmTrouble.BLOCKED if condition.until is not None:
                    self.blocked(condition.until - time.time())
                case CrmTrouble.SLOWED:
                    self.slowed()
                case CrmTrouble.NEEDS_CONSENT | CrmTrouble.NOT_CONNECTED:
                    self.not_allowed(condition.trouble, condition.detail)
                case None:
                    self._slowed_until = 0.0
                    self.passed(is_read=False)
                case _:
                    pass  # each process finds out by itself whether it can reach amoCRM
        finally:
            self.told = told

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self.close()
        now = self.condition
        if now.until is not None:  # report its end even if no request is sent then
            self._timer = asyncio.get_running_loop().call_later(max(0.0, now.until - time.time()) + 0.05, self._look)
        changed, self._last = now.trouble is not self._last.trouble, now
        if changed:
            self._since = time.time()
            self.told(replace(now, since=self._since))


def _nobody(_: CrmCondition) -> None:
    """No subscriber."""
