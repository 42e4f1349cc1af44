"""Connections to PostgreSQL end when the network passes nothing on; it would take a quarter of an hour otherwise.

A firewall that forgot an unused connection, a moved address, a switch that died: nobody says that the connection has
ended, and a question to it waits for the driver's deadline, which has to be long enough for slow queries. The kernel
knows better: what was sent is not even acknowledged (tcp(7): TCP_USER_TIMEOUT, TCP_KEEPIDLE).
"""

from __future__ import annotations

import socket
from typing import Any

UNACKNOWLEDGED_MILLISECONDS = 5000
KEEPALIVE_SECONDS = 5  # asked for so often while a query runs and nothing is sent


def notice(connection: Any) -> None:
    """
    Args:
        connection: asyncpg's, just opened. It has no way to its socket but its transport.
    """
    link: socket.socket = connection._transport.get_extra_info("socket")
    if link.family not in (socket.AF_INET, socket.AF_INET6):  # a socket file has no network
        return
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_SECONDS),
        ("TCP_KEEPINTVL", KEEPALIVE_SECONDS),
        ("TCP_USER_TIMEOUT", UNACKNOWLEDGED_MILLISECONDS),
    ):
        if hasattr(socket, option):  # Linux has all three
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
