"""What a campaign's client meets who has answered before an employee: read from the words of our dialplan.

The context `dozvon-campaign` of `dialplan/extensions_dozvon.conf` writes its story into one variable of the client's
channel, word after word: `judged:HUMAN:HUMAN-600-600 waits away`. Each VarSet has all of it, and so has a snapshot:
what happened while the link was lost is told late, and nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable

from integration.domain.calls.events import (
    AnswererJudged,
    CallEvent,
    ClientTurnedAway,
    ClientWaiting,
    KeyPressed,
    MessagePlayed,
    MessageStarted,
)
from integration.domain.calls.received import Answerer
from integration.domain.ids import CallId, Timestamp
from pbx_adapter.asterisk.tracker.beginning import begin_call
from pbx_adapter.asterisk.tracker.live import Channel
from pbx_adapter.asterisk.tracker.switchboard import Switchboard

VARIABLE = "DOZVON_RECEIVED"
WAITS = "waits"
_MOST_WORDS = 200
_APART_SECONDS = 0.001
_LONGEST_CAUSE = 80
_ANSWERERS = {"HUMAN": Answerer.PERSON, "MACHINE": Answerer.MACHINE}


def on_story(board: Switchboard, channel: Channel, story: str, at: Timestamp) -> None:
    """Tell the words that are new. Words that we do not know belong to another release, and are passed over."""
    call = channel.call.current
    words = story.split()[:_MOST_WORDS]
    if len(words) <= len(call.story) or call.over:
        return
    begin_call(board, call, at)
    for word in words[len(call.story) :]:
        # Equal events of one moment are one event: a key that was pressed twice in a gap of the link would count once.
        call.story_at = max(at, Timestamp(call.story_at + _APART_SECONDS))
        event = _event(call.id, word, call.story_at)
        if event is not None:
            board.tell(event)
    call.story = words


def waits(board: Switchboard, uid: str) -> bool:
    """Whether the client on this channel waits, and nobody talks to them."""
    channel = board.channels.get(uid)
    if channel is None:
        return False
    call = channel.call.current
    return not call.over and call.hands is None and call.story[-1:] == [WAITS]


def _event(call: CallId, word: str, at: Timestamp) -> CallEvent | None:
    name, _, detail = word.partition(":")
    tell = _WORDS.get(name)
    return tell(call, detail, at) if tell is not None else None


def _judged(call: CallId, detail: str, at: Timestamp) -> CallEvent | None:
    status, _, cause = detail.partition(":")
    if status == "HANGUP":
        return None
    answerer = _ANSWERERS.get(status, Answerer.NOT_SURE)
    return AnswererJudged(call=call, at=at, answerer=answerer, cause=cause[:_LONGEST_CAUSE])


def _key(call: CallId, detail: str, at: Timestamp) -> CallEvent | None:
    return KeyPressed(call=call, at=at, key=detail) if len(detail) == 1 else None


_WORDS: dict[str, Callable[[CallId, str, Timestamp], CallEvent | None]] = {
    WAITS: lambda call, _, at: ClientWaiting(call=call, at=at),
    "judged": _judged,
    "playing": lambda call, _, at: MessageStarted(call=call, at=at),
    "played": lambda call, _, at: MessagePlayed(call=call, at=at),
    "left": lambda call, _, at: MessagePlayed(call=call, at=at, on_machine=True),
    "key": _key,
    "away": lambda call, _, at: ClientTurnedAway(call=call, at=at),
}
