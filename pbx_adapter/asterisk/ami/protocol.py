"""AMI on the wire: bytes in, frames out. No socket, and no interpretation of frames.

How it works
------------

The server sends one banner line, then blocks of `Key: Value` lines, each block ended by an empty line. TCP may cut
anywhere, even inside a UTF-8 character, so bytes are gathered until a block is complete and only then decoded. Each
byte is looked at once, however small the pieces are that arrive.

A busy PBX sends about 380 bytes per event and up to 250 events per call. Most are not needed: half are `VarSet`, of
which a dozen variables matter. So the first line of a block (Asterisk always begins an event with `Event:`), and for a
`VarSet` its `Variable:`, decide whether the block is wanted; others are dropped undecoded. `Wanted` has the rules.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from integration.domain.connections.state import StateReason, why
from integration.errors import ProtocolError
from pbx_adapter.asterisk.ami.characters import decoded

Frame = dict[str, str | list[str]]
"""One block: a header that came more than once is a list, in the order of arrival. Keys are as Asterisk spells them."""

LONGEST_BLOCK = 4 * 1024 * 1024
"""Bytes without an empty line after which the other side cannot be speaking AMI. The longest real blocks are answers
to `Command` with some hundred kilobytes."""

LONGEST_VALUE = 256
"""Characters of a name, a number or another value; Asterisk's own limit for most of them is 80."""

LONGEST_TEXT = 8192
"""Characters of a value that may be long: arguments of an application, a variable. Asterisk's limit is the same."""

_TEXTS = frozenset({"AppData", "ApplicationData", "Data", "DialString", "Filename", "Message", "Output", "Value",
                    "Variable"})  # fmt: skip

_END = b"\r\n\r\n"
_EVENT = b"Event: "
_VARSET = b"Event: VarSet"
_NEWEXTEN = b"Event: Newexten"
_VARIABLE = b"\r\nVariable: "
_DIAL = b"\r\nApplication: Dial\r\n"
_ACTION_ID = b"\r\nActionID: "
_BANNER = b"Asterisk Call Manager"
_LONGEST_BANNER = 1024
_OLD = re.compile(r"Asterisk Call Manager/(?:0|1)\.")


class OldAsterisk(ProtocolError):
    """An Asterisk that names neither a channel's call nor its bridges: its calls cannot be followed."""

    banner = ""
    """Its greeting, shortened."""


