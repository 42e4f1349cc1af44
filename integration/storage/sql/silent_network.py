"""Ends connections to PostgreSQL soon after the network stops passing packets; by default that takes 15 minutes.

A firewall that forgot an unused connection, a moved address, a dead switch: none of them closes the connection. A query
then waits for the driver's deadline, which must be long enough for slow queries. The kernel knows sooner, because the
other side acknowledges nothing (tcp(7): TCP_USER_TIMEOUT, TCP_KEEPIDLE).
"""

from __future__ import annotations

import socket
from typing import Any

UNACKNOWLEDGED_MILLISECONDS = 5000
KEEPALIVE_SECONDS = 5  # between keep-alive probes, while a query runs and nothing is sent


def notice(connection: Any) -> None:
    """
    Args:
        connection: a new asyncpg connection. Its socket is reachable only through its transport.
    """
    link: socket.socket = connection._transport.get_extra_info("socket")
    if link.family not in (socket.AF_INET, socket.AF_INET6):  # a Unix socket has no network
        return
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_SECONDS),
        ("TCP_KEEPINTVL", KEEPALIVE_SECONDS),
        ("TCP_USER_TIMEOUT", UNACKNOWLEDGED_MILLISECONDS),
    ):
        if hasattr(socket, option):  # Linux has all three
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
