"""Why a campaign, or one of its entries, is not dialled now: codes with values. Texts are in `texts/dialling.py`."""

from __future__ import annotations

from enum import StrEnum

from integration.domain.ids import Timestamp
from integration.domain.reasons import Reason


class Hold(StrEnum):
    """Every rule that can hold a call back. Stored with decisions, so never renamed without a migration."""

    # the campaign
    NOT_STARTED = "not_started"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"
    NO_WINDOW = "no_window"  # no day of the week has a window
    NO_VOICE = "no_voice"  # the PBX cannot play a message to a client
    NO_MESSAGE = "no_message"  # what clients shall hear is not on the PBX
    CALLBACKS_OFF = "callbacks_off"  # the line does not repeat callbacks any more
    # lines
    NO_LINES = "no_lines"
    LINES_DOWN = "lines_down"  # the PBX or the trunk of every line
    LINES_RESTING = "lines_resting"  # until: the carrier refused calls a moment ago
    LINES_BUSY = "lines_busy"  # busy, most
    CAMPAIGN_LIMIT = "campaign_limit"  # most: calls of this campaign at once
    CALLS_PER_SECOND = "calls_per_second"  # the carrier takes no more
    # employees
    NOBODY_WORKS = "nobody_works"  # nobody of the campaign is signed in
    ALL_PAUSED = "all_paused"
    ALL_BUSY = "all_busy"  # busy
    NO_CARD = "no_card"  # of those who are free nobody has a page of the CRM open, in which a client could be shown
    OFFERED = "offered"  # shown: clients who are shown to employees, who decide
    OFFER_OVER = "offer_over"  # of one client: somebody pressed "Call" when the client was not offered any more
    # pacing
    ENOUGH_RINGING = "enough_ringing"  # ringing: one for every free employee, and more are not allowed in this mode
    RISK = "risk"  # risk, price: of the next call to find nobody, in percent
    CEILING = "ceiling"  # share, ceiling in percent: too close to it, so one call for each free employee
    LEARNING = "learning"  # answers, wanted: too few for a share, so one call for each free employee
    TEAM_SMALL = "team_small"  # present, wanted: one call for each free employee
    PHONES_DO_NOT_ANSWER = "phones_do_not_answer"  # by themselves: one call for each free employee
    NO_RECEPTION = "no_reception"  # the PBX cannot keep a client waiting: the same
    NO_ANNOUNCEMENT = "no_announcement"  # for clients whom nobody takes: the same
    # entries
    NO_ENTRIES = "no_entries"
    NOT_DUE = "not_due"  # until
    ENTRY_CLOSED = "entry_closed"
    ENTRY_TAKEN = "entry_taken"
    DO_NOT_CALL = "do_not_call"
    NO_NUMBER_LEFT = "no_number_left"
    ZONE_UNKNOWN = "zone_unknown"
    WINDOW_CLOSED = "window_closed"  # until
    NUMBER_ATTEMPTS = "number_attempts"  # most
    CONTACT_ATTEMPTS = "contact_attempts"  # most
    NUMBER_DAY = "number_day"  # most, until
    CONTACT_DAY = "contact_day"  # most, until
    GAP = "gap"  # until
    REDIAL = "redial"  # until, outcome: the rule for what came of the last attempt
    IN_USE = "in_use"  # another call to this number is on its way
    TALKING_NOW = "talking_now"
    CALLED_IN = "called_in"  # until
    NEEDS_EMPLOYEE = "needs_employee"  # after an abandoned call: only for an employee who is free and waits for it
    RESPONSIBLE_BUSY = "responsible_busy"
    AGREED_WITH = "agreed_with"  # until: waits for the employee who promised to call back
    NAMED_AWAY = "named_away"  # of a callback: the responsible and all who stand in for them are not at work
    NOBODY_NAMED = "nobody_named"  # of a callback: it has no responsible, and the settings name nobody


OF_ENTRIES = frozenset(
    {
        Hold.NOT_DUE, Hold.ENTRY_CLOSED, Hold.ENTRY_TAKEN, Hold.DO_NOT_CALL, Hold.NO_NUMBER_LEFT, Hold.ZONE_UNKNOWN,
        Hold.WINDOW_CLOSED, Hold.NUMBER_ATTEMPTS, Hold.CONTACT_ATTEMPTS, Hold.NUMBER_DAY, Hold.CONTACT_DAY, Hold.GAP,
        Hold.REDIAL, Hold.IN_USE, Hold.TALKING_NOW, Hold.CALLED_IN, Hold.NEEDS_EMPLOYEE, Hold.RESPONSIBLE_BUSY,
        Hold.AGREED_WITH, Hold.NAMED_AWAY, Hold.NOBODY_NAMED,
    }
)  # fmt: skip

FOR_EVER = frozenset(
    {Hold.ENTRY_CLOSED, Hold.DO_NOT_CALL, Hold.NO_NUMBER_LEFT, Hold.NUMBER_ATTEMPTS, Hold.CONTACT_ATTEMPTS}
)
"""Holds that time does not end: the entry leaves the campaign."""


def held(code: Hold, /, *, until: Timestamp | None = None, **detail: object) -> Reason:
    """A hold with its values as text. `until`: when it ends by itself, in Unix seconds."""
    values = {name: str(value) for name, value in detail.items()}
    if until is not None:
        values["until"] = str(until)
    return Reason(code=code.value, detail=values)


def until_of(reason: Reason) -> Timestamp | None:
    """When a hold ends by itself; None: not known, or never."""
    try:
        return Timestamp(float(reason.detail["until"]))
    except (KeyError, ValueError):
        return None
