"""The widget's API for one's own pause of campaigns' calls, as `widgets/README.md` describes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from integration.domain.campaigns.pauses import CampaignPause
from integration.domain.ids import AccountId, ManagerId
from integration.ports.clock import Clock
from integration.ports.crm import WidgetUser
from integration.ports.dialling import STALE_SECONDS, DiallingStore
from integration.services.accounts import Account, Accounts
from integration.services.click import Refused
from integration.services.offers import Offers
from integration.web.errors import json_body
from integration.web.flow import Flow
from integration.web.permissions import for_everybody

_PATH = "/api/widget/campaign-pause"
_MOST, _WITHIN_SECONDS = 10, 60.0  # of one manager; each is a write of the account's settings


class WidgetCampaignPause:
    """
    Args:
        who: the user that the CRM's token proves. Raises: AuthFailed, Refused.
        tell: that something of an account changed, to its open pages and diallers.
    """

    def __init__(
        self,
        accounts: Accounts,
        dialling: DiallingStore,
        offers: Offers,
        who: Callable[[web.Request], Awaitable[tuple[WidgetUser, Account]]],
        tell: Callable[[AccountId], None],
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._dialling = dialling
        self._offers = offers
        self._who = who
        self._tell = tell
        self._clock = clock
        self._flow = Flow(most=_MOST, seconds=_WITHIN_SECONDS, now=clock.now)

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            *for_everybody("the CRM's token is checked", (web.get(_PATH, self.show), web.post(_PATH, self.say))),
        ]

    async def show(self, request: web.Request) -> web.Response:
        user, account = await self._who(request)
        return web.json_response(await self._said(account, user.manager))

    async def say(self, request: web.Request) -> web.Response:
        user, account = await self._who(request)
        body = await json_body(request)
        is_paused = body.get("paused")
        if not isinstance(is_paused, bool):
            raise Refused("bad_request", "paused: true or false")
        keys = _phones_of(account, user.manager)
        if not keys:
            raise Refused("no_extension", "No extension is assigned to you")
        if not self._flow.allows((account.id, user.manager)):
            raise Refused("rate_limited", "too many requests")
        name = account.manager_name(user.manager) or user.manager
        pause = CampaignPause(by=name, since=self._clock.now(), own=True)
        if is_paused:
            await self._accounts.pause_campaigns(account, keys, pause)
        else:
            await self._accounts.resume_campaigns(account, keys, own=True)
            await self._offers.resumed(account, keys)
        self._tell(account.id)
        return web.json_response(await self._said(account, user.manager))

    async def _said(self, account: Account, manager: ManagerId) -> dict[str, Any]:
        keys = _phones_of(account, manager)
        pauses = [account.settings.campaign_pauses[key] for key in keys if key in account.settings.campaign_pauses]
        if pauses:
            pause = min(pauses, key=lambda each: (each.own, each.since))  # the one that the manager cannot end first
            return {"pause": {"by": pause.by, "since": pause.since, "own": pause.own}, "at_work": True}
        return {"pause": None, "at_work": await self._is_at_work(account, keys)}

    async def _is_at_work(self, account: Account, keys: list[str]) -> bool:
        """Whether a campaign that is dialled now has this manager among its employees."""
        oldest = self._clock.now() - STALE_SECONDS
        now = await self._dialling.now(account.id)
        return any(seat.key in keys for each in now.values() if each.at >= oldest for seat in each.seats)


def _phones_of(account: Account, manager: ManagerId) -> list[str]:
    return [each.key for each in account.settings.employees if each.manager == manager]
