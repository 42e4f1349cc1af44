"""The wizard's last screen: one light for each thing that a call needs, and a trial at somebody's phone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.connections.state import ConnectionStatus
from integration.domain.ids import Extension, ManagerId
from integration.domain.sentences import say
from integration.domain.setup import Step
from integration.errors import DozvonError
from integration.ports.findings import FindingLevel
from integration.ports.pbx_setup import RingOutcome, RingResult
from integration.services.accounts import Account, Accounts
from integration.texts.connections import state_sentence
from integration.texts.pbx_setup import RING_RESULTS
from integration.texts.setup import setup_texts
from integration.web.forms import read_form
from integration.web.language import language_of, with_language
from integration.web.permissions import needs
from integration.web.setup.frame import Frame, Opened, path_of
from integration.web.setup.shown import OF_LATER_STEPS, TONES, Light, trouble

_RING_SECONDS = 15.0
_MOST_EXTENSION = 40  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a call needs. `step`: where it is mended; empty: nothing to mend."""

    title: str
    level: FindingLevel
    message: str
    step: str = ""


ShowCard = Callable[[Account, ManagerId, Extension], Awaitable[bool]]
"""Shows a card for a trial on the open pages of a manager. False: there are none."""


class RehearsalScreen:
    def __init__(self, frame: Frame, accounts: Accounts, show_card: ShowCard) -> None:
        self._frame = frame
        self._accounts = accounts
        self._show_card = show_card

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return needs(
            Permission.CHANGE_OFFICE,
            web.get("/admin/setup/{office}/rehearsal", self.show),
            web.post("/admin/setup/{office}/rehearsal", self.act),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        opened = await self._frame.open(request)
        return await self._page(request, opened, lights=())

    async def _page(
        self, request: web.Request, opened: Opened, *, lights: tuple[Part, ...], extension: str = ""
    ) -> web.Response:
        return await self._frame.page(
            request,
            opened,
            Step.REHEARSAL,
            values={"extension": extension},
            lights=[Light(tone=TONES[each.level], check=each.title, result=each.message) for each in lights],
            to_mend=list(dict.fromkeys(each.step for each in lights if each.step)),
            is_well=bool(lights) and all(each.level is FindingLevel.OK for each in lights),
        )

    async def act(self, request: web.Request) -> web.StreamResponse:
        opened, form = await self._frame.open(request), await read_form(request)
        account = self._accounts.get(opened.parts.account) if opened.parts.account is not None else None
        if account is None:
            raise web.HTTPSeeOther(with_language(request, path_of(opened.office, Step.CRM)))
        if form.get("do") == "finish":
            await self._frame.desk.store.finish(opened.office, Step.REHEARSAL)
            raise web.HTTPSeeOther(with_language(request, f"/admin/{account.id}"))
        extension = form.get("extension", "").strip()[:_MOST_EXTENSION]
        lights = await self._rehearse(request, opened, account, extension)
        return await self._page(request, opened, lights=lights, extension=extension)

    async def _rehearse(
        self, request: web.Request, opened: Opened, account: Account, extension: str
    ) -> tuple[Part, ...]:
        lang = language_of(request)
        s = setup_texts(lang)
        found = [await self._crm(opened, s, lang), await self._pbx(opened, s, lang)]
        if found[-1].level is FindingLevel.OK:
            found += [await self._route(opened, s, lang), await self._recordings(opened, s, lang)]
        found.append(_people(account, s))
        if extension:
            found.append(await self._phone(opened, extension, s, lang))
            found.append(await self._card(account, extension, s))
        return tuple(found)

    async def _crm(self, opened: Opened, s: Mapping[str, str], lang: str) -> Part:
        state = (await self._frame.desk.facts(opened.state, opened.parts)).crm
        if state is not None and state.status is ConnectionStatus.READY:
            return Part(title=s["light_crm"], level=FindingLevel.OK, message=s["crm_ready"])
        said = state_sentence(state, lang) if state is not None else s["mark_open"]
        return Part(title=s["light_crm"], level=FindingLevel.ERROR, message=said, step=Step.CRM)

    async def _pbx(self, opened: Opened, s: Mapping[str, str], lang: str) -> Part:
        try:
            findings = await (await self._frame.desk.trial(opened.office)).diagnose()
        except DozvonError as exc:
            return Part(title=s["light_pbx"], level=FindingLevel.ERROR, message=trouble(exc, lang), step=Step.PBX)
        errors = (each for each in findings if each.level is FindingLevel.ERROR)
        wrong = next((each for each in errors if each.check not in OF_LATER_STEPS), None)
        if wrong is not None:
            return Part(title=s["light_pbx"], level=wrong.level, message=wrong.says.say(lang), step=Step.PBX)
        return Part(title=s["light_pbx"], level=FindingLevel.OK, message=s["pbx_ready"])

    async def _route(self, opened: Opened, s: Mapping[str, str], lang: str) -> Part:
        try:
            findings = await (await self._frame.desk.trial(opened.office)).check_route_setup()
        except DozvonError as exc:
            said = trouble(exc, lang)
            return Part(title=s["light_route"], level=FindingLevel.ERROR, message=said, step=Step.ROUTING)
        levels = [FindingLevel.ERROR, FindingLevel.WARNING, FindingLevel.OK]
        worst = min(findings, key=lambda each: levels.index(each.level), default=None)
        if worst is None:
            return Part(title=s["light_route"], level=FindingLevel.WARNING, message=s["nothing_checked"])
        step = "" if worst.level is FindingLevel.OK else Step.ROUTING.value
        return Part(title=s["light_route"], level=worst.level, message=worst.says.say(lang), step=step)

    async def _recordings(self, opened: Opened, s: Mapping[str, str], lang: str) -> Part:
        try:
            newest = await (await self._frame.desk.trial(opened.office)).newest_recordings(1)
        except DozvonError as exc:
            said = trouble(exc, lang)
            return Part(title=s["light_recordings"], level=FindingLevel.WARNING, message=said, step=Step.ROUTING)
        if not newest:
            said = s["no_recordings"]
            return Part(title=s["light_recordings"], level=FindingLevel.WARNING, message=said, step=Step.ROUTING)
        said = s["recordings_found"].format(name=newest[0].name)
        return Part(title=s["light_recordings"], level=FindingLevel.OK, message=said)

    async def _phone(self, opened: Opened, extension: str, s: Mapping[str, str], lang: str) -> Part:
        try:
            trial = await self._frame.desk.trial(opened.office)
            rang: RingOutcome = await trial.ring(extension, seconds=_RING_SECONDS)
        except DozvonError as exc:
            return Part(title=s["light_phone"], level=FindingLevel.ERROR, message=trouble(exc, lang), step=Step.PBX)
        is_well = rang.result is RingResult.ANSWERED or rang.has_rung
        level = FindingLevel.OK if is_well else FindingLevel.ERROR
        return Part(title=s["light_phone"], level=level, message=say(RING_RESULTS[rang.result], lang))

    async def _card(self, account: Account, extension: str, s: Mapping[str, str]) -> Part:
        title = s["light_card"]
        manager = account.at(next(iter(account.pbxs))).manager_of(Extension(extension)) if account.pbxs else None
        if manager is None:
            said = s["card_nobody"].format(extension=extension)
            return Part(title=title, level=FindingLevel.WARNING, message=said, step=Step.PEOPLE)
        name = account.managers[manager].name if manager in account.managers else str(manager)
        if await self._show_card(account, manager, Extension(extension)):
            return Part(title=title, level=FindingLevel.OK, message=s["card_shown"].format(name=name))
        return Part(title=title, level=FindingLevel.WARNING, message=s["card_nowhere"].format(name=name), step=Step.CRM)


def _people(account: Account, s: Mapping[str, str]) -> Part:
    mapped = {each.manager for each in account.settings.employees if each.manager}
    if not mapped:
        said = s["nobody_mapped"]
        return Part(title=s["light_people"], level=FindingLevel.ERROR, message=said, step=Step.PEOPLE)
    said = s["people_mapped"].format(count=len(mapped))
    return Part(title=s["light_people"], level=FindingLevel.OK, message=said)
