"""The sound of a call: SDP, RTP with a tone, DTMF (RFC 4733), and listening. No SIP here."""

from __future__ import annotations

import asyncio
import math
import random
import re
import struct
import time
from collections import deque

_RATE = 8000  # samples a second, G.711
_FRAME = 160  # samples in 20 ms
_PCMU, _TELEPHONE_EVENT = 0, 101
_SILENT_FRAME = b"\xff" * _FRAME
_HEARD_FRAMES = 25  # half a second is enough to tell tones apart


def _encode_ulaw(sample: int) -> int:
    sign = 0x80 if sample < 0 else 0
    sample = min(abs(sample), 32635) + 132
    exponent = max(sample.bit_length() - 8, 0)
    return ~(sign | (exponent << 4) | ((sample >> (exponent + 3)) & 0x0F)) & 0xFF


def _decode_ulaw(code: int) -> int:
    code = ~code & 0xFF
    size = ((((code & 0x0F) << 3) + 132) << ((code >> 4) & 7)) - 132
    return -size if code & 0x80 else size


_DECODED = [_decode_ulaw(code) for code in range(256)]


def tone_frames(hertz: int) -> bytes:
    """One second of a tone as G.711 mu-law; `hertz` is whole, so it can be played in a ring without a click."""
    return bytes(_encode_ulaw(int(8000 * math.sin(2 * math.pi * hertz * i / _RATE))) for i in range(_RATE))


def strength(payload: bytes, hertz: int) -> float:
    """Return the share (0 to 1) of the sound's energy that is at `hertz`, by Goertzel's algorithm."""
    samples = [_DECODED[code] for code in payload]
    energy = sum(sample * sample for sample in samples)
    if not energy:
        return 0.0
    turn = 2 * math.cos(2 * math.pi * hertz / _RATE)
    before, last = 0.0, 0.0
    for sample in samples:
        before, last = last, sample + turn * last - before
    power = last * last + before * before - turn * last * before
    return 2 * power / (energy * len(samples))


class Media(asyncio.DatagramProtocol):
    """
    One RTP stream in each direction. Sends its tone from `start` until `close`, unless `paused`.

    Attributes:
        received: RTP packets that came in, DTMF included.
        digits: what the far end dialled during the call, as RFC 4733 events.
    """

    def __init__(self, host: str, tone: bytes) -> None:
        self.host = host
        self.paused = False
        self.received = 0
        self.digits = ""
        self._tone = tone
        self._heard: deque[bytes] = deque(maxlen=_HEARD_FRAMES)
        self._transport: asyncio.DatagramTransport | None = None
        self._beats: deque[bool] | None = None  # None: the tone without a pause
        self._pump: asyncio.Task[None] | None = None
        self._peer: tuple[str, int] | None = None
        self._sequence = random.getrandbits(15)
        self._timestamp = 0
        self._source = random.getrandbits(32)
        self._sdp_version = 1
        self._last_digit_timestamp = -1

    async def open(self) -> Media:
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=(self.host, 0)
        )
        return self

    def start(self) -> None:
        if self._pump is None:
            self._pump = asyncio.get_running_loop().create_task(self._send_tone())

    def close(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    # -- SDP ---------------------------------------------------------------------------------------------------------

    def offer(self, direction: str = "sendrecv") -> str:
        if self._transport is None:
            return ""
        port = self._transport.get_extra_info("sockname")[1]
        self._sdp_version += 1
        lines = [
            "v=0",
            f"o=- 1 {self._sdp_version} IN IP4 {self.host}",
            "s=-",
            f"c=IN IP4 {self.host}",
            "t=0 0",
            f"m=audio {port} RTP/AVP {_PCMU} {_TELEPHONE_EVENT}",
            f"a=rtpmap:{_PCMU} PCMU/{_RATE}",
            f"a=rtpmap:{_TELEPHONE_EVENT} telephone-event/{_RATE}",
            f"a=fmtp:{_TELEPHONE_EVENT} 0-15",
            "a=ptime:20",
            f"a={direction}",
        ]
        return "\r\n".join(lines) + "\r\n"

    def accept(self, sdp: str) -> None:
        """Take the far end's address from its SDP; an SDP without one changes nothing."""
        host, port = re.search(r"c=IN IP4 (\S+)", sdp), re.search(r"m=audio (\d+)", sdp)
        if host and port:
            self._peer = (host[1], int(port[1]))

    # -- listening ---------------------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        if len(data) <= 12:
            return
        self.received += 1
        kind = data[1] & 0x7F
        if kind == _PCMU:
            self._heard.append(data[12:])
        elif kind == _TELEPHONE_EVENT:
            # All packets of one digit carry the timestamp of its beginning.
            timestamp = struct.unpack_from("!I", data, 4)[0]
            if timestamp != self._last_digit_timestamp:
                self._last_digit_timestamp = timestamp
                self.digits += "0123456789*#ABCD"[data[12] & 0x0F]

    def hears(self, hertz: int) -> bool:
        """Whether most of the last half second is a tone of `hertz`, by which tests identify the speaker."""
        payload = b"".join(self._heard)
        return len(payload) >= _FRAME * _HEARD_FRAMES // 2 and strength(payload, hertz) > 0.5

    def forget(self) -> None:
        """Drop the sound so far: `hears` then only counts sound from now on."""
        self._heard.clear()

    # -- speaking ----------------------------------------------------------------------------------------------------

    def say(self, *beats: float) -> None:
        """Speak like a person: seconds of sound and of silence in turn, then silence, with packets all the time."""
        self._beats = deque(
            is_sound
            for place, seconds in enumerate(beats)
            for is_sound in [place % 2 == 0] * round(seconds * _RATE / _FRAME)
        )

    def _next_frame(self) -> bytes:
        if self._beats is not None and not (self._beats and self._beats.popleft()):
            return _SILENT_FRAME
        at = self._timestamp % _RATE
        return self._tone[at : at + _FRAME]

    async def _send_tone(self) -> None:
        due = time.monotonic()
        while True:
            if not self.paused:
                self._send(self._next_frame())
            self._timestamp += _FRAME
            due += _FRAME / _RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _send(self, payload: bytes, kind: int = _PCMU, *, marker: bool = False, timestamp: int | None = None) -> None:
        if self._transport is None or self._peer is None or not self._peer[1]:
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        when = self._timestamp if timestamp is None else timestamp
        mark = 0x80 if marker else 0
        head = struct.pack("!BBHII", 0x80, kind | mark, self._sequence, when & 0xFFFFFFFF, self._source)
        self._transport.sendto(head + payload, self._peer)

    async def dial_digits(self, digits: str, *, gap_seconds: float = 0.15) -> None:
        """Send digits as RFC 4733 events of 120 ms, `gap_seconds` apart."""
        was_paused, self.paused = self.paused, True
        for digit in digits:
            event, began = "0123456789*#ABCD".index(digit), self._timestamp
            for step in range(1, 7):
                packet = struct.pack("!BBH", event, 10, _FRAME * step)
                self._send(packet, _TELEPHONE_EVENT, marker=step == 1, timestamp=began)
                await asyncio.sleep(_FRAME / _RATE)
            for _ in range(3):  # the end is sent three times, as packets may be lost
                self._send(struct.pack("!BBH", event, 0x8A, 6 * _FRAME), _TELEPHONE_EVENT, timestamp=began)
            await asyncio.sleep(gap_seconds)
        self.paused = was_paused
