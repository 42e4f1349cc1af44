"""What a client met who answered a call of ours while no employee was on the line: who answered, a message, a wait.

Only calls that ring the client first have it: those of predictive campaigns and of voice messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from integration.domain.ids import Timestamp


class Answerer(StrEnum):
    """The PBX's opinion of who answered, by the sound. It is often wrong: what is not sure counts as a person."""

    PERSON = "person"
    MACHINE = "machine"  # voicemail, an announcement of the carrier, a fax
    NOT_SURE = "not_sure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """
    Attributes:
        waits_since: the client waits for an employee, or did until one was rung or the client was released.
        answerer, answerer_cause: who answered, and the PBX's own word for why (`LONGGREETING-1900-1500`).
        message_at: a message began to play. `message_whole`: it was played to its end.
        left_message: a message was left on a machine.
        keys: that the client pressed, in order.
        turned_away_at: nobody came in time; the client was told so, and released.
    """

    waits_since: Timestamp | None = None
    answerer: Answerer | None = None
    answerer_cause: str = ""
    message_at: Timestamp | None = None
    message_whole: bool = False
    left_message: bool = False
    keys: str = ""
    turned_away_at: Timestamp | None = None

    @property
    def met_since(self) -> Timestamp | None:
        """The first moment of which is known what the client met: by then they had answered. None: nothing is."""
        known = [each for each in (self.waits_since, self.message_at, self.turned_away_at) if each is not None]
        return min(known, default=None)
