"""A call of a phone (a SIP dialog): a person's actions on it, and its results. No accounts here."""

from __future__ import annotations

import asyncio
import random
import re
import uuid
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.lab.media import Media
from tests.lab.sip_message import Message, Request, address_of, digest_answer, new_branch, tag_of, user_of

if TYPE_CHECKING:
    from tests.lab.phone import Phone

_ANSWER_SECONDS = 10.0  # deadline of one SIP request inside a call


class State(StrEnum):
    CALLING = "calling"
    RINGING = "ringing"
    UP = "up"
    ENDED = "ended"


class SipCall:
    """
    Attributes:
        other: the far end's number or extension.
        called: the number in the request line: for an incoming call at the carrier, the number dialled out.
        ringing, up, ended: events that stay set. `ended` also sets the other two, so that no waiter hangs;
            `answered()` distinguishes an answer from an end.
        at: seconds on the phone's clock of "start", "ringing", "answer" and "end", as far as they happened.
        code: the SIP status that ended an unanswered call; 0 otherwise.
        ended_by: "local" or "remote", "" while alive.
        referred: SIP statuses reported for a transfer that this phone asked for.
    """

    def __init__(self, phone: Phone, media: Media, *, outgoing: bool) -> None:
        self.phone, self.media, self.outgoing = phone, media, outgoing
        self.state = State.CALLING
        self.ringing, self.up, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.transfer_done = asyncio.Event()
        self.at: dict[str, float] = {"start": phone.clock()}
        self.code = 0
        self.ended_by = ""
        self.other = self.called = ""
        self.referred: list[int] = []
        self.call_id = uuid.uuid4().hex
        self.local_tag = uuid.uuid4().hex[:10]
        self._local = self._remote = self._target = ""  # From, To and request line inside the dialog
        self._cseq = random.randint(1, 500)
        self._invite = Request(method="INVITE", uri="", from_="", to="", call_id=self.call_id, cseq=0)
        self._received: Message | None = None  # the INVITE of an incoming call
        self._authorized = False
        self._answers: dict[tuple[int, str], asyncio.Future[Message]] = {}

    @classmethod
    def from_invite(cls, phone: Phone, media: Media, invite: Message) -> SipCall:
        call = cls(phone, media, outgoing=False)
        call._received = invite
        call.call_id = invite.get("Call-ID")
        call._remote = invite.get("From")
        call._local = f"{invite.get('To')};tag={call.local_tag}"
        call._target = address_of(invite.get("Contact"))
        call.other, call.called = user_of(invite.get("From")), user_of(invite.uri)
        return call

    def header(self, name: str) -> str:
        """Of the INVITE of an incoming call; "" if it has none."""
        return self._received.get(name) if self._received is not None else ""

    @property
    def remote_tag(self) -> str:
        return tag_of(self._remote)

    async def answered(self, *, timeout_seconds: float = 15.0) -> SipCall:
        """
        Wait until the call is up.

        Raises:
            TimeoutError: it still rings.
            ConnectionError: it ended without an answer.
        """
        await asyncio.wait_for(self.up.wait(), timeout_seconds)
        if "answer" not in self.at:
            raise ConnectionError(f"{self.phone.name}'s call ended with {self.code} without an answer")
        return self

    async def over(self, *, timeout_seconds: float = 15.0) -> SipCall:
        """Wait until the call has ended, from either side. Raises TimeoutError."""
        await asyncio.wait_for(self.ended.wait(), timeout_seconds)
        return self

    # -- what a person does ------------------------------------------------------------------------------------------

    def ring(self) -> None:
        self._respond(180, "Ringing")
        self._become(State.RINGING)

    async def answer(self) -> SipCall:
        """Pick up; does nothing if the caller has already hung up."""
        if self.state is State.ENDED or self._received is None:
            return self
        await self.media.open()
        self.media.accept(self._received.body)
        self._respond(200, "OK", body=self.media.offer())
        self._become(State.UP)
        return self

    def reject(self, code: int = 486, reason: str = "Busy Here") -> None:
        self._refuse(code, reason)

    def redirect(self, number: str) -> None:
        """Answer 302: the phone forwards the call to `number`."""
        self._refuse(302, "Moved Temporarily", contact=self._sip_uri(number))

    async def hang_up(self) -> None:
        """End the call, depending on its state by BYE, CANCEL or a refusal. Idempotent."""
        if self.state is State.ENDED:
            return
        self.ended_by = "local"
        if self.state is State.UP:
            self._say_goodbye()
        elif self.outgoing:
            cancel = {"uri": self._invite.uri, "to": self._invite.to, "branch": self._invite.branch}
            self._send("CANCEL", self._invite.cseq, **cancel)
            await asyncio.wait_for(self.ended.wait(), _ANSWER_SECONDS)
        else:
            self.reject()

    def drop(self) -> None:
        """End the call without a message, like a phone that loses its power."""
        self.ended_by = self.ended_by or "local"
        self._become(State.ENDED)

    def _say_goodbye(self) -> None:
        self.ended_by = "local"
        self._send("BYE", self._next_cseq())
        self._become(State.ENDED)

    async def hold(self) -> None:
        self.media.paused = True
        await self._request("INVITE", body=self.media.offer("sendonly"))

    async def unhold(self) -> None:
        await self._request("INVITE", body=self.media.offer("sendrecv"))
        self.media.paused = False

    async def blind_transfer(self, number: str) -> int:
        """
        REFER the far end to `number`.

        Returns:
            The answer to the REFER itself (202 accepted). The result of the transfer comes later in `referred`, and
            sets `transfer_done`. When the other side answers, this phone hangs up by itself, like real phones.
        """
        return await self._refer(self._sip_uri(number))

    async def attended_transfer(self, consultation: SipCall) -> int:
        """Join the far ends of this call and of `consultation` (REFER with Replaces); returns the REFER's answer."""
        tags = f"{consultation.call_id};to-tag={consultation.remote_tag};from-tag={consultation.local_tag}"
        return await self._refer(f"{self._sip_uri(consultation.called)}?Replaces={quote(tags, safe='')}")

    async def dial_digits(self, digits: str) -> None:
        """Press keys during the call, for example "##102" or "*2102"."""
        await self.media.dial_digits(digits)

    # -- sending -----------------------------------------------------------------------------------------------------

    def invite(self, number: str, *, caller: str, display: str, extra: Sequence[str]) -> None:
        """Place the call; `extra` are whole header lines."""
        self.called = self.other = number
        uri = self._target = self._sip_uri(number)
        name = f'"{display}" ' if display else ""
        self._local = f"{name}<sip:{caller}@{self.phone.host}:{self.phone.port}>;tag={self.local_tag}"
        self._remote = f"<{uri}>"
        self._send_invite(extra)

    def _send_invite(self, extra: Sequence[str]) -> None:
        self._invite = Request(
            method="INVITE",
            uri=self._sip_uri(self.called),
            from_=self._local,
            to=f"<{self._sip_uri(self.called)}>",
            call_id=self.call_id,
            cseq=self._next_cseq(),
            branch=new_branch(),
            extra=tuple(extra),
            body=self.media.offer(),
        )
        self.phone.send(self._invite)

    def _next_cseq(self) -> int:
        self._cseq += 1
        return self._cseq

    def _sip_uri(self, number: str) -> str:
        host, port = self.phone.server
        return f"sip:{number}@{host}:{port}"

    def _send(
        self,
        method: str,
        cseq: int,
        *,
        uri: str = "",
        to: str = "",
        branch: str = "",
        body: str = "",
        extra: Sequence[str] = (),
    ) -> None:
        request = Request(
            method=method,
            uri=uri or self._target,
            from_=self._local,
            to=to or self._remote,
            call_id=self.call_id,
            cseq=cseq,
            branch=branch,
            extra=extra,
            body=body,
        )
        self.phone.send(request)

    def _respond(self, code: int, reason: str, *, body: str = "") -> None:
        if self._received is not None:
            self.phone.respond(self._received, code, reason, tag=self.local_tag, body=body)

    def _refuse(self, code: int, reason: str, *, contact: str | None = None) -> None:
        if self._received is None or self.state is State.ENDED:
            return
        self.code, self.ended_by = code, "local"
        self.phone.respond(self._received, code, reason, tag=self.local_tag, contact=contact)
        self._become(State.ENDED)

    async def _refer(self, target: str) -> int:
        referred_by = f"Referred-By: <{self._sip_uri(self.phone.user)}>"
        answer = await self._request("REFER", extra=(f"Refer-To: <{target}>", referred_by))
        return answer.code

    async def _request(self, method: str, *, body: str = "", extra: Sequence[str] = ()) -> Message:
        """Send a request inside the dialog and return its final answer, after a challenge if there is one."""
        cseq, answer = await self._ask(method, body, extra)
        if answer.code in (401, 407):
            phone = self.phone
            proof = digest_answer(answer, method=method, uri=self._target, user=phone.user, password=phone.password)
            cseq, answer = await self._ask(method, body, (*extra, proof))
        if method == "INVITE":
            self._send("ACK", cseq)
            if answer.code == 200:
                self.media.accept(answer.body)
        return answer

    async def _ask(self, method: str, body: str, extra: Sequence[str]) -> tuple[int, Message]:
        cseq = self._next_cseq()
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[cseq, method] = future
        try:
            self._send(method, cseq, body=body, extra=extra)
            return cseq, await asyncio.wait_for(future, _ANSWER_SECONDS)
        finally:
            del self._answers[cseq, method]

    # -- receiving ---------------------------------------------------------------------------------------------------

    def on_response(self, message: Message) -> None:
        cseq, method = message.cseq
        waiting = self._answers.get((cseq, method))
        if waiting is not None:
            if message.code >= 200 and not waiting.done():
                waiting.set_result(message)
        elif method == "INVITE" and cseq == self._invite.cseq:
            self._on_invite_answer(message)

    def _on_invite_answer(self, message: Message) -> None:
        if message.code == 100:
            return
        if message.code < 300:
            self._remote = message.get("To")
        if message.code < 200:
            self._become(State.RINGING)
        elif message.code < 300:
            self._target = address_of(message.get("Contact")) or self._target
            self.media.accept(message.body)
            self._send("ACK", self._invite.cseq)
            if self.state in (State.CALLING, State.RINGING):
                self._become(State.UP)
                if self.ended_by == "local":  # the answer crossed our CANCEL
                    self._say_goodbye()
        else:
            self._on_refusal(message)

    def _on_refusal(self, message: Message) -> None:
        ack = {"uri": self._invite.uri, "to": message.get("To"), "branch": self._invite.branch}
        self._send("ACK", self._invite.cseq, **ack)
        if message.code in (401, 407) and not self._authorized:
            self._authorized = True
            phone = self.phone
            proof = digest_answer(
                message, method="INVITE", uri=self._invite.uri, user=phone.user, password=phone.password
            )
            self._send_invite((*self._invite.extra, proof))
            return
        self.code = message.code
        self.ended_by = self.ended_by or "remote"
        self._become(State.ENDED)

    def on_request(self, message: Message) -> None:
        """Handle a request inside this call's dialog, or its CANCEL."""
        match message.method:
            case "INVITE":
                # A repeated INVITE that made this call has no tag and was answered before.
                if tag_of(message.get("To")):
                    self.media.accept(message.body)
                    self.phone.respond(message, 200, "OK", body=self.media.offer())
            case "ACK":
                pass
            case "CANCEL":
                self.phone.respond(message, 200, "OK", contact="")
                if self.state not in (State.UP, State.ENDED):
                    self._respond(487, "Request Terminated")
                    self.code, self.ended_by = 487, "remote"
                    self._become(State.ENDED)
            case "BYE":
                self.phone.respond(message, 200, "OK", contact="")
                self.ended_by = self.ended_by or "remote"
                self._become(State.ENDED)
            case "NOTIFY":
                self.phone.respond(message, 200, "OK")
                self._on_transfer_progress(message)
            case "UPDATE" if message.body:
                self.media.accept(message.body)
                self.phone.respond(message, 200, "OK", body=self.media.offer())
            case _:
                self.phone.respond(message, 200, "OK")

    def _on_transfer_progress(self, message: Message) -> None:
        progress = re.search(r"SIP/2.0 (\d+)", message.body)
        if progress and "sipfrag" in message.get("Content-Type"):
            self.referred.append(int(progress[1]))
            if self.referred[-1] >= 200:
                self.transfer_done.set()
            if 200 <= self.referred[-1] < 300 and self.state is State.UP:
                # A transferring phone hangs up when the other side has answered; Asterisk would wait a minute for it.
                self._say_goodbye()

    def _become(self, state: State) -> None:
        if self.state is State.ENDED:
            return
        self.state = state
        now = self.phone.clock()
        if state is State.RINGING:
            self.at.setdefault("ringing", now)
        elif state is State.UP:
            self.at.setdefault("answer", now)
            self.media.start()
        else:
            self.at["end"] = now
            self.ended.set()
            self.media.close()
            self.phone.forget(self)
        self.ringing.set()
        if state is not State.RINGING:
            self.up.set()
