"""Shows the next clients of a preview campaign to its employees, and carries out what they press.

An offer is no attempt: nothing is written about the client until somebody presses "Call". It is stored with what the
dialler does, so that a process that takes over goes on with the same clients.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import structlog

from integration.domain.campaigns.decide import Dial
from integration.domain.campaigns.holds import Hold
from integration.domain.campaigns.model import Campaign, Entry, Mode
from integration.domain.campaigns.offers import SKIPPED_SECONDS, called, is_outdone, looked_at, offered
from integration.domain.campaigns.situation import Clients, EmployeeNow, EmployeeState, Offer, Situation
from integration.domain.campaigns.workforce import Absent
from integration.domain.ids import CampaignId, EntryId, ManagerId, Timestamp
from integration.ports.dialling import STALE_SECONDS
from integration.services.dialling.cards import Cards
from integration.services.dialling.floor import Floor
from integration.services.dialling.journals import Journals
from integration.services.offers import Decided, OfferPress, shows_clients

log = structlog.get_logger()

_AGAIN = frozenset({Hold.CALLS_PER_SECOND.value})
"""Holds that pass within a second: what was pressed waits for them."""
_PRESS_WAITS_SECONDS = 5.0
_PAGES_EVERY_SECONDS = 5.0
_LEFT_SECONDS = 30.0
"""Without a page: longer than a page needs to load anew, and another process to say again which pages it has."""
_LATE_SECONDS = 15.0  # the database was away: nobody expects a call that late

Begin = Callable[[Dial], Awaitable[bool]]


class Offering:
    def __init__(self, floor: Floor, campaign: CampaignId, journals: Journals, cards: Cards) -> None:
        self._floor = floor
        self._campaign = campaign
        self._journals = journals
        self._cards = cards
        self._offers = floor.sources.offers
        self._told: dict[ManagerId, Offer | None] = {}  # None: that they missed one
        self._unsure: set[ManagerId] = set()  # what their pages show is not known here
        self._tried: set[Offer] = set()  # "Call" was pressed, and a rule has held the call
        self._seen: dict[Offer, Timestamp] = {}  # when it had a page last
        self._looked_for_pages = Timestamp(0.0)
        self._is_over = False

    @property
    def own(self) -> list[Offer]:
        return [each for each in self._floor.offers.values() if each.campaign == self._campaign]

    async def begin(self) -> None:
        """
        Go on with the clients whom the process before has shown, unless no page has shown them for some time: the
        campaign was on a pause, or all processes were away. Raises: Unavailable.
        """
        floor = self._floor
        doing = (await self._journals.dialling.now(floor.account.id)).get(self._campaign)
        now = floor.sources.clock.now()
        if doing is None:
            return
        for offer in doing.offers:
            self._unsure |= self._managers_of(offer.employee)
            if now < offer.until and now - doing.at <= STALE_SECONDS:
                floor.offers.setdefault(offer.employee, offer)

    async def end(self) -> None:
        """
        This process does not dial the campaign any more: it is over, on a pause, or another one's. Never raises.

        A step may be on its way in the middle of which this is called, and what was pressed may wait for the next one:
        neither has any effect later, when the campaign is dialled here again.
        """
        self._is_over = True
        self._floor.presses = [each for each in self._floor.presses if each[1].campaign != self._campaign]
        for offer in self.own:
            self._drop(offer)
        told, self._told, self._unsure = self._told.keys() | self._unsure, {}, set()
        await self._offers.tell(self._floor.account, told)

    # ---- each step

    async def look(self, campaign: Campaign, begin: Begin) -> None:
        """
        Carry out what was pressed, and take back what must not be shown any more.

        Args:
            begin: begins a call. Returns whether the PBX may have taken it.

        Raises: Unavailable; what `begin` raises.
        """
        presses = [each for each in self._floor.presses if each[1].campaign == self._campaign]
        self._floor.presses = [each for each in self._floor.presses if each[1].campaign != self._campaign]
        if not presses and not self.own:
            return
        entries = await self._entries()
        called_for = [entries[each.entry] for _, each in presses if each.entry is not None and each.entry in entries]
        if await self._cards.follow(called_for):
            entries = await self._entries()  # as their cards in the CRM are today
        for at, press in presses:
            await self._carry_out(campaign, at, press, entries, begin)
        situation = await self.situation(campaign, list(entries.values()))
        left = await self._left()
        looked = looked_at(campaign, entries, situation, self._floor.now, self._unreachable(situation), left)
        for offer in (*looked.missed, *looked.withdrawn):
            self._drop(offer)
        for offer in looked.missed:
            if offer not in self._tried:
                self._floor.offer_rests.failed(offer.employee, self._floor.now)
        self._tried.intersection_update(self.own)

    async def situation(self, campaign: Campaign, entries: Sequence[Entry]) -> Situation:
        """What the policy is asked about, for these clients. Raises: Unavailable."""
        floor = self._floor
        offers, employees = list(floor.offers.values()), floor.employees()
        if campaign.mode is Mode.PREVIEW:
            offers += await self._elsewhere()
            looking = {offer.employee for offer in offers}
            employees = [await self._seeing(campaign, each, looking) for each in employees]
        return Situation(
            employees=employees,
            lines=floor.lines(campaign),
            calls=floor.in_flight(),
            entries=entries,
            clients=await floor.clients(entries) if entries else Clients(),
            offers=offers,
        )

    def show(self, campaign: Campaign, dials: Sequence[Dial], entries: Sequence[Entry]) -> None:
        """Keep these clients for their employees; the pages get them when they are stored (`tell`)."""
        if self._is_over:
            return
        for offer in offered(campaign, dials, {each.id: each for each in entries}, self._floor.now):
            self._floor.offers[offer.employee] = offer

    async def tell(self) -> None:
        """Show what has changed, after it was stored. Raises: Unavailable."""
        fresh = [
            each for each in self.own if any(self._told.get(of) != each for of in self._managers_of(each.employee))
        ]
        others = await self._elsewhere() if fresh else []
        for offer in fresh:
            if is_outdone(offer, others):  # another process was faster, by what it has stored
                self._drop(offer)
        now: dict[ManagerId, Offer | None] = {of: each for each in self.own for of in self._managers_of(each.employee)}
        missed = [key for key in self._phones() if self._floor.absent(key) is Absent.OFFER_MISSED]
        for manager in {of for key in missed for of in self._managers_of(key)} & self._told.keys() - now.keys():
            now[manager] = None
        changed = self._unsure | {
            each
            for each in now.keys() | self._told.keys()
            if each not in now or each not in self._told or now[each] != self._told[each]
        }
        await self._offers.tell(self._floor.account, changed)
        self._told, self._unsure = now, set()  # only then: who leaves the campaign here tells them once more

    # ---- parts

    async def _carry_out(
        self, campaign: Campaign, at: Timestamp, press: OfferPress, entries: Mapping[EntryId, Entry], begin: Begin
    ) -> None:
        floor, now = self._floor, self._floor.now
        phones = self._phones(press.manager)
        for phone in phones:
            floor.offer_rests.worked(phone)
        offer = next((each for each in self.own if each.employee in phones and each.entry == press.entry), None)
        entry = entries.get(press.entry) if press.entry is not None else None
        if offer is None or entry is None:
            return
        if press.action is Decided.SKIP:
            self._drop(offer)
            until = Timestamp(now + SKIPPED_SECONDS)
            await self._journals.entries.defer(floor.account.id, self._campaign, [offer.entry], until=until)
            return
        if now - at > _LATE_SECONDS:
            await self._offers.failed(floor.account, press.manager)
            return
        situation = await self.situation(campaign, [entry])
        found = called(campaign, offer, entry, situation, now, self._unreachable(situation))
        if isinstance(found, Dial):
            self._drop(offer)
            if not await begin(found):
                await self._offers.failed(floor.account, press.manager)
        elif found.code in _AGAIN and now - at < _PRESS_WAITS_SECONDS:
            floor.presses.append((at, press))
        else:
            self._tried.add(offer)
            log.info("a client is not called", campaign=self._campaign, reason=found.code)
            await self._offers.refuse(floor.account, press, found)

    async def _left(self) -> set[Offer]:
        """Those that have been without a page for some time: whoever closes the page is not to keep the client."""
        floor, now = self._floor, self._floor.now
        self._seen = {each: self._seen.get(each, now) for each in self.own}
        if now - self._looked_for_pages >= _PAGES_EVERY_SECONDS:
            self._looked_for_pages = now
            for offer in self._seen:
                people = self._managers_of(offer.employee)
                if not all([await self._offers.has_left(floor.account.id, each) for each in people]):
                    self._seen[offer] = now
        return {each for each, at in self._seen.items() if now - at >= _LEFT_SECONDS}

    def _unreachable(self, situation: Situation) -> list[str]:
        return [each.key for each in situation.employees if self._floor.absent(each.key) is Absent.NO_LINK]

    def _drop(self, offer: Offer) -> None:
        if self._floor.offers.get(offer.employee) == offer:
            del self._floor.offers[offer.employee]

    async def _entries(self) -> dict[EntryId, Entry]:
        account, shown = self._floor.account.id, [offer.entry for offer in self.own]
        return await self._journals.entries.several(account, self._campaign, shown)

    async def _elsewhere(self) -> list[Offer]:
        """What other processes show, of this account. Raises: Unavailable."""
        now, account = self._floor.sources.clock.now(), self._floor.account.id
        found: list[Offer] = []
        for campaign, each in (await self._journals.dialling.now(account)).items():
            offers = [offer for offer in each.offers if now < offer.until]
            if campaign in self._floor.dialled or each.at < now - STALE_SECONDS or not offers:
                continue
            stored = await self._journals.campaigns.get(account, campaign)
            if stored is not None and shows_clients(stored):  # its dialler may have left without storing it
                found += offers
        return found

    async def _seeing(self, campaign: Campaign, employee: EmployeeNow, looking: set[str]) -> EmployeeNow:
        """Whether a client can be shown to them; asked only where it matters."""
        if employee.state is not EmployeeState.FREE or employee.key in looking or employee.key not in campaign.members:
            return employee
        account, manager = self._floor.account, employee.manager
        phone = account.phone_of(manager) if manager is not None else None
        is_theirs = phone is not None and phone.key == employee.key  # with two phones they decide about one client
        sees = is_theirs and await self._offers.has_page(account.id, manager)
        return employee if sees else replace(employee, sees_cards=False)

    def _managers_of(self, phone: str) -> set[ManagerId]:
        """Whose phone it is now: nobody's, or one person's."""
        people = self._floor.account.settings.employees
        return {each.manager for each in people if each.key == phone and each.manager is not None}

    def _phones(self, manager: ManagerId | None = None) -> set[str]:
        """The phones of this person, or of everybody."""
        people = self._floor.account.settings.employees
        return {each.key for each in people if manager is None or each.manager == manager}
