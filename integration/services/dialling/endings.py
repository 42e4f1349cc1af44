"""Follows attempts to their end, also those of a killed process, and learns from them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import structlog

from integration.domain.calls.call import Call, Failure, LegKind
from integration.domain.campaigns.attempts import LookAgain, ended, left_behind
from integration.domain.campaigns.callbacks import is_of_callbacks
from integration.domain.campaigns.estimates import Estimates
from integration.domain.campaigns.greeting import KEY_DO_NOT_CALL
from integration.domain.campaigns.model import (
    LIVE,
    NO_ATTEMPT,
    Attempt,
    AttemptState,
    Campaign,
    CampaignState,
    Entry,
    EntryState,
    Mode,
    Outcome,
)
from integration.domain.campaigns.outcomes import Came
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.campaigns.windows import day_of, hour_of
from integration.domain.ids import AttemptId, CallId, CampaignId, Timestamp, pbx_of
from integration.errors import DozvonError, NotFound
from integration.ports.coordination import Lease
from integration.services.dialling.floor import Floor
from integration.services.dialling.handing_over import HandingOver, waits
from integration.services.dialling.journals import Journals
from integration.services.unseen_ends import awaits_records
from integration.texts.dialling import pressed_text

log = structlog.get_logger()

_UNSEEN_AFTER_LINK_SECONDS = 60.0  # after a lost link the PBX's own records are compared first
_LOOKED_BACK = 200  # newest attempts, for those who still write when another process takes over


class Endings:
    def __init__(self, floor: Floor, journals: Journals, lease: Lease, estimates: Estimates) -> None:
        self._floor = floor
        self._journals = journals
        self._lease = lease
        self._estimates = estimates
        self._handing_over = HandingOver(floor, journals.entries)
        self._hung_up: set[CallId] = set()
        self.is_held_by_ceiling = False  # as the last decision was

    async def remember_wraps(self, campaign: CampaignId, wrap_seconds: float) -> None:
        """Who wrote down a call when the process before ended goes on writing. Raises: Unavailable."""
        now = self._floor.sources.clock.now()
        for each in await self._journals.attempts.log(self._floor.account.id, campaign, limit=_LOOKED_BACK):
            if each.employee is not None and each.connected_at is not None and each.ended_at is not None:
                self._wraps(each.employee, Timestamp(each.ended_at + wrap_seconds), now)

    async def follow(self, campaign: Campaign, plan: CampaignPlan) -> None:
        """End the attempts whose calls are over. Raises: Unavailable, LeaseLost."""
        left: list[Attempt] = []
        for attempt in self._floor.attempts:
            if attempt.campaign != campaign.id:
                left.append(attempt)
                continue
            call = await self._floor.call_of(attempt)
            came = await self._came(campaign, attempt, call)
            if isinstance(came, LookAgain):
                if call is not None and attempt.employee is None and waits(call):
                    await self._handing_over.give(campaign, attempt, call)
                await self._cut_off(campaign, attempt, call)
                left.append(attempt)
                continue
            await self._obey(attempt, call, campaign)
            attempt = self._with_employee(attempt, call)
            if await self.end(campaign, attempt, came):
                self._learn(campaign, attempt, call, came, plan.wrap_up_seconds)
        self._floor.attempts = left
        self._hung_up &= {each.call for each in left if each.call is not None}

    def _with_employee(self, attempt: Attempt, call: Call | None) -> Attempt:
        """A client who was dialled for nobody in particular: the row says who got them."""
        if attempt.employee is not None or call is None:
            return attempt
        return replace(attempt, employee=self._floor.employee_at(call.pbx, call.final_responsible))

    async def _obey(self, attempt: Attempt, call: Call | None, campaign: Campaign) -> None:
        """A client who pressed the key against further calls gets none, of whatever campaign. Before the attempt ends:
        a process that is killed in between does it again. Raises: Unavailable."""
        if campaign.mode is not Mode.VOICE or call is None or call.received is None:
            return
        if KEY_DO_NOT_CALL not in call.received.keys:
            return
        sources, account = self._floor.sources, self._floor.account
        office = sources.office_of(account.id)
        why = pressed_text(KEY_DO_NOT_CALL, account.settings.language)
        lists = sources.accounts_of(office)
        await sources.do_not_call.add(office, [attempt.number], lists_of=lists, by=campaign.name, why=why)

    async def give_up(self, attempts: Collection[AttemptId]) -> None:
        """Hang up clients' phones that ring though everybody has left. Never raises."""
        for attempt in self._floor.attempts:
            call = self._floor.calls.get(attempt.call) if attempt.call is not None else None
            if attempt.id in attempts and call is not None and call.id not in self._hung_up:
                await self._hang_up(attempt.campaign, call)

    async def _came(self, campaign: Campaign, attempt: Attempt, call: Call | None) -> Came | LookAgain:
        """What came of an attempt, unless the call goes on or the PBX's records may still say more about its end."""
        now = self._floor.now
        if attempt.state is AttemptState.SENT and (call is None or call.is_live):
            since = self._floor.link_up_since(pbx_of(attempt.call)) if attempt.call is not None else Timestamp(0.0)
            if since is None:
                return LookAgain()  # nobody sees the PBX's calls
            was_away = attempt.sent_at is not None and since > attempt.sent_at
            is_fresh = call is None and was_away and now - since < _UNSEEN_AFTER_LINK_SECONDS
            if is_fresh and not await self._is_compared(attempt, since):
                return LookAgain()
        if call is not None and call.ended_at is not None:
            noticed, link = call.ended_at, self._floor.link_up_since(call.pbx)
            since = now if link is None else Timestamp(max(noticed, link))
            account, watches = self._floor.account, self._floor.sources.watches
            if await awaits_records(account, call, watches, noticed_at=noticed, now=now, since=since):
                return LookAgain()
        had_gap = self._had_gap(attempt, call)
        return left_behind(attempt, call, ring_seconds=campaign.ring_seconds, now=now, had_gap=had_gap)

    async def _is_compared(self, attempt: Attempt, since: Timestamp) -> bool:
        """
        Whether the PBX's records, since the link is up, have told of all calls of the gap: one that is still unknown
        was never made. A link that is lost every minute would keep the employee for ever. Raises: Unavailable.
        """
        account = self._floor.account
        if attempt.call is None or pbx_of(attempt.call) not in account.recorded:
            return False
        watch = await self._floor.sources.watches.load(account.id, pbx_of(attempt.call))
        if watch is None or watch.compared_at is None:
            return False
        return watch.unchecked_since is None and watch.compared_at >= since

    def _had_gap(self, attempt: Attempt, call: Call | None) -> bool:
        """Whether this process cannot say that the link was up since the attempt was sent."""
        if call is None or attempt.sent_at is None:
            return True
        since = self._floor.link_up_since(call.pbx)
        return since is None or since > attempt.sent_at

    async def end(self, campaign: Campaign, attempt: Attempt, came: Came) -> bool:
        """Write what came of an attempt. False: it has ended already. Raises: Unavailable, LeaseLost."""
        account, now = self._floor.account.id, self._floor.sources.clock.now()
        listed = await self._journals.entries.get(account, attempt.campaign, attempt.entry)
        entry = listed.entry if listed is not None else Entry(id=attempt.entry, campaign=attempt.campaign, numbers=())
        tries = await self._journals.attempts.tries(account, entries=[attempt.entry], since=Timestamp(0.0))
        own = [each for each in tries if each.campaign == attempt.campaign]
        done, after = ended(campaign, attempt, entry, own, came, now)
        day = day_of(now, campaign.office_zone)
        is_new = await self._journals.attempts.end(account, done, after, day=day, lease=self._lease)
        self._floor.attempts = [each for each in self._floor.attempts if each.id != attempt.id]
        return is_new

    # ---- calls that must not go on

    async def _cut_off(self, campaign: Campaign, attempt: Attempt, call: Call | None) -> None:
        """
        Hang up what must not go on: a client's phone that has rung for its time; once a person has paused the campaign,
        a call whose employee would pick up and dial a client; once stopped, or cancelled, every ringing one.
        Conversations go on. Raises: Unavailable.
        """
        if call is None or call.id in self._hung_up or not call.is_live:
            return
        client = [leg for leg in call.legs if leg.kind is LegKind.EXTERNAL]
        if any(leg.answered_at is not None for leg in client):
            return
        rings_too_long = bool(client) and self._floor.now - client[-1].offered_at >= campaign.ring_seconds
        match campaign.state:
            case CampaignState.RUNNING:
                is_over = rings_too_long or await self._is_cancelled(attempt)
            case CampaignState.STOPPED:
                is_over = True
            case _:
                is_over = rings_too_long or not client
        if not is_over:
            return
        await self._hang_up(campaign.id, call)

    async def _is_cancelled(self, attempt: Attempt) -> bool:
        """Whether somebody has cancelled the callback for which it is dialled. Raises: Unavailable."""
        if not is_of_callbacks(attempt.campaign):
            return False
        listed = await self._journals.entries.get(self._floor.account.id, attempt.campaign, attempt.entry)
        return listed is not None and listed.entry.state is EntryState.REMOVED

    async def _hang_up(self, campaign: CampaignId, call: Call) -> None:
        try:
            await self._floor.account.pbx(call.pbx).hang_up(call.id)
        except NotFound:  # it has ended by itself, as after its ring time
            self._hung_up.add(call.id)
        except DozvonError as exc:  # looked at again in the next step
            log.info("a call of a campaign is not hung up yet", campaign=campaign, error=str(exc))
        else:
            self._hung_up.add(call.id)

    # ---- learning

    def _learn(self, campaign: Campaign, attempt: Attempt, call: Call | None, came: Came, wrap_seconds: float) -> None:
        now, outcome = self._floor.now, came.outcome
        if outcome in (Outcome.TRUNK_FAILED, Outcome.FORBIDDEN):
            self._floor.line_rests.failed(attempt.line, now)
        elif outcome not in (Outcome.UNKNOWN, *NO_ATTEMPT):
            self._floor.line_rests.worked(attempt.line)
        if attempt.employee is not None:
            self._learn_of_phone(attempt.employee, call, came)
        if outcome in NO_ATTEMPT or call is None or outcome in (Outcome.UNKNOWN, Outcome.CANCELLED):
            return
        self._learn_of_client(campaign, call, came)
        if came.connected_at is not None and call.ended_at is not None:
            self._estimates.talk.see(call.ended_at - came.connected_at)
            self._estimates.wrap.see(wrap_seconds)
            employee = attempt.employee
            if employee is not None:
                self._wraps(employee, Timestamp(call.ended_at + wrap_seconds), now)

    def _learn_of_phone(self, employee: str, call: Call | None, came: Came) -> None:
        if came.outcome is Outcome.EMPLOYEE_FAILED:
            if call is None or call.failure is not Failure.AGENT_CANCELLED:  # else a person has ended it
                self._floor.phone_rests.failed(employee, self._floor.now)
        elif came.outcome not in (Outcome.UNKNOWN, *NO_ATTEMPT):
            self._floor.phone_rests.worked(employee)

    def _learn_of_client(self, campaign: Campaign, call: Call, came: Came) -> None:
        legs = [leg for leg in call.legs if leg.kind is LegKind.EXTERNAL]
        if not legs:
            return
        is_live = came.outcome in LIVE
        rang_until = came.answered_at or legs[-1].ended_at or call.ended_at or legs[-1].offered_at
        hour = hour_of(legs[0].offered_at, campaign.office_zone)
        rang = max(rang_until - legs[0].offered_at, 0.0)
        self._estimates.see_dial(hour, is_live=is_live, ring_seconds=rang)
        if is_live:
            is_lost = came.outcome is Outcome.ABANDONED
            self._estimates.see_answer(abandoned=is_lost, ceiling=campaign.ceiling, is_held=self.is_held_by_ceiling)

    def _wraps(self, employee: str, until: Timestamp, now: Timestamp) -> None:
        if until > now:
            self._floor.wraps[employee] = Timestamp(max(until, self._floor.wraps.get(employee, 0.0)))
