"""Calls that Dozvon itself makes to try something: a phone that rings, the way back. They are nobody's calls.

Their channels have ids of these kinds, so every process and the PBX's own records know them.
"""

from __future__ import annotations

import secrets

from pbx_adapter.asterisk.ami.commands import CHANNEL_ID_PREFIX
from pbx_adapter.asterisk.ami.protocol import Frame

RING = "ring-"
DOCTOR = "doctor-"
_PREFIXES = tuple(CHANNEL_ID_PREFIX + kind for kind in (RING, DOCTOR))
_ID_HEADERS = ("Uniqueid", "Linkedid", "DestUniqueid")


def request_id(kind: str) -> str:
    """A new id of a test; the channel's is `commands.channel_id` of it."""
    return kind + secrets.token_hex(6)


def is_test_id(uniqueid: str) -> bool:
    return uniqueid.startswith(_PREFIXES)


def is_about_a_test(frame: Frame) -> bool:
    """Whether this event is about such a call."""
    for name in _ID_HEADERS:
        value = frame.get(name)
        if isinstance(value, str) and value.startswith(_PREFIXES):
            return True
    return False
