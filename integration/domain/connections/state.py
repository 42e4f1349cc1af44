"""The state of a connection to a CRM or a PBX: one enum for both, as a pure function of what is known of it.

Who knows what: a CRM's condition comes from its connector, a PBX's link from its adapter, a change that failed from the
supervisor. The sentences that people read are in `texts/connections.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from integration.domain.connections.link import Link, LinkPhase
from integration.domain.crm.entities import CrmCondition, CrmTrouble
from integration.domain.ids import Timestamp
from integration.domain.reasons import Reason


class ConnectionStatus(StrEnum):
    """As the config entries of Home Assistant have them. Part of `/health` and of the metrics."""

    NOT_SET_UP = "not_set_up"  # it shall run, and nobody has begun
    SETTING_UP = "setting_up"  # the first try
    READY = "ready"  # with a reason: it works, but not as it should
    NEEDS_CONSENT = "needs_consent"  # a person has to allow it in the CRM
    RETRYING = "retrying"  # it is tried again without anybody
    OFF = "off"  # it shall not run


class StateReason(StrEnum):
    """Every reason of a state. Monitors may compare them, so a release does not rename one."""

    # of any connection
    CHANGE_FAILED = "change_failed"  # its settings could not be taken
    # of a CRM
    SWITCHED_OFF = "switched_off"
    CRM_NOT_ASKED = "crm_not_asked"
    CRM_NOT_CONNECTED = "crm_not_connected"
    CRM_NEEDS_CONSENT = "crm_needs_consent"
    CRM_REFUSED = "crm_refused"
    CRM_UNPAID = "crm_unpaid"
    CRM_BLOCKED = "crm_blocked"
    CRM_SLOWED = "crm_slowed"
    CRM_AWAY = "crm_away"
    # of a PBX
    NO_ACCOUNT = "no_account"  # no account gets its calls
    NOT_FOLLOWED = "not_followed"  # by this process, and no other one says that it does
    ADDRESS_UNKNOWN = "address_unknown"  # host
    UNREACHABLE = "unreachable"  # host
    CONNECTION_REFUSED = "connection_refused"  # host, port
    TIMEOUT = "timeout"  # host, port
    TLS_UNTRUSTED = "tls_untrusted"  # host
    TLS_FAILED = "tls_failed"  # host
    CONNECTION_FAILED = "connection_failed"  # host, port: for another reason of the system
    NO_GREETING = "no_greeting"  # connected, and then silence
    NOT_LET_IN = "not_let_in"  # closed before a greeting
    NOT_A_PBX = "not_a_pbx"
    VERSION_REFUSED = "version_refused"
    LOGIN_REFUSED = "login_refused"  # user
    LOGIN_UNANSWERED = "login_unanswered"  # user
    PERMISSION_MISSING = "permission_missing"  # user, actions
    STATE_UNANSWERED = "state_unanswered"  # what goes on on it
    LINK_SILENT = "link_silent"
    LINK_CLOSED = "link_closed"  # by the PBX
    LINK_LOST = "link_lost"
    PROTOCOL_BROKEN = "protocol_broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionState:
    """
    Attributes:
        reason: a `StateReason`; None where the status says everything.
        detail: the words of the system or of the other side about it; never translated.
        next_try: when it is tried again without anybody; None: not known, a try is under way, or nothing to try.
        since: when this began, as far as it is known.
    """

    status: ConnectionStatus
    reason: Reason | None = None
    detail: str = ""
    next_try: Timestamp | None = None
    since: Timestamp | None = None

    @property
    def is_in_order(self) -> bool:
        """Nobody has to do anything about it."""
        return self.status in _IN_ORDER


_IN_ORDER = (ConnectionStatus.READY, ConnectionStatus.SETTING_UP, ConnectionStatus.OFF)


def worst(states: Iterable[ConnectionState]) -> ConnectionState | None:
    """The first one that needs attention, else the first one; None: there are none."""
    found = list(states)
    return next((each for each in found if not each.is_in_order), next(iter(found), None))


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedChange:
    """What should run could not be started or changed. `next_try` None: it is tried now."""

    detail: str
    since: Timestamp
    next_try: Timestamp | None = None


def crm_state(
    condition: CrmCondition, *, is_on: bool, was_asked: bool, failed: FailedChange | None = None
) -> ConnectionState:
    """
    Args:
        is_on: an administrator has not switched the account off.
        was_asked: the CRM has answered, or failed to, since this process began.
        failed: counts more than what an older connection, which goes on, says.
    """
    if not is_on:
        return ConnectionState(status=ConnectionStatus.OFF, reason=why(StateReason.SWITCHED_OFF))
    if failed is not None:
        return _failed(failed)
    since = Timestamp(condition.since) if condition.since is not None else None
    if condition.trouble is None:
        if was_asked:
            return ConnectionState(status=ConnectionStatus.READY, since=since)
        return ConnectionState(status=ConnectionStatus.SETTING_UP, reason=why(StateReason.CRM_NOT_ASKED))
    return ConnectionState(
        status=_status_of(condition.trouble),
        reason=why(StateReason(f"crm_{condition.trouble}")),
        detail=condition.detail,
        next_try=Timestamp(condition.until) if condition.until is not None else None,
        since=since,
    )


def pbx_state(
    link: Link, *, is_used: bool, is_shared: bool = False, failed: FailedChange | None = None
) -> ConnectionState:
    """
    Args:
        is_shared: another process may be the one that connects to it.
        is_used: an account gets its calls; nobody connects to a PBX without one.
        failed: counts more than what an older connection, which goes on, says.
    """
    if failed is not None:
        return _failed(failed)
    if not is_used:
        return ConnectionState(status=ConnectionStatus.OFF, reason=why(StateReason.NO_ACCOUNT))
    match link.phase:
        case LinkPhase.IDLE:
            reason = why(StateReason.NOT_FOLLOWED) if is_shared else None
            return ConnectionState(status=ConnectionStatus.NOT_SET_UP, reason=reason)
        case LinkPhase.UP:
            status = ConnectionStatus.READY
        case LinkPhase.CONNECTING if link.fault is None:
            status = ConnectionStatus.SETTING_UP
        case LinkPhase.CONNECTING | LinkPhase.WAITING:
            status = ConnectionStatus.RETRYING
    return ConnectionState(
        status=status, reason=link.fault, detail=link.detail, next_try=link.next_try, since=link.since
    )


def _status_of(trouble: CrmTrouble) -> ConnectionStatus:
    if trouble.is_for_consent:
        return ConnectionStatus.NEEDS_CONSENT
    return ConnectionStatus.READY if trouble is CrmTrouble.SLOWED else ConnectionStatus.RETRYING


def _failed(failed: FailedChange) -> ConnectionState:
    return ConnectionState(
        status=ConnectionStatus.RETRYING,
        reason=why(StateReason.CHANGE_FAILED),
        detail=failed.detail,
        next_try=failed.next_try,
        since=failed.since,
    )


def why(code: StateReason, /, **detail: object) -> Reason:
    """A reason of a state with its values as text."""
    return Reason(code=code.value, detail={name: str(value) for name, value in detail.items()})
