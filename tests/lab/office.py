"""The lab office: a real Asterisk, four registered phones and a carrier. It does not start Dozvon."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.asterisk import Asterisk, Ports
from tests.lab.phone import Phone
from tests.lab.ports import free_port
from tests.lab.sip_call import SipCall

EXTENSIONS = ("101", "102", "103", "104")
COMPANY = "74950000001"  # the number that outgoing calls show
RESERVE = "79037770000"  # the last destination of DID ..05 and ..22
CARRIER_HOST = "127.0.0.2"
CARRIER_TONE = 900


def did(last_two: int) -> str:
    """Return the office's number that ends in `last_two`. extensions.conf defines what each number does."""
    return f"749500000{last_two:02d}"


class Office:
    """
    Use as `async with Office(lab_root()) as office`. Calls and phones belong to the event loop that entered.

    Args:
        root: the chroot of the Asterisk to use, from `lab_root(22)` or `lab_root(16)`.
        fastagi_port: where Dozvon's FastAGI server will be; a free port by default. None: no Dozvon in the dialplan.
        ports: fixed ports for people; free ones by default.
        extensions: those whose phones register.
        overlay: a folder of *.conf that replace the lab's (another dialplan for the same phones).

    Attributes:
        asterisk: the instance, with `ports`, `monitor` (the recordings), `cli`, `restart`, `kill`, `start`.
        carrier: the far end of the trunk: clients call from it, and calls to the outside arrive at it.
    """

    def __init__(
        self,
        root: Path,
        *,
        fastagi_port: int | None = 0,
        ports: Ports | None = None,
        extensions: tuple[str, ...] = EXTENSIONS,
        overlay: Path | None = None,
    ) -> None:
        self.fastagi_port = free_port() if fastagi_port == 0 else fastagi_port
        self.asterisk = Asterisk(
            root,
            carrier_port=free_port(CARRIER_HOST),
            fastagi_port=self.fastagi_port,
            ports=ports,
            overlay=overlay,
        )
        self._extensions = extensions
        self._began = time.monotonic()
        self._phones: dict[str, Phone] = {}
        self.carrier = self._make_phone("carrier", "", CARRIER_TONE, CARRIER_HOST, self.asterisk.carrier_port)

    def clock(self) -> float:
        """Seconds since the office opened."""
        return time.monotonic() - self._began

    async def __aenter__(self) -> Self:
        try:
            await self.asterisk.start()
            await self.carrier.open()
            for number, extension in enumerate(self._extensions):
                await self.add_phone(extension, tone=300 + 60 * number)
        except BaseException:
            await self.close()
            raise
        self._began = time.monotonic()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Drop the calls, end Asterisk, delete its folder. Idempotent."""
        for phone in (*self._phones.values(), self.carrier):
            phone.close()
        self.asterisk.remove()
        await asyncio.sleep(0)  # lets the sockets close before the loop ends

    def _make_phone(self, user: str, password: str, tone: int, host: str, port: int = 0, name: str = "") -> Phone:
        server = ("127.0.0.1", self.asterisk.ports.sip)
        return Phone(user, password, server, host=host, port=port, tone=tone, clock=self.clock, name=name)

    async def add_phone(self, extension: str, *, tone: int = 660, name: str = "") -> Phone:
        """Register another phone; with a `name` it may be a second device of an extension."""
        phone = self._make_phone(extension, f"secret{extension}", tone, "127.0.0.1", name=name)
        self._phones[phone.name] = await phone.open()
        await phone.register()
        return phone

    async def register_all(self) -> None:
        """Register the phones again after a restart of Asterisk, as they would do later by themselves."""
        for phone in self._phones.values():
            await phone.register()

    def phone(self, name: str) -> Phone:
        return self._phones[name]

    async def inbound(self, caller: str, called: str, *, display: str = "") -> SipCall:
        """A client calls the office: INVITE from the carrier. Returns at once with the client's side of the call."""
        return await self.carrier.call(called, caller=caller, display=display)

    async def recording(self, pattern: str = "*.wav", *, timeout_seconds: float = 20.0) -> Path:
        """
        Wait for a finished recording with sound in it and return its path.

        Args:
            pattern: a glob in the monitor folder: `in-DID-CALLER-*.wav`, `out-NUMBER-CALLER-*.wav`.

        Raises:
            TimeoutError: there is none. An unanswered call leaves none.
        """
        async with asyncio.timeout(timeout_seconds):
            while True:
                for path in sorted(self.asterisk.monitor.glob(pattern)):
                    # 8 kB is half a second: less is only a header or the first packets.
                    if path.stat().st_size > 8000:
                        return path
                await asyncio.sleep(0.05)
