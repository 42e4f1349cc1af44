"""Live calls of one portal: `telephony.externalCall.*`. Implements `integration.ports.live_calls.LiveCalls`.

What belongs together is one request: registering and the cards of a ringing group, the losers' cards and the end, the
start and the end of a call that is over. When each is said is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from connectors.bitrix24 import call_codes
from connectors.bitrix24.api import batch
from connectors.bitrix24.api.batch import Command
from connectors.bitrix24.api.transport import Transport
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import ManagerId, Timestamp
from integration.errors import (
    AuthFailed,
    DozvonError,
    NotFound,
    NotResponsible,
    OutcomeUnknown,
    ProtocolError,
    Rejected,
    Unavailable,
)
from integration.ports.live_calls import CallEnd, FinishedCall, LiveCall, PublishedLine, RegisteredCall

_log = structlog.get_logger()

_REGISTER = "telephony.externalCall.register"
_FINISH = "telephony.externalCall.finish"
_SHOW, _HIDE = "telephony.externalCall.show", "telephony.externalCall.hide"
_ATTACH = "telephony.externalCall.attachRecord"
_STATISTICS = "voximplant.statistic.get"
_REPEATS_SECONDS = 30 * 60.0
_LINE_LENGTH = 50  # characters; a longer one is cut silently
_BAD_USER = re.compile(r"user is not found|user_id or user_phone_inner|user is not active", re.IGNORECASE)
_NOT_FINISHED = re.compile(r"call is not found", re.IGNORECASE)
_LONGEST_REASON = 250


SourceId = Callable[[str], Awaitable[str]]


class PortalCalls:
    """`transport` belongs to the caller. For one event loop."""

    repeats_seconds = _REPEATS_SECONDS

    def __init__(self, transport: Transport, source_id: SourceId | None = None) -> None:
        """`source_id`: the portal's id of a source that has this name; empty: it has none."""
        self._transport = transport
        self._source_id = source_id

    async def register(self, call: LiveCall, *, show: Sequence[ManagerId]) -> RegisteredCall:
        """The card of the registered user opens by `SHOW`, those of the others with the same request."""
        others = [each for each in show if each != call.manager]
        source = await self._source_of(call)
        commands = {"call": Command(_REGISTER, _registration(call, source, shows=call.manager in show))}
        if others:
            commands["cards"] = Command(_SHOW, {"CALL_ID": "$result[call][CALL_ID]", "USER_ID": _users(others)})
        with _named(call.manager):
            found = await self._carried_out(commands, Priority.CARD)
            return _registered(_result(found, "call"))

    async def _source_of(self, call: LiveCall) -> str:
        """Of a client that may be made now. A call waits for no dictionary that cannot be read."""
        if not (call.makes_client and call.source and self._source_id is not None):
            return ""
        try:
            return await self._source_id(call.source)
        except DozvonError as exc:
            _log.info("sources are not known now", error=str(exc))
            return ""

    async def show_cards(self, id_: str, *, show: Sequence[ManagerId] = (), hide: Sequence[ManagerId] = ()) -> None:
        commands = {}
        if hide:
            commands["hide"] = Command(_HIDE, {"CALL_ID": id_, "USER_ID": _users(hide)})
        if show:
            commands["show"] = Command(_SHOW, {"CALL_ID": id_, "USER_ID": _users(show)})
        if commands:
            found = await self._carried_out(commands, Priority.CARD)
            for label in commands:
                _result(found, label)

    async def finish(self, id_: str, end: CallEnd, *, hide: Sequence[ManagerId]) -> FinishedCall:
        commands = {}
        if hide:  # after the end nothing can be hidden any more
            commands["hide"] = Command(_HIDE, {"CALL_ID": id_, "USER_ID": _users(hide)})
        commands["end"] = Command(_FINISH, _ending(id_, end))
        with _named(end.manager):
            found = await self._carried_out(commands, Priority.LOG)
            return _finished(_result(found, "end"))

    async def record(self, call: LiveCall, end: CallEnd) -> FinishedCall:
        """
        Register and finish in one request: a start so long ago is never recognised as a repeat, so a lost answer must
        leave either nothing or a finished call, which the statistics show.
        """
        commands = {
            "call": Command(_REGISTER, _registration(call, await self._source_of(call), shows=False)),
            "end": Command(_FINISH, _ending("$result[call][CALL_ID]", end)),
        }
        with _named(end.manager):
            found = await self._carried_out(commands, Priority.LOG, halts=True)
            registered = _registered(_result(found, "call"))
            if isinstance(found["end"], Unavailable):  # the portal has the call: only its end is missing
                return await self.finish(registered.id, end, hide=())
            return _finished(_result(found, "end"))

    async def find_finished(self, *, key: str, id_: str | None) -> FinishedCall | None:
        wanted = {"key": {"EXTERNAL_CALL_ID": key}, **({"id": {"CALL_ID": id_}} if id_ else {})}
        commands = {
            label: Command(_STATISTICS, {"FILTER": filter_, "SORT": "ID", "ORDER": "ASC"})
            for label, filter_ in wanted.items()
        }
        found = await self._carried_out(commands, Priority.LOG, reads=True)
        for label in commands:
            rows = _result(found, label)
            for row in rows if isinstance(rows, list) else []:
                if isinstance(row, dict) and all(str(row.get(name)) == value for name, value in wanted[label].items()):
                    return _finished(row)
        return None

    async def describe(self, finished: FinishedCall, text: str) -> None:
        """`finish` takes no words for people, so they are written into the activity that it has made."""
        if finished.activity is not None:
            parameters = {"id": int(finished.activity), "fields": {"DESCRIPTION": text}}
            await self._transport.call("crm.activity.update", parameters, priority=Priority.LOG)

    async def attach_recording(self, id_: str, *, name: str, file: Path) -> str:
        """Two steps: the portal gives an address, which takes the file once and soon expires."""
        for attempt in range(2):
            url, field = await self._upload_address(id_, name)
            try:
                answer = await self._transport.upload(url, field=field, name=name, file=file, priority=Priority.LOG)
            except AuthFailed as exc:
                if attempt:
                    raise Unavailable(f"Bitrix24 refuses its own addresses for recordings: {exc}") from exc
                continue
            result = answer.get("result")
            file_id = result.get("FILE_ID") if isinstance(result, dict) else None
            if not file_id:
                raise ProtocolError("Bitrix24 took a recording and gave it no id")
            return str(file_id)
        raise AssertionError("two attempts return or raise")

    async def _upload_address(self, id_: str, name: str) -> tuple[str, str]:
        try:
            envelope = await self._transport.call(_ATTACH, {"CALL_ID": id_, "FILENAME": name}, priority=Priority.LOG)
        except Rejected as exc:
            if _NOT_FINISHED.search(str(exc)):
                raise NotFound(f"Bitrix24 has no finished call for the recording: {exc}") from exc
            raise
        result = envelope.get("result")
        if not isinstance(result, dict) or not isinstance(result.get("uploadUrl"), str):
            raise ProtocolError("Bitrix24 gives no address for a recording")
        return result["uploadUrl"], str(result.get("fieldName") or "file")

    async def publish_lines(self, lines: Mapping[str, PublishedLine]) -> None:
        envelope = await self._transport.call("telephony.externalLine.get", priority=Priority.LOG, reads=True)
        rows = envelope.get("result")
        known = {
            str(row.get("NUMBER")): (str(row.get("NAME") or ""), str(row.get("CRM_AUTO_CREATE") or ""))
            for row in rows or []
            if isinstance(row, dict)
        }
        wanted = {did[:_LINE_LENGTH]: line for did, line in lines.items() if did}
        commands: list[Command] = []
        for did, line in wanted.items():
            creates = "Y" if line.makes_clients else "N"
            if known.get(did) != (line.name, creates):
                verb = "update" if did in known else "add"
                parameters = {"NUMBER": did, "NAME": line.name, "CRM_AUTO_CREATE": creates}
                commands.append(Command(f"telephony.externalLine.{verb}", parameters))
        for start in range(0, len(commands), batch.MOST):
            labelled = {f"line{index}": each for index, each in enumerate(commands[start : start + batch.MOST])}
            found = await self._carried_out(labelled, Priority.LOG)
            for label in labelled:
                if isinstance(found[label], DozvonError):
                    _log.info("a line is not published", error=str(found[label]))

    async def tell(self, manager: ManagerId, text: str, *, about: str) -> None:
        parameters = {"USER_ID": _user(manager), "MESSAGE": text, "TAG": f"DOZVON|{about}"[:100]}
        await self._transport.call("im.notify.system.add", parameters, priority=Priority.CARD)

    async def _carried_out(
        self, commands: Mapping[str, Command], priority: Priority, *, halts: bool = False, reads: bool = False
    ) -> dict[str, Any]:
        """
        The commands in one request, in their order: each label's result, or its error.

        Raises: as `Transport.call`; for a single command also its own error.
        """
        if len(commands) == 1:
            ((label, command),) = commands.items()
            envelope = await self._transport.call(command.method, command.parameters, priority=priority, reads=reads)
            return {label: envelope.get("result")}
        body = batch.body(commands, halts=halts)
        envelope = await self._transport.call("batch", body, priority=priority, reads=reads)
        try:
            return batch.outcomes(envelope, commands)
        except ProtocolError as exc:
            raise OutcomeUnknown(str(exc)) from exc


