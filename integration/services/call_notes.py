"""Notes of calls as managers write them in the card: who may, what is kept, and what the other pages are told.

`note_delivery.py` brings them into the CRM; `web/widget_notes.py` has the HTTP.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from integration.domain.calls.call import Call, Direction
from integration.domain.calls.intents import Intent
from integration.domain.calls.notes import (
    MOST_NOTE_CHARACTERS,
    MOST_STEP_CHARACTERS,
    CallNote,
    NextStep,
    concluded,
    to_deliver,
    typed,
)
from integration.domain.calls.participation import Part, PartState
from integration.domain.ids import AccountId, CallId, ManagerId, Timestamp
from integration.domain.people.names import without_direction
from integration.domain.settings import AccountSettings
from integration.errors import Unavailable
from integration.ports.clock import Clock
from integration.ports.coordination import Coordination
from integration.ports.notes import CallNotes, NoteChange
from integration.ports.stores import CallStore, Outbox
from integration.services.accounts import Account
from integration.services.card import part_of_manager
from integration.services.click import Refused, must_be_on
from integration.services.cluster.live_calls import LiveCalls
from integration.services.hub import Hub
from integration.texts.call_notes import default_results

_WRITABLE_SECONDS = 24 * 3600.0  # after the end of the call
_MOST_SAVES, _SAVES_SECONDS = 120, 60.0  # of one manager: a page saves once a second at most
_MOST_AHEAD_SECONDS = 2 * 366 * 86_400.0
_JUST_PAST_SECONDS = 60.0  # a due time of this minute is not in the past
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}")
_CONTROL = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """
    What a result form sends.

    Attributes:
        request: of this press; repeated with the same one, nothing changes.
        result: a name of the office's list; None: none was chosen.
        due: `2026-11-30T10:00` by the office's clock; None: no next step.
    """

    request: str
    text: str
    result: str | None
    step_text: str
    due: str | None


class CallNoteService:
    def __init__(
        self,
        *,
        notes: CallNotes,
        calls: CallStore,
        outbox: Outbox,
        live_calls: LiveCalls,
        hub: Hub,
        coordination: Coordination,
        clock: Clock,
        wake: Callable[[], None],
        changed: Callable[[AccountId], None],
    ) -> None:
        """`wake`: makes the delivery look for what is due. `changed`: wakes administrators' pages."""
        self._notes = notes
        self._calls = calls
        self._outbox = outbox
        self._live_calls = live_calls
        self._hub = hub
        self._coordination = coordination
        self._clock = clock
        self._wake = wake
        self._changed = changed

    async def read(self, account: Account, manager: ManagerId, call_id: str) -> CallNote:
        """The manager's note; an empty one if nothing was written. Raises: Refused, Unavailable."""
        call = await self._call(account, manager, call_id)
        known = await self._notes.get(account.id, call.id, manager)
        return known or CallNote(account=account.id, call=call.id, manager=manager)

    async def save_text(self, account: Account, manager: ManagerId, call_id: str, *, text: str, seen: int) -> CallNote:
        """
        Save what was typed so far.

        Args:
            seen: the revision that the page has changed.

        Raises:
            Refused: `note_changed` if the text was changed elsewhere since; nothing is lost there.
        """
        call = await self._may_write(account, manager, call_id)
        cleaned = _clean(text, MOST_NOTE_CHARACTERS, "text")

        def change(note: CallNote) -> CallNote:
            if note.revision != seen and note.text != cleaned:
                raise Refused("note_changed", "the note was changed in another window")
            return typed(note, text=cleaned, now=self._clock.now())

        return await self._change(account, manager, call, change)

    async def conclude(
        self, account: Account, manager: ManagerId, call_id: str, conclusion: Conclusion, *, seen: int
    ) -> CallNote:
        """
        Keep the result of a call with its next step. Another one corrects it.

        Raises:
            Refused: as `save_text`; `bad_result` for a name that the office does not have, `bad_due` for a moment that
                is past, too far away or no moment.
        """
        call = await self._may_write(account, manager, call_id)
        if not _REQUEST_ID.fullmatch(conclusion.request):
            raise Refused("bad_request", "request: 8 to 64 letters, digits and dashes")
        text = _clean(conclusion.text, MOST_NOTE_CHARACTERS, "text")
        step = self._next_step(account.settings, conclusion)

        def change(note: CallNote) -> CallNote:
            if note.request == conclusion.request:
                return note
            if note.revision != seen and note.text != text:
                raise Refused("note_changed", "the note was changed in another window")
            if conclusion.result not in (None, note.result, *results_of(account.settings)):
                raise Refused("bad_result", "the office has no such result of a call")
            return concluded(
                note,
                text=text,
                result=conclusion.result,
                next_step=step,
                request=conclusion.request,
                now=self._clock.now(),
            )

        note = await self._change(account, manager, call, change)
        with contextlib.suppress(Unavailable):  # it is written a little later then
            await self._outbox.hasten_calls(account.id, [call.id], now=self._clock.now())
        return note

    # ---- pieces ----------------------------------------------------------------------------------------------------

    async def _change(self, account: Account, manager: ManagerId, call: Call, change: NoteChange) -> CallNote:
        before: list[int] = []

        def watched(note: CallNote) -> CallNote:
            before.append(note.revision)
            return change(note)

        note = await self._notes.change(account.id, call.id, manager, watched, self._queue)
        if note.revision != before[-1]:
            self._wake()
            self._changed(account.id)
            told = {"type": "note_changed", "call": call.id, "note": note_fields(note)}
            await self._hub.send(account.id, [manager], told)
        return note

    def _queue(self, note: CallNote) -> tuple[Intent, ...]:
        return to_deliver(note, self._clock.now())

    async def _may_write(self, account: Account, manager: ManagerId, call_id: str) -> Call:
        must_be_on(account, manager)
        if not account.settings.is_active(manager):
            raise Refused("not_allowed", "this CRM user is not active or not paid")
        with contextlib.suppress(Unavailable):  # the limit guards against a runaway page, not against an intruder
            count = await self._coordination.count(f"notes:{account.id}:{manager}", ttl_seconds=_SAVES_SECONDS)
            if count > _MOST_SAVES:
                raise Refused("rate_limited", "too many changes of notes: wait a minute")
        return await self._call(account, manager, call_id)

    async def _call(self, account: Account, manager: ManagerId, call_id: str) -> Call:
        """The call, if this manager has or had it. A call that became part of another stands for that one."""
        call = await self._found(account, CallId(call_id))
        if call is not None and call.merged_into is not None:
            call = await self._found(account, call.merged_into)
        part = part_of_manager(account, manager, call) if call is not None else None
        is_over = (
            call is not None and call.ended_at is not None and self._clock.now() > call.ended_at + _WRITABLE_SECONDS
        )
        if call is None or call.elsewhere or call.direction is Direction.INTERNAL or is_over or not _has_had(part):
            raise Refused("call_unknown", "this call is not yours, or it ended long ago")
        return call

    async def _found(self, account: Account, call: CallId) -> Call | None:
        live = None
        with contextlib.suppress(Unavailable):
            live = await self._live_calls.get(account, call)
        return live or await self._calls.get(account.id, call)

    def _next_step(self, settings: AccountSettings, conclusion: Conclusion) -> NextStep | None:
        if conclusion.due is None:
            return None
        text = " ".join(_clean(conclusion.step_text, MOST_STEP_CHARACTERS, "next_step").split())
        now = self._clock.now()
        due = _moment(conclusion.due, settings.zone)
        if due is None or not now - _JUST_PAST_SECONDS <= due <= now + _MOST_AHEAD_SECONDS:
            raise Refused("bad_due", "choose a moment that is not past and within two years")
        return NextStep(text=text, due_at=due)


