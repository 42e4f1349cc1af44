"""Describes a finished call in one line for the CRM's feed: `describe()`. No people's names, no client numbers."""

from __future__ import annotations

from collections.abc import Iterator

from integration.domain.calls.call import (
    Call,
    Disposition,
    LegKind,
    LegResult,
    Transfer,
    TransferKind,
    TransferResult,
    Via,
)
from integration.domain.settings import AccountSettings
from integration.texts import LANGUAGES

_WORDS: dict[str, dict[str, str]] = {
    "campaign": {"ru": "обзвон: {0}", "uk": "обдзвін: {0}", "en": "campaign: {0}"},
    "line": {"ru": "линия {0}", "uk": "лінія {0}", "en": "line {0}"},
    "queue": {"ru": "очередь {0}", "uk": "черга {0}", "en": "queue {0}"},
    "missed": {"ru": "пропущен", "uk": "пропущено", "en": "missed"},
    "busy": {"ru": "занято", "uk": "зайнято", "en": "busy"},
    "failed": {"ru": "не удалось соединить", "uk": "не вдалося з’єднати", "en": "could not be connected"},
    "cancelled": {"ru": "отменён", "uk": "скасовано", "en": "cancelled"},
    "noanswer": {"ru": "нет ответа", "uk": "немає відповіді", "en": "no answer"},
    "rang_at": {"ru": "звонил на {0}", "uk": "дзвонив на {0}", "en": "rang at {0}"},
    "wait": {"ru": "ожидание {0}", "uk": "очікування {0}", "en": "{0} wait"},
    "hold": {"ru": "на удержании {0}", "uk": "на утриманні {0}", "en": "{0} on hold"},
    "answered_by": {"ru": "ответил {0}", "uk": "відповів {0}", "en": "answered by {0}"},
    "pickup": {"ru": "перехватил {0}", "uk": "перехопив {0}", "en": "picked up by {0}"},
    "forward": {"ru": "переадресация {0} → {1}", "uk": "переадресація {0} → {1}", "en": "forwarded {0} → {1}"},
    "transfer": {"ru": "перевод {0} → {1}", "uk": "переведення {0} → {1}", "en": "transferred {0} → {1}"},
    "transfer_failed": {
        "ru": "перевод {0} → {1} не удался",
        "uk": "переведення {0} → {1} не вдалося",
        "en": "transfer {0} → {1} failed",
    },
    "park": {"ru": "парковка {0}", "uk": "паркування {0}", "en": "parked by {0}"},
    "recovered": {
        "ru": "восстановлен по журналу АТС",
        "uk": "відновлено за журналом АТС",
        "en": "recovered from the PBX’s records",
    },
    "recording": {"ru": "запись: {0}", "uk": "запис: {0}", "en": "recording: {0}"},
    "seconds": {"ru": "{0} с", "uk": "{0} с", "en": "{0} s"},
    "minutes": {"ru": "{0} мин {1} с", "uk": "{0} хв {1} с", "en": "{0} min {1} s"},
}
_WORKED = frozenset({TransferResult.ANSWERED, TransferResult.COMPLETED})
_MAX_RANG_AT = 6  # extensions named; a queue of thirty would hide the rest of the line


def describe(
    call: Call, settings: AccountSettings, language: str, *, recording: str | None = None, campaign: str | None = None
) -> str:
    """
    Write what happened to a call in one line: `Очередь sales, ожидание 35 с, ответил 101, перевод 101 → 102`.

    Args:
        settings: contain the advertising source of the line.
        language: `ru`, `uk` or `en`; English for any other.
        recording: its address, if the line is the only place for it.
        campaign: the name of the one that dialled the call.

    Returns:
        A line with a capital first letter and without a full stop. It has at least the disposition or who answered; ""
        only for a live call of which nothing is known. Never raises.
    """
    chosen = language if language in LANGUAGES else "en"
    parts = [
        *([("campaign", (" ".join(campaign.split()),))] if campaign else []),
        *_parts(call, settings, chosen),
        *([("recording", (recording,))] if recording else []),
    ]
    text = ", ".join(_WORDS[word][chosen].format(*values) for word, values in parts)
    return text[:1].upper() + text[1:]


def named_by(campaign: str, language: str) -> str:
    """The campaign that dialled a call, for a CRM that writes the call's record itself: `Обзвон: Весна`."""
    said = _WORDS["campaign"][language if language in LANGUAGES else "en"].format(" ".join(campaign.split()))
    return said[:1].upper() + said[1:]


def _parts(call: Call, settings: AccountSettings, language: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    if call.line:
        source = settings.line(call.line).source
        yield "line", (f"{call.line} ({source})" if source else call.line,)
    if call.queue:
        yield "queue", (call.queue,)
    if call.disposition not in (None, Disposition.ANSWERED):
        yield call.disposition.value, ()
    until = call.answered_at if call.answered_at is not None else call.ended_at
    if until is not None and until - call.started_at >= 1:
        yield "wait", (duration(until - call.started_at, language),)
    yield from _people(call)
    for transfer in call.transfers:
        yield from _transfer(transfer)
    if call.held_seconds >= 1:
        yield "hold", (duration(call.held_seconds, language),)
    if call.recovered:
        yield "recovered", ()


def _people(call: Call) -> Iterator[tuple[str, tuple[str, ...]]]:
    for number, leg in enumerate(call.legs, start=1):
        if leg.result is LegResult.FORWARDED:
            to = next((after.target for after in call.legs[number:] if after.via is Via.FORWARD), "…")
            yield "forward", (leg.target, to)
    taker = next((leg for leg in call.legs if leg.via is Via.PICKUP and leg.result is LegResult.ANSWERED), None)
    if taker:
        yield "pickup", (taker.target,)
    elif call.line and call.answered_by:
        yield "answered_by", (call.answered_by,)
    elif call.line:
        rang = list(dict.fromkeys(leg.target for leg in call.legs if leg.kind is LegKind.EXTENSION))
        if rang:
            yield "rang_at", (", ".join(rang[:_MAX_RANG_AT]) + (" …" if len(rang) > _MAX_RANG_AT else ""),)


def _transfer(transfer: Transfer) -> Iterator[tuple[str, tuple[str, ...]]]:
    if transfer.kind is TransferKind.PARK:
        yield "park", (transfer.from_,)
    if transfer.kind is not TransferKind.PARK or transfer.result in _WORKED:
        worked = transfer.result in _WORKED
        yield "transfer" if worked else "transfer_failed", (transfer.from_, transfer.to)


def duration(seconds: float, language: str) -> str:
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if minutes:
        return _WORDS["minutes"][language].format(minutes, rest)
    return _WORDS["seconds"][language].format(whole)
