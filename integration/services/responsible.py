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
    Write in the name of `wanted`; where the CRM refuses that user, of those who stand in (`AccountSettings.stand_ins`),
    at last of nobody: a dismissed manager must not cost the record. A refusal is remembered, so that each call does
    not provoke it.

    Args:
        write: raises NotResponsible where it has written nothing because of the user.
        line: the line (DID) of the call.

    Returns:
        What was written, and in whose name.
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