def refuse_old(banner: str) -> None:
    """
    Check the banner of an AMI server.

    Raises:
        OldAsterisk: it speaks AMI 1.x, that is Asterisk 11 or older. Source: AMI 2.0 came with Asterisk 12
            (UPGRADE-12.txt); 13 says 2.x, 16 says 5.x, 18 says 7.x, 20 says 9.x, 22 says 11.x.
    """
    if _OLD.match(banner):
        error = OldAsterisk(
            f"this PBX is too old: it greets as {banner[:60]!r}, which is Asterisk 11 or older, and its events do not "
            "say which channels belong to one call. Nothing is followed. Update the PBX to Asterisk 16 or newer"
        )
        error.banner = banner[:60]
        raise error.with_fault(why(StateReason.VERSION_REFUSED))


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    Which blocks are decoded. Responses and answers to an action always are.

    Attributes:
        events: names of events, without `VarSet` and `Newexten`, which follow the two rules below.
        variables: a `VarSet` of one of these variables is wanted; compared without leading underscores.
        dials: whether a `Newexten` that starts a `Dial` is wanted.
    """

    events: AbstractSet[bytes]
    variables: AbstractSet[bytes]
    dials: bool = True
    _first_lines: AbstractSet[bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_first_lines", frozenset(_EVENT + name for name in self.events))

    def wants(self, block: bytes) -> bool:
        """Whether to decode this block (without its closing empty line). Called for every block, most often VarSet."""
        first, _, _ = block.partition(b"\r\n")
        if first == _VARSET:
            at = block.rfind(_VARIABLE)
            name = block[at + 12 : block.find(b"\r\n", at + 12)]
            return at < 0 or name in self.variables or (name[:1] == b"_" and name.lstrip(b"_") in self.variables)
        if first in self._first_lines:
            return True
        if first == _NEWEXTEN:
            return self.dials and _DIAL in block
        return _ACTION_ID in block or not first.startswith(_EVENT)


class FrameReader:
    """Gathers bytes into frames. Keeps at most one unfinished block."""

    def __init__(self, wanted: Wanted | None = None) -> None:
        """Args: wanted: what to decode; None decodes everything."""
        self.banner: str | None = None
        self.blocks_seen = 0
        self.values_cut = 0
        self._wanted = wanted
        self._rest = bytearray()  # the incomplete block; it never contains an end
        self._started = False

    def feed(self, data: bytes) -> list[Frame]:
        """
        Take bytes from the socket.

        Returns:
            The wanted frames that are complete now, in order.

        Raises:
            ProtocolError: the other side does not speak AMI.
        """
        blocks: list[bytes] = []
        if self._started and _END not in bytes(self._rest[-3:]) + data:
            self._rest += data
        else:
            whole = bytes(self._rest) + data
            if not self._started:
                whole = self._take_banner(whole)
            if self._started:
                blocks = whole.split(_END)
                whole = blocks.pop()
            self._rest = bytearray(whole)
        if len(self._rest) > LONGEST_BLOCK:
            raise ProtocolError(
                f"no end of an AMI block in {LONGEST_BLOCK} bytes: this is not an Asterisk manager port"
            ).with_fault(why(StateReason.NOT_A_PBX))
        self.blocks_seen += len(blocks)
        if self._wanted is None:
            return [self._frame(block) for block in blocks if block]
        wants = self._wanted.wants
        return [self._frame(block) for block in blocks if block and wants(block)]

    def _frame(self, block: bytes) -> Frame:
        frame = parse_block(block)
        if _has_long_line(block):
            self.values_cut += cut_values(frame)
        return frame

    def _take_banner(self, data: bytes) -> bytes:
        """The banner is one line without an empty line after it; a recording that starts later has none."""
        if not _BANNER.startswith(data[: len(_BANNER)]):
            self._started = True
            return data
        end = data.find(b"\r\n")
        if end < 0:
            if len(data) > _LONGEST_BANNER:
                raise ProtocolError("the banner has no end: this is not an Asterisk manager port").with_fault(
                    why(StateReason.NOT_A_PBX)
                )
            return data
        self.banner = data[:end].decode("utf-8", "replace")
        self._started = True
        return data[end + 2 :]


def _has_long_line(block: bytes) -> bool:
    """Whether a line has more bytes than a value may have characters; looks at a few line ends only."""
    begin, last = 0, len(block) - LONGEST_VALUE
    while begin < last:
        end = block.rfind(b"\r\n", begin, begin + LONGEST_VALUE + 2)
        if end < 0:
            return True
        begin = end + 2
    return False


def parse_block(block: bytes) -> Frame:
    """
    Decode one block (without its closing empty line). A line without a colon is kept as a key with no value. NULs are
    removed: Asterisk's own texts end at a NUL, and databases refuse it.
    """
    block = block.replace(b"\0", b"")
    try:
        lines = block.decode().split("\r\n")
    except UnicodeDecodeError:
        lines = [decoded(line) for line in block.split(b"\r\n")]
    try:
        # The usual case, in one pass: every line is `Key: Value` and no key comes twice.
        pairs: Any = (line.split(": ", 1) for line in lines)
        frame: Frame = dict(pairs)
    except ValueError:
        frame = {}
    return frame if len(frame) == len(lines) else _parse_line_by_line(lines)


def _parse_line_by_line(lines: list[str]) -> Frame:
    frame: Frame = {}
    for line in lines:
        key, _, value = line.partition(":")
        key, value = key.strip(), value.removeprefix(" ")
        if not key:
            continue
        known = frame.get(key)
        if known is None:
            frame[key] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            frame[key] = [known, value]
    return frame


def cut_values(frame: Frame) -> int:
    """
    Cut values that are longer than any that Asterisk sends, so that no other code has to handle longer ones.

    Returns:
        How many values were cut.
    """
    count = 0
    for key, value in frame.items():
        longest = LONGEST_TEXT if key in _TEXTS else LONGEST_VALUE
        if isinstance(value, str):
            if len(value) > longest:
                frame[key] = value[:longest]
                count += 1
        elif any(len(text) > longest for text in value):
            count += sum(len(text) > longest for text in value)
            frame[key] = [text[:longest] for text in value]
    return count
