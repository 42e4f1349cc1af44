"""The abandonment ledger: a campaign's figures on its page, its days as a file, and all campaigns'. Source: K6."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, timedelta

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.campaigns.ledger import Answers, Ledger
from integration.domain.campaigns.windows import day_of
from integration.domain.ids import Timestamp
from integration.ports.campaigns import StoredCampaign
from integration.ports.dialling import CampaignLedger, DayFigures, DiallingStore
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
        base = "/admin/{account}/campaigns"
        one = web.get(f"{base}/{CAMPAIGN_IN_PATH}/ledger.csv", self.export)
        return [*needs(Permission.SEE_CAMPAIGNS, one, web.get(f"{base}/ledger.csv", self.export_all))]

    async def export(self, request: web.Request) -> web.StreamResponse:
        """Every day on which somebody was dialled, the oldest first."""
        account, campaign = await self._desk.campaign(request)
        days = await self._desk.dialling.days(account.id, campaign.id, since=date.min)
        rows = _exported(days, texts(language_of(request)))
        return await csv_answer(request, f"ledger-{campaign.id}.csv", rows)

    async def export_all(self, request: web.Request) -> web.StreamResponse:
        """Every campaign by which somebody was dialled; a deleted one stays: whoever asks must get its days."""
        account = self._desk.shell.account(request)
        ledgers = await self._desk.dialling.ledgers(account.id)
        rows = _of_all(ledgers, texts(language_of(request)))
        return await csv_answer(request, f"ledger-{account.id}.csv", rows)


async def _exported(days: Mapping[date, DayFigures], t: Mapping[str, str]) -> AsyncIterator[list[list[str]]]:
    yield [[t[head] for head in _HEADS]]
    yield _rows(days)


async def _of_all(ledgers: Sequence[CampaignLedger], t: Mapping[str, str]) -> AsyncIterator[list[list[str]]]:
    yield [[t["camp_name"], t["camp_state"], *(t[head] for head in _HEADS)]]
    for each in ledgers:
        state = t["camp_ledger_deleted"] if each.is_deleted else ""
        yield [[each.name, state, *row] for row in _rows(each.days)]


def _rows(days: Mapping[date, DayFigures]) -> list[list[str]]:
    """Of one campaign, the oldest day first."""
    ledger = _ledger(days)
    return [
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
    share = _percent(answers).replace(".", t["camp_decimal_mark"])
    return t["camp_ledger_of"].format(abandoned=answers.abandoned, live=answers.live, share=share)


def _percent(answers: Answers) -> str:
    return f"{answers.share * 100:.1f}"
