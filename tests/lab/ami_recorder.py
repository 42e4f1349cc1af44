"""A simple AMI client that records everything it sends and receives, in the form of `tests/fixtures/*.jsonl`.

It is not Dozvon's client: a recording must not depend on what Dozvon understands.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.lab.asterisk import RECORDER_USER, AmiUser

Block = dict[str, str | list[str]]
"""One AMI block: headers in the order received; a header that came more than once is a list."""
Line = dict[str, float | str | Block]
"""One recorded line: `t` (seconds) and one of `event`, `response`, `action` (a Block), `link` ("up", "down")."""

_ANSWER_SECONDS = 10.0
_LINE_LIMIT = 1 << 20  # bytes; a variable may be long
_AGI_ADDRESS = re.compile(r'(agi://[^/,\s"]+/)[^,\s"]+')


class AmiRecorder:
    """
    Attributes:
        lines: the recorded lines so far. The login is left out, because it has a secret.
    """

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        user: AmiUser = RECORDER_USER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lines: list[Line] = []
        self._host, self._port, self._user, self._clock = host, port, user, clock
        self._answers: dict[str, asyncio.Future[Block]] = {}
        self._actions = 0
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """
        Connect and log in.

        Raises:
            OSError: nothing listens there.
            PermissionError: the PBX refused the login.
        """
        reader, self._writer = await asyncio.open_connection(self._host, self._port, limit=_LINE_LIMIT)
        banner = (await reader.readline()).decode("utf-8", "replace").strip()
        self._keep("link", "up", banner=banner)
        self._reading = asyncio.get_running_loop().create_task(self._read(reader))
        answer = await self._ask("Login", {"Username": self._user.name, "Secret": self._user.secret, "Events": "on"})
        if answer.get("Response") != "Success":
            await self.__aexit__()
            raise PermissionError(f"AMI refused the login of {self._user.name}: {answer.get('Message')}")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    async def action(self, name: str, fields: Mapping[str, str | Sequence[str]] | None = None) -> Block:
        """Send an action, record it, and return the response (not the events of a list). Raises: TimeoutError."""
        return await self._ask(name, fields or {}, keep=True)

    async def link_down(self, *, timeout_seconds: float | None = None) -> None:
        """Wait until the PBX closes the connection; None waits forever."""
        if self._reading is not None:
            await asyncio.wait_for(asyncio.shield(self._reading), timeout_seconds)

    def events(self, name: str) -> list[Block]:
        """Return the recorded events with this name, in order."""
        blocks = (line.get("event") for line in self.lines)
        return [block for block in blocks if isinstance(block, dict) and block.get("Event") == name]

    def write(self, path: Path, *, hide: Mapping[str, str] | None = None) -> None:
        """Write a JSON object a line. `hide` maps paths of this machine to replacements.

        The end of an AGI address is a password, and is not written.
        """
        texts = (json.dumps(line, ensure_ascii=False) for line in self.lines)
        whole = "".join(text + "\n" for text in texts)
        for place, shown in (hide or {}).items():
            whole = whole.replace(place, shown)
        whole = _AGI_ADDRESS.sub(r"\1secret", whole)
        path.write_text(whole, encoding="utf-8")

    def _keep(self, kind: str, what: str | Block, **more: str) -> None:
        self.lines.append({"t": round(self._clock(), 3), kind: what, **more})

    async def _ask(self, name: str, fields: Mapping[str, str | Sequence[str]], *, keep: bool = False) -> Block:
        assert self._writer is not None
        self._actions += 1
        action_id = str(fields.get("ActionID", f"a{self._actions}"))
        pairs = [("Action", name), ("ActionID", action_id)]
        for key, value in fields.items():
            if key != "ActionID":
                pairs += [(key, text) for text in ([value] if isinstance(value, str) else value)]
        if keep:
            self._keep("action", _block(pairs))
        answer = self._answers[action_id] = asyncio.get_running_loop().create_future()
        self._writer.write(("".join(f"{key}: {value}\r\n" for key, value in pairs) + "\r\n").encode())
        try:
            return await asyncio.wait_for(answer, _ANSWER_SECONDS)
        finally:
            self._answers.pop(action_id, None)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        pairs: list[tuple[str, str]] = []
        while True:
            try:
                line = await reader.readline()
            except OSError:
                line = b""
            if not line:
                self._keep("link", "down")
                return
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            if text:
                key, _, value = text.partition(":")
                pairs.append((key, value.removeprefix(" ")))
            elif pairs:
                self._take(_block(pairs))
                pairs = []

    def _take(self, block: Block) -> None:
        if "Event" in block:
            self._keep("event", block)
            return
        self._keep("response", block)
        answer = self._answers.get(str(block.get("ActionID", "")))
        if answer is not None and not answer.done():
            answer.set_result(block)


def _block(pairs: Sequence[tuple[str, str]]) -> Block:
    block: Block = {}
    for key, value in pairs:
        known = block.get(key)
        if known is None:
            block[key] = value
        else:
            block[key] = [*(known if isinstance(known, list) else [known]), value]
    return block
