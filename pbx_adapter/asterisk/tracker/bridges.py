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
    """Everybody in this bridge and behind the Local pairs in it."""
    found: list[Channel] = []
    seen: set[str] = set()
    todo = [bridge]
    while todo:
        bridge = todo.pop()
        if bridge.kind is BridgeKind.WAITING:
            continue
        for member in bridge.members.values():
            if member.uid in seen:
                continue
            seen.add(member.uid)
            if member.party.kind is PartyKind.LOCAL:
                if member.peer is not None and member.peer.uid not in seen and member.peer.bridge is not None:
                    seen.add(member.peer.uid)
                    todo.append(member.peer.bridge)
            elif member.party.kind is not PartyKind.NOBODY:
                found.append(member)
    return found
