"""The task to call a client back: one for each client, however many calls were missed, completed after a talk.

Theory of operation. A row of ours says which task in the CRM is a client's open task (`CallbackTaskStore`). The first
missed call writes the row and then creates the task; later ones change its text, at most once a minute. A CRM stores no
key of ours with a task. So after a lost answer we search for the task by its text, which names the number and the time
of the call. A talk with the client, in either direction, completes the task and is noted in it.

`domain/calls/follow_up.py` decides whether a missed call needs a task.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from integration.domain.calls.call import Call, Direction
from integration.domain.calls.intents import IntentKind
from integration.domain.crm.entities import EntityRef
from integration.domain.ids import ManagerId, Timestamp
from integration.domain.numbers.client import Client, call_key
from integration.errors import NotFound
from integration.ports.clock import Clock
from integration.ports.stores import CallbackTask, CallbackTaskStore, CallStore, Outbox, OutboxState
from integration.services.accounts import Account
from integration.services.delivery import NotYet
from integration.services.responsible import with_responsible
from integration.texts.calls import duration

_LOOKED_BACK = 100  # newest calls of the client; more missed calls than this are not counted
_CHANGED_APART_SECONDS = 60.0  # 100 calls in a minute make one change
_WAIT_FOR_TASK_SECONDS = 2.0  # while another call makes it

_ONE = {
    "ru": "Перезвонить: пропущенный звонок с {number}, {at}",
    "uk": "Передзвонити: пропущений дзвінок з {number}, {at}",
    "en": "Call back: missed call from {number}, {at}",
}
_MANY = {
    "ru": "Перезвонить: пропущенных звонков: {count}, последний с {number}, {at}",
    "uk": "Передзвонити: пропущених дзвінків: {count}, останній з {number}, {at}",
    "en": "Call back: {count} missed calls, the last from {number}, {at}",
}
_ABANDONED = {
    "ru": "Перезвонить: клиент ответил на наш звонок и не дождался сотрудника, {number}, {at}",
    "uk": "Передзвонити: клієнт відповів на наш дзвінок і не дочекався співробітника, {number}, {at}",
    "en": "Call back: the client answered our call and nobody was free, {number}, {at}",
}
_REACHED = {
    "ru": "Разговор состоялся: {direction}, {at}, {talk}, {name}",
    "uk": "Розмова відбулася: {direction}, {at}, {talk}, {name}",
    "en": "Talked to the client: {direction}, {at}, {talk}, {name}",
}
_DIRECTIONS = {
    Direction.INBOUND: {"ru": "входящий звонок", "uk": "вхідний дзвінок", "en": "inbound call"},
    Direction.OUTBOUND: {"ru": "исходящий звонок", "uk": "вихідний дзвінок", "en": "outbound call"},
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """`task`: the CRM's id of the task; `skipped`: why there is nothing to do."""

    task: str | None = None
    skipped: str | None = None

    def as_result(self) -> dict[str, str]:
        if self.skipped is not None:
            return {"skipped": self.skipped}
        return {"id": self.task or ""}


