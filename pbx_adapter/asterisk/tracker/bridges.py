"""Finds the people who hear each other: in one bridge and behind its Local pairs. Only reads the mirror."""

from __future__ import annotations

from pbx_adapter.asterisk.tracker.live import Bridge, BridgeKind, Channel
from pbx_adapter.asterisk.tracker.office import PartyKind


def people_with(channel: Channel) -> list[Channel]:
    """Everybody who hears this channel, in its bridge or behind Local pairs, without Asterisk's helper channels."""
    bridge = channel.bridge
    if bridge is None:
        return []
    return [person for person in people_in(bridge) if person is not channel]


def people_in(bridge: Bridge) -> list[Channel]:
    """Everybody in this bridge and behind the Local pairs in it, each once: a channel is in one bridge only."""
    found: list[Channel] = []
    reached = [bridge]
    for each in reached:  # grows on the way
        if each.kind is BridgeKind.WAITING:
            continue
        for member in each.members.values():
            if member.party.kind is PartyKind.LOCAL:
                beyond = member.peer.bridge if member.peer is not None else None
                if beyond is not None and beyond not in reached:
                    reached.append(beyond)
            elif member.party.kind is not PartyKind.NOBODY:
                found.append(member)
    return found
