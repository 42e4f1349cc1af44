"""A SIP phone on its own UDP port: registers, places and takes calls. `sip_call` handles calls."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

from tests.lab.media import Media, tone_frames
from tests.lab.sip_call import SipCall, State
from tests.lab.sip_message import Message, Request, digest_answer, render_response

CallHandler = Callable[[SipCall], Awaitable[None]]

# An Asterisk that has just begun may ask in an empty realm first, and refuses what it is answered.
_CHALLENGES = 3
_ANSWER_SECONDS = 20.0


class Phone(asyncio.DatagramProtocol):
    """
    One SIP account. Without a password it does not register, but plays the carrier at the far end of a trunk.

    Incoming calls ring forever until told otherwise by `answers`, `rejects`, `redirects` or by the test itself through
    `incoming()`; every call also arrives at `incoming()`, whatever the phone does with it.

    Args:
        tone: the pitch of its person's voice in whole hertz; `Media.hears` tells people apart by it.
        clock: seconds for `SipCall.at`.
    """

    def __init__(
        self,
        user: str,
        password: str,
        server: tuple[str, int],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tone: int = 440,
        clock: Callable[[], float] = time.monotonic,
        name: str = "",
    ) -> None:
        self.user, self.password, self.server, self.host, self.port = user, password, server, host, port
        self.name = name or user
        self.tone = tone
        self.clock = clock
        self.live: set[SipCall] = set()
        self._frames = tone_frames(tone)
        self._calls: dict[str, SipCall] = {}  # by Call-ID; ended ones too, for late packets
        self._incoming: asyncio.Queue[SipCall] = asyncio.Queue()
        self._handler: CallHandler = _ring
        self._handling: set[asyncio.Task[None]] = set()
        self._registering: dict[int, asyncio.Future[Message]] = {}
        self._registration = 0
        self._transport: asyncio.DatagramTransport | None = None

    # -- life --------------------------------------------------------------------------------------------------------

    async def open(self) -> Self:
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=(self.host, self.port)
        )
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    def close(self) -> None:
        """Drop the calls and free the port without a message to the PBX, like a phone without power."""
        for task in self._handling:
            task.cancel()
        for call in list(self.live):
            call.drop()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    async def register(self, *, expires_seconds: int = 3600) -> None:
        """
        Register the account; 0 seconds unregisters.

        Raises:
            ConnectionRefusedError: the PBX did not accept it.
            TimeoutError: the PBX did not answer.
        """
        host, port = self.server
        uri, account = f"sip:{host}:{port}", f"<sip:{self.user}@{host}:{port}>"
        call_id, tag, proof = uuid.uuid4().hex, uuid.uuid4().hex[:8], ""
        for _ in range(_CHALLENGES + 1):
            self._registration += 1
            answer = self._registering[self._registration] = asyncio.get_running_loop().create_future()
            request = Request(
                method="REGISTER",
                uri=uri,
                from_=f"{account};tag={tag}",
                to=account,
                call_id=call_id,
                cseq=self._registration,
                extra=(f"Expires: {expires_seconds}", *([proof] if proof else [])),
            )
            self.send(request)
            said = await asyncio.wait_for(answer, _ANSWER_SECONDS)
            if said.code != 401:
                break
            proof = digest_answer(said, method="REGISTER", uri=uri, user=self.user, password=self.password)
        if said.code != 200:
            raise ConnectionRefusedError(f"{self.name} was not registered: {said.code}")

    # -- what the phone does with incoming calls ---------------------------------------------------------------------

    def rings(self) -> None:
        """From now on: ring until the other side ends the call."""
        self._handler = _ring

    def answers(self, *, after_seconds: float = 0.0, saying: Sequence[float] = ()) -> None:
        """`saying`: seconds of speech and of pauses in turn, then silence; none: its tone without a pause."""

        async def answer(call: SipCall) -> None:
            if saying:
                call.media.say(*saying)
            if await _rings_for(call, after_seconds):
                await call.answer()

        self._handler = answer

    def rejects(self, code: int = 486, reason: str = "Busy Here", *, after_seconds: float = 0.0) -> None:
        """486 busy, 603 declined, 404 no such number, 503 ..."""

        async def reject(call: SipCall) -> None:
            if not after_seconds or await _rings_for(call, after_seconds):
                call.reject(code, reason)

        self._handler = reject

    def redirects(self, number: str) -> None:
        """Forward by 302, like a phone with forwarding."""

        async def redirect(call: SipCall) -> None:
            call.redirect(number)

        self._handler = redirect

    def does(self, handler: CallHandler) -> None:
        """From now on: whatever `handler` does with each call."""
        self._handler = handler

    async def incoming(self, *, timeout_seconds: float = 15.0) -> SipCall:
        """Return the next call that reached this phone, oldest first. Raises TimeoutError."""
        return await asyncio.wait_for(self._incoming.get(), timeout_seconds)

    @property
    def was_called(self) -> bool:
        """Whether a call arrived that `incoming` has not returned yet."""
        return not self._incoming.empty()

    async def call(self, number: str, *, caller: str = "", display: str = "", extra: Sequence[str] = ()) -> SipCall:
        """
        Dial `number`; returns at once with the call.

        Args:
            caller: the shown number if it is not the account's (for the carrier).
            display: the shown name.
            extra: whole header lines of the INVITE.
        """
        call = SipCall(self, await Media(self.host, self._frames).open(), outgoing=True)
        self._calls[call.call_id] = call
        self.live.add(call)
        call.invite(number, caller=caller or self.user, display=display, extra=extra)
        return call

    # -- wire --------------------------------------------------------------------------------------------------------

    def send(self, request: Request) -> None:
        if self._transport is not None:
            self._transport.sendto(request.render(self.user, self.host, self.port), self.server)

    def respond(
        self,
        request: Message,
        code: int,
        reason: str,
        *,
        tag: str = "",
        body: str = "",
        contact: str | None = None,
    ) -> None:
        """Answer a request; `contact` is a URI, "" for none, None for this phone's own."""
        if self._transport is None:
            return
        if contact is None:
            contact = f"sip:{self.user}@{self.host}:{self.port}"
        self._transport.sendto(render_response(request, code, reason, contact=contact, tag=tag, body=body), self.server)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        if len(data.strip()) < 8:  # keep-alive
            return
        message = Message.parse(data)
        call = self._calls.get(message.get("Call-ID"))
        if message.is_response:
            self._on_response(message, call)
        elif call is not None:
            call.on_request(message)
        elif message.method == "INVITE":
            self._on_invite(message)
        elif message.method != "ACK":
            self.respond(message, 200, "OK")

    def _on_response(self, message: Message, call: SipCall | None) -> None:
        if call is not None:
            call.on_response(message)
        elif message.cseq[1] == "REGISTER" and message.code >= 200:
            waiting = self._registering.pop(message.cseq[0], None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)

    def _on_invite(self, message: Message) -> None:
        call = SipCall.from_invite(self, Media(self.host, self._frames), message)
        self._calls[call.call_id] = call
        self.live.add(call)
        self.respond(message, 100, "Trying", contact="")
        self._incoming.put_nowait(call)

        async def handle() -> None:
            await self._handler(call)

        task = asyncio.get_running_loop().create_task(handle())
        self._handling.add(task)
        task.add_done_callback(self._handling.discard)

    def forget(self, call: SipCall) -> None:
        """The call has ended."""
        self.live.discard(call)


async def _ring(call: SipCall) -> None:
    call.ring()


async def _rings_for(call: SipCall, seconds: float) -> bool:
    """Ring for this long. Returns False if the call was answered or ended meanwhile."""
    call.ring()
    try:
        async with asyncio.timeout(seconds):
            await call.up.wait()
    except TimeoutError:
        return call.state not in (State.UP, State.ENDED)
    return False
