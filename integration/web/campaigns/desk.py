"""What the pages of campaigns share: the campaign in the address, and who acts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from integration.domain.access import Permission, may
from integration.domain.campaigns.callbacks import is_of_callbacks
from integration.domain.ids import AccountId, CampaignId
from integration.ports.callbacks import CallbackStore
from integration.ports.campaign_erasure import CampaignErasure
from integration.ports.campaign_sounds import RecordedSounds
from integration.ports.campaigns import AttemptJournal, CampaignStore, DoNotCall, EntryStore, StoredCampaign
from integration.ports.clock import Clock
from integration.ports.dialling import DiallingStore
from integration.ports.list_imports import ListImports
from integration.services.accounts import Account, Accounts
from integration.services.campaign_sounds import CampaignSounds
from integration.services.forecasts import Forecasts
from integration.services.list_imports import ListImportService
from integration.services.offers import Offers
from integration.services.uploaded_sounds import UploadedSounds
from integration.texts.changes import author
from integration.web.pages.shell import Shell

CAMPAIGN_IN_PATH = "{campaign:[a-z0-9-]{1,40}}"
SECTION = "campaigns"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignDesk:
    """
    Attributes:
        office_of: the office of an account: its do-not-call list counts.
        accounts_of: all accounts of an office.
        tell: that something of an account changed, to its open pages.
        sounds: speaks what clients will hear; recorded: what they hear in place of it; uploaded: converts files.
    """

    shell: Shell
    accounts: Accounts
    campaigns: CampaignStore
    entries: EntryStore
    attempts: AttemptJournal
    callbacks: CallbackStore
    do_not_call: DoNotCall
    erasure: CampaignErasure
    imports: ListImports
    files: ListImportService
    office_of: Callable[[AccountId], AccountId]
    accounts_of: Callable[[AccountId], list[AccountId]]
    tell: Callable[[AccountId], None]
    sounds: CampaignSounds
    recorded: RecordedSounds
    uploaded: UploadedSounds
    dialling: DiallingStore
    offers: Offers
    forecasts: Forecasts
    clock: Clock

    async def campaign(self, request: web.Request) -> tuple[Account, StoredCampaign]:
        """Of the address. Raises: HTTPNotFound."""
        account = self.shell.account(request)
        found = await self.campaigns.get(account.id, CampaignId(request.match_info["campaign"]))
        if found is None or is_of_callbacks(found.id):
            raise web.HTTPNotFound
        return account, found

    def may_delete(self, request: web.Request) -> bool:
        """Whether the sender may delete for good: a campaign, or a person's data."""
        return may(self.shell.viewer(request), Permission.CHANGE_OFFICE)

    def who(self, request: web.Request, account: Account) -> str:
        """Who acts, as the history keeps it."""
        return author(self.shell.who(request), account.settings.language)


def path_of(account: Account, campaign: CampaignId | None = None, tail: str = "") -> str:
    """The address of the section, or of one campaign."""
    return f"/admin/{account.id}/campaigns" + (f"/{campaign}" if campaign is not None else "") + tail
