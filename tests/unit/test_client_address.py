"""The client's address of a request: anybody can send a header, but only a trusted proxy is believed."""

from __future__ import annotations

from ipaddress import ip_network
from unittest.mock import Mock

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from integration.web.client_address import ClientAddresses, group

TRUSTED = [ip_network("127.0.0.1"), ip_network("10.0.0.0/8")]


def client(peer: str, *forwarded: str) -> str:
    transport = Mock()
    transport.get_extra_info.return_value = (peer, 1234)
    headers = CIMultiDict([("X-Forwarded-For", line) for line in forwarded])
    return ClientAddresses(TRUSTED).of(make_mocked_request("GET", "/", headers=headers, transport=transport))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("198.51.100.7", [], "198.51.100.7"),
        ("198.51.100.7", ["192.0.2.1"], "198.51.100.7"),  # a stranger's claim
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["1.1.1.1, 192.0.2.1"], "192.0.2.1"),  # the client sent the left one
        ("127.0.0.1", ["1.1.1.1", "192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["192.0.2.1, 10.1.2.3"], "192.0.2.1"),  # two proxies of ours
        ("127.0.0.1", ["192.0.2.1:5555"], "192.0.2.1"),
        ("127.0.0.1", ["[2001:db8::1]:5555"], "2001:db8::1"),
        ("127.0.0.1", ["::ffff:192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["nonsense"], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.1, unknown"], "127.0.0.1"),
        ("::ffff:127.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", [",".join(["10.0.0.1"] * 5000)], "10.0.0.1"),
    ],
)
def test_whose_request_it_is(peer: str, forwarded: list[str], expected: str) -> None:
    assert client(peer, *forwarded) == expected


def test_an_ipv6_customer_is_counted_as_one() -> None:
    assert group("2001:db8:1:2::1") == group("2001:db8:1:2:ffff::9") != group("2001:db8:1:3::1")
    assert group("192.0.2.1") == "192.0.2.1"
