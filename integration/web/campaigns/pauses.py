"""A supervisor pauses one employee for all campaigns, and ends the pause."""

from __future__ import annotations

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.campaigns.pauses import CampaignPause
from integration.web.campaigns.desk import CAMPAIGN_IN_PATH, CampaignDesk, path_of
from integration.web.forms import read_form
from integration.web.permissions import needs


class PausePages:
    def __init__(self, desk: CampaignDesk) -> None:
        self._desk = desk

    def routes(self) -> list[web.AbstractRouteDef]:
        one = f"/admin/{{account}}/campaigns/{CAMPAIGN_IN_PATH}"
        return [*needs(Permission.CHANGE_CAMPAIGNS, web.post(f"{one}/employees", self.say))]

    async def say(self, request: web.Request) -> web.StreamResponse:
        """Sent twice it changes nothing more: the form says what shall be, not that it shall be turned over."""
        account, campaign = await self._desk.campaign(request)
        form, back = await read_form(request), path_of(account, campaign.id)
        key, wanted = form.get("employee", ""), form.get("paused", "")
        if wanted not in ("yes", "no"):
            raise web.HTTPBadRequest
        if not any(each.key == key for each in account.settings.employees):
            raise await self._desk.shell.told(request, back, "camp_employee_gone")
        if wanted == "yes":
            pause = CampaignPause(by=self._desk.who(request, account), since=self._desk.clock.now())
            await self._desk.accounts.pause_campaigns(account, [key], pause)
        else:
            await self._desk.accounts.resume_campaigns(account, [key])
            await self._desk.offers.resumed(account, [key])
        self._desk.tell(account.id)
        said = "camp_employee_paused" if wanted == "yes" else "camp_employee_resumed"
        raise await self._desk.shell.told(request, back, said)
