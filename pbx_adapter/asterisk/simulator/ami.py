"""The simulated PBX's manager port: sessions with login, rights, filters and actions, as in manager.conf.

`answers.py` answers queries; `Simulator` executes actions on calls.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from ssl import SSLContext

from pbx_adapter.asterisk.simulator.office import AmiUser
from pbx_adapter.asterisk.simulator.switch import Headers

Request = list[tuple[str, str]]
Answer = tuple[Headers, list[Headers]]
"""The response's headers without ActionID, and the events of a list. Each event gets the ActionID."""

_MAX_BLOCK = 64 * 1024
_MAX_UNREAD = 8 * 1024 * 1024  # unread bytes of a slow client before it is dropped, as in Asterisk

_ANY: frozenset[str] = frozenset()
RIGHTS: dict[str, frozenset[str]] = {
    # action: write classes, one of which is needed. Source: ListCommands of Asterisk 22
    "BlindTransfer": frozenset({"call"}),
    "BridgeInfo": _ANY,
    "BridgeList": _ANY,
    "CoreSettings": frozenset({"system", "reporting"}),
    "CoreShowChannels": frozenset({"system", "reporting"}),
    "CoreStatus": frozenset({"system", "reporting"}),
    "CreateConfig": frozenset({"config"}),
    "Filter": frozenset({"system"}),
    "GetConfig": frozenset({"system", "config"}),
    "Getvar": frozenset({"call", "reporting"}),
    "Hangup": frozenset({"system", "call"}),
    "ListCommands": _ANY,
    "Originate": frozenset({"originate"}),
    "PJSIPShowEndpoint": frozenset({"system"}),
    "PJSIPShowEndpoints": frozenset({"system"}),
    "PJSIPShowRegistrationsOutbound": frozenset({"system", "reporting"}),
    "Ping": _ANY,
    "PlayDTMF": frozenset({"call"}),
    "QueueStatus": _ANY,
    "Redirect": frozenset({"call"}),
    "Reload": frozenset({"system", "config"}),
    "Setvar": frozenset({"call"}),
    "ShowDialPlan": frozenset({"config", "reporting"}),
    "Status": frozenset({"system", "call", "reporting"}),
    "UpdateConfig": frozenset({"config"}),
    "VoicemailUsersList": frozenset({"call", "reporting"}),
}
Handler = Callable[[str, Request], Awaitable[Answer]]


def wire(headers: Sequence[tuple[str, str]]) -> bytes:
    return ("".join(f"{k}: {v}\r\n" for k, v in headers) + "\r\n").encode()


def success(message: str, *extra: tuple[str, str]) -> Answer:
    return [("Response", "Success"), *extra, ("Message", message)], []


def error(message: str) -> Answer:
    return [("Response", "Error"), ("Message", message)], []


def header(request: Request, name: str, default: str = "") -> str:
    return next((v for k, v in request if k.lower() == name.lower()), default)


