"""The doctor's check of numbers that a click dials: does the PBX's dialplan accept them? It rings no phone."""

from __future__ import annotations

from collections.abc import Sequence

from integration.errors import NotFound, Rejected
from integration.ports.findings import Finding, ok, warning
from integration.ports.pbx import DialSample
from pbx_adapter.asterisk.ami.client import AmiSession, text
from pbx_adapter.asterisk.ami.commands import question
from pbx_adapter.asterisk.doctor import check_texts as about
from pbx_adapter.asterisk.doctor import texts
from pbx_adapter.asterisk.settings import AsteriskSettings

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
    check = about.NUMBERS(what=sample.what)
    if await _is_taken(session, context, dialled):
        return ok(check, texts.NUMBER_TAKEN(context=context, number=dialled))
    says = texts.NUMBER_NOT_TAKEN(context=context, number=dialled)
    for advice, other in sample.others:
        sent = _as_sent(other, settings)
        if await _is_taken(session, context, sent):
            return warning(check, says, texts.DIAL_OTHERWISE(advice=advice, context=context, number=sent))
    return warning(check, says, texts.GIVE_A_ROUTE(context=context))


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
