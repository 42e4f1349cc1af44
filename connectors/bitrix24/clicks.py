"""Reads `ONEXTERNALCALLSTART` and `ONEXTERNALCALLBACKSTART`: a number was clicked, a form asks to be called. Pure.

How events arrive and what proves their origin does not belong here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from integration.domain.ids import ManagerId, Timestamp
from integration.ports.crm_requests import CallbackRequested, ClickRequested, CrmRequest

_CALL_ID = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_USER_ID = re.compile(r"[1-9][0-9]{0,17}")
_LONGEST_NUMBER = 60  # characters


def read_request(name: str, data: Mapping[str, Any], at: float) -> CrmRequest | None:
    """
    What an event asks for.

    Args:
        name: of the event, in any case.
        data: of the event, texts.
        at: when it happened, Unix seconds.

    Returns:
        None if it is another event, or lacks what is needed: a number, a user, the id of the call. Never raises.
    """
    number = _text(data.get("PHONE_NUMBER_INTERNATIONAL")) or _text(data.get("PHONE_NUMBER"))
    if not number or len(number) > _LONGEST_NUMBER:
        return None
    match name.upper():
        case "ONEXTERNALCALLSTART":
            id_, user = _text(data.get("CALL_ID")), _text(data.get("USER_ID"))
            if not _CALL_ID.fullmatch(id_) or not _USER_ID.fullmatch(user):
                return None
            return ClickRequested(id=id_, manager=ManagerId(user), number=number, at=Timestamp(at))
        case "ONEXTERNALCALLBACKSTART":
            facts = (number, data.get("CRM_ENTITY_TYPE"), data.get("CRM_ENTITY_ID"), at)
            facts = (number, data.get("CRM_ENTITY_TYPE"), data.get("CRM_ENTITY_ID"), at)
            about = "|".join(str(each) for each in facts)
            id_ = hashlib.sha256(about.encode("utf-8", "replace")).hexdigest()[:32]
            line = _text(data.get("LINE_NUMBER")) or None
            return CallbackRequested(id=id_, number=number, at=Timestamp(at), line=line)
    return None


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int) else ""
