"""What an office has connected, as the steps about telephone systems and CRMs list it."""

from __future__ import annotations

from typing import Any

from integration.domain.connections.state import ConnectionState
from integration.domain.sentences import say
from integration.domain.setup import Step
from integration.texts.connections import state_sentence
from integration.web.setup.desk import SetupDesk
from integration.web.setup.frame import Opened, address_of

PBX_REMOVAL = ("pbx_remove_calls", "pbx_remove_people", "pbx_remove_stays")
"""What follows from removing a telephone system; `CRM_REMOVAL` likewise."""
CRM_REMOVAL = ("crm_remove_calls", "crm_remove_waiting", "crm_remove_stays", "crm_remove_there")


def pbx_connections(opened: Opened, desk: SetupDesk, lang: str) -> list[dict[str, Any]]:
    """One row for each telephone system; empty for the only one, which the screen shows anyway."""
    rows = []
    for pbx, document in opened.parts.pbxs.items():
        table = document.get(str(document.get("kind", "")), {})
        host = str(table.get("host", "")) if isinstance(table, dict) else ""
        is_here = pbx == opened.parts.pbx
        is_used = any(pbx in (each.get("pbxs") or ()) for each in opened.parts.accounts.values())
        state = desk.pbx_state(pbx) if is_used else None
        rows.append(
            _row(str(pbx), host, state, opened.path(Step.PBX, pbx=address_of(pbx, opened.parts.pbxs)), is_here, lang)
        )
    return rows


def crm_connections(opened: Opened, desk: SetupDesk, lang: str) -> list[dict[str, Any]]:
    """One row for each account."""
    rows = []
    for account, document in opened.parts.accounts.items():
        kind = str(document.get("crm", ""))
        labels = [say(each.label, lang) for each in desk.crms[kind].variants] if kind in desk.crms else [kind]
        path = opened.path(Step.CRM, account=address_of(account, opened.parts.accounts))
        is_here = account == opened.parts.account
        rows.append(_row(str(account), labels[0], desk.crm_state(account), path, is_here, lang))
    return rows


def _row(name: str, detail: str, state: ConnectionState | None, href: str, is_here: bool, lang: str) -> dict[str, Any]:
    tone = "soft" if state is None else "ok" if state.is_in_order else "bad"
    said = "" if state is None else state_sentence(state, lang)
    return {"name": name, "detail": detail, "tone": tone, "state": said, "href": href, "is_here": is_here}
