"""Asks the PBX for its state after each login, to find calls in progress. `tracker/resync.py` reads the answers."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from integration.errors import Rejected
from pbx_adapter.asterisk.ami.client import AmiSession, text
from pbx_adapter.asterisk.ami.commands import Action, question
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.tracker.found import ANSWERED, PBX_NOW
from pbx_adapter.asterisk.tracker.office import OfficeShape
from pbx_adapter.asterisk.tracker.receiving import VARIABLE

log = structlog.get_logger()

_LIST_SECONDS = 30.0  # a PBX with a thousand channels answers in one or two
_MOST_BRIDGES = 2_000


async def ask_for_state(session: AmiSession, office: OfficeShape) -> dict[str, str]:
    """
    Ask for all channels, bridges and queues; the answers go into the session's queue of live events.

    Returns:
        The actions that the PBX refuses, each with the code of the refusal: without them less is known about calls in
        progress.

    Raises:
        Unavailable: the connection was lost, or an answer did not come.
    """
    refused: dict[str, str] = {}
    variables = ",".join(
        (
            *office.did_variables,
            office.crm_variable,
            "DIALEDPEERNUMBER",
            "MIXMONITOR_FILENAME",
            VARIABLE,
            "CDR(start)",
            "CDR(answer)",
            ANSWERED,
            PBX_NOW,
        )
    )
    await _ask(session, question("CoreStatus"), refused)
    await _ask(session, question("CoreShowChannels", is_list=True), refused)
    await _ask(session, question("Status", is_list=True, Variables=variables), refused)
    bridges = await _ask(session, question("BridgeList", is_list=True), refused)
    for row in bridges[:_MOST_BRIDGES]:
        if bridge := text(row, "BridgeUniqueid"):
            await _ask(session, question("BridgeInfo", is_list=True, BridgeUniqueid=bridge), {})
    await _ask(session, question("QueueStatus", is_list=True), refused)
    session.snapshot_done()
    if refused:
        log.warning("the PBX refuses questions about calls under way", actions=list(refused))
    return refused


async def _ask(session: AmiSession, action: Action, refused: dict[str, str]) -> Sequence[Frame]:
    try:
        _, rows = await session.ask(action, timeout_seconds=_LIST_SECONDS, share=True)
    except Rejected as exc:  # no right, no such module (app_queue), or a bridge that is gone by now
        refused[action.name] = exc.code
        return ()
    return rows
