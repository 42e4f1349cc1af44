"""The abandonment ledger of a campaign: its figures on the page, and all its days as a file. Source: spec K6."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date, timedelta

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.campaigns.ledger import Answers, Ledger
from integration.domain.campaigns.windows import day_of
from integration.domain.ids import Timestamp
from integration.ports.campaigns import StoredCampaign
from integration.ports.dialling import DayFigures, DiallingStore
from integration.services.accounts import Account
from integration.texts.pages import texts
from integration.web.campaigns.csv_answer import csv_answer
from integration.web.campaigns.desk import CAMPAIGN_IN_PATH, CampaignDesk
from integration.web.language import language_of
from integration.web.permissions import needs

_WINDOW_DAYS = 30
_HEADS = ("camp_day", "camp_dialled", "camp_live", "camp_abandoned", "camp_share_of_day", "camp_share_of_window")


class LedgerPages:
    def __init__(self, desk: CampaignDesk) -> None:
        self._desk = desk

    def routes(self) -> list[web.AbstractRouteDef]:
        path = f"/admin/{{account}}/campaigns/{CAMPAIGN_IN_PATH}/ledger.csv"
        return [*needs(Permission.SEE_CAMPAIGNS, web.get(path, self.export))]

    async def export(self, request: web.Request) -> web.StreamResponse:
        """Every day on which somebody was dialled, the oldest first."""
        account, campaign = await self._desk.campaign(request)
        days = await self._desk.dialling.days(account.id, campaign.id, since=date.min)
        rows = _exported(days, texts(language_of(request)))
        return await csv_answer(request, f"ledger-{campaign.id}.csv", rows)


async def _exported(days: Mapping[date, DayFigures], t: Mapping[str, str]) -> AsyncIterator[list[list[str]]]:
    yield [[t[head] for head in _HEADS]]
    ledger = _ledger(days)
    yield [
        [
            day.isoformat(),
            str(figures.dialled),
            str(figures.live),
            str(figures.abandoned),
            _percent(ledger.of_day(day)),
            _percent(ledger.of_window(day)),
        ]
        for day, figures in sorted(days.items())
    ]


async def ledger_of(
    store: DiallingStore, account: Account, stored: StoredCampaign, now: Timestamp, language: str
) -> list[tuple[str, str]]:
    """Abandoned calls of today and of thirty days; empty: nobody has answered yet. Raises: Unavailable."""
    t = texts(language)
    today = day_of(now, account.settings.zone)
    ledger = _ledger(await store.days(account.id, stored.id, since=today - timedelta(days=_WINDOW_DAYS - 1)))
    window = ledger.of_window(today)
    if not window.live:
        return []
    both = (("today", ledger.of_day(today)), ("window", window))
    return [(t[f"camp_ledger_{name}"], _share(t, answers)) for name, answers in both]


def _ledger(days: Mapping[date, DayFigures]) -> Ledger:
    answers = {day: Answers(each.live, each.abandoned) for day, each in days.items()}
    return Ledger(days=answers, measured_days=_WINDOW_DAYS)


def _share(t: Mapping[str, str], answers: Answers) -> str:
    return t["camp_ledger_of"].format(abandoned=answers.abandoned, live=answers.live, share=_percent(answers))


def _percent(answers: Answers) -> str:
    return f"{answers.share * 100:.1f}"
