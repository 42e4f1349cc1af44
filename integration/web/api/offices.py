"""Offices over REST: what there is, changes of single parts, history and undo."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from http import HTTPMethod
from typing import Any, NoReturn, Protocol

from aiohttp import web

from integration.documents.differences import Difference, differences
from integration.documents.problems import InvalidDocument
from integration.domain.access import Permission, Viewer, allowed_everywhere, sees
from integration.domain.ids import AccountId
from integration.domain.settings_changes import Author, SettingsChange
from integration.errors import NotFound, Rejected
from integration.ports.offices import (
    KeptOfficeChange,
    OfficeChange,
    OfficeChangedMeanwhile,
    OfficeView,
    PartView,
    Seen,
    StoredOffice,
)
from integration.ports.settings import ChangedMeanwhile
from integration.texts.changes import author, changed
from integration.texts.offices import ApiProblem
from integration.web.api.answers import Refused, answer, problems_of
from integration.web.api.connections import States, connections_of
from integration.web.api.door import Operation
from integration.web.api.reading import number_in, read_document, seen_by
from integration.web.language import language_of
from integration.web.office_refusals import reason_of
from integration.web.pages.view import local_moment

_MOST_SINCE = 20  # changes that a conflict lists; the history has the others
_OFFICE = "/api/offices/{office}"
_PART = _OFFICE + "/{kind:account|pbx}/{id}"


class OfficeDesk(Protocol):
    """`process/office_edits.py` describes what each does and raises."""

    async def offices(self) -> list[StoredOffice]: ...

    async def read(self, office: AccountId) -> OfficeView: ...

    async def put(
        self,
        office: AccountId,
        part: str,
        document: Mapping[str, Any],
        *,
        seen: Seen,
        who: Author,
        allowed: Collection[Permission],
    ) -> Seen: ...

    async def remove(self, office: AccountId, part: str, *, seen: Seen, who: Author) -> Seen: ...

    async def check(
        self, office: AccountId, part: str, document: Mapping[str, Any], *, allowed: Collection[Permission]
    ) -> list[Difference]: ...

    async def changes(self, office: AccountId, *, limit: int) -> list[KeptOfficeChange]: ...

    async def undo(self, office: AccountId, revision: int, *, who: Author, allowed: Collection[Permission]) -> Seen: ...


class OfficeApi:
    def __init__(self, desk: OfficeDesk, states: States) -> None:
        self._desk = desk
        self._states = states

    def operations(self) -> list[Operation]:
        see, change = Permission.SEE_OFFICE, Permission.CHANGE_OFFICE
        get, post = HTTPMethod.GET, HTTPMethod.POST
        return [
            Operation(
                method=get, path="/api/offices", handler=self.offices, permission=see,
                summary="The offices of the database.", answers="Offices",
            ),
            Operation(
                method=get, path=_OFFICE, handler=self.office, permission=see,
                summary="An office with its documents.", answers="Office", refusals=(404,),
            ),
            Operation(
                method=get, path=_PART, handler=self.part, permission=see,
                summary="One document of an office.", answers="Part", refusals=(404,),
            ),
            Operation(
                method=HTTPMethod.PUT, path=_PART, handler=self.put, permission=change, sends="Document",
                summary="Make an account or a PBX, or change it.", answers="Written",
                is_conditional=True, refusals=(404, 409, 422),
            ),
            Operation(
                method=HTTPMethod.DELETE, path=_PART, handler=self.remove, permission=change,
                summary="Stop and remove an account or a PBX.", answers="Written",
                is_conditional=True, refusals=(404, 409, 422),
            ),
            Operation(
                method=post, path=_PART + "/check", handler=self.check, permission=change, sends="Document",
                summary="What a PUT would change, and what is wrong; changes nothing.", answers="Checked",
                refusals=(409,),
            ),
            Operation(
                method=get, path=_OFFICE + "/changes", handler=self.changes, permission=see,
                summary="Who changed what, newest first.", answers="Changes", refusals=(400, 404), asks=("limit",),
            ),
            Operation(
                method=post, path=_OFFICE + "/changes/{revision:[0-9]{1,9}}/undo", handler=self.undo,
                permission=change, summary="Take a change back, as a new change.", answers="Written",
                refusals=(404, 409, 422),
            ),
        ]  # fmt: skip

    # ---- reading ---------------------------------------------------------------------------------------------------

    async def offices(self, _: web.Request, viewer: Viewer) -> web.Response:
        found = [
            {"office": each.office, "revision": str(Seen(office=each.revision)), "parts": sorted(each.parts)}
            for each in await self._desk.offices()
            if sees(viewer, each.office)
        ]
        return answer({"offices": found})

    async def office(self, request: web.Request, _: Viewer) -> web.Response:
        view = await self._view(request)
        parts = {name: self._part(name, part, request, view.time_zone) for name, part in view.parts.items()}
        body = {"office": view.office, "revision": str(Seen(office=view.revision)), "parts": parts}
        return answer(body, revision=view.seen)

    async def part(self, request: web.Request, _: Viewer) -> web.Response:
        part, office = _part_of(request), await self._view(request)
        view = office.parts.get(part)
        if view is None:
            raise Refused(404, ApiProblem.NO_PART, {"part": part})
        return answer(self._part(part, view, request, office.time_zone), revision=view.seen)

    def _part(self, part: str, view: PartView, request: web.Request, time_zone: str) -> dict[str, Any]:
        language = language_of(request)
        return {
            "connections": connections_of(part, view.document, self._states, language=language, time_zone=time_zone),
            "document": view.document,
            "secrets": list(view.secrets),
            "revision": str(view.seen),
            "in_configuration_file": view.in_file,
        }

    async def changes(self, request: web.Request, viewer: Viewer) -> web.Response:
        zone, limit = (await self._view(request)).time_zone, number_in(request, "limit", usual=100, most=500)
        kept = await self._desk.changes(_office_of(request), limit=limit)

        def told() -> web.Response:
            return answer({"changes": [_kept(each, request, viewer, zone) for each in kept]})

        return await asyncio.to_thread(told)  # hundreds of changes of long documents, and calls go on

    # ---- changing --------------------------------------------------------------------------------------------------

    async def put(self, request: web.Request, viewer: Viewer) -> web.Response:
        seen, part = seen_by(request), _part_of(request)
        document = await read_document(request)
        try:
            allowed = allowed_everywhere(viewer)
            written = await self._desk.put(
                _office_of(request), part, document, seen=seen, who=viewer.author, allowed=allowed
            )
        except (Rejected, InvalidDocument) as exc:
            await self._refuse(exc, request, viewer)
        return answer({"revision": str(written)}, revision=written)

    async def remove(self, request: web.Request, viewer: Viewer) -> web.Response:
        try:
            written = await self._desk.remove(
                _office_of(request), _part_of(request), seen=seen_by(request), who=viewer.author
            )
        except (Rejected, InvalidDocument) as exc:
            await self._refuse(exc, request, viewer)
        return answer({"revision": str(written)}, revision=written)

    async def check(self, request: web.Request, viewer: Viewer) -> web.Response:
        part, document = _part_of(request), await read_document(request)
        try:
            found = await self._desk.check(_office_of(request), part, document, allowed=allowed_everywhere(viewer))
        except InvalidDocument as exc:
            return answer({"problems": problems_of(request, exc, part), "differences": []})
        except Rejected as exc:
            await self._refuse(exc, request, viewer)
        return answer({"problems": [], "differences": [asdict(each) for each in found]})

    async def undo(self, request: web.Request, viewer: Viewer) -> web.Response:
        revision = int(request.match_info["revision"])
        try:
            written = await self._desk.undo(
                _office_of(request), revision, who=viewer.author, allowed=allowed_everywhere(viewer)
            )
        except (Rejected, InvalidDocument) as exc:
            await self._refuse(exc, request, viewer)
        return answer({"revision": str(written)}, revision=written)

    # ---- refusals --------------------------------------------------------------------------------------------------

    async def _view(self, request: web.Request) -> OfficeView:
        """Raises Refused."""
        try:
            return await self._desk.read(_office_of(request))
        except NotFound as exc:
            raise Refused(404, ApiProblem.NO_OFFICE, {"office": _office_of(request)}) from exc

    async def _refuse(self, error: Exception, request: web.Request, viewer: Viewer) -> NoReturn:
        """Always raises: Refused, with everything that the client needs to go on."""
        match error:
            case InvalidDocument():
                part = _part_of(request) if "kind" in request.match_info else ""
                raise Refused(422, ApiProblem.WRONG_SETTINGS, problems=problems_of(request, error, part)) from error
            case OfficeChangedMeanwhile() | ChangedMeanwhile():
                await self._tell_who_was_first(error, request, viewer)
            case NotFound():
                await self._view(request)  # the office may be what is missing
                raise Refused(404, ApiProblem.NO_PART, {"part": _part_of(request)}) from error
        reason = reason_of(error) if isinstance(error, Rejected) else None
        if reason is None:
            raise error
        raise Refused(409, *reason) from error

    async def _tell_who_was_first(
        self, error: OfficeChangedMeanwhile | ChangedMeanwhile, request: web.Request, viewer: Viewer
    ) -> NoReturn:
        view = await self._view(request)
        here = str(view.seen)
        if not error.changes:
            raise Refused(412, ApiProblem.OTHER_REVISION, changes=[], revision=here) from error
        newest, language = error.changes[0], language_of(request)
        facts = {
            "who": author(newest.who, language, viewer.author),
            "when": local_moment(newest.at, view.time_zone),
        }
        changes = [_change(each, request, viewer, view.time_zone) for each in error.changes[:_MOST_SINCE]]
        raise Refused(412, ApiProblem.CHANGED_MEANWHILE, facts, changes=changes, revision=here) from error


def _office_of(request: web.Request) -> AccountId:
    return AccountId(request.match_info["office"])


def _part_of(request: web.Request) -> str:
    return f"{request.match_info['kind']}/{request.match_info['id']}"


def _change(change: OfficeChange | SettingsChange, request: web.Request, viewer: Viewer, zone: str) -> dict[str, Any]:
    """Who, when and what. What was changed of people is a sentence for each."""
    language = language_of(request)
    return {
        "revision": change.revision,
        "at": datetime.fromtimestamp(change.at, UTC).isoformat(timespec="milliseconds"),
        "when": local_moment(change.at, zone),
        "who": author(change.who, language, viewer.author),
        "undoes": change.undoes,
        "parts": [] if isinstance(change, SettingsChange) else _parts(change),
        "people": changed(change, language, {}) if isinstance(change, SettingsChange) else [],
    }


def _parts(change: OfficeChange) -> Sequence[dict[str, Any]]:
    return [
        {
            "part": part,
            "is_removed": change.after[part] is None,
            "differences": [asdict(each) for each in differences(change.before[part], change.after[part])],
        }
        for part in sorted(change.after)
    ]


def _kept(kept: KeptOfficeChange, request: web.Request, viewer: Viewer, zone: str) -> dict[str, Any]:
    obstacle = kept.obstacle.value if kept.obstacle is not None else None
    return {**_change(kept.change, request, viewer, zone), "can_undo": obstacle is None, "obstacle": obstacle}
