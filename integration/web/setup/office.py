"""The wizard's first screen: the offices, a new one, and the name, country, language and time zone of one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from aiohttp import web

from integration.documents.office import read_office
from integration.documents.problems import FieldProblem, InvalidDocument
from integration.domain.access import Permission, may, sees
from integration.domain.ids import AccountId
from integration.domain.setup import Step
from integration.errors import DozvonError
from integration.ports.setups import SetupState
from integration.texts import LANGUAGES
from integration.texts.settings import Problem
from integration.texts.setup import setup_texts
from integration.web.forms import read_form
from integration.web.language import language_of, with_language
from integration.web.permissions import needs
from integration.web.setup.frame import Frame, Opened, Wrong, answers_of, by_field, form_values, path_of, seen_of

_FIELDS = {key: key for key in ("name", "country", "language", "time_zone")}
_LONGEST_FORM = 32  # characters of the word that a page carries
_LETS_CRM_IN = "crm_administrators"
_FIRST = ("RU", "UA", "BY", "KZ", "UZ", "KG", "AM", "AZ", "GE", "MD")  # where Dozvon's languages are spoken


class OfficeScreen:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            *needs(
                Permission.ADD_OFFICE,
                web.get("/admin/setup", self.offices),
                web.get("/admin/setup/new", self.new),
                web.post("/admin/setup/new", self.begin),
            ),
            *needs(
                Permission.CHANGE_OFFICE,
                web.get("/admin/setup/{office}", self.go_on),
                web.get("/admin/setup/{office}/office", self.show),
                web.post("/admin/setup/{office}/office", self.save),
                web.post("/admin/setup/{office}/{step}/kept", self.keep),
            ),
        ]

    async def offices(self, request: web.Request) -> web.StreamResponse:
        viewer = self._frame.shell.viewer(request)
        found = [each for each in await self._frame.desk.offices() if sees(viewer, each.office)]
        in_file = sorted(each for each in self._frame.desk.in_file if sees(viewer, each))
        if not found and not in_file:
            raise web.HTTPSeeOther(with_language(request, "/admin/setup/new"))
        s = setup_texts(language_of(request))
        return await self._frame.shell.page(
            request, "setup/offices.html", s=s, section="setup", offices=found, in_file=in_file
        )

    async def new(self, request: web.Request) -> web.Response:
        lang = language_of(request)
        values = {"language": lang, "country": {"uk": "UA"}.get(lang, "RU"), "form": secrets.token_hex(16)}
        return await self._new(request, values, Wrong())

    async def begin(self, request: web.Request) -> web.StreamResponse:
        form = await read_form(request)
        wrong = _wrong(form, language_of(request))
        if wrong.fields or wrong.page:
            return await self._new(request, form, wrong)
        state = SetupState(office=AccountId(""), form=form.get("form", "")[:_LONGEST_FORM], **_values(form))
        office = await self._frame.desk.begin(state, by=await self._frame.shell.administrator(request))
        raise await self._frame.finish(request, office, Step.OFFICE)

    async def _new(self, request: web.Request, values: Mapping[str, str], wrong: Wrong) -> web.Response:
        lang = language_of(request)
        return await self._frame.shell.page(
            request,
            "setup/new.html",
            s=setup_texts(lang),
            section="setup",
            **form_values(values, wrong),
            **_choices(lang),
        )

    async def go_on(self, request: web.Request) -> web.StreamResponse:
        """To the first step that is not done."""
        opened = await self._frame.open(request)
        raise await self._frame.resumed(request, opened)

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request, await self._frame.open(request))

    async def _page(
        self, request: web.Request, opened: Opened, form: Mapping[str, str] | None = None, wrong: Wrong | None = None
    ) -> web.Response:
        state = opened.state
        stored = {name: str(getattr(state, name)) for name in _FIELDS}
        stored[_LETS_CRM_IN] = "1" if opened.parts.account_document.get(_LETS_CRM_IN) else ""
        return await self._frame.page(
            request,
            opened,
            Step.OFFICE,
            values=stored if form is None else form,
            wrong=wrong,
            may_let_crm_in=self._may_let_crm_in(request, opened),
            **_choices(language_of(request)),
        )

    def _may_let_crm_in(self, request: web.Request, opened: Opened) -> bool:
        """Whether the form has the switch for the CRM's administrators: for owners, once there is a CRM."""
        is_owner = may(self._frame.shell.viewer(request), Permission.MANAGE_ADMINISTRATORS)
        return is_owner and opened.parts.account is not None

    async def save(self, request: web.Request) -> web.StreamResponse:
        opened, form = await self._frame.open(request), await read_form(request)
        wrong = _wrong(form, language_of(request))
        if wrong.fields or wrong.page:
            return await self._page(request, opened, form, wrong)
        values = _values(form)
        if opened.parts.account is not None:
            document = {**opened.parts.account_document, **values}
            if self._may_let_crm_in(request, opened):
                document[_LETS_CRM_IN] = bool(form.get(_LETS_CRM_IN))
            part, seen = f"account/{opened.parts.account}", seen_of(form, opened)
            try:
                await self._frame.desk.put(opened.office, part, document, seen=seen, who=self._frame.shell.who(request))
            except DozvonError as exc:
                return await self._page(request, opened, form, self._frame.refused(request, exc, _FIELDS))
        await self._frame.desk.store.change(opened.office, lambda state: replace(state, **values))
        raise await self._frame.finish(request, opened.office, Step.OFFICE)

    async def keep(self, request: web.Request) -> web.Response:
        """A half-filled form, sent while somebody types. It is shown again to whoever opens the page next."""
        opened, form = await self._frame.open(request), await read_form(request)
        try:
            step = Step(request.match_info["step"])
        except ValueError as exc:
            raise web.HTTPNotFound from exc
        await self._frame.desk.store.keep(opened.office, step, None if form.get("do") == "drop" else answers_of(form))
        if form.get("do") == "drop":
            raise web.HTTPSeeOther(with_language(request, path_of(opened.office, step)))
        return web.Response(status=204)


def _values(form: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": form["name"].strip(),
        "country": form["country"].upper(),
        "language": form["language"],
        "time_zone": form.get("time_zone", "").strip(),
    }


def _wrong(form: Mapping[str, str], lang: str) -> Wrong:
    """Check the fields as a document does, though there is none yet."""
    raw = {name: form.get(name, "").strip() for name in _FIELDS}
    found = [] if raw["name"] else [FieldProblem(("name",), Problem.NEEDED)]
    try:
        read_office({"id": "x", "some_crm": {}, "some_pbx": {}, **raw}, crm="some_crm", pbx="some_pbx")
    except InvalidDocument as exc:
        found += exc.problems
    return by_field(found, _FIELDS, lang)


def _choices(lang: str) -> dict[str, Any]:
    s = setup_texts(lang)
    return {
        "language_choices": [(each, s[f"language_{each}"]) for each in LANGUAGES],
        "country_choices": [(code, s[f"country_{code}"]) for code in _FIRST]
        + [(code, code) for code in _other_countries()],
        "zones": zones(),
    }


@cache
def _other_countries() -> tuple[str, ...]:
    return tuple(sorted(set(phonenumbers.SUPPORTED_REGIONS) - set(_FIRST)))


@cache
def zones() -> tuple[str, ...]:
    """Names of time zones with a place in them."""
    named = (each for each in available_timezones() if "/" in each)
    return tuple(sorted(each for each in named if not each.startswith(("Etc/", "posix", "right"))))
