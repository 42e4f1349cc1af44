"""Asks the PBX which channels a call has now. Commands need this before they act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from integration.errors import NotFound
from pbx_adapter.asterisk.ami.client import AmiSession, text
from pbx_adapter.asterisk.ami.commands import question
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.tracker.office import OfficeShape, Party, PartyKind


@dataclass(frozen=True, slots=True)
class CallChannel:
    name: str
    uniqueid: str
    party: Party
    bridge: str  # empty if it is in no bridge
    state: str  # ChannelState: 0 down, 4 calling us, 5 ringing, 6 up


async def exists(session: AmiSession, uniqueid: str) -> bool:
    """Whether a channel with this Uniqueid lives. Raises: Unavailable, Rejected."""
    _, rows = await session.ask(question("CoreShowChannels", is_list=True))
    return any(text(row, "Uniqueid") == uniqueid for row in rows)


async def is_there(session: AmiSession, name: str, uniqueid: str) -> bool:
    """Whether the channel of this name and Uniqueid lives. Raises: NotFound, Unavailable, Rejected."""
    _, rows = await session.ask(question("Status", is_list=True, Channel=name))
    return any(text(row, "Uniqueid") == uniqueid for row in rows)


async def of_call(session: AmiSession, uniqueid: str, office: OfficeShape) -> list[CallChannel]:
    """
    The channels of the call that began with the channel `uniqueid`, oldest first.

    They are those with its Linkedid and those that share a bridge with one of them: a consultation that was joined
    keeps another Linkedid until its next event.

    Raises:
        NotFound: the call is over.
    """
    _, rows = await session.ask(question("CoreShowChannels", is_list=True))
    rows = [row for row in rows if text(row, "Channel")]
    own = [row for row in rows if uniqueid in (text(row, "Linkedid"), text(row, "Uniqueid"))]
    bridges = {bridge for row in own if (bridge := text(row, "BridgeId"))}
    own += [row for row in rows if row not in own and text(row, "BridgeId") in bridges]
    if not own:
        raise NotFound("the call is over", code="call_over")
    # First the channel that the call began with, then by age.
    own.sort(key=lambda row: (text(row, "Uniqueid") != uniqueid, _negative_age(row)))
    return [_channel(row, office) for row in own]


def _channel(row: Frame, office: OfficeShape) -> CallChannel:
    name = text(row, "Channel")
    party = office.party(name, text(row, "Context"), text(row, "CallerIDNum"))
    return CallChannel(name, text(row, "Uniqueid"), party, text(row, "BridgeId"), text(row, "ChannelState"))


def _negative_age(row: Frame) -> int:
    seconds = 0
    for part in text(row, "Duration").split(":"):
        seconds = seconds * 60 + (int(part) if part.isdecimal() else 0)
    return -seconds


_BEING_RUNG = frozenset({"0", "1", "3", "5"})  # dialled and not answered; 4 is a phone that makes a call


def ringing_at(channels: Sequence[CallChannel], extension: str) -> list[CallChannel]:
    """The ringing phones of this extension: more than one if it has several devices."""
    return [
        channel
        for channel in channels
        if channel.party.kind is PartyKind.EXTENSION
        and channel.party.number == extension
        and channel.state in _BEING_RUNG
    ]


def client_and_employee(channels: Sequence[CallChannel]) -> tuple[CallChannel, CallChannel | None]:
    """
    The client's channel (in an internal call the caller's), and the channel of the employee bridged with it.

    A channel's context changes as it moves through the dialplan, so its endpoint decides whether it is outside.
    """
    outside = [c for c in channels if c.party.kind is PartyKind.EXTERNAL]
    client = outside[0] if outside else channels[0]
    for channel in channels:
        is_person = channel.party.kind is PartyKind.EXTENSION
        if channel is not client and is_person and channel.bridge and channel.bridge == client.bridge:
            return client, channel
    return client, None
