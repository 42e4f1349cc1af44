"""A small AMI server that a test can make misbehave, and the blocks it sends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
BOOTED = b"Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 9\r\nLastReload: 9\r\nStatus: Fully Booted\r\n\r\n"
LISTS = {"CoreShowChannels", "Status", "BridgeList", "QueueStatus"}


class ScriptedPbx:
    """A small AMI server. `reply` may be replaced: it gets the action's headers and returns what to send."""

    def __init__(self) -> None:
        self.banner = BANNER
        self.actions: list[dict[str, str]] = []
        self.connections = 0
        self.reply: Callable[[dict[str, str], asyncio.StreamWriter], Awaitable[bytes | None]] = self.well_behaved
        self.writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> ScriptedPbx:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        if self.writer:
            self.writer.transport.abort()
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writer = writer
        writer.write(self.banner)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                block = (await reader.readuntil(b"\r\n\r\n")).decode()
                action = dict(line.split(": ", 1) for line in block.split("\r\n") if ": " in line)
                self.actions.append(action)
                answer = await self.reply(action, writer)
                if answer is None:
                    break
                writer.write(answer)
        writer.close()

    async def well_behaved(self, action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
        name, own = action["Action"], f"ActionID: {action['ActionID']}\r\n"
        if name == "Challenge":
            return f"Response: Success\r\n{own}Challenge: 42\r\n\r\n".encode()
        if name == "Login":
            return f"Response: Success\r\n{own}Message: Authentication accepted\r\n\r\n".encode() + BOOTED
        if name in LISTS:
            return (
                f"Response: Success\r\n{own}EventList: start\r\n\r\n"
                f"Event: {name}Complete\r\n{own}EventList: Complete\r\nListItems: 0\r\n\r\n"
            ).encode()
        return f"Response: Success\r\n{own}Message: ok\r\n\r\n".encode()


def event(name: str, **headers: str) -> bytes:
    return ("\r\n".join([f"Event: {name}", *(f"{k}: {v}" for k, v in headers.items())]) + "\r\n\r\n").encode()


def channel(uniqueid: str, name: str = "PJSIP/trunk-00000001", **headers: str) -> dict[str, str]:
    return {
        "Channel": name,
        "ChannelState": "4",
        "ChannelStateDesc": "Ring",
        "CallerIDNum": "79161234567",
        "CallerIDName": "Пётр",
        "ConnectedLineNum": "<unknown>",
        "Context": "from-trunk",
        "Exten": "74950000001",
        "Priority": "1",
        "Uniqueid": uniqueid,
        "Linkedid": uniqueid,
        **headers,
    }


def whole_call(uniqueid: str) -> bytes:
    trunk, phone = (
        channel(uniqueid),
        channel(f"{uniqueid}9", "PJSIP/101-00000002", CallerIDNum="101", Context="internal"),
    )
    phone["Linkedid"] = uniqueid
    dest = {f"Dest{k}": v for k, v in phone.items()}
    return b"".join([
        event("Newchannel", **trunk),
        event("Newchannel", **phone),
        event("DialBegin", **trunk, **dest, DialString="101"),
        event("DialEnd", **trunk, **dest, DialStatus="NOANSWER"),
        event("Hangup", **phone, Cause="0"),
        event("Hangup", **trunk, Cause="16"),
    ])  # fmt: skip
