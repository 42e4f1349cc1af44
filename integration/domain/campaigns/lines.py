"""Which line takes the next call of a campaign: the one with most room, never more than a line or a carrier allows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from integration.domain.campaigns.holds import Hold, held
from integration.domain.campaigns.model import Campaign, CampaignLine
from integration.domain.campaigns.situation import CallInFlight, LineNow
from integration.domain.ids import Timestamp
from integration.domain.reasons import Reason

_UNLIMITED = 1_000_000


class Lines:
    """The room on a campaign's lines, as one decision uses it up."""

    def __init__(
        self, campaign: Campaign, now_busy: Mapping[str, LineNow], calls: Sequence[CallInFlight], now: Timestamp
    ) -> None:
        self._campaign = campaign
        self._usable: dict[str, _Room] = {}
        self._reasons: list[Reason] = []
        ours: dict[str, int] = {}
        for call in calls:
            ours[_line_of(call.line)] = ours.get(_line_of(call.line), 0) + 1
        for line in campaign.lines:
            state = now_busy.get(line.key, LineNow(is_up=False))
            self._judge(line, state, max(state.busy, ours.get(line.line, 0)), now)
        own = sum(call.campaign == campaign.id for call in calls)
        self._left = _UNLIMITED if campaign.max_calls is None else max(campaign.max_calls - own, 0)

    def _judge(self, line: CampaignLine, state: LineNow, busy: int, now: Timestamp) -> None:
        most = _UNLIMITED if line.most is None else line.most
        if not state.is_up:
            self._reasons.append(held(Hold.LINES_DOWN))
        elif state.rests_until is not None and state.rests_until > now:
            self._reasons.append(held(Hold.LINES_RESTING, until=state.rests_until))
        elif busy >= most:
            self._reasons.append(held(Hold.LINES_BUSY, busy=busy, most=most))
        else:
            burst = _burst(line.per_second, state, now)
            if burst < 1:
                self._reasons.append(held(Hold.CALLS_PER_SECOND))
            else:
                room = _Room(most - busy, burst, busy, state.last_dialled_at or 0.0, line.line)
                self._usable[line.key] = room

    @property
    def hold(self) -> Reason | None:
        """Why no line takes a call; None: one does."""
        if not self._campaign.lines:
            return held(Hold.NO_LINES)
        if self._left <= 0:
            return held(Hold.CAMPAIGN_LIMIT, most=self._campaign.max_calls)
        if any(room.left > 0 for room in self._usable.values()):
            return None
        if self._reasons and not self._usable:
            return self._reasons[0]
        full = [room.busy for room in self._usable.values() if room.free <= 0]
        return held(Hold.LINES_BUSY, busy=sum(full), most=sum(full)) if full else held(Hold.CALLS_PER_SECOND)

    @property
    def room(self) -> int:
        """Calls that may begin now."""
        of_lines: dict[str, list[_Room]] = {}
        for room in self._usable.values():
            of_lines.setdefault(room.line, []).append(room)
        free = sum(min(sum(each.burst for each in rooms), rooms[0].free) for rooms in of_lines.values())
        return min(free, self._left)

    def take(self) -> str:
        """The key of the line for one more call: the one with fewest calls, then the one not used for longest."""
        key = min(
            (key for key, room in self._usable.items() if room.left > 0),
            key=lambda key: (self._usable[key].busy, self._usable[key].used_at, key),
        )
        room = self._usable[key]
        room.burst -= 1
        for each in self._usable.values():
            if each.line == room.line:  # the same line of the carrier on another PBX
                each.busy += 1
                each.free -= 1
        self._left -= 1
        return key


def _line_of(key: str) -> str:
    """The line in `CampaignLine.key`."""
    return key.rpartition("/")[2]


def _burst(per_second: float, state: LineNow, now: Timestamp) -> int:
    """How many calls the carrier takes at this moment. What a line did not dial before is not made up for."""
    if per_second >= 1.0:
        return math.floor(per_second) - state.begun
    if per_second <= 0.0:
        return 0
    return int(state.last_dialled_at is None or now - state.last_dialled_at >= 1.0 / per_second)


class _Room:
    __slots__ = ("burst", "busy", "free", "line", "used_at")

    def __init__(self, free: int, burst: int, busy: int, used_at: float, line: str) -> None:
        self.free = free
        self.burst = burst
        self.busy = busy
        self.used_at = used_at
        self.line = line

    @property
    def left(self) -> int:
        return min(self.free, self.burst)
