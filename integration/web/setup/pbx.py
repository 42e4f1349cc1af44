"""The wizard's screen about the telephone system: where it is, what to enter on it, what was checked, its trunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.ids import PbxId
from integration.domain.sentences import say
from integration.domain.settings_changes import Author
from integration.domain.setup import Step
from integration.errors import DozvonError
from integration.ports.findings import Finding, FindingLevel
from integration.ports.offices import Seen
from integration.ports.pbx_setup import Preparation, Survey, Trunk
from integration.services.rehearsals import OF_LATER_STEPS
from integration.texts.pbx_setup import TRUNK_SIGNS
from integration.texts.setup import setup_texts
from integration.web.forms import read_form
from integration.web.language import language_of, with_language
from integration.web.permissions import needs
from integration.web.setup.connections import PBX_REMOVAL, pbx_connections
from integration.web.setup.desk import NEW
from integration.web.setup.frame import Frame, Opened, Wrong, path_of, seen_of
from integration.web.setup.shown import shown_findings, shown_steps, trouble

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
            web.get("/admin/setup/{office}/pbx/remove", self.remove),
            web.post("/admin/setup/{office}/pbx/remove", self.remove),
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
        options = opened.parts.pbx_options
        flavours = desk.flavours
        kept = opened.kept(Step.PBX) if form is None else form
        known = [str(each.get("flavour", "")) for each in (kept, options)]
        flavour = next((each for each in known if each in flavours), next(iter(flavours)))
        preparation = await self._preparation(opened, flavour) if opened.parts.pbx is not None else None
        findings: Sequence[Finding] = ()
        survey, problem = None, ""
        if is_check and opened.parts.pbx is not None:
            try:
                trial = await desk.trial(opened.parts)
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
                "flavour": str(options.get("flavour", "")),
                **(form or {}),
                "secret": "",
            },
            wrong=wrong,
            flavour=flavour,
            connections=pbx_connections(opened, desk, lang),
            another=opened.path(Step.PBX, pbx=NEW),
            action=opened.path(Step.PBX)
            if opened.parts.pbx or not opened.parts.pbxs
            else opened.path(Step.PBX, pbx=NEW),
            to_check=opened.path(Step.PBX, "checked", check="1"),
            to_trunks=opened.path(Step.PBX, below="trunks"),
            to_remove=opened.path(Step.PBX, below="remove") if len(opened.parts.pbxs) > 1 else "",
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

    async def _preparation(self, opened: Opened, flavour: str) -> Preparation | None:
        try:
            return await self._frame.desk.preparation(opened.parts, flavour)
        except DozvonError:
            return None

    async def save(self, request: web.Request) -> web.StreamResponse:
        opened, form = await self._frame.open(request), await read_form(request)
        desk = self._frame.desk
        flavour = form.get("flavour", "")
        if flavour not in desk.flavours:
            raise web.HTTPBadRequest
        pbx, kind = opened.parts.pbx or desk.new_pbx(opened.parts), opened.parts.pbx_kind or desk.pbx_kind
        options = opened.parts.pbx_options
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
            completed = await desk.completed(opened.parts, kind, options, flavour)
            document = {**opened.parts.pbx_document, "kind": kind, kind: completed}
            who = self._frame.shell.who(request)
            seen = await desk.put(opened.office, f"pbx/{pbx}", document, seen=seen_of(form, opened), who=who)
            if opened.parts.pbx is None:
                await self._give_to_accounts(opened, pbx, seen, who)
        except DozvonError as exc:
            return await self._page(request, opened, form, self._frame.refused(request, exc, names))
        await desk.store.keep(opened.office, Step.PBX, None)
        chosen = str(pbx) if opened.parts.pbxs and pbx != next(iter(opened.parts.pbxs)) else ""
        raise web.HTTPSeeOther(with_language(request, opened.path(Step.PBX, "todo", pbx=chosen)))

    async def _give_to_accounts(self, opened: Opened, pbx: PbxId, seen: Seen, who: Author) -> None:
        """Another telephone system is used by the accounts that the office has: as their last one."""
        for account, document in opened.parts.accounts.items():
            used = document.get("pbxs")
            if isinstance(used, list) and pbx not in used:
                changed = {**document, "pbxs": [*used, str(pbx)]}
                seen = await self._frame.desk.put(opened.office, f"account/{account}", changed, seen=seen, who=who)

    async def save_trunks(self, request: web.Request) -> web.StreamResponse:
        """Which of the devices found are trunks, with what else the survey says of the office; the step is done."""
        opened = await self._frame.open(request)
        form = await read_form(request)
        if opened.parts.pbx is None:
            raise web.HTTPSeeOther(with_language(request, path_of(opened.office, Step.PBX)))
        options = opened.parts.pbx_options
        chosen = sorted(name.removeprefix("trunk.") for name in form if name.startswith("trunk."))
        try:
            learned = (await (await self._frame.desk.trial(opened.parts)).survey()).options
        except DozvonError:  # the check says why the telephone system does not answer; nothing is stored
            return await self._page(request, opened, None, is_check=True)
        table = {**learned, **options, "trunks": chosen}
        try:
            if table != options:
                await self._frame.put_pbx(request, opened, form, table)
        except DozvonError as exc:
            return await self._page(request, opened, None, self._frame.refused(request, exc, {}), is_check=True)
        raise await self._frame.finish(request, opened.office, Step.PBX)

    async def remove(self, request: web.Request) -> web.StreamResponse:
        """Asks first, with what follows from it; then takes the telephone system out of its accounts, and away."""
        opened = await self._frame.open(request)
        parts = opened.parts
        if parts.pbx is None:
            raise web.HTTPNotFound
        s = setup_texts(language_of(request))
        if any(each.get("pbxs") == [parts.pbx] for each in parts.accounts.values()):
            return await self._page(request, opened, None, Wrong(page=[s["pbx_is_last"]]))
        form = await read_form(request) if request.method == "POST" else {}
        if not form.get("confirmed"):
            consequences = [s[key].format(pbx=parts.pbx) for key in PBX_REMOVAL]
            return await self._frame.ask(request, opened, s["pbx_remove"], consequences, Step.PBX)
        try:
            await self._take_away(opened, parts.pbx, seen_of(form, opened), self._frame.shell.who(request))
        except DozvonError as exc:
            return await self._page(request, opened, None, self._frame.refused(request, exc, {}))
        raise web.HTTPSeeOther(with_language(request, path_of(opened.office, Step.PBX)))

    async def _take_away(self, opened: Opened, pbx: PbxId, seen: Seen, who: Author) -> None:
        desk = self._frame.desk
        for account, document in opened.parts.accounts.items():
            used = document.get("pbxs")
            if isinstance(used, list) and pbx in used:
                changed = {**document, "pbxs": [each for each in used if each != pbx]}
                seen = await desk.put(opened.office, f"account/{account}", changed, seen=seen, who=who)
        await desk.remove(opened.office, f"pbx/{pbx}", seen=seen, who=who)


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
