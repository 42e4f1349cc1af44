"""The widget's API for lists of campaigns, as `widgets/README.md` describes it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from integration.domain.campaigns.plan import LONGEST_NAME, CampaignPlan
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId, CampaignId
from integration.ports.campaigns import CampaignStore, StoredCampaign
from integration.ports.crm import WidgetUser
from integration.services.accounts import Account
from integration.services.click import Refused
from integration.services.crm_selections import MOST_SELECTED, CrmSelections
from integration.web.errors import json_body, text_field
from integration.web.permissions import for_everybody

_PREFIX = "/api/widget/campaigns"
# A tuple: what comes from outside is not always hashable.
_KINDS = (EntityKind.CONTACT.value, EntityKind.COMPANY.value, EntityKind.DEAL.value, EntityKind.LEAD.value)
_LONGEST_ID = 64
_REQUEST = re.compile(r"[0-9a-f-]{32,40}")


class WidgetCampaigns:
    """
    Args:
        who: the user that the CRM's token proves. Raises: AuthFailed, Refused.
        is_administrator: whether the CRM says that they administer it: campaigns are a supervisor's.
        tell: that something of an account changed, to its open pages.
    """

    def __init__(
        self,
        campaigns: CampaignStore,
        selections: CrmSelections,
        who: Callable[[web.Request], Awaitable[tuple[WidgetUser, Account]]],
        is_administrator: Callable[[Account, WidgetUser], bool],
        tell: Callable[[AccountId], None],
    ) -> None:
        self._campaigns = campaigns
        self._selections = selections
        self._who = who
        self._is_administrator = is_administrator
        self._tell = tell

    def routes(self) -> list[web.AbstractRouteDef]:
        routes = (
            web.get(_PREFIX, self.all),
            web.post(_PREFIX, self.make),
            web.post(f"{_PREFIX}/entries", self.add),
        )
        return [*for_everybody("the CRM's token is checked", routes)]

    async def all(self, request: web.Request) -> web.Response:
        _, account = await self._supervised(request)
        stored = await self._campaigns.all(account.id)
        return web.json_response({"campaigns": [_shown(each) for each in stored]})

    async def make(self, request: web.Request) -> web.Response:
        """A campaign with the usual rules, not started. The same request again gives the same one."""
        user, account = await self._supervised(request)
        body = await json_body(request)
        name = " ".join(text_field(body, "name", longest=LONGEST_NAME).split())
        key = text_field(body, "request", longest=40)
        if not name:
            raise Refused("bad_request", "name: must not be empty")
        if not _REQUEST.fullmatch(key):
            raise Refused("bad_request", "request: a UUID")
        manager = account.managers.get(user.manager)
        by = manager.name if manager is not None else user.manager
        made = CampaignId(key)
        await self._campaigns.make(account.id, made, CampaignPlan(name=name), by=by)
        stored = await self._campaigns.get(account.id, made)
        if stored is None or stored.plan.name != name:
            raise Refused("bad_request", "request: it was used for something else")
        self._tell(account.id)
        return web.json_response({"campaign": _shown(stored)}, status=201)

    async def add(self, request: web.Request) -> web.Response:
        _, account = await self._supervised(request)
        body = await json_body(request)
        campaign = CampaignId(text_field(body, "campaign", longest=40))
        selected = await self._selections.add(account, campaign, selected_refs(body))
        return web.json_response(
            {
                "added": selected.added,
                "joined": selected.joined,
                "left_out": {reason.value: count for reason, count in selected.left_out.items()},
            },
            status=201,
        )

    async def _supervised(self, request: web.Request) -> tuple[WidgetUser, Account]:
        user, account = await self._who(request)
        if not self._is_administrator(account, user):
            raise Refused("not_allowed", "campaigns are for administrators of the CRM")
        return user, account


def _shown(stored: StoredCampaign) -> dict[str, str]:
    return {"id": stored.id, "name": stored.plan.name, "state": stored.state.value}


def selected_refs(body: dict[str, Any]) -> list[EntityRef]:
    """What somebody has selected in the CRM. Raises: Refused if it is no selection."""
    entities = body.get("entities")
    if not isinstance(entities, list) or not 0 < len(entities) <= MOST_SELECTED:
        raise Refused("bad_request", f"entities: a list of 1 to {MOST_SELECTED}")
    found = []
    for each in entities:
        if not isinstance(each, dict) or each.get("kind") not in _KINDS:
            raise Refused("bad_request", "entities: each with a kind and an id")
        found.append(EntityRef(EntityKind(each["kind"]), text_field(each, "id", longest=_LONGEST_ID)))
    return found
