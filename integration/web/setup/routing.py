"""The wizard's screen about the way of a call: what to add to the PBX, whether it reaches us, and its recordings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.setup import Step
from integration.errors import DozvonError
from integration.ports.findings import Finding, FindingLevel
from integration.ports.pbx_setup import (
    PbxSetup,
    RecordingsSuggestion,
    RouteSetup,
    RouteWishes,
    RouteWriting,
    SeenRecording,
    Survey,
)
from integration.texts.setup import setup_texts
from integration.web.forms import read_form
from integration.web.language import language_of, with_language
from integration.web.pages.view import local_moment
from integration.web.permissions import needs
from integration.web.setup.frame import Frame, Opened, Wrong, path_of
from integration.web.setup.shown import shown_findings, shown_steps, trouble

_NEWEST = 3
_LARGEST_SAMPLE = 32 * 1024 * 1024  # bytes of a recording that is played here
_ADDRESS = re.compile(r"[a-z]+://", re.IGNORECASE)
_PLACE_FIELDS = {"path": "place", "url": "place"} | {key: key for key in ("pbx_path", "username", "password")}
"""The form's field of each key of the table `recordings`."""
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
        survey: Survey | None = None,
        form: Mapping[str, str] | None = None,
    ) -> web.Response:
        """`survey`: where one was just made; it takes a second or two. `form`: a typed place that was refused."""
        lang = language_of(request)
        setup: RouteSetup | None = None
        findings: Sequence[Finding] = ()
        places: Sequence[RecordingsSuggestion] = ()
        newest: Sequence[SeenRecording] = ()
        problem = ""
        try:
            trial = await self._frame.desk.trial(opened.parts)
            if is_check and survey is None:
                survey = await trial.survey()
            setup = trial.route_setup(self._wishes(opened, _incoming(survey)))
            if is_check and survey is not None:
                findings = await trial.check_route_setup()
                places = await trial.suggest_recordings(survey)
                newest = await _newest(trial)
        except DozvonError as exc:
            problem = trouble(exc, lang)
        return await self._frame.page(
            request,
            opened,
            Step.ROUTING,
            values=_typed_values(form or {}, opened.parts.pbx_options),
            wrong=wrong,
            problem=problem,
            action=opened.path(Step.ROUTING),
            to_check=opened.path(Step.ROUTING, "checked", check="1"),
            instructions=shown_steps(setup.steps, lang) if setup is not None else (),
            is_checked=is_check,
            findings=shown_findings(findings, lang),
            places=[
                {
                    "options": ", ".join(f"{key}: {value}" for key, value in each.options.items() if key != "password"),
                    "key": str(number),
                    "light": shown_findings([each.finding], lang)[0],
                    "is_used": opened.parts.pbx_options.get("recordings", {}) == dict(each.options),
                }
                for number, each in enumerate(places)
            ],
            taken=_to_take(opened, places),
            newest=[
                {
                    "name": each.name,
                    "kib": max(1, each.bytes // 1024),
                    "at": local_moment(each.at, opened.zone),
                    "sound": opened.path(Step.ROUTING, below=f"recording/{number}"),
                }
                for number, each in enumerate(newest)
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
        if do not in ("next", "look", "write", "remove", "recordings", "place"):
            raise web.HTTPBadRequest
        if do == "place":
            return await self._take_typed(request, opened, form)
        if do == "next" and not form.get("place"):
            raise await self._frame.finish(request, opened.office, Step.ROUTING)
        try:
            trial = await self._frame.desk.trial(opened.parts)
            if do == "remove":
                writing = await trial.remove_route_setup(dry=False)
                return await self._page(request, opened, writing=writing, is_check=True)
            survey = await trial.survey()
            if do in ("look", "write"):
                wishes = self._wishes(opened, _incoming(survey))
                writing = await trial.write_route_setup(wishes, dry=do == "look")
                return await self._page(request, opened, writing=writing, is_check=do == "write", survey=survey)
            if do in ("recordings", "next"):
                places = await trial.suggest_recordings(survey)
                return await self._take_place(request, opened, form, places)
        except DozvonError as exc:
            return await self._page(request, opened, wrong=Wrong(page=[trouble(exc, lang)]))
        raise AssertionError(do)

    async def _take_place(
        self, request: web.Request, opened: Opened, form: Mapping[str, str], places: Sequence[RecordingsSuggestion]
    ) -> web.StreamResponse:
        chosen = {str(number): each for number, each in enumerate(places)}.get(form.get("place", ""))
        if chosen is None:
            raise web.HTTPBadRequest
        table = {**opened.parts.pbx_options, "recordings": dict(chosen.options)}
        try:
            await self._frame.put_pbx(request, opened, form, table)
        except DozvonError as exc:
            return await self._page(request, opened, wrong=self._frame.refused(request, exc, {}))
        if form.get("do") == "next":
            raise await self._frame.finish(request, opened.office, Step.ROUTING)
        raise web.HTTPSeeOther(with_language(request, opened.path(Step.ROUTING, "checked", check="1")))

    async def _take_typed(self, request: web.Request, opened: Opened, form: Mapping[str, str]) -> web.StreamResponse:
        """A place that a person has typed: the check that follows says whether recordings are there."""
        if not form.get("place", "").strip():
            said = setup_texts(language_of(request))["place_needed"]
            return await self._page(request, opened, wrong=Wrong(fields={"place": said}), form=form, is_check=True)
        table = {**opened.parts.pbx_options, "recordings": _typed_place(form, opened.parts.pbx_options)}
        names = {f"{opened.parts.pbx_kind}.recordings.{key}": field for key, field in _PLACE_FIELDS.items()}
        try:
            await self._frame.put_pbx(request, opened, form, table)
        except DozvonError as exc:
            wrong = self._frame.refused(request, exc, names)
            return await self._page(request, opened, wrong=wrong, form=form, is_check=True)
        raise web.HTTPSeeOther(with_language(request, opened.path(Step.ROUTING, "checked", check="1")))

    async def recording(self, request: web.Request) -> web.StreamResponse:
        """One of the newest recordings, to listen whether they are the right ones."""
        opened = await self._frame.open(request)
        if opened.parts.pbx is None:
            raise web.HTTPNotFound
        trial = await self._frame.desk.trial(opened.parts)
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


def _typed_place(form: Mapping[str, str], options: Mapping[str, Any]) -> dict[str, str | None]:
    """The table `recordings`. A password that is left empty stays with its address; elsewhere it is forgotten."""
    place, password = form["place"].strip(), form.get("password", "")
    if not _ADDRESS.match(place):
        return {"path": place, "pbx_path": form.get("pbx_path", "").strip() or place, "password": None}
    table: dict[str, str | None] = {"url": place, "username": form.get("username", "").strip()}
    known: Mapping[str, Any] = options.get("recordings") or {}
    if password or known.get("url") != place:
        table["password"] = password or None
    return table


def _typed_values(form: Mapping[str, str], options: Mapping[str, Any]) -> dict[str, str]:
    known: Mapping[str, Any] = options.get("recordings") or {}
    kept = {field: str(known.get(key) or "") for key, field in _PLACE_FIELDS.items()}
    kept["place"] = str(known.get("path") or known.get("url") or "")
    if kept["pbx_path"] == kept["place"]:
        kept["pbx_path"] = ""
    return {**kept, **{key: form[key] for key in kept if key in form}, "password": ""}


def _to_take(opened: Opened, places: Sequence[RecordingsSuggestion]) -> str:
    """The place that "next" takes where nobody has chosen one: the likeliest, if it can be used; empty: none."""
    if opened.parts.pbx_options.get("recordings") or not places or places[0].finding.level is not FindingLevel.OK:
        return ""
    return "0"


def _incoming(survey: Survey | None) -> list[str]:
    """The contexts that calls from outside enter."""
    return [each.name for each in survey.contexts if each.trunks] if survey is not None else []


async def _newest(trial: PbxSetup) -> list[SeenRecording]:
    try:
        return await trial.newest_recordings(_NEWEST)
    except DozvonError:
        return []
