"""Chooses another user when the CRM refuses the responsible manager of a write.

`domain/calls/attribution.py` decides who is responsible by the rules; this module acts when the CRM disagrees.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from integration.domain.ids import ManagerId
from integration.errors import NotResponsible
from integration.services.accounts import Account

log = structlog.get_logger()

Written = TypeVar("Written")


async def with_responsible(
    account: Account,
    wanted: ManagerId | None,
    write: Callable[[ManagerId | None], Awaitable[Written]],
    *,
    line: str | None,
) -> tuple[Written, ManagerId | None]:
    """
    Write with `wanted` as responsible. If the CRM refuses that user, try the stand-ins (`AccountSettings.stand_ins`),
    and at last nobody: the record of a dismissed manager must not be lost. A refusal is remembered, so that not every
    call provokes it.

    Args:
        write: raises NotResponsible if it has written nothing because of the user.
        line: the line (DID) of the call.

    Returns:
        The result of `write`, and the responsible manager.
    """
    for manager in (wanted, *account.settings.stand_ins(line)) if wanted else ():
        if (
            not manager
            or account.is_refused(manager)
            or (manager != wanted and not account.settings.is_active(manager))
        ):
            continue
        try:
            return await write(manager), manager
        except NotResponsible as exc:
            account.refuse(manager)
            log.warning("the CRM refuses a responsible", account_id=account.id, manager_id=manager, error=str(exc))
    return await write(None), None
