"""Lists from the CRM: which contacts, companies or deals a filter means, and the import in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web

from integration.domain.access import Permission
from integration.domain.crm.entities import EntityKind
from integration.domain.crm.filters import CrmFilter, Pipeline, StageRef
from integration.domain.ids import AccountId, ManagerId
from integration.errors import DozvonError
from integration.ports.campaigns import StoredCampaign
from integration.services.accounts import Account
from integration.texts.pages import texts
from integration.web.campaigns.desk import CAMPAIGN_IN_PATH, SECTION, CampaignDesk, path_of
from integration.web.campaigns.plan_form import Choice
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.permissions import needs

log = structlog.get_logger()

_OPEN = "open"
_FIRST_DAY, _LAST_DAY = date(1990, 1, 1), date(2199, 12, 31)
_PIPELINES_SECONDS = 3.0  # a person waits for the page; contacts can be chosen without pipelines
_SILENT_SECONDS = 10.0  # a CRM that did not answer is not waited for again at once


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRow:
    name: str
    stages: Sequence[Choice]


class FromCrmPages:
    def __init__(self, desk: CampaignDesk) -> None:
        self._desk = desk
        self._silent_until: dict[AccountId, float] = {}  # CRMs that did not answer; on the loop's clock

    def routes(self) -> list[web.AbstractRouteDef]:
        base = f"/admin/{{account}}/campaigns/{CAMPAIGN_IN_PATH}"
        return [
            *needs(Permission.SEE_CAMPAIGNS, web.get(f"{base}/from-crm", self.form)),
            *needs(
                Permission.CHANGE_CAMPAIGNS,
                web.post(f"{base}/from-crm", self.begin),
                web.post(f"{base}/files/{{file:[0-9a-f]{{32}}}}/repeat", self.repeat),
            ),
        ]

    async def form(self, request: web.Request) -> web.Response:
        account, campaign = await self._desk.campaign(request)
        return await self._form(request, account, campaign, {})

    async def begin(self, request: web.Request) -> web.StreamResponse:
        account, campaign = await self._desk.campaign(request)
        form = await read_form(request)
        pipelines, problem = await self._pipelines(request, account)
        wanted, wrong = read_filter(form, pipelines, account)
        if wanted is None or (problem and wanted.kind is EntityKind.DEAL):
            return await self._form(request, account, campaign, form, wrong=wrong)
        name = self._name(request, account, wanted, pipelines)
        made = await self._desk.files.begin_from_crm(
            account,
            self._desk.office_of(account.id),
            campaign.id,
            wanted,
            name=name,
            by=self._desk.who(request, account),
        )
        where = path_of(account, campaign.id, f"/files/{made.id}")
        raise await self._desk.shell.told(request, where, "file_begun")

    async def repeat(self, request: web.Request) -> web.StreamResponse:
        """The same filter again: who fits it by now and is not in the list yet."""
        account, campaign = await self._desk.campaign(request)
        before = await self._desk.imports.get(account.id, request.match_info["file"])
        if before is None or before.campaign != campaign.id or before.wanted is None:
            raise web.HTTPNotFound
        made = await self._desk.files.begin_from_crm(
            account,
            before.office,
            campaign.id,
            before.wanted,
            name=before.file_name,
            by=self._desk.who(request, account),
        )
        where = path_of(account, campaign.id, f"/files/{made.id}")
        raise await self._desk.shell.told(request, where, "file_begun")

    async def _pipelines(self, request: web.Request, account: Account) -> tuple[list[Pipeline], str]:
        """Of the CRM, and what is said where it does not give them."""
        none: tuple[list[Pipeline], str] = [], texts(language_of(request))["crm_list_no_pipelines"]
        clock = asyncio.get_running_loop().time
        if clock() < self._silent_until.get(account.id, 0.0):
            return none
        try:
            async with asyncio.timeout(_PIPELINES_SECONDS):
                return await account.crm.pipelines(), ""
        except (DozvonError, TimeoutError) as exc:
            log.info("the CRM does not give its pipelines", account_id=account.id, reason=str(exc) or "no answer")
            self._silent_until[account.id] = clock() + _SILENT_SECONDS
            return none

    async def _form(
        self,
        request: web.Request,
        account: Account,
        campaign: StoredCampaign,
        form: Mapping[str, str],
        *,
        wrong: Mapping[str, str] | None = None,
    ) -> web.Response:
        t = texts(language_of(request))
        pipelines, problem = await self._pipelines(request, account)
        managers = sorted((each for each in account.managers.values() if each.is_active), key=lambda each: each.name)
        return await self._desk.shell.page(
            request,
            "list_from_crm.html",
            account=account,
            section=SECTION,
            campaign=campaign,
            base=path_of(account, campaign.id),
            here=path_of(account, campaign.id, "/from-crm"),
            values=form,
            wrong={name: t[key] for name, key in (wrong or {}).items()},
            problem=problem,
            kinds=[(kind.value, t[f"crm_list_{kind}s"], "") for kind in kinds_of(account)],
            kind=form.get("kind") or EntityKind.CONTACT.value,
            pipelines=[_row(each, form, t) for each in pipelines],
            managers=[Choice(f"manager.{each.id}", each.name, f"manager.{each.id}" in form) for each in managers],
        )

    def _name(self, request: web.Request, account: Account, wanted: CrmFilter, pipelines: Sequence[Pipeline]) -> str:
        t = texts(language_of(request))
        stages = [_stage_name(each, pipelines) for each in wanted.stages]
        people = [account.managers[each].name for each in wanted.responsibles if each in account.managers]
        parts = [t[f"crm_list_{wanted.kind}s"], *stages, *([t["crm_list_open"]] if wanted.only_open else []), *people]
        return ", ".join(filter(None, parts))


def kinds_of(account: Account) -> list[EntityKind]:
    """A lead is a person only where a CRM has no inbox."""
    leads = [] if account.crm.abilities.inbox or not account.crm.abilities.leads else [EntityKind.LEAD]
    return [EntityKind.CONTACT, EntityKind.COMPANY, *leads, EntityKind.DEAL]


def read_filter(
    form: Mapping[str, str], pipelines: Sequence[Pipeline], account: Account
) -> tuple[CrmFilter | None, dict[str, str]]:
    """The filter of a form that was sent, or what is wrong with its fields: keys of texts. Never raises."""
    wrong: dict[str, str] = {}
    kind = next((each for each in kinds_of(account) if each.value == form.get("kind")), None)
    if kind is None:
        wrong["kind"] = "crm_list_no_kind"
    days = {}
    for name in ("created_from", "created_until"):
        days[name] = _day(form.get(name, "").strip())
        if form.get(name, "").strip() and days[name] is None:
            wrong[name] = "crm_list_no_day"
    first, last = days["created_from"], days["created_until"]
    if first is not None and last is not None and last < first:
        wrong["created_until"] = "crm_list_days_turned"
    if kind is None or wrong:
        return None, wrong
    stages = [
        StageRef(pipeline.id, stage)
        for pipeline in pipelines
        for stage in ("", *(each.id for each in pipeline.stages))
        if _field(pipeline.id, stage) in form
    ]
    whole = {each.pipeline for each in stages if not each.stage}
    zone = ZoneInfo(account.settings.zone)
    is_deals = kind is EntityKind.DEAL
    wanted = CrmFilter(
        kind=kind,
        stages=tuple(each for each in stages if not each.stage or each.pipeline not in whole) if is_deals else (),
        only_open=is_deals and _OPEN in form,
        responsibles=tuple(ManagerId(each) for each in account.managers if f"manager.{each}" in form),
        created_from=_midnight(first, zone) if first is not None else None,
        created_until=_midnight(last + timedelta(days=1), zone) if last is not None else None,
    )
    return wanted, {}


def _field(pipeline: str, stage: str) -> str:
    return f"stage.{pipeline}/{stage}"


def _row(pipeline: Pipeline, form: Mapping[str, str], t: Mapping[str, Any]) -> PipelineRow:
    choices = [("", t["crm_list_all_stages"]), *((each.id, each.name) for each in pipeline.stages)]
    fields = [(_field(pipeline.id, stage), name) for stage, name in choices]
    return PipelineRow(name=pipeline.name, stages=[Choice(field, name, field in form) for field, name in fields])


def _stage_name(wanted: StageRef, pipelines: Sequence[Pipeline]) -> str:
    pipeline = next((each for each in pipelines if each.id == wanted.pipeline), None)
    if pipeline is None:
        return ""
    stage = next((each.name for each in pipeline.stages if each.id == wanted.stage), "")
    return f"{pipeline.name}: {stage}" if stage else pipeline.name


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if _FIRST_DAY <= day <= _LAST_DAY else None


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())