class _named:  # noqa: N801 - reads as a word of the statement
    """Errors about the user become NotResponsible."""

    def __init__(self, manager: ManagerId) -> None:
        self._manager = manager

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Rejected) and not isinstance(error, NotResponsible) and _BAD_USER.search(str(error)):
            raise NotResponsible(str(error), manager=self._manager) from error


def _result(found: Mapping[str, Any], label: str) -> Any:
    outcome = found[label]
    if isinstance(outcome, DozvonError):
        raise outcome
    return outcome


def _registration(call: LiveCall, source: str, *, shows: bool) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "USER_ID": _user(call.manager),
        "PHONE_NUMBER": call.number,
        "TYPE": call_codes.type_of(call),
        "CALL_START_DATE": _moment(call.started_at),
        "EXTERNAL_CALL_ID": call.key,
        "SHOW": int(shows),
        "CRM_CREATE": int(call.makes_client),
        "ADD_TO_CHAT": 0,
    }
    if source:
        parameters["CRM_SOURCE"] = source
    if call.line:
        parameters["LINE_NUMBER"] = call.line[:_LINE_LENGTH]
    if call.client is not None and call.client.id.isdigit():
        parameters |= {"CRM_ENTITY_TYPE": call.client.kind.upper(), "CRM_ENTITY_ID": int(call.client.id)}
    return parameters