class CallbackTasks:
    def __init__(self, *, tasks: CallbackTaskStore, calls: CallStore, outbox: Outbox, clock: Clock) -> None:
        self._tasks = tasks
        self._calls = calls
        self._outbox = outbox
        self._clock = clock
        self._clients: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def has_open(self, account: Account, call: Call, target: EntityRef) -> bool:
        key = call_key(call, account.settings.numbering)
        return key is not None and bool(await self._tasks.of_client(account.id, target=target, match_key=key))

    async def missed(
        self,
        account: Account,
        call: Call,
        client: Client,
        target: EntityRef,
        responsible: ManagerId | None,
        *,
        look_first: bool = False,
    ) -> Outcome:
        """
        Create the task, or count this call in the existing one. May be repeated.

        Args:
            look_first: an earlier attempt may have created it.

        Raises:
            NotYet: another call is creating it, or it has just been changed.
            Others: the CRM's and the storage's errors.
        """
        key = call_key(call, account.settings.numbering)
        if key is None:
            return Outcome(skipped="no_client_number")
        # One after the other: otherwise several calls would change the task at the same time.
        async with self._clients.setdefault(f"{account.id} {target.kind} {target.id}", asyncio.Lock()):
            return await self._missed(account, call, client, target, key, responsible, look_first=look_first)

    async def _missed(
        self,
        account: Account,
        call: Call,
        client: Client,
        target: EntityRef,
        key: str,
        responsible: ManagerId | None,
        *,
        look_first: bool,
    ) -> Outcome:
        known = next(iter(await self._tasks.of_client(account.id, target=target, match_key=key)), None)
        recent = await self._recent(account, {key, known.match_key} if known else {key})
        if any(each.answered_at is not None and each.started_at > call.started_at for each in recent):
            await self._close_made_by(account, call, target, key)
            return Outcome(skipped="reached_meanwhile")
        missed = _missed_in_a_row(recent) or [call]
        text = self._text(account, client, missed)
        if known is None:
            known = await self._tasks.begin(
                account.id,
                CallbackTask(
                    target=target,
                    match_key=key,
                    made_by=call.id,
                    task=None,
                    text=text,
                    missed_at=missed[0].started_at,
                    written_at=self._clock.now(),
                ),
            )
        if known.task is None:
            return Outcome(task=await self._make(account, call, known, responsible, look_first=look_first))
        if known.missed_at >= call.started_at:
            return Outcome(task=known.task)  # already counted, together with a later call
        passed = self._clock.now() - known.written_at
        if passed < _CHANGED_APART_SECONDS:
            raise NotYet("the task was changed a moment ago", seconds=_CHANGED_APART_SECONDS - passed)
        if not await self._change(account, replace(known, match_key=key, text=text, missed_at=missed[0].started_at)):
            # That task is closed: create a new one.
            return await self._missed(account, call, client, target, key, responsible, look_first=False)
        return Outcome(task=known.task)

    async def reached(self, account: Account, call: Call, target: EntityRef) -> Outcome:
        """The client was reached in this call: complete the task and note it there. May be repeated."""
        key = call_key(call, account.settings.numbering)
        if key is None:
            return Outcome(skipped="no_client_number")
        done = None
        for task in await self._tasks.of_client(account.id, target=target, match_key=key):
            if task.missed_at > call.started_at:
                continue  # missed again after this talk
            if task.task is None and await self._is_being_made(account, task):
                raise NotYet("the task is being made", seconds=_WAIT_FOR_TASK_SECONDS)
            done = await self._close(account, task, self._reached_text(account, call)) or done
        return Outcome(task=done) if done else Outcome(skipped="no_open_task")

    # ---- pieces ----------------------------------------------------------------------------------------------------

    async def _recent(self, account: Account, keys: set[str]) -> list[Call]:
        """The client's newest calls, also from the number of the earlier call. Newest first."""
        found = [await self._calls.recent(account.id, match_key=key, limit=_LOOKED_BACK) for key in keys]
        return sorted((call for calls in found for call in calls), key=lambda call: -call.started_at)

    async def _is_being_made(self, account: Account, task: CallbackTask) -> bool:
        items = await self._outbox.of_call(account.id, task.made_by)
        return any(item.kind is IntentKind.CREATE_TASK and item.state is OutboxState.WAITING for item in items)

    async def _make(
        self, account: Account, call: Call, task: CallbackTask, responsible: ManagerId | None, *, look_first: bool
    ) -> str:
        """Create the task and return its id. Of several calls one creates it; if that is given up, another one does."""
        if task.made_by != call.id:
            if await self._is_being_made(account, task) or not await self._tasks.take_over(
                account.id, task.target, of=task.made_by, call=call.id
            ):
                raise NotYet("another call makes the task", seconds=_WAIT_FOR_TASK_SECONDS)
            task, look_first = replace(task, made_by=call.id), True
        # A task with this text comes from an attempt whose answer was lost: the text has the time of the call.
        found = await account.crm.find_task(text=task.text, target=task.target) if look_first else None
        if found is not None:
            made = found
        else:
            line = account.settings.line(call.line)
            made, _ = await with_responsible(
                account,
                responsible,
                lambda manager: account.crm.create_task(
                    text=task.text,
                    due_at=Timestamp(self._clock.now() + line.task_deadline_seconds),
                    responsible=manager,
                    target=task.target,
                ),
                line=call.line,
            )
        await self._tasks.put(account.id, replace(task, task=made, written_at=self._clock.now()))
        return made

    async def _change(self, account: Account, task: CallbackTask) -> bool:
        """Change the task. Returns False if a person has completed or deleted it; it is then forgotten."""
        assert task.task is not None
        try:
            if await account.crm.is_task_open(task.task):
                await account.crm.change_task(task.task, text=task.text)
                await self._tasks.put(account.id, replace(task, written_at=self._clock.now()))
                return True
        except NotFound:
            pass
        await self._tasks.remove(account.id, task.target)
        return False

    async def _close(self, account: Account, task: CallbackTask, text: str) -> str | None:
        """Complete the task. Returns its id; None if a person had completed or deleted it."""
        made = task.task or await account.crm.find_task(text=task.text, target=task.target)
        closed = None
        try:
            if made is not None and await account.crm.is_task_open(made):
                await account.crm.complete_task(made, result=text)
                closed = made
        except NotFound:
            pass
        await self._tasks.remove(account.id, task.target)
        return closed

    async def _close_made_by(self, account: Account, call: Call, target: EntityRef, key: str) -> None:
        """The client was reached, but this call's own task may exist, with its answer lost: complete it."""
        for task in await self._tasks.of_client(account.id, target=target, match_key=key):
            if task.made_by == call.id and task.task is None:
                recent = await self._calls.recent(account.id, match_key=key, limit=_LOOKED_BACK)
                talk = next(each for each in recent if each.answered_at is not None)
                await self._close(account, task, self._reached_text(account, talk))

    def _text(self, account: Account, client: Client, missed: Sequence[Call]) -> str:
        language = _language(account)
        words = _ONE if len(missed) == 1 else _MANY
        if missed[0].direction is Direction.OUTBOUND:
            words = _ABANDONED
        at = local_time(missed[0].started_at, account.settings.zone)
        return words[language].format(number=client.written, count=len(missed), at=at)

    def _reached_text(self, account: Account, call: Call) -> str:
        language = _language(account)
        return _REACHED[language].format(
            direction=_DIRECTIONS[call.direction][language],
            at=local_time(call.started_at, account.settings.zone),
            talk=duration(call.talked_seconds, language),
            name=account.name_of(call.final_responsible or call.answered_by, call.pbx) or "—",
        )


