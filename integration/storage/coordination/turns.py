"""Turns of a queue: when a process may send its request. One rule, twice: in Python for one process, as a Redis script.

Requests sent at even intervals may arrive unevenly. Only an answer proves that one has arrived. So after `most` turns
the next one waits until the window has passed since the oldest of them ended. A late turn does not delay later
ones: at most one gap is caught up, and the window still holds. A turn whose process died counts as ended after
`LOST_SECONDS`. Redis counts in milliseconds.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from integration.ports.coordination import Pace, Turn

LOST_SECONDS = 15.0  # longer than any request's deadline
LOOK_AGAIN_SECONDS = 0.02  # while the oldest request has no answer yet
KEPT_SECONDS = 7 * 86_400.0  # an unused queue

# KEYS[1]: the queue. ARGV: gap, most, window, id, lost, look again, kept (milliseconds).
TAKE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local raw = redis.call('GET', KEYS[1])
local queue = raw and cjson.decode(raw) or {next = now + tonumber(ARGV[3]), turns = {}}
local ready = queue.next
if #queue.turns >= tonumber(ARGV[2]) then
  local oldest = queue.turns[1]
  local ended = oldest[3]
  if ended == 0 and now - oldest[2] >= tonumber(ARGV[5]) then ended = oldest[2] + tonumber(ARGV[5]) end
  if ended == 0 then return tonumber(ARGV[6]) end
  ready = math.max(ready, ended + tonumber(ARGV[3]))
end
if ready <= now then
  table.insert(queue.turns, {ARGV[4], now, 0})
  while #queue.turns > tonumber(ARGV[2]) do table.remove(queue.turns, 1) end
  queue.next = math.max(queue.next, now - tonumber(ARGV[1])) + tonumber(ARGV[1])
end
if ready <= now or not raw then redis.call('SET', KEYS[1], cjson.encode(queue), 'PX', ARGV[7]) end
return math.ceil(math.max(0, ready - now))
"""
# KEYS[1]: the queue. ARGV: id.
END = """
local raw = redis.call('GET', KEYS[1])
if not raw then return end
local t = redis.call('TIME')
local queue = cjson.decode(raw)
for _, turn in ipairs(queue.turns) do
  if turn[1] == ARGV[1] then turn[3] = t[1] * 1000 + math.floor(t[2] / 1000) end
end
redis.call('SET', KEYS[1], cjson.encode(queue), 'KEEPTTL')
"""
# KEYS[1]: the queue. ARGV: pause, kept (milliseconds).
PUT_OFF = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local raw = redis.call('GET', KEYS[1])
local queue = raw and cjson.decode(raw) or {next = 0, turns = {}}
queue.next = math.max(queue.next, now + tonumber(ARGV[1]))
redis.call('SET', KEYS[1], cjson.encode(queue), 'PX', ARGV[2])
"""


@dataclass(slots=True)
class _Taken:
    id: str
    at: float
    ended_at: float | None = None


class TurnQueue:
    """A queue within one process."""

    def __init__(self, monotonic: Callable[[], float], pace: Pace | None = None) -> None:
        self._monotonic = monotonic
        self._next = monotonic() + (pace.window_seconds if pace else 0.0)
        self._turns: deque[_Taken] = deque()

    def take(self, pace: Pace) -> Turn:
        now = self._monotonic()
        ready = self._next
        if len(self._turns) >= pace.most:
            oldest = self._turns[0]
            ended = oldest.ended_at
            if ended is None and now - oldest.at >= LOST_SECONDS:
                ended = oldest.at + LOST_SECONDS
            if ended is None:
                return Turn(None, LOOK_AGAIN_SECONDS)
            ready = max(ready, ended + pace.window_seconds)
        if ready > now:
            return Turn(None, ready - now)
        turn = uuid.uuid4().hex
        self._turns.append(_Taken(turn, now))
        while len(self._turns) > pace.most:
            self._turns.popleft()
        gap = 1 / pace.per_second
        self._next = max(self._next, now - gap) + gap
        return Turn(turn)

    def end(self, turn: str) -> None:
        for each in self._turns:
            if each.id == turn:
                each.ended_at = self._monotonic()

    def put_off(self, seconds: float) -> None:
        self._next = max(self._next, self._monotonic() + seconds)
