"""Turns calls and outbox items into rows of plain text for the pages. No routes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from integration.domain.calls.attribution import rang_personally
from integration.domain.calls.call import Call, Direction, Disposition, Via
from integration.domain.calls.intents import IntentKind
from integration.domain.ids import PbxId, Timestamp
from integration.domain.numbers.client import client_of
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.people.mapping import PbxUser
from integration.domain.reasons import Reason
from integration.domain.settings import Employee
from integration.ports.stores import OutboxItem, OutboxState, PhoneBook
from integration.services.accounts import Account
from integration.services.card import display_number
from integration.texts.reasons import sentence
from integration.texts.timeline import way

LONGEST_SEARCH = 250  # characters: people may search for a whole phone field of the CRM
_CALL_TONES = {Disposition.ANSWERED: "ok", Disposition.MISSED: "bad", Disposition.FAILED: "bad", None: "warn"}
_NOT_LOGGED = {
    OutboxState.WAITING: "not_logged_yet",
    OutboxState.DEAD: "not_logged_at_all",
    OutboxState.DISCARDED: "log_discarded",
    OutboxState.EXPIRED: "log_expired",
}
_OUTBOX_TONES = {OutboxState.DONE: "ok", OutboxState.DEAD: "bad", OutboxState.WAITING: "warn"}


@dataclass(frozen=True, slots=True)
class CallRow:
    call: Call
    when: str
    client: str
    client_name: str
    employee: str
    wait: str
    talk: str
    tone: str


def call_row(account: Account, call: Call, client_name: str = "") -> CallRow:
    ended = call.ended_at or call.started_at
    waited = (call.answered_at or ended) - call.started_at
    client = call.client_number if call.direction is not Direction.INTERNAL else f"{call.caller} → {call.called}"
    employee = call.final_responsible or _called_personally(call)
    return CallRow(
        call=call,
        when=moment(call.started_at, account),
        client=display_number(client, account.settings.numbering) or (client or "" if "→" in (client or "") else ""),
        client_name=client_name or call.caller_name or "",
        employee=account.name_of(employee, call.pbx) or "",
        wait=duration(waited),
        talk=duration(call.talked_seconds),
        tone=_CALL_TONES.get(call.disposition, "soft"),
    )


def _called_personally(call: Call) -> str | None:
    """The employee of an unanswered call. None for a call to a queue or group: it was not for one person."""
    if call.direction is Direction.OUTBOUND:
        own = next((leg.target for leg in call.legs if leg.via is Via.CLICK), None)
        return own or call.caller or None
    personal = rang_personally(call)
    return personal[-1].target if personal else None


def delivery_text(call: Call, items: Sequence[OutboxItem]) -> str:
    """The key of the text about this call's delivery to the CRM; empty if it is logged."""
    logs = [item for item in items if item.kind is IntentKind.LOG_CALL]
    if any(item.state is OutboxState.DONE for item in logs):
        return ""
    for state, key in _NOT_LOGGED.items():
        if any(item.state is state for item in logs):
            return key
    return "logged_after_the_end" if call.is_live else "never_logged"


def outbox_rows(account: Account, items: Iterable[OutboxItem]) -> list[dict[str, Any]]:
    return [
        {
            "id": item.id,
            "call": item.call,
            "kind": item.kind,
            "state": item.state,
            "attempts": item.attempts,
            "error": item.last_error,
            "when": moment(item.queued_at, account),
            "tone": _OUTBOX_TONES.get(item.state, "soft"),
        }
        for item in items
    ]


def press_rows(account: Account, call: Call) -> list[dict[str, str]]:
    """The presses in the card that ended the call. `what`: a key of `texts/pages.py`; `at`: seconds since the start."""
    return [
        {
            "at": f"+{press.at - call.started_at:.1f}",
            "what": "press_declined" if press.own_leg else "press_hung_up",
            "who": account.name_of(press.extension, call.pbx) or press.extension,
        }
        for press in call.presses
    ]


def leg_rows(account: Account, call: Call, lang: str) -> list[dict[str, str]]:
    """Each phone that was rung. `result`: empty while it rings or talks."""
    return [
        {
            "who": person_text(account, leg.target, call.pbx),
            "way": way(leg.via, leg.queue, lang),
            "result": leg.result.value if leg.result else "",
        }
        for leg in call.legs
    ]


def line_text(account: Account, call: Call) -> str:
    """A line with what it is for, `74950000001 (Advertising)`; empty where the call came to none."""
    source = account.settings.line(call.line).source if call.line else None
    return f"{call.line} ({source})" if source else call.line or ""


def person_text(account: Account, number: str, pbx: PbxId) -> str:
    """An extension with the name of its person, `Anna Orlova (101)`; another number in its usual form."""
    name = account.name_of(number, pbx)
    if name and name != number:
        return f"{name} ({number})"
    return display_number(number, account.settings.numbering) or number


def moment(at: Timestamp, account: Account) -> str:
    """In the office's time zone, with its name: `29.11.2026 06:11:00 MSK`."""
    return local_moment(at, account.settings.zone)


def local_moment(at: Timestamp, zone: str) -> str:
    """As `moment`; `zone`: an IANA name."""
    return moment_in(at, ZoneInfo(zone))


def moment_in(at: Timestamp, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at, zone):%d.%m.%Y} {clock_time(at, zone)}"


def clock_time(at: Timestamp, zone: ZoneInfo) -> str:
    """`06:11:00 MSK`."""
    name = datetime.fromtimestamp(at, zone).strftime("%Z")
    return f"{local_clock(at, zone)} {name if name.isalpha() else 'UTC' + name}"


def local_clock(at: Timestamp, zone: ZoneInfo) -> str:
    """`06:11:00`, beside a moment that names the zone."""
    return f"{datetime.fromtimestamp(at, zone):%H:%M:%S}"


def duration(seconds: float) -> str:
    """`0:42`, `12:05`, `1:02:03`."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def sentences(account: Account, reasons: Iterable[Reason], lang: str) -> list[str]:
    names = {str(manager.id): manager.name for manager in account.managers.values()}
    return [sentence(reason, lang, names=names) for reason in reasons]


class CallRows:
    """Rows of calls with the clients' names from the phone book."""

    def __init__(self, phone_book: PhoneBook) -> None:
        self._phone_book = phone_book

    async def of(self, account: Account, calls: Sequence[Call]) -> list[CallRow]:
        rows = []
        for call in calls:
            client = client_of(call, account.settings.numbering)
            key = client.match_key if isinstance(client, PhoneNumber) else None
            persons = await self._phone_book.lookup(account.id, key) if key else []
            rows.append(call_row(account, call, persons[0].name if persons else ""))
        return rows


def phone_text(account: Account, phone: Employee | PbxUser) -> str:
    """An extension, with its PBX where that is not obvious: `101 · branch`."""
    if phone.pbx is None and len(account.pbxs) < 2:
        return phone.extension
    return f"{phone.extension} · {phone.pbx or next(iter(account.pbxs))}"