def _missed_in_a_row(newest_first: Sequence[Call]) -> list[Call]:
    """The client's missed calls since the last talk with them, newest first."""
    missed = []
    for call in newest_first:
        if call.answered_at is not None:
            break
        if call.direction is Direction.INBOUND and not call.is_live:
            missed.append(call)
    return missed


def local_time(at: Timestamp, zone: str, *, seconds: bool = False) -> str:
    """`29.11 15:04 (UTC+3)`, `29.11 15:04:07 (UTC+3)`: with the zone, because the reader may be in another one."""
    moment = datetime.fromtimestamp(at, UTC)
    with contextlib.suppress(ZoneInfoNotFoundError, ValueError):  # a system without zones: UTC, and said
        moment = moment.astimezone(ZoneInfo(zone))
    offset = moment.utcoffset() or timedelta()
    minutes = round(offset.total_seconds() / 60)
    sign = "−" if minutes < 0 else "+"
    shown = f"{sign}{abs(minutes) // 60}" + (f":{abs(minutes) % 60:02}" if minutes % 60 else "") if minutes else ""
    return f"{moment:{'%d.%m %H:%M:%S' if seconds else '%d.%m %H:%M'}} (UTC{shown})"


def _language(account: Account) -> str:
    return account.settings.language if account.settings.language in _ONE else "en"
