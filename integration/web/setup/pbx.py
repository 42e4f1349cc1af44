"""The wizard's screen about the telephone system: where it is, what to enter on it, what was checked, its trunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.ids import PbxId
from integration.domain.sentences import say
from integration.domain.setup import Step
from integration.errors import DozvonError
from integration.ports.findings import Finding, FindingLevel
from integration.ports.pbx_setup import Preparation, Survey, Trunk
from integration.texts.pbx_setup import TRUNK_SIGNS
from integration.texts.setup import setup_texts
from integration.web.forms import read_form
from integration.web.language import language_of, with_language
from integration.web.permissions import needs
from integration.web.setup.frame import Frame, Opened, Wrong, path_of, seen_of
from integration.web.setup.shown import OF_LATER_STEPS, shown_findings, shown_steps, trouble

_FIELDS = ("host", "port", "username", "secret")
_USER = "dozvon"


class PbxScreen:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return needs(
            Permission.CHANGE_OFFICE,
            web.get("/admin/setup/{office}/pbx", self.show),
            web.post("/admin/setup/{office}/pbx", self.save),
            web.post("/admin/setup/{office}/pbx/trunks", self.save_trunks),
        )

    async def show(self, request: web.Request) -> web.Response:
        opened = await self._frame.open(request)
        return await self._page(request, opened, is_check=bool(request.query.get("check")))

    async def _page(
        self,
        request: web.Request,
        opened: Opened,
        form: Mapping[str, str] | None = None,
        wrong: Wrong | None = None,
        *,
        is_check: bool = False,
    ) -> web.Response:
        lang, desk = language_of(request), self._frame.desk
        s = setup_texts(lang)
        _, options = self._stored(opened)
        flavours = desk.flavours
        flavour = (form or {}).get("flavour") or opened.state.flavour or next(iter(flavours))
        preparation = await self._preparation(opened, flavour) if opened.parts.pbx is not None else None
        findings: Sequence[Finding] = ()
        survey, problem = None, ""
        if is_check and opened.parts.pbx is not None:
            try:
                trial = await desk.trial(opened.office)
                findings = [each for each in await trial.diagnose() if each.check not in OF_LATER_STEPS]
                survey = await trial.survey()
            except DozvonError as exc:
                problem = trouble(exc, lang)
        return await self._frame.page(
            request,
            opened,
            Step.PBX,
            values={
                "host": str(options.get("host", "")),
                "port": str(options.get("port", "")),
                "username": str(options.get("username", _USER)),
                **(form or {}),
                "secret": "",
            },
            wrong=wrong,
            flavour=flavour if flavour in flavours else next(iter(flavours)),
            flavours=[(key, label, "") for key, label in flavours.items()],
            has_pbx=opened.parts.pbx is not None,
            instructions=shown_steps(preparation.steps, lang) if preparation is not None else (),
            is_checked=is_check,
            findings=shown_findings(findings, lang),
            problem=problem,
            is_well=is_check and not problem and all(each.level is FindingLevel.OK for each in findings),
            version=survey.version if survey is not None else "",
            trunks=_trunks(survey, options, lang) if survey is not None else (),
            has_survey=survey is not None,
            s_extensions=s["extensions_found"].format(count=len(survey.extensions)) if survey is not None else "",
        )

    def _stored(self, opened: Opened) -> tuple[str, Mapping[str, Any]]:
        """The kind, and its table."""
        document = opened.parts.pbx_document
        kind = str(document.get("kind", self._frame.desk.pbx_kind))
        table = document.get(kind, {})
        return kind, table if isinstance(table, dict) else {}

    async def _preparation(self, opened: Opened, flavour: str) -> Preparation | None:
        try:
            return await self._frame.desk.preparation(opened.office, flavour)
        except DozvonError:
            return None

    async def save(self, request: web.Request) -> web.StreamResponse:
        opened, form = await self._frame.open(request), await read_form(request)
        desk = self._frame.desk
        kind, before = self._stored(opened)
        flavour = form.get("flavour", "")
        if flavour not in desk.flavours:
            raise web.HTTPBadRequest
        pbx = opened.parts.pbx or PbxId(f"{opened.office}-pbx")
        options: dict[str, Any] = dict(before)
        for name in ("host", "username"):
            options[name] = form.get(name, "").strip()
        port = form.get("port", "").strip()
        options.pop("port", None)
        if port:
            options["port"] = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else port
        if given := form.get("secret", "").strip():
            options["secret"] = given
        names = {f"{kind}.{name}": name for name in _FIELDS}
        try:
            completed = await desk.completed(opened.office, kind, options, flavour)
            await desk.put(
                opened.office,
                f"pbx/{pbx}",
                {**opened.parts.pbx_document, "kind": kind, kind: completed},
                seen=seen_of(form, opened),
                who=self._frame.shell.who(request),
            )
        except DozvonError as exc:
            return await self._page(request, opened, form, self._frame.refused(request, exc, names))
        await desk.store.change(opened.office, flavour=flavour)
        await desk.store.keep(opened.office, Step.PBX, None)
        raise web.HTTPSeeOther(with_language(request, path_of(opened.office, Step.PBX) + "#todo"))

    async def save_trunks(self, request: web.Request) -> web.StreamResponse:
        """Which of the devices found are trunks, with what else the survey says of the office; the step is done."""
        opened = await self._frame.open(request)
        form = await read_form(request)
        kind, options = self._stored(opened)
        if opened.parts.pbx is None:
            raise web.HTTPSeeOther(with_language(request, path_of(opened.office, Step.PBX)))
        chosen = sorted(name.removeprefix("trunk.") for name in form if name.startswith("trunk."))
        try:
            learned = (await (await self._frame.desk.trial(opened.office)).survey()).options
            table = {**learned, **options, "trunks": chosen}
            if table != options:
                await self._frame.desk.put(
                    opened.office,
                    f"pbx/{opened.parts.pbx}",
                    {**opened.parts.pbx_document, kind: table},
                    seen=seen_of(form, opened),
                    who=self._frame.shell.who(request),
                )
        except DozvonError as exc:
            return await self._page(request, opened, None, self._frame.refused(request, exc, {}), is_check=True)
        raise await self._frame.finish(request, opened.office, Step.PBX)


def _trunks(survey: Survey, options: Mapping[str, Any], lang: str) -> list[dict[str, Any]]:
    """What may be a trunk; ticked is what was chosen before, else what is suggested."""
    chosen = options.get("trunks") or []
    return [
        {
            "name": each.name,
            "hint": ": ".join(filter(None, (each.technology, _why(each, lang)))),
            "is_ticked": each.name in chosen if chosen else each.is_suggested,
        }
        for each in _likeliest_first(survey.trunks)
    ]


def _why(trunk: Trunk, lang: str) -> str:
    return ", ".join(say(TRUNK_SIGNS[sign], lang) for sign in trunk.signs)


def _likeliest_first(trunks: Sequence[Trunk]) -> list[Trunk]:
    return sorted(trunks, key=lambda each: (not each.is_suggested, each.name))
