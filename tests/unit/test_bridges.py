"""Who hears whom: in one bridge, and through Local pairs in those behind it."""

from __future__ import annotations

from integration.domain.ids import CallId, Timestamp
from pbx_adapter.asterisk.tracker.bridges import people_in, people_with
from pbx_adapter.asterisk.tracker.live import Bridge, BridgeKind, Channel, LiveCall
from pbx_adapter.asterisk.tracker.office import OfficeShape
from pbx_adapter.asterisk.tracker.switchboard import Switchboard

_CALL = LiveCall("1.0", CallId("pbx:1.0"), Timestamp(1.0))


def _channel(name: str, bridge: Bridge | None = None) -> Channel:
    made = Channel(
        name, name, OfficeShape().party(name, "from-internal", ""), "1.0", Timestamp(1.0), _CALL, bridge=bridge
    )
    if bridge is not None:
        bridge.members[name] = made
    return made


def _pair(name: str, one: Bridge | None, two: Bridge | None) -> None:
    Switchboard.pair(_channel(f"Local/{name};1", one), _channel(f"Local/{name};2", two))


def _names(people: list[Channel]) -> list[str]:
    return sorted(person.name for person in people)


def test_whoever_is_behind_local_pairs_is_heard() -> None:
    first, second, third = Bridge("b1"), Bridge("b2"), Bridge("b3")
    client, phone = _channel("PJSIP/trunk-00000001", first), _channel("PJSIP/101-00000002", third)
    _pair("one", first, second)
    _pair("two", second, third)
    assert people_with(client) == [phone]
    assert people_with(phone) == [client]


def test_two_local_pairs_between_two_bridges_show_each_person_once() -> None:
    first, second = Bridge("b1"), Bridge("b2")
    _channel("PJSIP/trunk-00000001", first)
    _channel("PJSIP/101-00000002", second)
    _pair("one", first, second)
    _pair("two", first, second)
    assert _names(people_in(first)) == ["PJSIP/101-00000002", "PJSIP/trunk-00000001"]


def test_a_local_pair_that_leads_nowhere_adds_nobody() -> None:
    bridge = Bridge("b1")
    _channel("PJSIP/101-00000001", bridge)
    _channel("Local/alone;1", bridge)  # its other half was not heard of yet
    _pair("one", bridge, None)  # its other half is in no bridge
    assert _names(people_in(bridge)) == ["PJSIP/101-00000001"]


def test_who_waits_behind_a_local_pair_hears_nobody() -> None:
    talk, parking = Bridge("b1"), Bridge("p1", BridgeKind.WAITING)
    client = _channel("PJSIP/trunk-00000001", talk)
    _channel("PJSIP/101-00000002", parking)
    _pair("one", talk, parking)
    assert people_with(client) == []
    assert people_in(parking) == []


def test_a_helper_of_the_pbx_is_nobody() -> None:
    bridge = Bridge("b1")
    client = _channel("PJSIP/trunk-00000001", bridge)
    _channel("Announcer/ARI-00000003", bridge)
    assert people_with(client) == []


def test_a_channel_in_no_bridge_hears_nobody() -> None:
    assert people_with(_channel("PJSIP/101-00000001")) == []
