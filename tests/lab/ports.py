"""Finds loopback ports for other programs that cannot use port 0. Our servers bind to port 0 themselves."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import random
import socket
import tempfile
from collections import deque
from pathlib import Path

# Below Linux's ephemeral range (32768), so that no outgoing connection takes a port between the check and its use.
_FIRST, _LAST = 10240, 19999
_KEPT = 1500  # ports that this process keeps reserved after giving them out; an office needs seven

_draw = random.SystemRandom()  # tests seed the global generator: all workers would draw the same ports
_given: deque[int] = deque()


def free_port(host: str = "127.0.0.1") -> int:
    """
    Return a port that is free for both TCP and UDP on `host`, and that no other caller gets.

    A port is used a second after it is given out, and may be used again after a restart, so a look at what is bound
    is not enough. This process does not give the same port again while it keeps it, and a lock that ends with the
    process holds off all others that use this function: other workers of pytest-xdist, other checkouts.

    Raises:
        RuntimeError: none was found in a thousand tries.
    """
    for _ in range(1000):
        port = _draw.randint(_FIRST, _LAST)
        if port in _given or not _lock(port):
            continue
        if _is_free(host, port):
            _given.append(port)
            if len(_given) > _KEPT:
                _unlock(_given.popleft())
            return port
        _unlock(port)
    raise RuntimeError(f"no free port between {_FIRST} and {_LAST} on {host}")


@functools.cache
def _lock_file() -> int:
    """
    A file that stays open as long as the process: a process that keeps port N locks byte N.

    POSIX drops all these locks when the process closes any handle of the file, so it is opened once.
    """
    path = Path(tempfile.gettempdir()) / "dozvon-test-ports"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    with contextlib.suppress(PermissionError):  # another user's file: it has these rights already
        os.fchmod(handle, 0o666)
    return handle


def _lock(port: int) -> bool:
    try:
        fcntl.lockf(_lock_file(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


def _unlock(port: int) -> None:
    fcntl.lockf(_lock_file(), fcntl.LOCK_UN, 1, port)


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
    first = 20000 + 1000 * _draw.randrange(12)
    return first, first + 998
