"""What would happen if a campaign were dialled now: a page that asks nobody but the office's own figures."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.campaigns.model import EntryState, Mode
from integration.domain.campaigns.simulation.forecast import Forecast, hours_for
from integration.domain.campaigns.windows import hour_of
from integration.errors import Unavailable
from integration.ports.campaigns import CampaignCounts, StoredCampaign
from integration.services.accounts import Account
from integration.services.dialling.resolving import resolved
from integration.services.forecasts import MOST_EMPLOYEES, MOST_HOURS, Question
from integration.texts.pages import texts
from integration.web.campaigns.desk import CAMPAIGN_IN_PATH, SECTION, CampaignDesk, path_of
from integration.web.language import language_of
from integration.web.permissions import needs

_USUAL_HOURS = 4
_ANY_LINES = 1000  # calls at once, where no line says how many it takes
_FIELDS = {"employees": (1, MOST_EMPLOYEES), "hours": (1, MOST_HOURS), "hour": (0, 23)}
_LEFT = (EntryState.OPEN, EntryState.TAKEN)


class ForecastPages:
    def __init__(self, desk: CampaignDesk) -> None:
        self._desk = desk

    def routes(self) -> list[web.AbstractRouteDef]:
        path = f"/admin/{{account}}/campaigns/{CAMPAIGN_IN_PATH}/forecast"
        return [*needs(Permission.SEE_CAMPAIGNS, web.get(path, self.show))]

    async def show(self, request: web.Request) -> web.Response:
        """Works it out only when somebody asks: the page alone costs nothing."""
        account, campaign = await self._desk.campaign(request)
        t = texts(language_of(request))
        usual = self._usual(account, campaign)
        typed = {name: request.query.get(name, str(value))[:10] for name, value in usual.items()}
        numbers, error, facts, told = _numbers(typed), "", [], ""
        if numbers is None:
            error = t["camp_forecast_wrong"].format(employees=MOST_EMPLOYEES, hours=MOST_HOURS)
        elif "employees" in request.query and campaign.plan.mode is not Mode.VOICE:
            try:
                found = await self._desk.forecasts.of(account.id, campaign.id, _question(account, campaign, numbers))
            except Unavailable:
                error = t["camp_forecast_not_now"]
            else:
                counts = (await self._desk.campaigns.counts(account.id)).get(campaign.id, CampaignCounts())
                facts = _facts(found, campaign, counts, t)
                told = t["camp_forecast_learned" if found.is_learned else "camp_forecast_usual"]
        return await self._desk.shell.page(
            request,
            "campaign_forecast.html",
            account=account,
            section=SECTION,
            base=path_of(account),
            campaign=campaign,
            is_message=campaign.plan.mode is Mode.VOICE,
            typed=typed,
            error=error,
            facts=facts,
            told=told,
        )

    def _usual(self, account: Account, campaign: StoredCampaign) -> dict[str, int]:
        members = len(resolved(campaign, account).members)
        hour = hour_of(self._desk.clock.now(), account.settings.zone)
        return {"employees": min(max(members, 1), MOST_EMPLOYEES), "hours": _USUAL_HOURS, "hour": hour}


def _numbers(typed: Mapping[str, str]) -> dict[str, int] | None:
    """None: one of them is no number, or out of its range."""
    read = {}
    for name, (least, most) in _FIELDS.items():
        said = typed[name].strip()
        if not (said.isascii() and said.isdigit() and least <= int(said) <= most):
            return None
        read[name] = int(said)
    return read


def _question(account: Account, campaign: StoredCampaign, numbers: Mapping[str, int]) -> Question:
    plan, made = campaign.plan, resolved(campaign, account)
    lines = sum(each.most or _ANY_LINES for each in made.lines) or _ANY_LINES
    return Question(
        employees=numbers["employees"],
        hours=numbers["hours"],
        hour=numbers["hour"],
        ceiling=plan.ceiling_percent / 100,
        lines=min(lines, plan.max_calls or lines),
        ring_seconds=plan.ring_seconds,
        is_ahead=plan.mode is Mode.PREDICTIVE,
    )


def _facts(
    found: Forecast, campaign: StoredCampaign, counts: CampaignCounts, t: Mapping[str, str]
) -> list[tuple[str, str]]:
    left = sum(counts.entries.get(state, 0) for state in _LEFT)
    rows = [
        (t["camp_forecast_dialled"], str(round(found.dialled))),
        (t["camp_forecast_talks"], str(round(found.talks))),
        (t["camp_forecast_rate"], f"{found.answer_rate * 100:.0f} %"),
        (t["camp_forecast_busy"], _range(found.occupancy, t, 0)),
        (t["camp_forecast_abandoned"], _range(found.abandoned, t, 1)),
    ]
    if left and found.dialled > 0:
        hours = hours_for(
            left,
            attempts=campaign.plan.per_contact,
            answer_rate=found.answer_rate,
            dialled_an_hour=found.dialled,
        )
        about = t["camp_forecast_about"].format(hours=_decimal(hours, 1, t))
        rows.append((t["camp_forecast_list"].format(people=left), about))
    return rows


def _range(values: tuple[float, float, float], t: Mapping[str, str], places: int) -> str:
    low, mean, high = (_decimal(each * 100, places, t) for each in values)
    return t["camp_forecast_range"].format(low=low, mean=mean, high=high)


def _decimal(value: float, places: int, t: Mapping[str, str]) -> str:
    return f"{value:.{places}f}".replace(".", t["camp_decimal_mark"])
