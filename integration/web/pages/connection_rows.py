"""Turns states of connections into rows of plain text for the pages. No routes."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from integration.domain.connections.state import ConnectionState, ConnectionStatus
from integration.domain.ids import Timestamp
from integration.services.accounts import Account
from integration.texts.connections import state_sentence
from integration.texts.pages import texts
from integration.web.pages.view import clock_time, moment_in

_SOON_SECONDS = 3600.0  # then the date matters too
_TONES = {
    ConnectionStatus.READY: "ok",
    ConnectionStatus.SETTING_UP: "soft",
    ConnectionStatus.NOT_SET_UP: "soft",
    ConnectionStatus.OFF: "soft",
    ConnectionStatus.NEEDS_CONSENT: "bad",
    ConnectionStatus.RETRYING: "bad",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRow:
    """`tone`: of the light. Empty texts are left out."""

    name: str
    tone: str
    sentence: str
    detail: str
    next_try: str
    since: str
    is_running: bool
    crm: str = ""  # the CRM's name, where a list has several


def connection_row(
    name: str, state: ConnectionState, lang: str, now: Timestamp, zone: ZoneInfo, *, is_running: bool = True
) -> ConnectionRow:
    words = texts(lang)
    is_ready = state.status is ConnectionStatus.READY
    since = words["since_when"].format(when=moment_in(state.since, zone)) if state.since and not is_ready else ""
    return ConnectionRow(
        name=name,
        tone="warn" if is_ready and state.reason else _TONES[state.status],
        sentence=state_sentence(state, lang),
        detail=state.detail,
        next_try=_next_try(state.next_try, lang, now, zone),
        since=since,
        is_running=is_running,
    )


def _next_try(at: Timestamp | None, lang: str, now: Timestamp, zone: ZoneInfo) -> str:
    """Nothing for one that is under way."""
    if at is None or at <= now:
        return ""
    words = texts(lang)
    if at - now >= _SOON_SECONDS:
        return words["next_try_at"].format(when=moment_in(at, zone))
    return words["next_try_in"].format(seconds=max(1, round(at - now)), when=clock_time(at, zone))


def zone_of(account: Account | None) -> ZoneInfo:
    """The office's; of what belongs to no running account: UTC."""
    return ZoneInfo(account.settings.zone if account is not None else "UTC")
