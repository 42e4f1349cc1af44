"""Whose a call is in a CRM that takes none without a user: the wanted one, a stand-in, at last an administrator.

`responsible.py` is for CRMs that take a record without anybody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from integration.domain.ids import ManagerId
from integration.errors import NotResponsible, Rejected, Unavailable
from integration.services.accounts import Account

log = structlog.get_logger()

Written = TypeVar("Written")

_OTHERS_ASKED = 3  # users whom no rule names


async def held_by_somebody(
    account: Account,
    wanted: ManagerId | None,
    line: str | None,
    write: Callable[[ManagerId], Awaitable[Written]],
) -> tuple[Written, ManagerId]:
    """
    Write with the first user whom the CRM accepts. A refusal is remembered.

    Args:
        write: raises NotResponsible if it has written nothing because of the user.

    Returns:
        The result of `write`, and the user.

    Raises:
        Rejected: the CRM refuses all of them. Others: those of `write`.
    """
    for manager in _candidates(account, wanted, line):
        try:
            return await write(manager), manager
        except NotResponsible as exc:
            account.refuse(manager)
            log.warning("the CRM refuses a user", account_id=account.id, manager_id=manager, error=str(exc))
    raise Rejected("the CRM accepts none of the users as the one whose call it is", code="responsible")


def anybody(account: Account) -> ManagerId:
    """
    A user for a call that is nobody's by the rules.

    Raises:
        Unavailable: no user can be named yet.
    """
    found = _candidates(account, None, None)
    if not found:
        raise Unavailable("nobody in the CRM can have this call: name somebody who gets the calls that nobody took")
    return found[0]


def _candidates(account: Account, wanted: ManagerId | None, line: str | None) -> list[ManagerId]:
    settings = account.settings
    stand_ins = [each for each in settings.stand_ins(line) if settings.is_active(each)]
    named = [*([wanted] if wanted else []), *stand_ins]
    others = [each for each in _staff(account) if each not in named and not account.is_refused(each)]
    return [each for each in dict.fromkeys(named) if not account.is_refused(each)] + others[:_OTHERS_ASKED]


def _staff(account: Account) -> list[ManagerId]:
    """Active users, administrators first."""
    active = [each for each in account.managers.values() if each.is_active]
    return [each.id for each in sorted(active, key=lambda each: (not each.is_admin, len(each.id), each.id))]
