"""What a campaign does now, in words: why nobody is dialled, the figures that move, its employees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from integration.domain.campaigns.expected_end import NoEnd
from integration.domain.campaigns.model import CampaignState
from integration.domain.campaigns.situation import EmployeeState
from integration.domain.ids import Timestamp
from integration.ports.campaigns import StoredCampaign
from integration.ports.dialling import STALE_SECONDS, DiallingNow, Seat
from integration.services.accounts import Account
from integration.services.dialling.resolving import resolved
from integration.texts.dialling import hold_sentence
from integration.texts.expected_end import end_sentence
from integration.texts.pages import texts
from integration.web.pages.view import moment

_BUSY = (EmployeeState.RINGING, EmployeeState.TALKING, EmployeeState.WRAPPING)
_ABSENT = (EmployeeState.PAUSED, EmployeeState.GONE)
_TONES = {EmployeeState.FREE: "ok", EmployeeState.PAUSED: "warn", EmployeeState.GONE: "soft"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatRow:
    """`is_paused`: in all campaigns, by somebody's word."""

    key: str
    name: str
    state: str
    tone: str
    since: str
    why: str
    is_paused: bool


class Why:
    """Of the campaigns of one account, for one reader."""

    def __init__(self, account: Account, language: str, now: Timestamp) -> None:
        self._account = account
        self._language = language
        self._now = now
        self._t: Mapping[str, str] = texts(language)

    def sentence(self, stored: StoredCampaign, total: int, doing: DiallingNow | None) -> str:
        """Why nobody is called now."""
        t = self._t
        if stored.state is not CampaignState.RUNNING:
            when = moment(stored.state_at, self._account)
            return t[f"camp_why_{stored.state}"].format(by=stored.state_by, when=when)
        if not total:
            return t["camp_why_empty"]
        if doing is None or doing.at < stored.state_at:
            if self._now - stored.state_at < STALE_SECONDS:
                return t["camp_why_begins"]
            return t["camp_why_no_process"].format(when=moment(stored.state_at, self._account))
        if self._now - doing.at > STALE_SECONDS:
            return t["camp_why_no_process"].format(when=moment(doing.at, self._account))
        return hold_sentence(doing.hold, self._language, zone=self._account.settings.zone, now=self._now)

    def figures(
        self, stored: StoredCampaign, doing: DiallingNow | None, end: Timestamp | NoEnd
    ) -> list[tuple[str, int | str]]:
        """Empty: nothing dials it now. `end`: when its list will have been called."""
        if not self._is_fresh(doing) or doing is None:
            return []
        if stored.state is not CampaignState.RUNNING and not (doing.dialling or doing.talking):
            return []
        people = Counter(seat.state for seat in doing.seats)
        figures: list[tuple[str, int | str]] = [
            (self._t["camp_now_dialling"], doing.dialling),
            (self._t["camp_now_talking"], doing.talking),
            (self._t["camp_now_free"], people[EmployeeState.FREE]),
            (self._t["camp_now_busy"], sum(people[state] for state in _BUSY)),
            (self._t["camp_now_gone"], sum(people[state] for state in _ABSENT)),
        ]
        if stored.state is CampaignState.RUNNING and end is not NoEnd.NOTHING_LEFT:
            said = end_sentence(end, self._language, zone=self._account.settings.zone, now=self._now)
            figures.append((self._t["camp_now_end"], said))
        return figures

    def seats(self, stored: StoredCampaign, doing: DiallingNow | None) -> list[SeatRow]:
        """Of a campaign that is dialled everybody; of another one those who are paused, so that it can be ended."""
        is_dialled = self._is_fresh(doing) and stored.state is CampaignState.RUNNING
        seats = list(doing.seats) if doing is not None and is_dialled else []
        known = {each.key for each in seats}
        seats += [
            Seat(key=key, state=EmployeeState.PAUSED, since=pause.since)
            for key in resolved(stored, self._account).members
            if key not in known and (pause := self._account.settings.campaign_pauses.get(key)) is not None
        ]
        return [self._seat(each) for each in seats]

    def _is_fresh(self, doing: DiallingNow | None) -> bool:
        return doing is not None and self._now - doing.at <= STALE_SECONDS

    def _seat(self, seat: Seat) -> SeatRow:
        pause = self._account.settings.campaign_pauses.get(seat.key)
        why = self._t[f"camp_absent_{seat.why}"] if seat.why else ""
        if pause is not None:
            why = self._t["camp_paused_by"].format(by=pause.by, when=moment(pause.since, self._account))
        return SeatRow(
            key=seat.key,
            name=_name_of(self._account, seat.key),
            state=self._t[f"camp_seat_{seat.state}"],
            tone=_TONES.get(seat.state, "info"),
            since=moment(seat.since, self._account),
            why=why,
            is_paused=pause is not None,
        )


def _name_of(account: Account, key: str) -> str:
    employee = next((each for each in account.settings.employees if each.key == key), None)
    if employee is None:
        return key
    name = account.manager_name(employee.manager) or employee.name
    return f"{name} ({key})" if name else key
