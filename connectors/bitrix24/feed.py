"""What stands in the timeline of a contact, company, lead or deal: tasks ("дела"), comments of managers, and calls of a
portal whose telephony is closed to us.

Calls of an application are registered and finished, not written here (`calls.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from connectors.bitrix24 import lists, mapping
from connectors.bitrix24.api.batch import Command
from connectors.bitrix24.api.transport import Transport
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import EntityRef
from integration.domain.ids import ManagerId, Timestamp
from integration.errors import NotFound, OutcomeUnknown, Rejected
from integration.ports.crm import CallRecord, LoggedCall, NextTask

_PLANNED = "CRM_TODO"  # PROVIDER_ID of what `crm.activity.todo.add` makes
_TASK = "CRM_TASKS_TASK"  # of a task bound to the object
_MEETING = 1  # TYPE_ID; an open missed call is an activity, too, and no task
_TASK_FIELDS = ("ID", "SUBJECT", "DESCRIPTION", "COMPLETED", "DEADLINE", "PROVIDER_ID", "TYPE_ID")
_PAGES = 4  # newest first; nothing of ours is further back while it is looked for
_LOOK_BACK_SECONDS = 3600  # clocks differ
_COMPLETED_ALREADY = "CAN_NOT_UPDATE_COMPLETED_TODO"


class Feed:
    """The timelines of one portal. Requests have the priority of logs unless a card waits for them."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    # ---- tasks

    async def create_task(
        self, *, text: str, due_at: Timestamp, responsible: ManagerId | None, target: EntityRef
    ) -> str:
        """Raises: OutcomeUnknown when it may exist; NotFound when the target is gone."""
        written = mapping.task_text(text)
        parameters: dict[str, Any] = {
            **_owner(target),
            "deadline": mapping.written_at(due_at),
            "title": written,
            "description": written,
        }
        if responsible:
            parameters["responsibleId"] = mapping.number_of(responsible)
        result = await self._write("crm.activity.todo.add", parameters)
        return _made(result.get("id") if isinstance(result, Mapping) else None)

    async def find_task(self, text: str, target: EntityRef) -> str | None:
        wanted = mapping.task_text(text).split()
        conditions = {**_owned(target), "PROVIDER_ID": _PLANNED}
        async for rows in self._newest("crm.activity.list", conditions, _TASK_FIELDS):
            for row in rows:
                written = (mapping.text_of(row.get(name)).split() for name in ("SUBJECT", "DESCRIPTION"))
                if wanted in written:
                    return mapping.id_of(row.get("ID")) or None
        return None

    async def is_task_open(self, task: str) -> bool:
        try:
            return not mapping.is_yes((await self._activity(task)).get("COMPLETED"))
        except NotFound:
            return False

    async def change_task(self, task: str, *, text: str, due_at: Timestamp | None) -> None:
        """`crm.activity.todo.update` wants the owner and the deadline again. A completed one stays as it is."""
        known = await self._activity(task)
        due = due_at if due_at is not None else mapping.deadline_of(known)
        written = mapping.task_text(text)
        parameters = {
            "id": mapping.number_of(task),
            "ownerTypeId": mapping.id_of(known.get("OWNER_TYPE_ID")),
            "ownerId": mapping.id_of(known.get("OWNER_ID")),
            "title": written,
            "description": written,
            "deadline": mapping.written_at(due) if due is not None else mapping.text_of(known.get("DEADLINE")),
        }
        try:
            await self._write("crm.activity.todo.update", parameters)
        except Rejected as exc:
            if exc.code != _COMPLETED_ALREADY:
                raise

    async def complete_task(self, task: str, *, result: str) -> None:
        """An activity has no field for a result: it stands below its text."""
        known = await self._activity(task)
        said, written = mapping.text_of(known.get("DESCRIPTION")).rstrip(), mapping.task_text(result)
        text = said if said.endswith(written) else f"{said}\n{written}".lstrip()
        fields = {"COMPLETED": "Y", "DESCRIPTION": text}
        await self._write("crm.activity.update", {"id": mapping.number_of(task), "fields": fields})

    async def next_task(self, person: EntityRef, deals: tuple[EntityRef, ...]) -> NextTask | None:
        """One request: a command for the person and one for each deal."""
        commands = {
            f"t{index}": Command(
                "crm.activity.list",
                {
                    "filter": {**_owned(ref), "COMPLETED": "N"},
                    "order": {"DEADLINE": "ASC", "ID": "ASC"},
                    "select": list(_TASK_FIELDS),
                    "start": -1,
                },
            )
            for index, ref in enumerate((person, *deals)[:10])
        }
        found = await lists.read_all(self._transport, commands, priority=Priority.CARD)
        tasks = [
            mapping.next_task(row)
            for rows in found.values()
            for row in mapping.rows(rows)
            if _is_task(row) and not mapping.is_yes(row.get("COMPLETED"))
        ]
        return min(tasks, key=lambda each: (each.due_at is None, each.due_at or 0), default=None)

    async def _activity(self, id_: str) -> mapping.Json:
        """Raises: NotFound."""
        found = await lists.read(
            self._transport, "crm.activity.get", {"id": mapping.number_of(id_)}, priority=Priority.LOG
        )
        if not isinstance(found, Mapping):
            raise NotFound("There is no such activity in Bitrix24", code="activity")
        return found

    # ---- comments

    async def add_note(self, text: str, target: EntityRef) -> str:
        """The portal names the application's user as the author; `text` says who wrote it."""
        fields = {**_commented(target), "COMMENT": mapping.note_text(text)}
        return _made(await self._write("crm.timeline.comment.add", {"fields": fields}))

    async def find_note(self, text: str, target: EntityRef, since: float) -> str | None:
        wanted = mapping.note_text(text).split()
        return await self._find_comment(target, since, lambda written: written.split() == wanted)

    async def change_note(self, note: str, text: str) -> None:
        parameters = {"id": mapping.number_of(note), "fields": {"COMMENT": mapping.note_text(text)}}
        await self._write("crm.timeline.comment.update", parameters)

    async def write_call(self, record: CallRecord, target: EntityRef) -> LoggedCall:
        """A call as a comment, with our key in it, by which it is found again."""
        text = f"☎ {record.client.written}: {record.text}\n{_marked(record.key)}"
        return LoggedCall(id=await self.add_note(text, target), entity=target)

    async def find_call(self, record: CallRecord, target: EntityRef) -> LoggedCall | None:
        mark = _marked(record.key)
        found = await self._find_comment(target, record.call.started_at, lambda written: mark in written)
        return LoggedCall(id=found, entity=target) if found is not None else None

    async def _find_comment(self, target: EntityRef, since: float, fits: Any) -> str | None:
        """The newest one that fits, of those made since then."""
        oldest = int(since) - _LOOK_BACK_SECONDS
        async for rows in self._newest("crm.timeline.comment.list", _commented(target), ("ID", "COMMENT", "CREATED")):
            for row in rows:
                if mapping.moment(row.get("CREATED")) >= oldest and fits(mapping.text_of(row.get("COMMENT"))):
                    return mapping.id_of(row.get("ID")) or None
        return None

    # ---- requests

    async def _newest(
        self, method: str, conditions: Mapping[str, Any], select: tuple[str, ...]
    ) -> AsyncIterator[list[mapping.Json]]:
        """Pages by falling id."""
        before: dict[str, Any] = {}
        for _ in range(_PAGES):
            parameters = {
                "filter": {**conditions, **before},
                "order": {"ID": "DESC"},
                "select": list(select),
                "start": -1,
            }
            rows = list(mapping.rows(await lists.read(self._transport, method, parameters, priority=Priority.LOG)))
            if rows:
                yield rows
            last = mapping.id_of(rows[-1].get("ID")) if len(rows) >= lists.PAGE else ""
            if not last:
                return
            before = {"<ID": int(last)}

    async def _write(self, method: str, parameters: Mapping[str, Any]) -> Any:
        return (await self._transport.call(method, parameters, priority=Priority.LOG)).get("result")


def _owner(target: EntityRef) -> dict[str, Any]:
    return {"ownerTypeId": mapping.TYPE_IDS[target.kind], "ownerId": mapping.number_of(target.id)}


def _owned(target: EntityRef) -> dict[str, Any]:
    return {"OWNER_TYPE_ID": mapping.TYPE_IDS[target.kind], "OWNER_ID": mapping.number_of(target.id)}


def _commented(target: EntityRef) -> dict[str, Any]:
    return {"ENTITY_TYPE": str(target.kind), "ENTITY_ID": mapping.number_of(target.id)}


def _is_task(activity: mapping.Json) -> bool:
    is_meeting = mapping.id_of(activity.get("TYPE_ID")) == str(_MEETING)
    return is_meeting or mapping.text_of(activity.get("PROVIDER_ID")) in (_PLANNED, _TASK)


def _marked(key: str) -> str:
    return f"#{key}"


def _made(value: Any) -> str:
    """The new object's id. Raises: OutcomeUnknown if the answer does not name it."""
    made = mapping.id_of(value)
    if not made:
        raise OutcomeUnknown("Bitrix24 does not name what it made")
    return made
