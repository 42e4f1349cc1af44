"""Which peers may ask over FastAGI, and where a PBX is: by its address, its name, and the routing table."""

from __future__ import annotations

import ipaddress

import pytest

from integration.errors import ConfigError
from pbx_adapter.asterisk.agi import addresses
from pbx_adapter.asterisk.agi.addresses import Address, MayAsk, address_of, is_behind_router, is_here, network_of


@pytest.mark.parametrize(
    ("networks", "peer", "may"),
    [
        (("10.0.0.5",), "10.0.0.5", True),
        (("10.0.0.5",), "10.0.0.6", False),
        (("10.0.0.5/24",), "10.0.0.6", True),
        (("10.0.0.5",), "::ffff:10.0.0.5", True),  # IPv4 on a socket of both
        (("fd00::/8",), "fd00::5", True),
        (("fd00::/8",), "10.0.0.5", False),
        (("fe80::/10",), "fe80::1%eth0", True),
        ((), "127.0.0.1", False),
        (("10.0.0.0/8",), "a path of a socket", False),
    ],
)
async def test_networks_are_those_that_were_written(networks: tuple[str, ...], peer: str, may: bool) -> None:
    assert await MayAsk(networks).allows(peer) is may


def test_what_is_no_network_is_named() -> None:
    with pytest.raises(ConfigError, match=r"10\.0\.0\.5"):
        network_of("pbx.example")


async def test_a_name_is_looked_up_and_not_for_each_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    leads_to: list[Address] = [ipaddress.ip_address("192.0.2.7")]

    async def look_up(host: str) -> list[Address]:
        asked.append(host)
        return leads_to

    now = 1000.0
    monkeypatch.setattr(addresses, "addresses_of", look_up)
    monkeypatch.setattr("pbx_adapter.asterisk.agi.addresses.time.monotonic", lambda: now)
    door = MayAsk((), host="pbx.example")
    assert await door.allows("192.0.2.7")
    assert [await door.allows(f"198.51.100.{number}") for number in range(50)] == [False] * 50
    assert asked == ["pbx.example"]
    # It has moved; and while the name server is away, the known addresses stay valid.
    now += 60
    leads_to = [ipaddress.ip_address("192.0.2.8")]
    assert await door.allows("192.0.2.8")
    now += 60
    leads_to = []
    assert not await door.allows("192.0.2.9")
    assert await door.allows("192.0.2.8")
    assert len(asked) == 3


async def test_a_pbx_on_this_machine_asks_from_any_of_its_addresses() -> None:
    assert await MayAsk((), host="127.0.0.1").allows("127.0.0.1")
    assert await MayAsk((), host="localhost").allows("::1")
    assert not await MayAsk((), host="192.0.2.7").allows("127.0.0.1")


async def test_addresses_of_nothing_are_none() -> None:
    assert list(await addresses.addresses_of("no-such-host.invalid")) == []
    assert list(await addresses.addresses_of("x" * 300)) == []


def test_here_is_where_the_way_begins() -> None:
    assert is_here(ipaddress.ip_address("127.0.0.9"))
    assert not is_here(ipaddress.ip_address("192.0.2.7"))
    assert address_of("fe80::1%eth0") == ipaddress.ip_address("fe80::1")


ROUTES = """Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
eth0 00000000 0100A8C0 0003 0 0 0 00000000 0 0 0
eth0 0000A8C0 00000000 0001 0 0 0 0000FFFF 0 0 0
eth1 0000000A 0200A8C0 0003 0 0 0 000000FF 0 0 0
eth1 0005000A 00000000 0001 0 0 0 00FFFFFF 0 0 0
"""


@pytest.mark.parametrize(
    ("address", "is_far"),
    [
        ("192.168.0.10", False),  # in our own network
        ("10.0.5.9", False),  # the narrower route counts
        ("10.9.9.9", True),
        ("203.0.113.9", True),
        ("127.0.0.1", False),
    ],
)
def test_what_is_behind_a_router_is_read_from_the_routes(
    address: str, is_far: bool, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path_factory.mktemp("proc") / "route"
    table.write_text(ROUTES)
    monkeypatch.setattr(addresses, "_ROUTES", table)
    assert is_behind_router(ipaddress.ip_address(address)) is is_far
    # Without a routing table, private addresses count as near.
    table.write_text("nonsense\nx y\n")
    assert not is_behind_router(ipaddress.ip_address(address))
    assert is_behind_router(ipaddress.ip_address("8.8.8.8"))