class AmiSession:
    """One connection."""

    def __init__(self, server: AmiServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._challenge = ""
        self._user: AmiUser | None = None
        self._classes: frozenset[str] | None = frozenset()  # None: all classes that the user may read
        self._filters: list[tuple[bool, re.Pattern[str]]] = []

    async def run(self) -> None:
        self._writer.write(f"Asterisk Call Manager/{self._server.version}\r\n".encode())
        while request := await self._read():
            action = header(request, "Action")
            if not self._server.is_frozen:
                await self._do(action, request)
            if action.lower() == "logoff":
                return

    async def _read(self) -> Request | None:
        try:
            block = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return None
        lines = block.decode("utf-8", "replace").split("\r\n")
        return [(k.strip(), v.strip()) for k, _, v in (line.partition(":") for line in lines if line)] or None

    async def _do(self, action: str, request: Request) -> None:
        action_id = header(request, "ActionID")
        own: Headers = [("ActionID", action_id)] if action_id else []
        response, listed = await self._answer(action, request)
        self.send(wire([response[0], *own, *response[1:]]))
        for item in listed:
            self.send(wire([item[0], *own, *item[1:]]))
        if action.lower() == "login" and response[0][1] == "Success" and self.reads("system"):
            self.send(wire(self._server.fully_booted()))

    async def _answer(self, action: str, request: Request) -> Answer:
        match action.lower():
            case "challenge":
                self._challenge = str(self._server.next_challenge())
                return [("Response", "Success"), ("Challenge", self._challenge)], []
            case "login":
                return self._login(request)
            case "logoff":
                return [("Response", "Goodbye"), ("Message", "Thanks for all the fish.")], []
        if self._user is None:
            return error("Permission denied")
        name = next((n for n in RIGHTS if n.lower() == action.lower()), None)
        if name is None:
            known = "Use Action: ListCommands to show available commands."
            return error("Permission denied" if action == "Command" else f"Invalid/unknown command: {action}. {known}")
        if not self.may(name):
            return error("Permission denied")
        if name == "Filter":
            return self._filter(request)
        if name == "ListCommands":
            return [("Response", "Success"), *((n, "(Priv: )") for n in sorted(RIGHTS) if self.may(n))], []
        if name == "Ping":
            return [("Response", "Success"), ("Ping", "Pong"), ("Timestamp", f"{time.time():.6f}")], []
        return await self._server.handle(name, request)

    def may(self, action: str) -> bool:
        needed = RIGHTS[action]
        return self._user is not None and (not needed or bool(needed & self._user.write))

    def _login(self, request: Request) -> Answer:
        user = next((u for u in self._server.users if u.name == header(request, "Username")), None)
        if user is None:
            return error("Authentication failed")
        if header(request, "AuthType").upper() == "MD5":
            digest = hashlib.md5((self._challenge + user.secret).encode(), usedforsecurity=False).hexdigest()
            right = bool(self._challenge) and hmac.compare_digest(digest, header(request, "Key"))
        else:
            right = hmac.compare_digest(user.secret.encode(), header(request, "Secret").encode())
        if not right:
            return error("Authentication failed")
        self._user = user
        events = header(request, "Events", "on").lower()
        self._classes = (
            None if events in ("", "on", "all") else frozenset() if events == "off" else frozenset(events.split(","))
        )
        return success("Authentication accepted")

    def _filter(self, request: Request) -> Answer:
        text = header(request, "Filter")
        pattern = text.removeprefix("!").replace("[[:cntrl:]]", r"[\x00-\x1f]").replace("[[:space:]]", r"\s")
        try:
            self._filters.append((text.startswith("!"), re.compile(pattern, re.DOTALL)))
        except re.error:
            return error("Filter format is bad")
        return success("Success")

    def reads(self, group: str) -> bool:
        return self._user is not None and group in self._user.read and (self._classes is None or group in self._classes)

    def event(self, group: str, text: str, block: bytes) -> None:
        """Send an event, if this session may see it and has not filtered it out."""
        if not self.reads(group):
            return
        includes = [p for is_exclude, p in self._filters if not is_exclude]
        if includes and not any(p.search(text) for p in includes):
            return
        if not any(is_exclude and p.search(text) for is_exclude, p in self._filters):
            self.send(block)

    def send(self, block: bytes) -> None:
        if self._writer.is_closing():
            return
        self._writer.write(block)
        if self._writer.transport.get_write_buffer_size() > _MAX_UNREAD:
            self._writer.transport.abort()

    def cut(self) -> None:
        self._writer.transport.abort()


class AmiServer:
    """Listens, and sends every event to every session. `handle` executes actions on calls."""

    def __init__(self, users: Sequence[AmiUser], version: str, booted_at: Callable[[], float], handle: Handler) -> None:
        self.users = tuple(users)
        self.version = version
        self.handle = handle
        self.is_frozen = False  # reads, but answers nothing: a hanging PBX
        self.port = 0
        self.events_sent = 0
        self._booted_at = booted_at
        self._challenges = 100000000
        self._sessions: dict[AmiSession, asyncio.Task[None]] = {}
        self._server: asyncio.Server | None = None

    @property
    def is_heard(self) -> bool:
        """Whether a logged-in session gets the events of calls now."""
        return not self.is_frozen and any(session.reads("call") for session in self._sessions)

    async def start(self, port: int, ssl: SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(
            self._accept,
            "127.0.0.1",
            port or self.port,
            limit=_MAX_BLOCK,
            ssl=ssl,
        )
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and cut all connections; `start` may follow."""
        if self._server:
            self._server.close()
        await self.cut()
        if self._server:
            await self._server.wait_closed()
            self._server = None

    async def cut(self) -> None:
        """Break all connections; new ones are accepted."""
        tasks = list(self._sessions.values())
        for session in list(self._sessions):
            session.cut()
        await asyncio.gather(*tasks, return_exceptions=True)

    def next_challenge(self) -> int:
        self._challenges += 7919
        return self._challenges

    def fully_booted(self) -> Headers:
        uptime = str(int(max(0.0, time.time() - self._booted_at())))
        return [
            ("Event", "FullyBooted"),
            ("Privilege", "system,all"),
            ("Uptime", uptime),
            ("LastReload", uptime),
            ("Status", "Fully Booted"),
        ]

    def event(self, name: str, group: str, headers: Headers) -> None:
        self.events_sent += 1
        if not self._sessions or self.is_frozen:
            return
        block = wire([("Event", name), ("Privilege", f"{group},all"), *headers])
        text = block.decode()
        for session in list(self._sessions):
            session.event(group, text, block)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = AmiSession(self, reader, writer)
        task = asyncio.current_task()
        assert task is not None
        self._sessions[session] = task
        try:
            await session.run()
        except ConnectionError:
            pass  # the client is gone: AMI sessions usually end like this
        finally:
            self._sessions.pop(session, None)
            writer.close()
