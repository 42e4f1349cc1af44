"""Requests that no client library would send, over raw sockets, and what every answer has to be. No tests here."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

ANSWER_SECONDS = 30
FORM, JSON, PARTS = b"application/x-www-form-urlencoded", b"application/json", b"multipart/form-data; boundary=b"
AWAY = {"pbx_offline", "crm_offline"}  # this Dozvon has no PBX and no CRM, and says so

SECURITY = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"",
    b"content-security-policy": b"default-src 'self'",
    b"server": b"Dozvon",
}


@dataclass
class Answer:
    status: int
    headers: dict[bytes, bytes]
    body: bytes


@dataclass
class Server:
    """Listens on `port` of the loopback."""

    port: int

    async def send(self, raw: bytes) -> list[Answer]:
        """All bytes until the server closes, or until an answer is complete."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                try:
                    writer.write(raw)
                    await writer.drain()
                except ConnectionError:
                    pass  # the server closed early; its answer is still to be read
                return [await _answer(reader)]
        finally:
            writer.close()

    async def ask(self, method: bytes, path: bytes, *headers: bytes, body: tuple[bytes, bytes] | None = None) -> Answer:
        lines = [method + b" " + path + b" HTTP/1.1", b"Host: 127.0.0.1:%d" % self.port, b"Connection: close", *headers]
        if body is not None:
            lines += [b"Content-Type: " + body[0], b"Content-Length: %d" % len(body[1])]
        [answer] = await self.send(b"\r\n".join(lines) + b"\r\n\r\n" + (body[1] if body else b""))
        return answer


async def _answer(reader: asyncio.StreamReader) -> Answer:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return Answer(0, {}, b"")
    first, *lines = head.strip().split(b"\r\n")
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(b":") for line in lines)}
    status = int(first.split(b" ")[1])
    try:
        body = await reader.readexactly(int(headers.get(b"content-length", b"0"))) if status != 101 else b""
    except (asyncio.IncompleteReadError, ConnectionError):
        body = b""  # closed while we were still sending
    return Answer(status, headers, body)


class Verdict:
    """Collects wrong answers, to report all at once."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.count = 0

    def on(self, what: bytes, answer: Answer, *, refused: bool = False) -> None:
        self.count += 1
        about = f"{what[:150]!r}: {answer.status} {answer.body[:100]!r}"
        if answer.status == 0:
            self.wrong.append(f"no answer to {about}")
            return
        if answer.status >= 500 and not _is_away(answer):
            self.wrong.append(f"a failure of ours: {about}")
        if refused and not 400 <= answer.status < 500:
            self.wrong.append(f"not refused: {about}")
        for name, begins in SECURITY.items():
            if name not in answer.headers or not answer.headers[name].startswith(begins):
                self.wrong.append(f"without {name.decode()}: {about}")
        if b"aiohttp" in answer.body or b"Traceback" in answer.body:
            self.wrong.append(f"tells of its inside: {about}")


def _is_away(answer: Answer) -> bool:
    try:
        return bool(json.loads(answer.body)["error"]["code"] in AWAY)
    except (ValueError, KeyError, TypeError):
        return False


def assert_quiet(printed: str) -> None:
    """The log has no traceback, no text of the stranger, and no long line."""
    assert "Traceback" not in printed, printed[printed.index("Traceback") - 500 :][:3000]
    assert "broke" not in printed
    assert [line[:200] for line in printed.splitlines() if len(line) > 1000] == []
