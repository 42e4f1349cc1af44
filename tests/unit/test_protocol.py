"""AMI bytes become the same frames however TCP cuts them, and blocks nobody wants are never decoded."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.errors import ProtocolError
from pbx_adapter.asterisk.protocol import LONGEST_BLOCK, Frame, FrameReader, Wanted, parse_block

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
        # an event that is listened to, and one that is not
        (b"Event: Hangup\r\nUniqueid: 1", True),
        (b"Event: RTCPSent\r\nFrom: 10.0.0.1", False),
        # its name only begins like a wanted one
        (b"Event: HangupRequest\r\nUniqueid: 1", False),
        # variables are asked for by name, with or without the marks of inheritance
        (b"Event: VarSet\r\nUniqueid: 1\r\nVariable: DIALSTATUS\r\nValue: BUSY", True),
        (b"Event: VarSet\r\nUniqueid: 1\r\nVariable: __DIALSTATUS\r\nValue: BUSY", True),
        (b"Event: VarSet\r\nUniqueid: 1\r\nVariable: RTPAUDIOQOS\r\nValue: Variable: DIALSTATUS", False),
        # of the dialplan's steps only those that dial
        (b"Event: Newexten\r\nUniqueid: 1\r\nApplication: Dial\r\nAppData: PJSIP/101", True),
        (b"Event: Newexten\r\nUniqueid: 1\r\nApplication: Set\r\nAppData: Application: Dial", False),
        # what answers a question of ours comes through whatever it is
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
        (b"A: \xff\xfe", {"A": "\ufffd\ufffd"}),
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
