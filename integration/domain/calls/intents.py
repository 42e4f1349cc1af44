"""What should be done about a call, as data. Saved with the call in one transaction, carried out later.

An intent is small and only names its call; its worker reads the call's newest state. The outbox stores the kinds as
words: never rename one without a migration.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from integration.domain.ids import CallId, Timestamp


class IntentKind(StrEnum):
    NOTIFY_CRM = "notify_crm"  # the CRM's own popup, for ringing employees without an open widget
    FETCH_RECORDING = "fetch_recording"  # bring the file home from the PBX, store it as mp3
    LOG_CALL = "log_call"  # into the feed of the entity that attribution chose, or into the leads inbox; or finish it
    CREATE_TASK = "create_task"  # call back after a missed call
    CLOSE_TASK = "close_task"  # they have talked: nobody has to call back any more
    CHANGE_RESPONSIBLE = "change_responsible"  # the client goes to whom the call was handed over
    WRITE_NOTE = "write_note"  # a manager's note and result, into the feed that has the call
    REGISTER_CALL = "register_call"  # a call begins: the CRM gives it an id, and may show its card
    SHOW_CARDS = "show_cards"  # the CRM's card belongs at other people now
    ATTACH_RECORDING = "attach_recording"  # the file, behind the call that the CRM has finished
    PLAN_TASK = "plan_task"  # the next step that a manager has planned


class Priority(StrEnum):
    """Order in which one account's share of the CRM's rate is spent (design.md, "Delivery to the CRM")."""

    CARD = "card"
    LOG = "log"
    NOTE = "note"  # in the outbox only; a release that does not know notes hands out none of it (ADR 39)
    IMPORT = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """
    `key` is unique per call (`log_call`, `notify_crm:101`): queueing it again changes nothing.
    Intents of one call are carried out in the order in which they were queued.
    """

    call: CallId
    kind: IntentKind
    key: str
    priority: Priority = Priority.LOG
    not_before: Timestamp | None = None
    expires_at: Timestamp | None = None  # worthless afterwards: dropped without a dead letter
    payload: dict[str, Any] | None = None  # JSON
