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
