"""Campaigns of a file: what it would change, done; and those of an office as such a file. Lists stay in the database.

A campaign that a file does not name stays, and one that it names for the first time is a draft: a file starts nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integration.documents.campaign import campaign_document
from integration.documents.campaigns import WrittenCampaign, read_campaigns
from integration.documents.differences import Difference, differences
from integration.domain.ids import AccountId
from integration.domain.settings_changes import Author
from integration.errors import ConfigError
from integration.ports.campaigns import CampaignStore, StoredCampaign
from integration.ports.settings import SettingsStore
from integration.texts.changes import author


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCampaign:
    """`revision`: of the stored plan when this was read; 0: there is none."""

    written: WrittenCampaign
    revision: int
    differences: Sequence[Difference]

    @property
    def name(self) -> str:
        return f"campaign/{self.written.account}/{self.written.id}"


class CampaignFiles:
    def __init__(self, campaigns: CampaignStore, settings: SettingsStore) -> None:
        self._campaigns = campaigns
        self._settings = settings

    async def plans(self, raw: Mapping[str, Any], accounts: Collection[AccountId]) -> list[PlannedCampaign]:
        """
        What the `[[campaign]]` of a file would change. Changes nothing.

        Args:
            accounts: those there are, or will be once the file's own are applied.

        Raises:
            ConfigError: names every wrong setting. Unavailable.
        """
        listed = raw.get("campaign", [])
        if not isinstance(listed, list):
            raise ConfigError("campaign: write [[campaign]] with two brackets, one block for each")
        written = read_campaigns(listed)
        for each in written:
            if each.account not in accounts:
                raise ConfigError(f"campaign.{each.id}.account: there is no account {each.account}")
        return [_planned(each, await self._campaigns.get(each.account, each.id)) for each in written]

    async def apply(self, planned: PlannedCampaign, *, who: Author) -> None:
        """
        Make the campaign, or change its plan. One that runs takes it with its next call.

        Raises:
            ConfigError: somebody has changed, made or deleted it since it was read. Unavailable.
        """
        each = planned.written
        settings = await self._settings.load(each.account)
        by = author(who, settings.language if settings is not None else "en")
        if planned.revision == 0:
            is_done = await self._campaigns.make(each.account, each.id, each.plan, by=by)
        else:
            changed = await self._campaigns.change(each.account, each.id, each.plan, seen=planned.revision, by=by)
            is_done = changed is not None
        if not is_done:
            raise ConfigError("somebody has changed this campaign since it was read: apply the file again")

    async def unknown(self, written: WrittenCampaign) -> list[str]:
        """What the plan names and the account does not have (now): it takes no part until it is there."""
        settings = await self._settings.load(written.account)
        if settings is None:
            return []
        people = {each.key for each in settings.employees}
        lines = set(settings.lines)
        strange = [f"employee {key}" for key in written.plan.employees if key not in people]
        return strange + [f"line {key}" for key in written.plan.lines if key.rpartition("/")[2] not in {*lines, ""}]

    async def export(self, accounts: Iterable[AccountId]) -> list[dict[str, Any]]:
        """The campaigns of these accounts in the form that `plans` reads, the oldest first."""
        found = []
        for account in accounts:
            for stored in reversed(await self._campaigns.all(account)):
                found.append(WrittenCampaign(account=account, id=stored.id, plan=stored.plan).document())
        return found


def _planned(written: WrittenCampaign, stored: StoredCampaign | None) -> PlannedCampaign:
    before = campaign_document(stored.plan) if stored is not None else None
    return PlannedCampaign(
        written=written,
        revision=stored.revision if stored is not None else 0,
        differences=differences(before, campaign_document(written.plan)),
    )
