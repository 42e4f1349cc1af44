"""A connection's condition as the CRM's answers show it: no consent, not paid, blocked, slowed down, unreachable.

Read `condition`, or set `told` to get changes. What an answer means is the connector's to say, by calling a method; the
pages have the sentences for people. This module sends no requests.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from integration.domain.crm.entities import CrmCondition, CrmTrouble

_SLOWED_SECONDS = 30.0  # how long a refusal for too many requests is shown: the pause itself is too short to see
_PROBE_SECONDS = 30.0  # between two writes that check whether the subscription was paid; no others are sent

Told = Callable[[CrmCondition], None]


class Standing:
    """
    The condition of one connection; for one event loop. It may have several troubles at once: `condition` is the one to
    solve first.
    """

    def __init__(self, *, blocked: str, slowed: str, away_after: int = 1) -> None:
        """
        Args:
            blocked, slowed: what the CRM does then, for the log and the pages' details.
            away_after: so many failures one after the other are a state; fewer are none.
        """
        self.told: Told = _nobody
        self._blocked_detail, self._slowed_detail, self._away_after = blocked, slowed, away_after
        self._consent: CrmCondition | None = None
        self._unpaid = ""  # the reason; empty while it is paid
        self._unpaid_reads = False
        self._probe_at = 0.0
        self._blocked_until = 0.0
        self._slowed_until = 0.0
        self._failures = 0
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
            return CrmCondition(trouble=CrmTrouble.BLOCKED, detail=self._blocked_detail, until=self._blocked_until)
        if self._away:
            return CrmCondition(trouble=CrmTrouble.AWAY, detail=self._away)
        if now < self._slowed_until:
            return CrmCondition(trouble=CrmTrouble.SLOWED, detail=self._slowed_detail, until=self._slowed_until)
        return CrmCondition()

    # ---- from answers

    def not_allowed(self, trouble: CrmTrouble, detail: str) -> None:
        self._consent = CrmCondition(trouble=trouble, detail=detail)
        self._look()

    def allowed(self) -> None:
        """Consent was given or withdrawn: drop what was learned with the old one. Limits are the sender's, and stay."""
        self._consent, self._unpaid, self._unpaid_reads = None, "", False
        self._reached()

    def unpaid(self, detail: str, *, by_read: bool) -> None:
        self._unpaid = detail or "unpaid"
        self._unpaid_reads = self._unpaid_reads or by_read
        self._probe_at = time.monotonic() + _PROBE_SECONDS
        self._look()

    def may_write(self) -> bool:
        """False while the CRM would refuse a write because the subscription ended; one write in 30 s may try."""
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
        """A request got no answer, or one that is no answer of the CRM's."""
        self._failures += 1
        if self._failures >= self._away_after:
            self._away = detail
        self._look()

    def answered(self) -> None:
        """The CRM answered, whatever it said."""
        self._reached()

    def passed(self, *, is_read: bool) -> None:
        """The CRM did what was asked with our token. A read may pass where writes are not paid any more."""
        self._consent, self._blocked_until = None, 0.0
        if not is_read or self._unpaid_reads:
            self._unpaid, self._unpaid_reads = "", False
        self._reached()

    def _reached(self) -> None:
        self._failures, self._away = 0, ""
        self._look()

    # ---- from other processes

    def adopt(self, condition: CrmCondition) -> None:
        """Apply what another process learned from the CRM, without telling anybody."""
        told, self.told = self.told, _nobody
        try:
            match condition.trouble:
                case CrmTrouble.UNPAID:
                    self.unpaid(condition.detail, by_read=False)
                case CrmTrouble.BLOCKED if condition.until is not None:
                    self.blocked(condition.until - time.time())
                case CrmTrouble.SLOWED:
                    self._slowed_until = condition.until or time.time() + _SLOWED_SECONDS
                    self._look()
                case CrmTrouble.NEEDS_CONSENT | CrmTrouble.NOT_CONNECTED | CrmTrouble.REFUSED:
                    self.not_allowed(condition.trouble, condition.detail)
                case None:
                    self._slowed_until = 0.0
                    self.passed(is_read=False)
                case _:
                    pass  # each process finds out by itself whether it can reach the CRM
        finally:
            self.told = told

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

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