def results_of(settings: AccountSettings) -> tuple[str, ...]:
    """The names of results that managers may choose from."""
    return default_results(settings.language) if settings.call_results is None else settings.call_results


def note_fields(note: CallNote) -> dict[str, Any]:
    """A `CallNote` of `widgets/README.md`."""
    step = note.next_step
    return {
        "revision": note.revision,
        "text": note.text,
        "result": note.result,
        "next_step": {"text": step.text, "due_at": step.due_at} if step else None,
        "result_at": note.result_at,
    }


def _has_had(part: Part | None) -> bool:
    """Whether the manager talks or has talked in the call, or placed it; not if their phone only rang."""
    if part is None:
        return False
    return part.is_own or part.state is PartState.TALKING or (part.state is PartState.ENDED and part.since is not None)


def _clean(text: str, most: int, name: str) -> str:
    """Without control characters and bidirectional overrides, which would change the text around it in the CRM."""
    cleaned = without_direction(text.replace("\r\n", "\n").replace("\r", "\n")).translate(_CONTROL)
    if len(cleaned) > most:
        raise Refused("bad_request", f"{name}: a text of at most {most} characters")
    return cleaned


def _moment(text: str, zone: str) -> Timestamp | None:
    """A local date and time in the office's zone; None if it is none."""
    if not _LOCAL.fullmatch(text):
        return None
    try:
        return Timestamp(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())
    except (ValueError, OverflowError, ZoneInfoNotFoundError):
        return None
