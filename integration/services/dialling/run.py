"""One campaign under its lease: follow the calls on their way, decide, write each attempt before the PBX is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

import structlog

from integration.domain.campaigns.attempts import begun
from integration.domain.campaigns.callbacks import is_of_callbacks
from integration.domain.campaigns.decide import Decision, Dial, decide, given_up
from integration.domain.campaigns.estimates import Estimates
from integration.domain.campaigns.holds import FOR_EVER, Hold, held
from integration.domain.campaigns.ledger import Answers, Ledger
from integration.domain.campaigns.model import Attempt, Campaign, CampaignState, Entry, EntryState, Mode, Outcome
from integration.domain.campaigns.outcomes import Came
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.campaigns.situation import Situation
from integration.domain.campaigns.windows import day_of
from integration.domain.ids import AttemptId, CampaignId, PbxId
from integration.domain.numbers.dialling import digits_to_dial
from integration.domain.numbers.phone import read_number
from integration.domain.reasons import Reason
from integration.errors import OutcomeUnknown, Rejected, Unavailable
from integration.ports.coordination import Lease
from integration.ports.pbx import CampaignCall, FirstLeg
from integration.services.dialling.callback_care import CallbackCare
from integration.services.dialling.cards import Cards
from integration.services.dialling.endings import Endings
from integration.services.dialling.floor import Floor, line_key
from integration.services.dialling.journals import Journals
from integration.services.dialling.offering import Offering
from integration.services.dialling.put_off import PutOff
from integration.services.dialling.receiving import Receiving
from integration.services.dialling.resolving import employee_first, repeats, resolved
from integration.services.dialling.shown import Shown

log = structlog.get_logger()

_HEAD = 100  # entries that are looked at in one step
_ASKED_SECONDS = 5.0  # a PBX that does not answer in this time may have dialled all the same
_BY_ITSELF = "Dozvon"  # who finishes a campaign whose list is done


@dataclass(frozen=True, slots=True)
class Step:
    """`goes_on`: there may be more to do at once: entries were put off, and others are behind them."""

    priority: int
    goes_on: bool = False


class CampaignRun:
    """`step` again and again, in one process. All it writes is refused once another process has the lease."""

    def __init__(self, campaign: CampaignId, floor: Floor, journals: Journals, lease: Lease) -> None:
        self.campaign = campaign
        self.priority = 0
        self._floor = floor
        self._journals = journals
        self._lease = lease
        self._account = floor.account.id
        self._estimates = Estimates()
        self._put_off = PutOff(floor.account.id, campaign, journals.entries)
        self._cards = Cards(floor, campaign, journals.entries, lease)
        self._shown = Shown(floor, campaign, journals.dialling, lease)
        self._endings = Endings(floor, journals, lease, self._estimates)
        self._receiving = Receiving(floor, floor.sources.receptions)
        self._offering = Offering(floor, campaign, journals, self._cards)
        self._care: CallbackCare | None = None
        if is_of_callbacks(campaign):
            self._care = CallbackCare(
                self._account,
                campaign,
                callbacks=journals.callbacks,
                entries=journals.entries,
                calls=floor.sources.calls,
            )

    async def begin(self) -> None:
        """Take over what the process before has learned and begun. Raises: Unavailable."""
        self._estimates = Estimates.read(await self._journals.dialling.learned(self._account, self.campaign))
        self._endings = Endings(self._floor, self._journals, self._lease, self._estimates)
        stored = await self._journals.campaigns.get(self._account, self.campaign)
        if stored is not None:
            self.priority = stored.plan.priority
            await self._endings.remember_wraps(self.campaign, stored.plan.wrap_up_seconds)
        await self._offering.begin()

    async def end(self) -> None:
        """This process does not dial it any more. Never raises."""
        await self._offering.end()

    async def step(self) -> Step:
        """
        One look and what follows from it.

        Raises: Unavailable: the database is away, nothing more was begun. LeaseLost.
        """
        stored = await self._journals.campaigns.get(self._account, self.campaign)
        if stored is None:
            return Step(self.priority)
        self.priority = stored.plan.priority
        campaign = resolved(stored, self._floor.account)
        await self._endings.follow(campaign, stored.plan)
        await self._offering.look(campaign, lambda dial: self._dial(campaign, dial, stored.plan))
        before = len(self._put_off) + len(self._cards)
        decision = await self._decided(campaign, stored.plan)
        dialled = await asyncio.gather(
            *(self._dial(campaign, each, stored.plan) for each in decision.dial), return_exceptions=True
        )
        for failure in dialled:  # after all of them: none is left half done
            if isinstance(failure, BaseException):
                raise failure
        await self._shown.show(campaign, decision.hold, self._estimates)
        await self._offering.tell()
        return Step(self.priority, goes_on=len(self._put_off) + len(self._cards) > before and not decision.dial)

    def has_news(self) -> bool:
        """Whether what people see has changed since this was last asked."""
        return self._shown.take_changed()

    # ---- deciding

    async def _decided(self, campaign: Campaign, plan: CampaignPlan) -> Decision:
        floor = self._floor
        if self._care is not None and not repeats(campaign.id, floor.account):
            return Decision(dial=(), hold=held(Hold.CALLBACKS_OFF))
        why_not = await self._receiving.why_not(campaign, plan)
        if why_not is not None and campaign.mode is Mode.VOICE and campaign.state is CampaignState.RUNNING:
            return Decision(dial=(), hold=why_not)
        if why_not is not None:
            campaign = employee_first(campaign)
        situation = await self._offering.situation(campaign, [])
        await self._endings.give_up(given_up(campaign, situation, floor.now))
        ledger = await self._ledger(campaign)
        decision = decide(campaign, situation, self._estimates, ledger, floor.now)
        if decision.hold.code == Hold.NO_ENTRIES:  # else nobody could be dialled anyway, and the list is not read
            decision = await self._from_the_list(campaign, situation, ledger)
        self._endings.is_held_by_ceiling = decision.hold.code in (Hold.CEILING, Hold.LEARNING)
        if why_not is not None and decision.hold.code in (Hold.ALL_BUSY, Hold.ENOUGH_RINGING):
            decision = replace(decision, hold=why_not)
        return decision

    async def _from_the_list(self, campaign: Campaign, situation: Situation, ledger: Ledger) -> Decision:
        now = self._floor.now
        entries = await self._journals.entries.head(
            self._account, self.campaign, now=now, limit=_HEAD + len(self._floor.offers)
        )
        if not entries:
            return Decision(dial=(), hold=await self._nobody_due(campaign))
        if self._care is not None:
            entries = await self._care.still_wanted(entries, self._floor.account.settings, now)
        situation = replace(situation, entries=entries, clients=await self._floor.clients(entries))
        decision = decide(campaign, situation, self._estimates, ledger, now)
        if self._care is None:
            decision = await self._on_todays_cards(decision, entries)
        if campaign.mode is Mode.PREVIEW:  # an employee decides: nobody is dialled before
            self._offering.show(campaign, decision.dial, entries)
            decision = replace(decision, dial=())
        await self._put_off.take(decision.skipped, now)
        if self._care is not None:
            await self._care.remember(decision)
        return decision

    async def _on_todays_cards(self, decision: Decision, entries: Sequence[Entry]) -> Decision:
        """Without the entries that have changed with their cards in the CRM: they are judged anew in the next step."""
        chosen = {each.entry for each in decision.dial}
        chosen |= {each.entry for each in decision.skipped if each.reason.code in FOR_EVER}
        changed = await self._cards.follow([each for each in entries if each.id in chosen])
        return replace(
            decision,
            dial=tuple(each for each in decision.dial if each.entry not in changed),
            skipped=tuple(each for each in decision.skipped if each.entry not in changed),
        )

    async def _ledger(self, campaign: Campaign) -> Ledger:
        if campaign.mode is not Mode.PREDICTIVE:
            return Ledger()  # nobody is abandoned
        today = day_of(self._floor.now, campaign.office_zone)
        since = today - timedelta(days=campaign.measured_days - 1)
        days = await self._journals.dialling.days(self._account, self.campaign, since=since)
        answers = {day: Answers(each.live, each.abandoned) for day, each in days.items()}
        return Ledger(days=answers, measured_days=campaign.measured_days)

    async def _nobody_due(self, campaign: Campaign) -> Reason:
        """Nobody is due: when the next one is, or that the list is done."""
        due = await self._journals.entries.next_due(self._account, self.campaign, now=self._floor.now)
        if due is not None:
            return self._put_off.why(due) or held(Hold.NOT_DUE, until=due)
        if not any(each.campaign == self.campaign for each in self._floor.attempts):
            await self._finish(campaign)
        return held(Hold.NO_ENTRIES)

    async def _finish(self, campaign: Campaign) -> None:
        """The whole list has an outcome. An empty list is not finished: somebody may be filling it."""
        counts = (await self._journals.campaigns.counts(self._account)).get(self.campaign)
        waiting = (EntryState.OPEN, EntryState.TAKEN)
        if counts is None or not counts.total or any(counts.entries.get(state) for state in waiting):
            return
        await self._journals.campaigns.set_state(
            self._account, self.campaign, CampaignState.FINISHED, by=_BY_ITSELF, only_from=(CampaignState.RUNNING,)
        )
        log.info("a campaign is finished", account_id=self._account, campaign=self.campaign)

    # ---- dialling

    async def _dial(self, campaign: Campaign, dial: Dial, plan: CampaignPlan) -> bool:
        """
        Write the attempt, then ask the PBX.

        Returns:
            Whether phones may ring. If not, the entry is looked at again soon.

        Raises:
            Unavailable (the database), LeaseLost.
        """
        floor, journal = self._floor, self._journals.attempts
        placed = self._placed(campaign, dial)
        if placed is None:
            await self._put_off.for_a_moment([dial.entry], floor.now)
            return False
        dial, pbx, extension, number = placed
        attempt = begun(
            campaign, dial, attempt=AttemptId(uuid4().hex), fence=self._lease.token, now=floor.sources.clock.now()
        )
        office = floor.sources.office_of(self._account)
        refusal = await journal.write(self._account, attempt, office=office, lease=self._lease)
        if refusal is not None:
            log.info("an attempt is not made", campaign=self.campaign, reason=refusal.value)
            await self._put_off.for_a_moment([dial.entry], floor.now)
            return False
        at = floor.sources.clock.now()
        sent = replace(attempt, sent_at=at, call=floor.account.pbxs[pbx].call_of(attempt.id))
        floor.began(sent)
        if not await journal.sent(self._account, attempt.id, at=at, call=sent.call, lease=self._lease):
            await self._endings.end(campaign, attempt, Came(outcome=Outcome.NOT_DIALLED))
            return False
        line = next(each for each in campaign.lines if each.key == dial.line)
        request = CampaignCall(
            attempt=attempt.id,
            number=number,
            extension=extension,
            first=FirstLeg.EMPLOYEE if extension else FirstLeg.CLIENT,
            ring_seconds=campaign.ring_seconds,
            caller_id=line.caller_id,
            line=line.line,
            answers_itself=bool(extension) and plan.mode is Mode.PREDICTIVE and plan.phones_answer,
            reception=None if extension else self._receiving.reception(pbx),
        )
        return await self._ask(campaign, sent, pbx, request)

    async def _ask(self, campaign: Campaign, attempt: Attempt, pbx: PbxId, request: CampaignCall) -> bool:
        """Without an answer the call may ring: it is followed, never sent again. Returns: False if the PBX refused."""
        try:
            async with asyncio.timeout(_ASKED_SECONDS):
                await self._floor.account.pbxs[pbx].dial(request)
        except (OutcomeUnknown, TimeoutError):
            log.warning("an attempt was not confirmed by the PBX", campaign=self.campaign)
        except (Unavailable, Rejected) as exc:
            log.warning("the PBX did not take an attempt", campaign=self.campaign, error=str(exc))
            self._floor.line_rests.failed(attempt.line, self._floor.now)
            await self._endings.end(campaign, attempt, Came(outcome=Outcome.NOT_DIALLED))
            return False
        return True

    def _placed(self, campaign: Campaign, dial: Dial) -> tuple[Dial, PbxId, str, str] | None:
        """
        The call on the PBX of the employee's phone, by the line with the same number there; the PBX, the extension and
        what is dialled. With the client first the line's own PBX, and no extension. None: it cannot be placed any more.
        """
        account = self._floor.account
        number = read_number(dial.number, account.settings.numbering)
        chosen = next((each for each in campaign.lines if each.key == dial.line), None)
        if number is None or chosen is None:
            return None
        dialled = digits_to_dial(number, account.settings.numbering)
        if dial.employee is None:
            return dial, chosen.pbx, "", dialled
        pbx, extension = self._floor.pbx_of(dial.employee), self._floor.phone_of(dial.employee)
        if pbx is None or extension is None or pbx not in account.pbxs:
            return None
        key = line_key(pbx, chosen.line)
        if not any(each.key == key for each in campaign.lines):
            return None
        return replace(dial, line=key), pbx, extension, dialled
