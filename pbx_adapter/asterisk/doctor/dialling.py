"""The doctor's check of numbers that a click dials: does the PBX's dialplan accept them? It rings no phone."""

from __future__ import annotations

from collections.abc import Sequence

from integration.errors import NotFound, Rejected
from integration.ports.findings import Finding, FindingLevel
from integration.ports.pbx import DialSample
from pbx_adapter.asterisk.ami.client import AmiSession, text
from pbx_adapter.asterisk.ami.commands import question
from pbx_adapter.asterisk.settings import AsteriskSettings

_CHECK = "numbers dialled"
# Contexts that accept every number, only to announce that it is wrong. Source: FreePBX's dialplan.
_DEAD_ENDS = frozenset({"bad-number"})


async def dialling(session: AmiSession, settings: AsteriskSettings, samples: Sequence[DialSample]) -> list[Finding]:
    """One finding for each sample; at worst a warning, because a `switch` may accept the number."""
    try:
        return [await _sample(session, settings, sample) for sample in samples]
    except Rejected:
        return []  # no right to read the dialplan: reported with the permissions


async def _sample(session: AmiSession, settings: AsteriskSettings, sample: DialSample) -> Finding:
    context = settings.originate_context
    dialled = _as_sent(sample.dialled, settings)
    check = f"{_CHECK}: {sample.what}"
    if await _is_taken(session, context, dialled):
        message = f"{context} takes {dialled}"
        return Finding(check=check, level=FindingLevel.OK, message=message)
    for advice, other in sample.others:
        if await _is_taken(session, context, _as_sent(other, settings)):
            remedy = f"write {advice} under [account.dial]: {context} takes {_as_sent(other, settings)}"
            break
    else:
        remedy = (
            f"give {context} an outgoing route for such numbers, or set how the office dials under [account.dial] of "
            "Dozvon's configuration (click, trunk_prefix, outside_prefix)"
        )
    message = f"no extension of {context} takes {dialled}: a click on such a number dials nothing"
    return Finding(check=check, level=FindingLevel.WARNING, message=message, remedy=remedy)


def _as_sent(number: str, settings: AsteriskSettings) -> str:
    return number if settings.dial_plus else number.removeprefix("+")


async def _is_taken(session: AmiSession, context: str, number: str) -> bool:
    """Whether the context, or one that it includes, accepts the number. Raises: Rejected (no right to ask)."""
    asked = question("ShowDialPlan", is_list=True, Context=context, Extension=number)
    try:
        _, rows = await session.ask(asked, timeout_seconds=15.0)
    except NotFound:
        return False
    return any(text(row, "Extension") and text(row, "Context") not in _DEAD_ENDS for row in rows)
