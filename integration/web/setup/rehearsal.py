"""The wizard's last screen: a rehearsal with a light for each thing that a call needs, and for whom Dozvon is on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import Extension, ManagerId, PbxId
from integration.domain.rehearsal import Rehearsal, RehearsalPart
from integration.domain.settings import Employee
from integration.domain.setup import Step
from integration.ports.findings import FindingLevel
from integration.services.accounts import Account, Accounts
from integration.services.rehearsals import Rehearsals
from integration.texts.setup import setup_texts
from integration.web.forms import read_form
from integration.web.language import language_of, with_language
from integration.web.permissions import needs
from integration.web.setup.frame import Form, Frame, Opened, Wrong
from integration.web.setup.shown import TONES, Light

_MOST_EXTENSION = 40  # characters
_REFRESH_SECONDS = 2  # of a page without a script, while a rehearsal is under way


class RehearsalScreen:
    def __init__(self, frame: Frame, accounts: Accounts, rehearsals: Rehearsals) -> None:
        self._frame = frame
        self._accounts = accounts
        self._rehearsals = rehearsals

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return needs(
            Permission.CHANGE_OFFICE,
            web.get("/admin/setup/{office}/rehearsal", self.show),
            web.post("/admin/setup/{office}/rehearsal", self.act),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        opened = await self._frame.open(request)
        await self._rehearsals.go_on(opened.office, opened.state.rehearsal)
        return await self._page(request, opened, self._account(opened))

    def _account(self, opened: Opened) -> Account | None:
        return self._accounts.get(opened.parts.account) if opened.parts.account is not None else None

    async def _page(
        self,
        request: web.Request,
        opened: Opened,
        account: Account | None,
        form: Form | None = None,
        wrong: Wrong | None = None,
    ) -> web.Response:
        lang = language_of(request)
        run = opened.state.rehearsal
        if run is not None and run.account != opened.parts.account:
            run = None
        is_running = run is not None and run.ended_at is None
        return await self._frame.page(
            request,
            opened,
            Step.REHEARSAL,
            values={"extension": run.extension if run is not None else "", **(form or {})},
            wrong=wrong,
            live=opened.parts.account or False,
            refresh_seconds=_REFRESH_SECONDS if is_running else 0,
            action=opened.path(Step.REHEARSAL),
            extensions=_extensions(account),
            has_run=run is not None,
            is_running=is_running,
            is_well=run is not None and run.is_well,
            tried=len(run.outcomes) if run is not None else 0,
            lights=_lights(run, lang) if run is not None else [],
            to_mend=_to_mend(run, opened, lang) if run is not None else [],
            left=[each.get(lang, "") for each in run.left] if run is not None else [],
            contact_url=_contact_url(opened, account, run),
            **_for_whom(account, run, lang),
        )

    async def act(self, request: web.Request) -> web.StreamResponse:
        opened, form = await self._frame.open(request), await read_form(request)
        account = self._account(opened)
        if account is None:
            raise web.HTTPSeeOther(with_language(request, opened.path(Step.CRM)))
        s = setup_texts(language_of(request))
        fragment = "whom"
        match form.get("do", ""):
            case "finish":
                await self._frame.desk.store.finish(opened.office, Step.REHEARSAL)
                raise web.HTTPSeeOther(with_language(request, f"/admin/{account.id}"))
            case "for_all":
                await self._accounts.switch_on_for(account, None, who=self._frame.shell.who(request))
            case "for_me" | "for_chosen" as how:
                chosen = _chosen(account, form, is_one=how == "for_me")
                if not chosen:
                    return await self._page(request, opened, account, form, Wrong(page=[s["choose_somebody"]]))
                await self._accounts.switch_on_for(account, chosen, who=self._frame.shell.who(request))
            case "rehearse" | "":
                extension = form.get("extension", "").strip()[:_MOST_EXTENSION]
                if not extension or not account.pbxs:
                    wrong = Wrong(fields={"extension": s["extension_needed"]})
                    return await self._page(request, opened, account, form, wrong)
                pbx = _pbx_of(account, extension)
                await self._rehearsals.start(opened.office, account, pbx, Extension(extension))
                fragment = "lights"
            case _:
                raise web.HTTPBadRequest
        raise web.HTTPSeeOther(with_language(request, opened.path(Step.REHEARSAL, fragment)))


def _lights(run: Rehearsal, lang: str) -> list[Light]:
    """One for each part; of those that were not tried yet what they wait for."""
    s = setup_texts(lang)
    lights = []
    for part in RehearsalPart:
        outcome = run.outcomes.get(part)
        title = s[f"light_{part}"]
        if outcome is None:
            lights.append(
                Light(tone="soft", check=title, result=s["being_tried" if part is run.next_part else "not_tried_yet"])
            )
        else:
            said, advice = outcome.says.get(lang, ""), outcome.advice.get(lang, "")
            lights.append(Light(tone=TONES[FindingLevel(outcome.level)], check=title, result=said, todo=advice))
    return lights


def _to_mend(run: Rehearsal, opened: Opened, lang: str) -> list[tuple[str, str]]:
    s = setup_texts(lang)
    steps = dict.fromkeys(Step(each.step) for each in run.outcomes.values() if each.step)
    return [(opened.path(step), s["to_step"].format(step=s[f"step_{step}"])) for step in steps]


def _contact_url(opened: Opened, account: Account | None, run: Rehearsal | None) -> str:
    contact = opened.state.test_contacts.get(account.id, "") if account is not None else ""
    if not contact or account is None or run is None or run.ended_at is None:
        return ""
    return account.crm.entity_url(EntityRef(EntityKind.CONTACT, contact))


def _for_whom(account: Account | None, run: Rehearsal | None, lang: str) -> dict[str, Any]:
    """For whom it is on, and who can be chosen: managers with a phone."""
    s = setup_texts(lang)
    if account is None:
        return {"on_tone": "soft", "on_said": s["on_for_nobody"], "is_for_all": False, "me": None, "managers": []}
    settings = account.settings
    is_for_all = settings.enabled and settings.only_for is None
    if not settings.enabled:
        tone, said = "warn", s["on_for_nobody"]
    elif is_for_all:
        tone, said = "ok", s["on_for_all"]
    else:
        tone, said = "warn", s["on_for_some"].format(names=account.chosen_names or "—")
    me = run.manager if run is not None else None
    return {
        "on_tone": tone,
        "on_said": said,
        "is_for_all": is_for_all,
        "me": (me, account.manager_name(me) or me) if me else None,
        "managers": [
            (key, name, key in (settings.only_for or ())) for name, key in _mapped(account.settings.employees, account)
        ],
    }


def _mapped(employees: Iterable[Employee], account: Account) -> list[tuple[str, ManagerId]]:
    """Managers with a phone, by name."""
    found = {each.manager for each in employees if each.manager}
    return sorted((account.manager_name(each) or each, each) for each in found)


def _chosen(account: Account, form: Mapping[str, str], *, is_one: bool) -> list[ManagerId]:
    """Those that the form names and that have a phone."""
    named = (
        {form.get("manager", "")}
        if is_one
        else {name.removeprefix("manager.") for name in form if name.startswith("manager.")}
    )
    return [key for _, key in _mapped(account.settings.employees, account) if key in named]


def _extensions(account: Account | None) -> list[str]:
    """Phones of managers, as the field suggests them."""
    employees = account.settings.employees if account is not None else ()
    return sorted({each.extension for each in employees if each.manager})


def _pbx_of(account: Account, extension: str) -> PbxId:
    """Where the phone is: that of the first employee with this extension, else the main one."""
    own = (each for each in account.settings.employees if each.extension == extension)
    found = (account.pbx_of(each) for each in own)
    return next((each for each in found if each in account.pbxs), next(iter(account.pbxs)))
