"""The doctor's check of what campaigns need of the PBX when the client is rung first."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from integration.domain.campaigns.needs import CampaignNeeds
from integration.errors import NotFound, Rejected
from integration.ports.findings import Finding, ok, warning
from pbx_adapter.asterisk.ami import receptions
from pbx_adapter.asterisk.ami.client import PERMISSION_DENIED, AmiSession
from pbx_adapter.asterisk.ami.commands import question
from pbx_adapter.asterisk.doctor import check_texts as about
from pbx_adapter.asterisk.doctor import texts
from pbx_adapter.asterisk.settings import AsteriskSettings

_MODULE = "app_amd.so"
_SECONDS = 15.0


async def campaigns(session: AmiSession, settings: AsteriskSettings, needs: CampaignNeeds) -> list[Finding]:
    """Nothing where our include is not in the dialplan: `way_back` says that. What no campaign needs is no warning.

    Raises: Unavailable.
    """
    try:
        if not await _has(session, "dozvon-inbound"):
            return []
        if not await _has(session, receptions.CONTEXT):
            return [warning(about.CAMPAIGNS, texts.INCLUDE_OLD, texts.RENEW_THE_INCLUDE)]
    except Rejected:
        return []  # reported with the permissions
    found = []
    tells_machines = await _is_loaded(session)
    if needs.machines and not tells_machines:
        found.append(warning(about.CAMPAIGNS, texts.NO_AMD, texts.LOAD_AMD))
    path = settings.sounds.path
    if path is None:
        if needs.sounds:
            found.append(warning(about.CAMPAIGNS, texts.NO_SOUNDS, texts.NAME_THE_SOUNDS))
    elif not await asyncio.to_thread(_is_writable, Path(path)):
        found.append(warning(about.CAMPAIGNS, texts.SOUNDS_CLOSED(folder=path), texts.OPEN_THE_SOUNDS(folder=path)))
    if found:
        return found
    is_complete = tells_machines and path is not None
    return [ok(about.CAMPAIGNS, texts.CAMPAIGNS_READY if is_complete else texts.CAMPAIGNS_CONTENT)]


async def _has(session: AmiSession, context: str) -> bool:
    try:
        await session.ask(question("ShowDialPlan", is_list=True, Context=context), timeout_seconds=_SECONDS)
    except NotFound:
        return False
    return True


async def _is_loaded(session: AmiSession) -> bool:
    """Whether AMD() is there; where our user may not ask, it is taken to be."""
    try:
        await session.ask(question("ModuleCheck", Module=_MODULE))
    except NotFound:
        return False
    except Rejected as exc:
        return exc.code in (PERMISSION_DENIED, "unknown_action")
    return True


def _is_writable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
