"""What an error of one method says of the portal's condition."""

from __future__ import annotations

from connectors.bitrix24.api.refusals import MethodClosed, MethodResting, NotInstalled
from integration.connecting.standing import Standing
from integration.domain.crm.entities import CrmTrouble
from integration.errors import AuthFailed, DozvonError, OutcomeUnknown, RateLimited, Rejected, Unavailable, Unpaid


def learn(standing: Standing, error: DozvonError) -> None:
    """What is wrong with one request alone is no condition of the portal."""
    match error:
        case Unpaid():
            standing.unpaid(str(error), by_read=True)
        case MethodResting():
            return
        case RateLimited():
            standing.slowed()
        case MethodClosed() | Rejected():  # with our token, of a portal that is paid
            standing.passed(is_read=False)
        case AuthFailed():
            is_new = isinstance(error, NotInstalled)
            standing.not_allowed(CrmTrouble.NOT_CONNECTED if is_new else CrmTrouble.NEEDS_CONSENT, str(error))
        case Unavailable(retry_after_seconds=float(seconds)) if not isinstance(error, OutcomeUnknown):
            standing.blocked(seconds)
        case Unavailable():
            standing.away(str(error))
        case _:  # odd, but an answer
            standing.answered()
