"""Finds loopback ports for foreign servers that cannot be told "port 0". Our own servers bind to port 0 themselves."""

from __future__ import annotations

import os
import random
import socket

# Below Linux's ephemeral range (32768), so that no outgoing connection takes a port between the look and the use.
# Each worker of pytest-xdist has its own range: nobody takes a port between another's look and use.
_WORKERS, _FIRST = 8, 10240
_PORTS_PER_WORKER = 1200


def free_port(host: str = "127.0.0.1") -> int:
    """
    Return a port that is free now for both TCP and UDP on `host`.

    Raises:
        RuntimeError: none was found in a hundred tries.
    """
    first = _FIRST + _worker() * _PORTS_PER_WORKER
    for _ in range(100):
        port = first + random.randrange(_PORTS_PER_WORKER)
        if _is_free(host, port):
            return port
    raise RuntimeError(f"no free port between {first} and {first + _PORTS_PER_WORKER - 1} on {host}")


def _worker() -> int:
    """The number of this worker (`gw2` is 2); 0 where tests run one after another."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS


def _is_free(host: str, port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def free_rtp_range() -> tuple[int, int]:
    """Return the first and last port of an RTP range for one Asterisk: 500 even ports, above `free_port`'s range."""
    first = 20000 + 1000 * random.randrange(12)
    return first, first + 998
