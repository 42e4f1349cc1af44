"""Listens for FastAGI connections, separately from the web server.

`agi/server.py` decides which peers get answers, and answers them.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable

import structlog

log = structlog.get_logger()

Arrived = Callable[[socket.socket, str], None]
"""Gets an accepted connection, which it must close, and the address of the peer."""

_BACKLOG = 1024
_PAUSE_SECONDS = 0.05
_NO_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Listener:
    """
    Listening sockets of one address, with file descriptors in reserve for when the process has used up all others.

    Args:
        reserve: size of the reserve: how many questions can be answered at once when no other descriptor is free.
    """

    def __init__(self, host: str, port: int, arrived: Arrived, *, reuse_port: bool = False, reserve: int = 32) -> None:
        self._host, self._port, self._reuse_port = host, port, reuse_port
        self._arrived = arrived
        self._most_spare = reserve
        self._spare: list[int] = []
        self._sockets: list[socket.socket] = []
        self._loops: list[asyncio.Task[None]] = []
        self._is_short = False

    @property
    def port(self) -> int:
        """The port it listens on; chosen by the system if 0 was requested."""
        return int(self._sockets[0].getsockname()[1]) if self._sockets else self._port

    async def start(self) -> None:
        """Raises: OSError if the address cannot be used."""
        rows = await asyncio.get_running_loop().getaddrinfo(
            self._host or None, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        try:
            for family, _, _, _, address in dict.fromkeys(rows):
                listening = socket.create_server(
                    (str(address[0]), int(address[1])), family=family, backlog=_BACKLOG, reuse_port=self._reuse_port
                )
                listening.setblocking(False)
                self._sockets.append(listening)
        except OSError:
            self.close()
            raise
        self.restock()
        self._loops = [asyncio.create_task(self._accept(listening)) for listening in self._sockets]

    def close(self) -> None:
        """Accept no more connections."""
        for loop in self._loops:
            loop.cancel()
        running = asyncio.get_running_loop()
        for listening in self._sockets:
            # The cancelled wait would take the number out of the loop only later, when another connection may have it.
            running.remove_reader(listening)
            listening.close()
        self._sockets.clear()
        while self._spare:
            os.close(self._spare.pop())
        self._most_spare = 0

    def restock(self) -> None:
        """Fill the reserve again as far as possible. Call this after a connection was closed."""
        with contextlib.suppress(OSError):
            while len(self._spare) < self._most_spare:
                self._spare.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))

    async def _accept(self, listening: socket.socket) -> None:
        running = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await running.sock_accept(listening)
            except OSError as exc:
                if exc.errno in _NO_FILES and self._spare:
                    os.close(self._spare.pop())
                    continue
                if exc.errno in _NO_FILES and not self._is_short:
                    self._is_short = True
                    log.error("no open file is left for a question of the PBX: raise LimitNOFILE")
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            self._is_short = False
            self._arrived(connection, str(peer[0]))