def _ending(id_: str, end: CallEnd) -> dict[str, Any]:
    return {
        "CALL_ID": id_,
        "USER_ID": _user(end.manager),
        "DURATION": call_codes.duration_of(end.call),
        "STATUS_CODE": call_codes.status_code(end.call),
        "FAILED_REASON": end.reason[:_LONGEST_REASON],
        "ADD_TO_CHAT": 0,
    }


def _moment(at: Timestamp) -> str:
    return datetime.fromtimestamp(int(at), UTC).isoformat()


def _user(manager: ManagerId) -> int:
    if not (manager.isascii() and manager.isdigit()):
        raise NotResponsible("a user of Bitrix24 has a number as id", manager=manager)
    return int(manager)


def _users(managers: Sequence[ManagerId]) -> list[int]:
    return [int(each) for each in managers if each.isascii() and each.isdigit()]


def _registered(result: Any) -> RegisteredCall:
    if not isinstance(result, dict) or not isinstance(result.get("CALL_ID"), str) or not result["CALL_ID"]:
        raise OutcomeUnknown("Bitrix24 registered a call and gave it no id")
    made = result.get("CRM_CREATED_ENTITIES")
    refs = [
        _entity(each.get("ENTITY_TYPE"), each.get("ENTITY_ID"))
        for each in (made if isinstance(made, list) else [])
        if isinstance(each, dict)
    ]
    return RegisteredCall(
        id=result["CALL_ID"],
        client=_entity(result.get("CRM_ENTITY_TYPE"), result.get("CRM_ENTITY_ID")),
        made=tuple(each for each in refs if each is not None),
        not_made=str(result.get("LEAD_CREATION_ERROR") or "")[:_LONGEST_REASON],
    )


def _finished(row: Any) -> FinishedCall:
    """Of the answer to `finish`, or of a row of the statistics: the same names, numbers or texts."""
    if not isinstance(row, dict) or not isinstance(row.get("CALL_ID"), str) or not row["CALL_ID"]:
        raise OutcomeUnknown("Bitrix24 finished a call and does not name it")
    activity = str(row.get("CRM_ACTIVITY_ID") or "")
    return FinishedCall(
        id=row["CALL_ID"],
        activity=activity if activity.isdigit() and int(activity) else None,
        client=_entity(row.get("CRM_ENTITY_TYPE"), row.get("CRM_ENTITY_ID")),
    )


def _entity(kind: Any, id_: Any) -> EntityRef | None:
    name, number = str(kind or "").lower(), str(id_ or "")
    if name not in list(EntityKind) or not number.isdigit() or not int(number):
        return None
    return EntityRef(EntityKind(name), number)
