"""Decides which of the accounts that share a PBX a call belongs to: `ownership()`, with the reason. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from integration.domain.calls.call import Call, Direction, LegKind
from integration.domain.ids import AccountId, AttemptId
from integration.domain.reasons import Reason, ReasonCode, because
from integration.domain.settings import AccountSettings

Accounts = Mapping[AccountId, AccountSettings]
"""The accounts on the call's PBX, each with the people whose phones are there. If no rule names an account, the first
gets the call."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """
    One account's share in a call.

    Attributes:
        shows: its people may see the call while it lasts.
        writes: the call is written into its CRM. For a live call this is preliminary.
        reason: why the call is the account's; None if it is not, or if the account is the only one on the PBX.
    """

    shows: bool
    writes: bool
    reason: Reason | None = None


SOLE = Ownership(shows=True, writes=True)
_NOBODYS = Ownership(shows=False, writes=False)


def ownership(call: Call, account: AccountId, accounts: Accounts) -> Ownership:
    """
    Decide whether a call is this account's. Calls of a switched-off account do not go to another account.

    The first rule that fits decides: a click belongs to the account in whose CRM it was pressed. An incoming call
    belongs to the accounts that name its line; otherwise to those in which somebody who talked, or whose phone rang, is
    mapped to a CRM user. An outgoing or internal call belongs to the accounts in which the caller is mapped. Any other
    call belongs to the first account whose default line is processed. Never raises.
    """
    if len(accounts) < 2:
        return SOLE
    clicked = clicked_in(call)
    if clicked is not None and clicked in accounts:
        return _of(account, [clicked], because(ReasonCode.OWNED_BY_CLICK))
    if call.direction is Direction.INBOUND:
        return _inbound(call, account, accounts)
    callers = [key for key, settings in accounts.items() if settings.manager_of(call.caller)]
    if callers:
        return _of(account, callers, because(ReasonCode.OWNED_BY_CALLER, extension=call.caller))
    return _of_the_first(account, _taking(call, accounts))


def _inbound(call: Call, account: AccountId, accounts: Accounts) -> Ownership:
    named = [key for key, settings in accounts.items() if takes_by_name(settings, call.line)]
    if named:
        return _of(account, named, because(ReasonCode.OWNED_BY_LINE, line=call.line or ""))
    taking = _taking(call, accounts)
    if account not in taking:
        return _NOBODYS
    for people, code in ((_talked(call), ReasonCode.OWNED_BY_TALK), (_rang(call), ReasonCode.OWNED_BY_RINGING)):
        for extension in people:
            owners = [key for key in taking if accounts[key].manager_of(extension)]
            if owners:
                found = _of(account, owners, because(code, extension=extension))
                return Ownership(True, found.writes, found.reason)
    first = _of_the_first(account, taking)
    return Ownership(True, first.writes, first.reason)


def takes_by_name(settings: AccountSettings, line: str | None) -> bool:
    """Whether the account processes this line by the line's own settings, not only by those of all lines."""
    key = settings.line_key(line)
    return key is not None and settings.lines[key].process


def _taking(call: Call, accounts: Accounts) -> list[AccountId]:
    return [key for key, settings in accounts.items() if settings.line(call.line).process]


def _talked(call: Call) -> Iterable[str]:
    """The extensions that talked; first the one that had the client last."""
    return dict.fromkeys(each for each in (call.final_responsible, call.answered_by) if each)


def _rang(call: Call) -> Iterable[str]:
    """The extensions that rang, the last one first: it had the call when the client gave up."""
    return dict.fromkeys(leg.target for leg in reversed(call.legs) if leg.kind is LegKind.EXTENSION)


def _of(account: AccountId, owners: Sequence[AccountId], reason: Reason) -> Ownership:
    return Ownership(True, True, reason) if account in owners else _NOBODYS


def _of_the_first(account: AccountId, taking: Sequence[AccountId]) -> Ownership:
    return _of(account, taking[:1], because(ReasonCode.OWNED_BY_FIRST))


def crm_call_id(account: AccountId, native_id: str) -> str:
    """The id that a click sends to the PBX and that comes back in `Call.origin`: the account and the CRM's own id."""
    return f"{account}.{native_id}"


_OF_THE_CRM = "call_"  # an id of the widget has no underscore


def live_call_id(account: AccountId, native_id: str) -> str:
    """As `crm_call_id`, for a call that the CRM has begun itself: `native_id` is the CRM's id of the live call."""
    return crm_call_id(account, f"{_OF_THE_CRM}{native_id}")


def begun_by_crm(call: Call) -> str | None:
    """The CRM's own id of a live call that it has begun: a click on its page. None for other calls."""
    given = call.origin.crm_call_id if call.origin is not None else None
    _, _, native_id = (given or "").partition(".")
    return native_id.removeprefix(_OF_THE_CRM) or None if native_id.startswith(_OF_THE_CRM) else None


_OF_AN_OWN_LIST = "list_"


def own_list_call_id(account: AccountId, attempt: AttemptId) -> str:
    """As `crm_call_id`, for a call of a manager's own list: the attempt in the journal."""
    return crm_call_id(account, f"{_OF_AN_OWN_LIST}{attempt}")


def begun_by_own_list(call: Call) -> AttemptId | None:
    """The attempt of a manager's own list that this call is. None for other calls."""
    given = call.origin.crm_call_id if call.origin is not None else None
    _, _, native_id = (given or "").partition(".")
    if not native_id.startswith(_OF_AN_OWN_LIST):
        return None
    return AttemptId(native_id.removeprefix(_OF_AN_OWN_LIST)) or None


_CALLBACK = "callback_"


def callback_id(account: AccountId, native_id: str) -> str:
    """As `crm_call_id`, for a client who asked in the CRM to be called: `native_id` identifies the request."""
    return crm_call_id(account, f"{_CALLBACK}{native_id}")


def is_callback(call: Call) -> bool:
    """Whether a client asked in the CRM to be called, and this is that call."""
    given = call.origin.crm_call_id if call.origin is not None else None
    return (given or "").partition(".")[2].startswith(_CALLBACK)


def clicked_in(call: Call) -> AccountId | None:
    """The account in whose CRM the call was clicked; None for other calls, and for clicks of other programs."""
    if call.origin is None or call.origin.crm_call_id is None:
        return None
    account, dot, _ = call.origin.crm_call_id.partition(".")
    return AccountId(account) if dot else None
