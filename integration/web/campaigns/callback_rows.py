"""Callbacks as people read them: who waits, why, when the next call is, and what came of those that have ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from integration.domain.campaigns.callbacks import rule_of, settings_of
from integration.domain.campaigns.holds import Hold, held
from integration.domain.campaigns.model import EntryState
from integration.domain.campaigns.redial import used
from integration.domain.ids import AccountId, CampaignId, EntryId, Timestamp
from integration.domain.reasons import Reason
from integration.ports.callbacks import Callback
from integration.ports.campaigns import AttemptJournal
from integration.ports.dialling import STALE_SECONDS, DiallingNow
from integration.services.accounts import Account
from integration.services.card import display_number
from integration.texts.dialling import hold_sentence
from integration.texts.pages import texts
from integration.web.pages.view import moment

_TONES = {
    EntryState.OPEN: "info",
    EntryState.TAKEN: "live",
    EntryState.REACHED: "ok",
    EntryState.NOT_REACHED: "warn",
    EntryState.REMOVED: "soft",
    EntryState.DO_NOT_CALL: "soft",
}
_LIVING = (EntryState.OPEN, EntryState.TAKEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRow:
    """
    Attributes:
        reason: why they are called back: which call, and when.
        why: why nobody is dialled now, as a sentence; empty: it has ended.
        tries: `1 of 3`.
        who: the responsible employee; empty: there is none.
        ended: when it ended; by whom it was cancelled.
    """

    id: EntryId
    call: str
    client: str
    number: str
    reason: str
    state: str
    tone: str
    why: str
    tries: str
    who: str
    ended: str
    may_be_cancelled: bool
    may_come_back: bool


async def tries_of(journal: AttemptJournal, account: AccountId, found: Sequence[Callback]) -> dict[EntryId, int]:
    """How often each client's phone rang. Raises: Unavailable."""
    ids = [each.entry.id for each in found]
    tries = await journal.tries(account, entries=ids, since=Timestamp(0.0)) if ids else []
    return {id_: len([each for each in used(tries) if each.entry == id_]) for id_ in ids}


def why_waiting(
    account: Account, callback: Callback, doing: Mapping[CampaignId, DiallingNow], now: Timestamp
) -> Reason | None:
    """The rule that holds its next call; None: it has ended, or nothing dials it."""
    entry = callback.entry
    if entry.state is EntryState.TAKEN:
        return held(Hold.ENTRY_TAKEN)
    if entry.state is not EntryState.OPEN:
        return None
    if not account.settings.enabled or rule_of(settings_of(entry.campaign, account.settings)) is None:
        return held(Hold.CALLBACKS_OFF)
    if entry.due_at is not None and entry.due_at > now:
        return callback.why or held(Hold.NOT_DUE, until=entry.due_at)
    latest = doing.get(entry.campaign)
    return latest.hold if latest is not None and now - latest.at <= STALE_SECONDS else None


def callback_row(
    account: Account,
    callback: Callback,
    *,
    tries: int,
    doing: Mapping[CampaignId, DiallingNow],
    now: Timestamp,
    language: str,
) -> CallbackRow:
    t, entry, settings = texts(language), callback.entry, account.settings
    number = display_number(entry.numbers[0].e164, settings.numbering) if entry.numbers else ""
    asked = t[f"cb_kind_{callback.kind}"].format(when=moment(callback.asked_at, account))
    if callback.calls > 1:
        asked = f"{asked}, {t['cb_calls'].format(count=callback.calls)}"
    is_living = entry.state in _LIVING
    ended = "" if is_living else moment(callback.changed_at, account)
    if entry.state is EntryState.REMOVED and callback.cancelled_by:
        ended = t["cb_cancelled_by"].format(by=callback.cancelled_by, when=ended)
    return CallbackRow(
        id=entry.id,
        call=callback.call,
        client=entry.name or number,
        number=number,
        reason=asked,
        state=t[f"cb_state_{entry.state}"],
        tone=_TONES[entry.state],
        why=_sentence(account, callback, doing, now, language) if is_living else "",
        tries=t["cb_of"].format(done=tries, most=settings_of(entry.campaign, settings).repeat_times),
        who=account.manager_name(entry.responsible) or entry.responsible or "",
        ended=ended,
        may_be_cancelled=is_living,
        may_come_back=entry.state is EntryState.REMOVED,
    )


def _sentence(
    account: Account, callback: Callback, doing: Mapping[CampaignId, DiallingNow], now: Timestamp, language: str
) -> str:
    reason = why_waiting(account, callback, doing, now)
    if reason is None:
        return texts(language)["cb_no_process"]
    return hold_sentence(reason, language, zone=account.settings.zone, now=now)
