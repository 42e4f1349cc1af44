"""Campaigns for supervisors: all of them, one with its figures and history, its rules, and pause, stop, copy."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.campaigns.greeting import OnMachine
from integration.domain.campaigns.model import CampaignState, EntryState, Mode, Owners
from integration.domain.campaigns.plan import LONGEST_NAME, CampaignPlan, PlanFault
from integration.domain.campaigns.states import FROM
from integration.domain.campaigns.windows import UnknownZone
from integration.domain.ids import CampaignId
from integration.ports.campaign_erasure import Deletion
from integration.ports.campaigns import CampaignChange, CampaignCounts, ChangeKind, StoredCampaign
from integration.ports.dialling import DiallingNow
from integration.services.accounts import Account
from integration.services.expected_ends import end_of
from integration.texts.pages import texts
from integration.web.campaigns import plan_form
from integration.web.campaigns.callbacks import CallbackPages
from integration.web.campaigns.desk import CAMPAIGN_IN_PATH, SECTION, CampaignDesk, path_of
from integration.web.campaigns.do_not_call import DoNotCallPages
from integration.web.campaigns.entries import EntryPages
from integration.web.campaigns.files import FilePages
from integration.web.campaigns.forecast import ForecastPages
from integration.web.campaigns.from_crm import FromCrmPages
from integration.web.campaigns.hearing import HearingPages
from integration.web.campaigns.ledger import LedgerPages, ledger_of
from integration.web.campaigns.live_figures import Why
from integration.web.campaigns.pauses import PausePages
from integration.web.campaigns.sounds import SoundPages
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.pages.view import moment
from integration.web.permissions import needs

_TONES = {
    CampaignState.RUNNING: "ok",
    CampaignState.PAUSED: "warn",
    CampaignState.STOPPED: "bad",
}
_ASKED = {CampaignState.PAUSED: "pause", CampaignState.STOPPED: "stop"}
_WAITING = (EntryState.OPEN, EntryState.TAKEN)
_NOBODY_COUNTED = CampaignCounts()


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRow:
    id: CampaignId
    name: str
    mode: str
    state: str
    tone: str
    total: int
    left: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """`undo`: the number of the change that can be undone; None: it cannot."""

    when: str
    who: str
    what: str
    undo: int | None


class CampaignPages:
    def __init__(self, desk: CampaignDesk) -> None:
        self._desk = desk

    def routes(self) -> list[web.AbstractRouteDef]:
        base = "/admin/{account}/campaigns"
        one = f"{base}/{CAMPAIGN_IN_PATH}"
        return [
            *DoNotCallPages(self._desk).routes(),  # before the campaigns, whose ids are any
            *CallbackPages(self._desk).routes(),
            *needs(Permission.SEE_CAMPAIGNS, web.get(base, self.all), web.get(f"{base}/new", self.new)),
            *needs(Permission.CHANGE_CAMPAIGNS, web.post(base, self.make)),
            *needs(Permission.SEE_CAMPAIGNS, web.get(one, self.show), web.get(f"{one}/rules", self.rules)),
            *needs(
                Permission.CHANGE_CAMPAIGNS,
                web.post(f"{one}/rules", self.save),
                web.post(f"{one}/state", self.set_state),
                web.post(f"{one}/copy", self.copy),
                web.post(f"{one}/undo/{{revision:[0-9]{{1,9}}}}", self.undo),
            ),
            *needs(Permission.CHANGE_OFFICE, web.post(f"{one}/delete", self.delete)),
            *EntryPages(self._desk).routes(),
            *LedgerPages(self._desk).routes(),
            *ForecastPages(self._desk).routes(),
            *FromCrmPages(self._desk).routes(),
            *FilePages(self._desk).routes(),
            *HearingPages(self._desk).routes(),
            *PausePages(self._desk).routes(),
            *SoundPages(self._desk).routes(),
        ]

    async def all(self, request: web.Request) -> web.Response:
        account, t = self._desk.shell.account(request), texts(language_of(request))
        counts = await self._desk.campaigns.counts(account.id)
        stored = await self._desk.campaigns.all(account.id)
        now = await self._desk.dialling.now(account.id)
        why = Why(account, language_of(request), self._desk.clock.now())
        has_ledgers = bool(stored) or bool(await self._desk.dialling.ledgers(account.id))  # those of deleted ones stay
        return await self._desk.shell.page(
            request,
            "campaigns.html",
            has_ledgers=has_ledgers,
            account=account,
            section=SECTION,
            base=path_of(account),
            rows=[_row(each, counts.get(each.id, _NOBODY_COUNTED), why, now.get(each.id), t) for each in stored],
            live=True,
        )

    async def new(self, request: web.Request) -> web.Response:
        account = self._desk.shell.account(request)
        return await self._form(request, account, CampaignPlan(name=""), drawn=secrets.token_hex(8))

    async def make(self, request: web.Request) -> web.StreamResponse:
        account, form = self._desk.shell.account(request), await read_form(request)
        plan, faults = plan_form.read_plan(form)
        plan = plan_form.known_only(plan, account)
        drawn = form.get("drawn", "")
        if not re.fullmatch(r"[0-9a-f]{16}", drawn):
            raise web.HTTPBadRequest
        if faults:
            return await self._form(request, account, plan, drawn=drawn, typed=form, faults=faults)
        # A form that was sent twice makes one campaign: both go to it.
        await self._desk.campaigns.make(account.id, CampaignId(drawn), plan, by=self._desk.who(request, account))
        self._desk.tell(account.id)
        raise await self._desk.shell.told(request, path_of(account, CampaignId(drawn)), "camp_made")

    async def show(self, request: web.Request) -> web.Response:
        account, campaign = await self._desk.campaign(request)
        t = texts(language_of(request))
        counts = (await self._desk.campaigns.counts(account.id)).get(campaign.id, _NOBODY_COUNTED)
        history = await self._desk.campaigns.history(account.id, campaign.id)
        imports = await self._desk.imports.of_campaign(account.id, campaign.id)
        now = (await self._desk.dialling.now(account.id)).get(campaign.id)
        at = self._desk.clock.now()
        why = Why(account, language_of(request), at)
        end = await end_of(self._desk.attempts, campaign, counts, zone=account.settings.zone, now=at)
        return await self._desk.shell.page(
            request,
            "campaign.html",
            account=account,
            section=SECTION,
            base=path_of(account),
            campaign=campaign,
            row=_row(campaign, counts, why, now, t),
            live_figures=why.figures(campaign, now, end),
            seats=why.seats(campaign, now),
            ledger=await ledger_of(self._desk.dialling, account, campaign, at, language_of(request)),
            states=[(t[f"entry_state_{state}"], count, state.value) for state, count in _ordered(counts)],
            outcomes=[(t[f"outcome_{outcome}"], count) for outcome, count in counts.outcomes.items() if count],
            people=_who_calls(account, campaign.plan, t),
            windows=[(t[f"camp_day_{day}"], text or "—") for day, text in enumerate(campaign.plan.week)],
            history=_history_rows(account, history, t),
            imports=[(each, t[f"file_state_{each.state}"], moment(each.made_at, account)) for each in imports],
            may_delete=self._desk.may_delete(request),
            may={state.value: campaign.state in from_ for state, from_ in FROM.items()},
            live=True,
        )

    async def rules(self, request: web.Request) -> web.Response:
        account, campaign = await self._desk.campaign(request)
        return await self._form(request, account, campaign.plan, campaign=campaign)

    async def save(self, request: web.Request) -> web.StreamResponse:
        account, campaign = await self._desk.campaign(request)
        form = await read_form(request)
        plan, faults = plan_form.read_plan(form, campaign.plan)
        plan = plan_form.known_only(plan, account, campaign.plan)
        if faults:
            return await self._form(request, account, plan, campaign=campaign, typed=form, faults=faults)
        seen = form.get("seen", "")
        revision = int(seen) if seen.isascii() and seen.isdigit() and len(seen) <= 9 else -1
        by = self._desk.who(request, account)
        done = await self._desk.campaigns.change(account.id, campaign.id, plan, seen=revision, by=by)
        if done is None:
            conflict = texts(language_of(request))["camp_conflict"]
            return await self._form(request, account, plan, campaign=campaign, typed=form, conflict=conflict)
        self._desk.tell(account.id)
        raise await self._desk.shell.told(request, path_of(account, campaign.id), "camp_saved")

    async def undo(self, request: web.Request) -> web.StreamResponse:
        account, campaign = await self._desk.campaign(request)
        seq = int(request.match_info["revision"])
        done = await self._desk.campaigns.undo(account.id, campaign.id, seq, by=self._desk.who(request, account))
        self._desk.tell(account.id)
        said = "camp_not_undone" if done is None else "camp_undone"
        raise await self._desk.shell.told(request, path_of(account, campaign.id), said)

    async def set_state(self, request: web.Request) -> web.StreamResponse:
        account, campaign = await self._desk.campaign(request)
        form, t, back = await read_form(request), texts(language_of(request)), path_of(account, campaign.id)
        wanted = next((state for state in FROM if state.value == form.get("state")), None)
        if wanted is None:
            raise web.HTTPBadRequest
        asked = _ASKED.get(wanted)
        if asked is not None and not form.get("confirmed"):
            return await self._desk.shell.page(
                request,
                "confirm.html",
                title=t[f"camp_{asked}_question"],
                consequences=[t[f"camp_{asked}_consequence"]],
                confirm=t[f"camp_{asked}"],
                action=request.path,
                fields={"state": wanted.value},
                cancel_href=back,
                here=back,
            )
        done = await self._desk.campaigns.set_state(
            account.id, campaign.id, wanted, by=self._desk.who(request, account), only_from=FROM[wanted]
        )
        self._desk.tell(account.id)
        said = "camp_state_changed" if done else "camp_state_not_changed"
        raise await self._desk.shell.told(request, back, said)

    async def delete(self, request: web.Request) -> web.StreamResponse:
        account, campaign = await self._desk.campaign(request)
        form, t, back = await read_form(request), texts(language_of(request)), path_of(account, campaign.id)
        if not form.get("confirmed"):
            return await self._desk.shell.page(
                request,
                "confirm.html",
                title=t["camp_delete_question"],
                consequences=[t["camp_delete_consequence"]],
                confirm=t["camp_delete"],
                action=request.path,
                fields={},
                cancel_href=back,
                here=back,
            )
        by = self._desk.who(request, account)
        done = await self._desk.erasure.delete(account.id, campaign.id, by=by)
        self._desk.tell(account.id)
        if done is Deletion.RUNS:
            raise await self._desk.shell.told(request, back, "camp_delete_runs")
        raise await self._desk.shell.told(request, path_of(account), "camp_deleted")

    async def copy(self, request: web.Request) -> web.StreamResponse:
        account, campaign = await self._desk.campaign(request)
        name = texts(language_of(request))["camp_copy_of"].format(name=campaign.plan.name)[:LONGEST_NAME]
        made = CampaignId(secrets.token_hex(8))
        plan = replace(campaign.plan, name=name)
        await self._desk.campaigns.make(account.id, made, plan, by=self._desk.who(request, account))
        await self._desk.recorded.copy(account.id, campaign.id, made)
        self._desk.tell(account.id)
        raise await self._desk.shell.told(request, path_of(account, made), "camp_copied")

    async def _form(
        self,
        request: web.Request,
        account: Account,
        plan: CampaignPlan,
        *,
        campaign: StoredCampaign | None = None,
        drawn: str = "",
        typed: Mapping[str, str] | None = None,
        faults: Sequence[PlanFault] = (),
        conflict: str = "",
    ) -> web.Response:
        """`typed`: what was sent, which is shown again; a conflict is saved over by sending it once more."""
        t = texts(language_of(request))
        wrong = {fault.field: t[f"camp_wrong_{fault.code}"].format(detail=fault.detail) for fault in faults}
        action = path_of(account) if campaign is None else path_of(account, campaign.id, "/rules")
        return await self._desk.shell.page(
            request,
            "campaign_rules.html",
            account=account,
            section=SECTION,
            base=path_of(account),
            campaign=campaign,
            action=action,
            here=action if campaign is not None else path_of(account, tail="/new"),
            drawn=drawn,
            values={**plan_form.shown(plan), **(typed or {})},
            wrong=wrong,
            conflict=conflict,
            speaks=self._desk.sounds.speaks(account.settings.language),
            modes=[(each.value, t[f"camp_mode_{each}"], t[f"camp_mode_{each}_hint"]) for each in Mode],
            owners=[(each.value, t[f"camp_owners_{each}"]) for each in Owners],
            machine_choices=[(each.value, t[f"camp_on_machine_{each}"]) for each in OnMachine],
            unknown_zones=[(each.value, t[f"camp_unknown_zone_{each}"]) for each in UnknownZone],
            **plan_form.choices(account, plan),
        )


def _row(
    stored: StoredCampaign, counts: CampaignCounts, why: Why, now: DiallingNow | None, t: Mapping[str, str]
) -> CampaignRow:
    left = sum(counts.entries.get(state, 0) for state in _WAITING)
    return CampaignRow(
        id=stored.id,
        name=stored.plan.name,
        mode=t[f"camp_mode_{stored.plan.mode}"],
        state=t[f"camp_state_{stored.state}"],
        tone=_TONES.get(stored.state, "soft"),
        total=counts.total,
        left=left,
        why=why.sentence(stored, counts.total, now),
    )


def _ordered(counts: CampaignCounts) -> list[tuple[EntryState, int]]:
    return [(state, counts.entries[state]) for state in EntryState if counts.entries.get(state)]


def _who_calls(account: Account, plan: CampaignPlan, t: Mapping[str, str]) -> str:
    offered: dict[str, Any] = plan_form.choices(account, plan)
    names = [each.text for kind in ("groups", "employees") for each in offered[kind] if each.is_chosen]
    shown = ", ".join(names[:10]) + (f" + {len(names) - 10}" if len(names) > 10 else "")
    return shown or t["camp_nobody_chosen"]


def _history_rows(account: Account, history: Sequence[CampaignChange], t: Mapping[str, str]) -> list[HistoryRow]:
    """The newest first; only the last change of the rules can be undone."""
    rows: list[HistoryRow] = []
    is_last = True
    for each in history:
        what = t[f"camp_change_{each.kind}"]
        if each.state_before is not None and each.state_after is not None:
            before, after = t[f"camp_state_{each.state_before}"], t[f"camp_state_{each.state_after}"]
            what = what.format(before=before, after=after)
        elif each.kind is ChangeKind.DELETED:
            what = what.format(name=each.name)
        is_plan = each.kind in (ChangeKind.PLAN, ChangeKind.UNDONE)
        rows.append(
            HistoryRow(
                when=moment(each.at, account), who=each.who, what=what, undo=each.seq if is_plan and is_last else None
            )
        )
        is_last = is_last and not is_plan
    return rows
