"""Where our pages stand in a portal, and how they get there. `widget.py` authenticates who opens them.

The portal drops all bindings when the application is updated, so each installation sets them again.
Source: b24-rest-docs, "Widgets"; some errors come with HTTP 200, which `api/refusals.py` knows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog

from connectors.bitrix24.api import batch
from connectors.bitrix24.api.batch import Command
from integration.domain.crm.entities import EntityKind
from integration.errors import DozvonError

_log = structlog.get_logger()

OWN_PAGES = frozenset({"DEFAULT", "LEFT_MENU"})
"""The application's own page, and the same from the portal's menu."""

CALL_CARD = "CALL_CARD"
_KINDS = (EntityKind.CONTACT, EntityKind.COMPANY, EntityKind.LEAD, EntityKind.DEAL)
CLIENT_TABS = {f"CRM_{kind.name}_DETAIL_TAB": kind for kind in _KINDS}
LIST_ROWS = {f"CRM_{kind.name}_LIST_MENU": kind for kind in _KINDS}
"""The menu of a row, with its id."""
LIST_MENUS = {f"CRM_{kind.name}_LIST_TOOLBAR": kind for kind in _KINDS}
"""The menu above a list. A portal never says which rows are ticked."""

PLACEMENTS = (CALL_CARD, *CLIENT_TABS, *LIST_ROWS, *LIST_MENUS)
"""What is bound at an installation. The application's own page is in the portal's menu without; a background worker is
none of them: ADR 49 says why."""

TITLES: Mapping[str, Mapping[str, str]] = {
    CALL_CARD: {"ru": "Dozvon", "ua": "Dozvon", "en": "Dozvon"},
    **{code: {"ru": "Звонки", "ua": "Дзвінки", "en": "Calls"} for code in CLIENT_TABS},
    **{code: {"ru": "В обзвон", "ua": "До обдзвону", "en": "Add to a campaign"} for code in (*LIST_ROWS, *LIST_MENUS)},
}
"""By the portal's names of languages."""


def bindings(present: Any, handler: str) -> list[dict[str, Any]]:
    """
    The parameters of the `placement.bind` calls that are still needed. Pure.

    Args:
        present: the result of `placement.get`.
        handler: the address that takes the POST.
    """
    listed = [each for each in present if isinstance(each, dict)] if isinstance(present, list) else []
    known = {(str(each.get("placement", "")).upper(), str(each.get("handler", ""))) for each in listed}
    return [
        {
            "PLACEMENT": code,
            "HANDLER": handler,
            "TITLE": TITLES[code]["ru"],
            "LANG_ALL": {language: {"TITLE": title} for language, title in TITLES[code].items()},
        }
        for code in PLACEMENTS
        if (code, handler) not in known
    ]


def outdated(present: Any, handler: str) -> list[dict[str, Any]]:
    """The parameters of the `placement.unbind` calls for our placements at another address than `handler`. Pure."""
    listed = [each for each in present if isinstance(each, dict)] if isinstance(present, list) else []
    return [
        {"PLACEMENT": each["placement"], "HANDLER": each["handler"]}
        for each in listed
        if str(each.get("placement", "")).upper() in PLACEMENTS and each.get("handler") not in ("", None, handler)
    ]


Call = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""A method of the portal with its parameters -> the envelope of its answer."""


async def bind_placements(call: Call, handler: str) -> list[str]:
    """
    Have the portal show our pages, at an installation and after an update, which drops all bindings. Two requests: the
    phone book is read at the same moment, out of the same limit.

    Returns:
        The placements that the portal does not have (an older self-hosted one, or a missing scope): they are left out.

    Raises:
        AuthFailed, Unavailable, Rejected: as the portal's methods.
    """
    present, available = await _carried_out(call, [Command("placement.get", {}), Command("placement.list", {})])
    codes = {str(each).upper() for each in available} if isinstance(available, list) else set(PLACEMENTS)
    missing = [code for code in PLACEMENTS if code not in codes]
    unbound = [Command("placement.unbind", each) for each in outdated(present, handler)]
    needed = [each for each in bindings(present, handler) if each["PLACEMENT"] not in missing]
    await _carried_out(call, [*unbound, *(Command("placement.bind", each) for each in needed)])
    if missing:
        _log.warning("placements are missing", placements=missing)
    return missing


async def unbind_placements(call: Call) -> None:
    """Have the portal show none of our pages any more. Raises: as `bind_placements`."""
    (present,) = await _carried_out(call, [Command("placement.get", {})])
    await _carried_out(call, [Command("placement.unbind", each) for each in outdated(present, "")])


async def _carried_out(call: Call, commands: Sequence[Command]) -> list[Any]:
    """The results, in one request. Raises: the first command's error that failed, after all were tried."""
    if not commands:
        return []
    labelled = {f"p{index}": each for index, each in enumerate(commands)}
    outcomes = batch.outcomes(await call("batch", batch.body(labelled)), labelled)
    for outcome in outcomes.values():
        if isinstance(outcome, DozvonError):
            raise outcome
    return [outcomes[label] for label in labelled]
