"""The same calls with other channel names: the names must not change the result."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.domain.calls.truth import call_truth
from pbx_adapter.asterisk.replay import read_lines, replay
from pbx_adapter.asterisk.tracker.office import OfficeShape, PartyKind
from tests.unit.trace_compare import TRACES, call_differences, expected_of

_NUMBER_AT_TRUNK = re.compile(r'"DialString": "(\d+)@trunk"')
_TRUNK_CHANNEL = re.compile(r"PJSIP/trunk-0000([0-9a-f]{4})")
_CHANNEL = re.compile(r"PJSIP/(\w+)-0000([0-9a-f]{4})")


def chan_sip(text: str) -> str:
    return _NUMBER_AT_TRUNK.sub(r'"DialString": "trunk/\1"', text.replace("PJSIP/", "SIP/"))


def iax2(text: str) -> str:
    text = _CHANNEL.sub(lambda match: f"IAX2/{match[1]}-{int(match[2], 16) + 1}", text).replace("PJSIP/", "IAX2/")
    return _NUMBER_AT_TRUNK.sub(r'"DialString": "user:secret@trunk/\1"', text)


def dahdi_trunk(text: str) -> str:
    text = _TRUNK_CHANNEL.sub(lambda match: f"DAHDI/i1/79161234567-{int(match[1], 16) + 1}", text)
    return _NUMBER_AT_TRUNK.sub(r'"DialString": "g0/\1"', text)


def dahdi_phones(text: str) -> str:
    """Analogue phones: extension 101 is on port 11. Dial strings name the port."""
    text = re.sub(r"PJSIP/1(\d\d)-0000([0-9a-f]{4})", lambda m: f"DAHDI/{int(m[1]) + 10}-{int(m[2], 16) + 1}", text)
    text = re.sub(r"PJSIP/1(\d\d)\b", lambda m: f"DAHDI/{int(m[1]) + 10}", text)
    return re.sub(r'"DialString": "1(\d\d)(/sip:[^"]*)?"', lambda m: f'"DialString": "{int(m[1]) + 10}"', text)


def isdn_phones(text: str) -> str:
    text = re.sub(r"PJSIP/(1\d\d)-0000([0-9a-f]{4})", lambda m: f"DAHDI/i2/{m[1]}-{int(m[2], 16) + 1:x}", text)
    text = re.sub(r"PJSIP/(1\d\d)\b", r"DAHDI/i2/\1", text)
    return re.sub(r'"DialString": "(1\d\d)(/sip:[^"]*)?"', r'"DialString": "i2/\1"', text)


def dashes_in_names(text: str) -> str:
    return text.replace("PJSIP/trunk-", "PJSIP/msk-sip-trunk-").replace('@trunk"', '@msk-sip-trunk"')


def trunk_named_by_number(text: str) -> str:
    return text.replace("PJSIP/trunk-", "PJSIP/74950000001-").replace('@trunk"', '@74950000001"')


def system_name(text: str) -> str:
    return re.sub(r'"(1795\d+\.\d+)"', r'"pbx-msk-\1"', text)


@pytest.mark.parametrize(
    "renamed",
    [chan_sip, iax2, dahdi_trunk, dahdi_phones, isdn_phones, dashes_in_names, trunk_named_by_number, system_name],
)  # fmt: skip
@pytest.mark.parametrize(
    "name",
    ["attended_transfer", "blind_by_caller", "call_pickup", "click_local_answered", "conference", "forward_302_mobile",
     "freepbx_follow_me_external", "freepbx_queue_answered", "outbound_busy", "parking_return", "two_interleaved"],
)  # fmt: skip
def test_names_of_channels_do_not_matter(name: str, renamed: Callable[[str], str]) -> None:
    trace: Path = TRACES / f"{name}.jsonl"
    want = json.loads(renamed(json.dumps(expected_of(trace), ensure_ascii=False)))
    lines = read_lines(io.BytesIO(renamed(trace.read_text(encoding="utf-8")).encode()))
    got = [call_truth(call) for call in replay(lines)]
    assert len(got) == len(want)
    assert [text for pair in zip(want, got, strict=True) for text in call_differences(*pair)] == []


@pytest.mark.parametrize(
    ("office", "channel", "context", "shown", "kind", "number"),
    [
        # a trunk is known by its context, an employee's phone by its name
        (OfficeShape(), "PJSIP/trunk-00000001", "from-trunk", "7916", PartyKind.EXTERNAL, "7916"),
        (OfficeShape(), "PJSIP/101-00000001", "internal", "101", PartyKind.EXTENSION, "101"),
        (OfficeShape(), "PJSIP/101-web-00000001", "internal", "101", PartyKind.EXTENSION, "101"),
        # a phone named after its owner is known by its caller id
        (OfficeShape(), "PJSIP/anna-00000001", "internal", "101", PartyKind.EXTENSION, "101"),
        # a trunk that looks like an extension needs the settings, or the context
        (OfficeShape(), "SIP/300-00000001", "from-pstn", "7916", PartyKind.EXTERNAL, "7916"),
        (OfficeShape(trunks=frozenset({"300"})), "SIP/300-00000001", "default", "7916", PartyKind.EXTERNAL, "7916"),
        (OfficeShape(extension=r"ag-(\d+)"), "PJSIP/ag-7-00000001", "internal", "", PartyKind.EXTENSION, "7"),
        (OfficeShape(), "Local/101@x-00000001;2", "x", "101", PartyKind.LOCAL, ""),
        (OfficeShape(), "CBAnn/800-00000001;2", "x", "", PartyKind.NOBODY, ""),
        (OfficeShape(), "PJSIP/trunk-00000001", "from-trunk", "<unknown>", PartyKind.EXTERNAL, ""),
        # a port's number is not a phone's: its caller id and the context count
        (OfficeShape(), "DAHDI/12-1", "from-internal", "201", PartyKind.EXTENSION, "201"),
        (OfficeShape(), "Zap/101-1", "from-internal", "201", PartyKind.EXTENSION, "201"),
        (OfficeShape(), "DAHDI/i2/201-3", "from-internal", "201", PartyKind.EXTENSION, "201"),
        (OfficeShape(), "DAHDI/12-1", "from-internal", "", PartyKind.EXTERNAL, ""),
        (OfficeShape(), "DAHDI/101-1", "from-pstn", "201", PartyKind.EXTERNAL, "201"),
        (OfficeShape(), "DAHDI/101-1", "city", "79161234567", PartyKind.EXTERNAL, "79161234567"),
        (OfficeShape(), "DAHDI/i1/79161234567-1f", "city", "79161234567", PartyKind.EXTERNAL, "79161234567"),
        (OfficeShape(trunks=frozenset({"DAHDI/33"})), "DAHDI/33-1", "city", "21345", PartyKind.EXTERNAL, "21345"),
        (OfficeShape(trunks=frozenset({"DAHDI/i1"})), "DAHDI/i1/21345-4", "city", "21345", PartyKind.EXTERNAL, "21345"),
    ],
)
def test_whose_channel_it_is(
    office: OfficeShape, channel: str, context: str, shown: str, kind: PartyKind, number: str
) -> None:
    party = office.party(channel, context, shown)
    assert (party.kind, party.number) == (kind, number)
