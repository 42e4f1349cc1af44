"""AMI bytes give the same frames however TCP cuts them, and unwanted blocks are never decoded."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.errors import ProtocolError
from pbx_adapter.asterisk.ami.characters import decoded
from pbx_adapter.asterisk.ami.protocol import (
    LONGEST_BLOCK,
    LONGEST_TEXT,
    LONGEST_VALUE,
    Frame,
    FrameReader,
    OldAsterisk,
    Wanted,
    parse_block,
    refuse_old,
)

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
STREAM = (
    BANNER
    + b"Response: Success\r\nActionID: a1\r\nMessage: Authentication accepted\r\n\r\n"
    + "Event: Newchannel\r\nUniqueid: 1.1\r\nCallerIDName: Анна 🐈\r\nAccountCode: \r\n\r\n".encode()
    + b"Event: Status\r\nVariable: DID=1\r\nVariable: CRM=2\r\nVariable: X=\r\nActionID: a2\r\n\r\n"
    + b"Event: Hangup\r\nUniqueid: 1.1\r\nCause: 16\r\nCause-txt: Normal: Clearing\r\n\r\n"
)
FRAMES: list[Frame] = [
    {"Response": "Success", "ActionID": "a1", "Message": "Authentication accepted"},
    {"Event": "Newchannel", "Uniqueid": "1.1", "CallerIDName": "Анна 🐈", "AccountCode": ""},
    {"Event": "Status", "Variable": ["DID=1", "CRM=2", "X="], "ActionID": "a2"},
    {"Event": "Hangup", "Uniqueid": "1.1", "Cause": "16", "Cause-txt": "Normal: Clearing"},
]
TRACKED = Wanted(events=frozenset({b"Hangup"}), variables=frozenset({b"DIALSTATUS"}))


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_a_stream_cut_anywhere_gives_the_same_frames(cuts: list[int]) -> None:
    reader, found = FrameReader(), []
    edges = [0, *sorted(cuts), len(STREAM)]
    for start, end in itertools.pairwise(edges):
        found += reader.feed(STREAM[start:end])
    assert found == FRAMES
    assert reader.banner == "Asterisk Call Manager/11.0.0"


def test_byte_by_byte_too() -> None:
    reader = FrameReader()
    assert [frame for byte in STREAM for frame in reader.feed(bytes([byte]))] == FRAMES


def test_a_stream_without_a_banner_is_read_as_well() -> None:
    reader = FrameReader()
    assert reader.feed(STREAM[len(BANNER) :]) == FRAMES
    assert reader.banner is None


@pytest.mark.parametrize(
    ("block", "wanted"),
    [
        # a wanted event, and an unwanted one
        (b"Event: Hangup\r\nUniqueid: 1", True),
        (b"Event: RTCPSent\r\nFrom: 10.0.0.1", False),
        # its name only begins like a wanted event's
        (b"Event: HangupRequest\r\nUniqueid: 1", False),
        # variables are selected by name, with or without leading underscores
        (b"Event: VarSet\r\nUniqueid: 1\r\nVariable: DIALSTATUS\r\nValue: BUSY", True),
        (b"Event: VarSet\r\nUniqueid: 1\r\nVariable: __DIALSTATUS\r\nValue: BUSY", True),
        (b"Event: VarSet\r\nUniqueid: 1\r\nVariable: RTPAUDIOQOS\r\nValue: Variable: DIALSTATUS", False),
        # only steps of the dialplan that dial
        (b"Event: Newexten\r\nUniqueid: 1\r\nApplication: Dial\r\nAppData: PJSIP/101", True),
        (b"Event: Newexten\r\nUniqueid: 1\r\nApplication: Set\r\nAppData: Application: Dial", False),
        # any answer to our question comes through
        (b"Response: Success\r\nActionID: a1", True),
        (b"Event: ContactList\r\nActionID: a7\r\nUri: sip:101", True),
    ],
)
def test_only_wanted_blocks_are_decoded(block: bytes, wanted: bool) -> None:
    assert TRACKED.wants(block) is wanted
    assert bool(FrameReader(TRACKED).feed(BANNER + block + b"\r\n\r\n")) is wanted


def test_unwanted_blocks_are_counted() -> None:
    reader = FrameReader(TRACKED)
    assert reader.feed(BANNER + b"Event: RTCPSent\r\nA: 1\r\n\r\n" * 3) == []
    assert reader.blocks_seen == 3


@pytest.mark.parametrize(
    ("block", "frame"),
    [
        (b"Key: value: with: colons", {"Key": "value: with: colons"}),
        (b"Empty:\r\nOther: 1", {"Empty": "", "Other": "1"}),
        (b"no colon at all\r\nOther: 1", {"no colon at all": "", "Other": "1"}),
        (b"A: 1\r\nA: 2", {"A": ["1", "2"]}),
        (b":nameless\r\nA: 1", {"A": "1"}),
        (b"A: \x98", {"A": "\ufffd"}),
        (b"A: Iv\x00an\r\nB\x00: \x00", {"A": "Ivan", "B": ""}),
        (b"A: Iv\x00an \xc8\xe2\xe0\xed", {"A": "Ivan Иван"}),
    ],
)
def test_odd_lines_are_kept_as_far_as_they_go(block: bytes, frame: Frame) -> None:
    assert parse_block(block) == frame


@given(data=st.binary(max_size=500))
def test_bytes_that_are_not_ami_never_raise(data: bytes) -> None:
    FrameReader(TRACKED).feed(BANNER + data + b"\r\n\r\n")


def test_something_that_never_ends_a_block_is_not_ami() -> None:
    reader = FrameReader()
    with pytest.raises(ProtocolError):
        reader.feed(b"x" * (LONGEST_BLOCK + 1))


def test_a_banner_without_an_end_is_not_ami() -> None:
    with pytest.raises(ProtocolError):
        FrameReader().feed(b"Asterisk Call Manager" + b"x" * 2000)


def _seconds_to_read(count: int) -> float:
    """Seconds to read a block of this many bytes that arrive one by one."""
    reader = FrameReader()
    reader.feed(BANNER)
    began = time.process_time()
    for _ in range(count):
        reader.feed(b"x")
    assert len(reader.feed(b"\r\n\r\n")) == 1
    return time.process_time() - began


def test_bytes_that_come_one_by_one_are_read_in_linear_time() -> None:
    """32 times the bytes take about 32 times the time; it would be 1,000 times if each byte were read repeatedly."""
    small = min(_seconds_to_read(20_000) for _ in range(3))
    assert _seconds_to_read(32 * 20_000) < 200 * small


PETER = "Пётр".encode("cp1251")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Анна 🐈".encode(), "Анна 🐈"),
        (PETER, "Пётр"),
        ("Фёдор Ёлкин — «Ромашка»".encode("cp1251"), "Фёдор Ёлкин — «Ромашка»"),
        ("Їжак Ґалаґан".encode("cp1251"), "Їжак Ґалаґан"),
        # the gateway's name behind the dialplan's text
        ("Линия 2: ".encode() + PETER, "Линия 2: Пётр"),
        (PETER + " → «Ромашка» 🐈".encode(), "Пётр → «Ромашка» 🐈"),
        # cut within a character, as Asterisk cuts names
        ("Анна Петровна".encode()[:-1], "Анна Петровн"),
        ("Анна 🐈".encode()[:-2], "Анна "),
        (b"", ""),
        (b"plain", "plain"),
        (b"a\x98b", "a\ufffdb"),
    ],
)
def test_a_value_is_utf8_or_else_cp1251(value: bytes, text: str) -> None:
    assert decoded(value) == text


def test_each_value_of_a_block_is_judged_by_itself() -> None:
    block = b"CallerIDName: " + PETER + b"\r\nConnectedLineName: " + "Анна".encode()
    assert parse_block(block) == {"CallerIDName": "Пётр", "ConnectedLineName": "Анна"}


@given(value=st.text(max_size=40))
def test_what_is_utf8_stays_what_it_is(value: str) -> None:
    assert decoded(value.encode("utf-8", "replace")) == value.encode("utf-8", "replace").decode()


@given(value=st.binary(max_size=60))
def test_any_bytes_are_some_text(value: bytes) -> None:
    assert len(decoded(value)) <= len(value)


def test_what_is_longer_than_any_asterisk_says_it_is_cut_and_counted() -> None:
    reader = FrameReader()
    long = b"x" * 100_000
    (frame,) = reader.feed(
        BANNER
        + b"Event: VarSet\r\nCallerIDName: "
        + long
        + b"\r\nValue: "
        + long
        + b"\r\nA: "
        + long
        + b"\r\nA: 1\r\n\r\n"
    )
    assert len(frame["CallerIDName"]) == LONGEST_VALUE
    assert len(frame["Value"]) == LONGEST_TEXT
    assert [len(text) for text in frame["A"]] == [LONGEST_VALUE, 1]
    assert reader.values_cut == 3
    assert reader.feed(b"Event: X\r\n" + b"A: 1\r\n" * 200 + b"\r\n")
    assert reader.values_cut == 3, "a long block is no long value"


@given(lengths=st.lists(st.sampled_from([1, 2, 3, 253, 254, 255, 256, 257, 600]), min_size=1, max_size=6))
def test_each_long_value_is_cut_wherever_it_stands_in_its_block(lengths: list[int]) -> None:
    reader = FrameReader()
    lines = [b"%c: " % (65 + place) + b"x" * length for place, length in enumerate(lengths)]
    (frame,) = reader.feed(BANNER + b"\r\n".join(lines) + b"\r\n\r\n")
    assert [len(value) for value in frame.values()] == [min(length, LONGEST_VALUE) for length in lengths]
    assert reader.values_cut == sum(length > LONGEST_VALUE for length in lengths)


@pytest.mark.parametrize(
    ("greeting", "is_old"),
    [
        ("1.0", True),
        ("1.1", True),
        ("1.4", True),
        ("2.0.0", False),
        ("2.10.6", False),
        ("5.0.1", False),
        ("11.0.0", False),
    ],
)
def test_asterisk_11_and_older_are_refused_by_their_greeting(greeting: str, is_old: bool) -> None:
    if is_old:
        with pytest.raises(OldAsterisk, match="Asterisk 16"):
            refuse_old(f"Asterisk Call Manager/{greeting}")
    else:
        refuse_old(f"Asterisk Call Manager/{greeting}")
