"""Clients whom preview campaigns show to employees: what the pages in the CRM get of them, and what is pressed there.

The process that dials a campaign makes the offers, stores them with what it does (`DiallingNow`), and alone carries out
what is pressed; a press reaches it from any process, and it says that it has it. Without it, a press has no effect:
nobody is dialled, and whoever pressed is told so.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog

from integration.domain.campaigns.holds import Hold
from integration.domain.campaigns.model import CampaignState, Mode
from integration.domain.campaigns.offers import rank
from integration.domain.campaigns.situation import Offer
from integration.domain.campaigns.workforce import Absent
from integration.domain.crm.entities import PERSON_KINDS
from integration.domain.ids import AccountId, CampaignId, EntryId, ManagerId
from integration.domain.reasons import Reason
from integration.errors import DozvonError, Unavailable
from integration.ports.campaigns import CampaignStore, EntryStore, StoredCampaign
from integration.ports.clock import Clock
from integration.ports.coordination import Coordination
from integration.ports.dialling import STALE_SECONDS, DiallingStore
from integration.services.accounts import Account
from integration.services.card import display_number
from integration.services.click import Refused, desk_of
from integration.services.hub import Hub
from integration.texts import LANGUAGES
from integration.texts.dialling import hold_sentence

log = structlog.get_logger()

_CHANNEL = "offers"
_OVER = "offer_over"
_TAKEN_SECONDS = 4.0  # in which the process that dials says that it has a press; usually some milliseconds


class Decided(StrEnum):
    """A button under the client who is shown."""

    CALL = "call"
    SKIP = "skip"
    READY = "ready"  # "show me clients again", by somebody who pressed nothing for too long


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferPress:
    """
    `entry` None: with `READY`, which is about no client. `language`: of the page, in which it is told what came of the
    press; None: the page does not say, or in none of ours.
    """

    account: AccountId
    manager: ManagerId
    campaign: CampaignId
    action: Decided
    entry: EntryId | None = None
    language: str | None = None


class Offers:
    def __init__(
        self,
        *,
        dialling: DiallingStore,
        campaigns: CampaignStore,
        entries: EntryStore,
        hub: Hub,
        coordination: Coordination,
        clock: Clock,
        process: str,
    ) -> None:
        """`process`: identifies this process as a publisher."""
        self._dialling = dialling
        self._campaigns = campaigns
        self._entries = entries
        self._hub = hub
        self._coordination = coordination
        self._clock = clock
        self._process = process
        self.take: Callable[[OfferPress], bool] = lambda press: False
        """Of the dialler of this process: whether it dials the campaign, and so carries out the press. Never raises."""
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Event] = {}  # presses of pages here, until another process has them

    async def shown(self, account: Account, manager: ManagerId) -> dict[str, Any]:
        """The client who is shown to this manager now, as a message to a page. Raises: Unavailable."""
        offer, missed = await self._of(account, manager)
        return {
            "type": "offer",
            "offer": await self._message(account, offer) if offer is not None else None,
            "missed": missed,
            "paused": any(
                account.settings.campaign_pauses[each.key].own
                for each in account.settings.employees
                if each.manager == manager and each.key in account.settings.campaign_pauses
            ),
        }

    async def tell(self, account: Account, managers: Iterable[ManagerId]) -> None:
        """Show these managers what is so now, in all of their pages. Never raises."""
        for manager in managers:
            try:
                message = await self.shown(account, manager)
            except DozvonError as exc:
                log.warning("a client is not shown to an employee", account_id=account.id, error=str(exc))
            else:
                await self._hub.send(account.id, [manager], message)

    async def resumed(self, account: Account, keys: Collection[str]) -> None:
        """Somebody has ended the pause of these employees (by key): their cards say so no more. Never raises."""
        people = {each.manager for each in account.settings.employees if each.key in keys and each.manager is not None}
        await self.tell(account, people)

    async def refuse(self, account: Account, press: OfferPress, reason: Reason) -> None:
        """Tell a manager which rule holds the call that they wanted. Never raises."""
        settings = account.settings
        text = hold_sentence(reason, press.language or settings.language, zone=settings.zone, now=self._clock.now())
        code = _OVER if reason.code == Hold.OFFER_OVER else "offer_held"
        await self._hub.send(account.id, [press.manager], {"type": "notice", "code": code, "text": text})

    async def failed(self, account: Account, manager: ManagerId) -> None:
        """Tell a manager that the call which they wanted was not begun. Never raises."""
        notice = {"type": "notice", "code": "offer_failed", "text": "the call was not begun"}
        await self._hub.send(account.id, [manager], notice)

    async def has_page(self, account: AccountId, manager: ManagerId | None) -> bool:
        """Whether a client can be shown to this manager. False also where it cannot be known. Never raises."""
        if manager is None:
            return False
        try:
            return await self._hub.has_page(account, manager)
        except DozvonError:
            return False

    async def has_left(self, account: AccountId, manager: ManagerId) -> bool:
        """Whether this manager has no open page. False also where it cannot be known. Never raises."""
        try:
            return not await self._hub.has_page(account, manager)
        except DozvonError:
            return False

    async def press(self, account: Account, press: OfferPress) -> None:
        """
        Hand what was pressed to the process that dials the campaign. The same press again changes nothing.

        Raises:
            Refused: `bad_request`; `offer_over`: this client is not shown to this manager any more; with "Call" also
                the codes of a click.
            Unavailable: the database, or the way to the other processes; or no process dials the campaign now.
        """
        if (press.entry is None) is not (press.action is Decided.READY):
            raise Refused("bad_request", "entry: the client who is shown, for the buttons of a client only")
        if press.action is Decided.CALL:
            desk_of(account, press.manager)
        offer, missed = await self._of(account, press.manager)
        if press.action is Decided.READY:
            is_meant = missed == press.campaign
        else:
            is_meant = offer is not None and (offer.campaign, offer.entry) == (press.campaign, press.entry)
        if not is_meant:
            await self.tell(account, [press.manager])
            raise Refused(_OVER, "this client is not shown to you any more")
        if not self.take(press):
            await self._hand_over(press)

    async def _hand_over(self, press: OfferPress) -> None:
        """To the other process that dials the campaign. Raises: Unavailable: there is none, or no way to it."""
        number = f"{self._process}/{next(self._numbers)}"
        taken = self._waiting[number] = asyncio.Event()
        message = {
            "from": self._process, "number": number, "account": press.account, "manager": press.manager,
            "campaign": press.campaign, "action": press.action.value, "entry": press.entry,
            "language": press.language,
        }  # fmt: skip
        try:
            await self._coordination.publish(_CHANNEL, message)
            async with asyncio.timeout(_TAKEN_SECONDS):
                await taken.wait()
        except TimeoutError as exc:
            raise Unavailable("the campaign is not being dialled at this moment: press again") from exc
        finally:
            del self._waiting[number]

    async def listen(self) -> None:
        """Hand what was pressed in pages of other processes to the dialler of this one, until cancelled."""
        async for message in self._coordination.subscribe(_CHANNEL):
            if message.get("from") == self._process:
                continue
            waiting = self._waiting.get(str(message.get("taken")))
            if waiting is not None:
                waiting.set()
            elif "taken" not in message:
                await self._take_from_another(message)

    async def _take_from_another(self, message: dict[str, Any]) -> None:
        try:
            number, press = str(message["number"]), _read(message)
        except (KeyError, TypeError, ValueError, OverflowError):
            log.warning("a press of another release is not understood")
            return
        if self.take(press):
            try:
                await self._coordination.publish(_CHANNEL, {"from": self._process, "taken": number})
            except Unavailable as exc:  # they press again, which changes nothing
                log.warning("a press is carried out, and who pressed is not told", error=str(exc))

    async def _of(self, account: Account, manager: ManagerId) -> tuple[Offer | None, CampaignId | None]:
        """The client who is shown; else the campaign that shows this manager nobody, because they missed the last."""
        keys = {each.key for each in account.settings.employees if each.manager == manager}
        now = self._clock.now()
        offers: list[Offer] = []
        missed: list[CampaignId] = []
        for campaign, doing in (await self._dialling.now(account.id)).items():
            if doing.at < now - STALE_SECONDS:
                continue
            offers += [each for each in doing.offers if each.employee in keys and now < each.until]
            if any(seat.key in keys and seat.why == Absent.OFFER_MISSED for seat in doing.seats):
                missed.append(campaign)
        for offer in sorted(offers, key=rank):  # of two processes' offers the first one stands
            if await self._shows(account.id, offer.campaign):
                return offer, None
        for campaign in missed:
            if await self._shows(account.id, campaign):
                return None, campaign
        return None, None

    async def _shows(self, account: AccountId, campaign: CampaignId) -> StoredCampaign | None:
        stored = await self._campaigns.get(account, campaign)
        return stored if stored is not None and shows_clients(stored) else None

    async def _message(self, account: Account, offer: Offer) -> dict[str, Any] | None:
        stored = await self._campaigns.get(account.id, offer.campaign)
        listed = await self._entries.get(account.id, offer.campaign, offer.entry)
        if stored is None or listed is None:
            return None
        person = next((ref for ref in listed.entry.refs if ref.kind in PERSON_KINDS), None)
        return {
            "campaign": offer.campaign,
            "campaign_name": stored.plan.name,
            "entry": offer.entry,
            "name": listed.entry.name,
            "number": display_number(offer.number, account.settings.numbering),
            "comment": listed.comment,
            "script": stored.plan.script,
            "url": account.crm.entity_url(person) if person is not None else None,
            "until": offer.until,
        }


def shows_clients(campaign: StoredCampaign) -> bool:
    """Whether what a dialler has stored of its offers still counts."""
    return campaign.state is CampaignState.RUNNING and campaign.plan.mode is Mode.PREVIEW


def _read(message: dict[str, Any]) -> OfferPress:
    entry = message["entry"]
    return OfferPress(
        account=AccountId(str(message["account"])),
        manager=ManagerId(str(message["manager"])),
        campaign=CampaignId(str(message["campaign"])),
        action=Decided(message["action"]),
        entry=None if entry is None else EntryId(int(entry)),
        language=own_language(message.get("language")),
    )


def own_language(said: object) -> str | None:
    """A language of a page, if it is one of ours; None also where an older release sends none."""
    return next((each for each in LANGUAGES if each == said), None)
