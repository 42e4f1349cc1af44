"""The ids of Dozvon, one `NewType` each, so that a leg cannot be passed where a call is meant.

Ids of vendors (Asterisk's Linkedid, amoCRM's `uid`) do not belong here; they stay in the vendor's folder.
"""

from __future__ import annotations

import hashlib
from typing import NewType

AccountId = NewType("AccountId", str)
"""Our key of one CRM customer, the tenant: `[a-z0-9-]{1,40}`; the first key of every query."""

PbxId = NewType("PbxId", str)
"""Our key of one PBX, unique in the installation: `[a-z0-9-]{1,40}`."""

CallId = NewType("CallId", str)
"""`<PbxId>:<the PBX's own id of the call's first channel>`. Derived, never drawn: another process, a restart and the
PBX's own records come to the same id (design.md, "The call path", 4)."""

LegId = NewType("LegId", str)
"""Unique within one call; derived from what the PBX calls the leg, never drawn."""

ManagerId = NewType("ManagerId", str)
"""A CRM user, by the CRM's own id as text."""

Extension = NewType("Extension", str)
"""An employee's internal number."""

CampaignId = NewType("CampaignId", str)
"""Our key of a campaign, unique in the installation: `[a-z0-9-]{1,40}`."""

EntryId = NewType("EntryId", int)
"""Our number of an entry in a campaign's list, unique in the installation."""

AttemptId = NewType("AttemptId", str)
"""`[A-Za-z0-9-]{8,64}`, drawn, unique forever: the PBX's channel has this name, and a second use of it would dial."""

Timestamp = NewType("Timestamp", float)
"""Unix seconds, UTC, with a fraction. In a replayed recording: seconds since the start of the recording."""


def call_id(pbx: PbxId, native_id: str) -> CallId:
    """Derive a call's id from the PBX and the Uniqueid of its first channel."""
    return CallId(f"{pbx}:{native_id}")


def pbx_of(call: CallId) -> PbxId:
    """The PBX whose call it is; an id that is none of ours names a PBX that nobody has. Never raises."""
    return PbxId(call.partition(":")[0])


_RECORD_KEY_LENGTH = 64  # amoCRM reference, 6.7: keep `uniq` at 64 ASCII characters or below


def record_key(call: CallId) -> str:
    """The idempotency key of a call in a CRM: its id where that is short ASCII, else a digest of it."""
    if len(call) <= _RECORD_KEY_LENGTH and call.isascii() and call.isprintable():
        return call
    return "dozvon-" + hashlib.sha256(call.encode()).hexdigest()[:48]
