"""The wizard's screen about the way of a call: what to add to the PBX, whether it reaches us, and its recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.setup import Step
from integration.errors import DozvonError
from integration.ports.findings import Finding
from integration.ports.pbx_setup import (
    PbxSetup,
    RecordingsSuggestion,
    RouteSetup,
    RouteWishes,
    RouteWriting,
    SeenRecording,
    Survey,
)
from integration.web.forms import read_form
from integration.web.language import language_of, with_language
from integration.web.pages.view import local_moment
from integration.web.permissions import needs
from integration.web.setup.frame import Frame, Opened, Wrong, path_of, seen_of
from integration.web.setup.shown import shown_findings, shown_steps, trouble

_NEWEST = 3
_LARGEST_SAMPLE = 32 * 1024 * 1024  # bytes of a recording that is played here
_SOUNDS = {"wav": "audio/wav", "mp3": "audio/mpeg", "ogg": "audio/ogg", "gsm": "audio/gsm"}


class RoutingScreen:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return needs(
            Permission.CHANGE_OFFICE,
            web.get("/admin/setup/{office}/routing", self.show),
            web.post("/admin/setup/{office}/routing", self.act),
            web.get("/admin/setup/{office}/routing/recording/{number:[0-2]}", self.recording),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        opened = await self._frame.open(request)
        if opened.parts.pbx is None:
            raise web.HTTPSeeOther(with_language(request, path_of(opened.office, Step.PBX)))
        return await self._page(request, opened, is_check=bool(request.query.get("check")))

    async def _page(
        self,
        request: web.Request,
        opened: Opened,
        *,
        wrong: Wrong | None = None,
        writing: RouteWriting | None = None,
        is_check: bool = False,
    ) -> web.Response:
        lang = language_of(request)
        setup: RouteSetup | None = None
        findings: Sequence[Finding] = ()
        places: Sequence[RecordingsSuggestion] = ()
        newest: Sequence[SeenRecording] = ()
        problem = ""
        try:
            trial = await self._frame.desk.trial(opened.office)
            survey = await trial.survey() if is_check else None
            setup = trial.route_setup(self._wishes(opened, _incoming(survey)))
            if survey is not None:
                findings = await trial.check_route_setup()
                places = await trial.suggest_recordings(survey)
                newest = await _newest(trial)
        except DozvonError as exc:
            problem = trouble(exc, lang)
        return await self._frame.page(
            request,
            opened,
            Step.ROUTING,
            wrong=wrong,
            problem=problem,
            instructions=shown_steps(setup.steps, lang) if setup is not None else (),
            is_checked=is_check,
            findings=shown_findings(findings, lang),
            places=[
                {
                    "options": ", ".join(f"{key}: {value}" for key, value in each.options.items() if key != "password"),
                    "key": str(number),
                    "light": shown_findings([each.finding], lang)[0],
                    "is_used": _table(opened).get("recordings", {}) == dict(each.options),
                }
                for number, each in enumerate(places)
            ],
            newest=[
                {"name": each.name, "kib": max(1, each.bytes // 1024), "at": local_moment(each.at, opened.zone)}
                for each in newest
            ],
            writing=writing,
            changes=[each.say(lang) for each in writing.changes] if writing is not None else (),
            refusal=shown_findings([writing.refusal], lang) if writing is not None and writing.refusal else (),
            left_to_do=shown_steps(writing.left_to_do, lang) if writing is not None else (),
        )

    async def act(self, request: web.Request) -> web.StreamResponse:
        opened, form = await self._frame.open(request), await read_form(request)
        if opened.parts.pbx is None:
            raise web.HTTPSeeOther(with_language(request, path_of(opened.office, Step.PBX)))
        lang, do = language_of(request), form.get("do", "")
        if do == "next":
            raise await self._frame.finish(request, opened.office, Step.ROUTING)
        try:
            trial = await self._frame.desk.trial(opened.office)
            survey = await trial.survey()
            wishes = self._wishes(opened, _incoming(survey))
            match do:
                case "look" | "write":
                    writing = await trial.write_route_setup(wishes, dry=do == "look")
                    return await self._page(request, opened, writing=writing, is_check=do == "write")
                case "remove":
                    writing = await trial.remove_route_setup(dry=False)
                    return await self._page(request, opened, writing=writing, is_check=True)
                case "recordings":
                    places = await trial.suggest_recordings(survey)
                    return await self._take_place(request, opened, form, places)
        except DozvonError as exc:
            return await self._page(request, opened, wrong=Wrong(page=[trouble(exc, lang)]))
        raise web.HTTPBadRequest

    async def _take_place(
        self, request: web.Request, opened: Opened, form: Mapping[str, str], places: Sequence[RecordingsSuggestion]
    ) -> web.StreamResponse:
        number = form.get("place", "")
        if not number.isascii() or not number.isdigit() or int(number[:4]) >= len(places):
            raise web.HTTPBadRequest
        kind = str(opened.parts.pbx_document["kind"])
        table = {**_table(opened), "recordings": dict(places[int(number)].options)}
        try:
            await self._frame.desk.put(
                opened.office,
                f"pbx/{opened.parts.pbx}",
                {**opened.parts.pbx_document, kind: table},
                seen=seen_of(form, opened),
                who=self._frame.shell.who(request),
            )
        except DozvonError as exc:
            return await self._page(request, opened, wrong=self._frame.refused(request, exc, {}))
        raise web.HTTPSeeOther(with_language(request, path_of(opened.office, Step.ROUTING) + "?check=1#checked"))

    async def recording(self, request: web.Request) -> web.StreamResponse:
        """One of the newest recordings, to listen whether they are the right ones."""
        opened = await self._frame.open(request)
        if opened.parts.pbx is None:
            raise web.HTTPNotFound
        trial = await self._frame.desk.trial(opened.office)
        newest = await _newest(trial)
        number = int(request.match_info["number"])
        if number >= len(newest) or newest[number].bytes > _LARGEST_SAMPLE:
            raise web.HTTPNotFound
        sound = b"".join([part async for part in trial.recording(newest[number].name)])
        suffix = newest[number].name.rpartition(".")[2].lower()
        headers = {"Cache-Control": "no-store"}
        kind = _SOUNDS.get(suffix, "application/octet-stream")
        return web.Response(body=sound, content_type=kind, headers=headers)

    def _wishes(self, opened: Opened, contexts: Sequence[str]) -> RouteWishes:
        line: Mapping[str, Any] = opened.parts.account_document.get("line", {}).get("default", {})
        return RouteWishes(incoming_contexts=tuple(contexts), reserve=str(line.get("reserve") or ""))


def _incoming(survey: Survey | None) -> list[str]:
    """The contexts that calls from outside enter."""
    return [each.name for each in survey.contexts if each.trunks] if survey is not None else []


async def _newest(trial: PbxSetup) -> list[SeenRecording]:
    try:
        return await trial.newest_recordings(_NEWEST)
    except DozvonError:
        return []


def _table(opened: Opened) -> dict[str, Any]:
    """The options of the stored telephone system."""
    table = opened.parts.pbx_document.get(str(opened.parts.pbx_document.get("kind")), {})
    return dict(table) if isinstance(table, dict) else {}
