"""Prepares what the portal's pages show: rows of lists, an object's fields and timeline, the call card.

No HTML and no routes; texts come from `web/texts.json`.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from connectors.bitrix24.sandbox import calls
from connectors.bitrix24.sandbox.crm_kinds import (
    COMPANY,
    CONTACT,
    DEAL,
    DEAL_STAGES,
    KINDS,
    KINDS_BY_NAME,
    LEAD_STATUSES,
    Kind,
    Record,
    phones_of,
    title_of,
)
from connectors.bitrix24.sandbox.portal import Live, Portal

TEXTS: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "web" / "texts.json").read_text("utf-8"))
PAGE = 50
KIND_PATHS = {kind.name.lower(): kind for kind in KINDS.values()}


def user_name(portal: Portal, user_id: int) -> str:
    user = portal.users.get(user_id)
    return f"{user['NAME']} {user['LAST_NAME']}" if user else "—"


def url_of(kind: Kind, id_: int) -> str:
    return f"/crm/{kind.name.lower()}/details/{id_}/"


def link(portal: Portal, kind: Kind, id_: int | None) -> dict[str, str] | None:
    record = portal.object(kind, id_) if id_ else None
    return {"title": title_of(kind, record), "url": url_of(kind, record["ID"])} if record else None


def stage_of(kind: Kind, record: Record) -> tuple[str, str]:
    """Name and meaning (P, S, F) of a lead's or deal's stage; empty for others."""
    if kind.id == DEAL:
        return DEAL_STAGES.get(record["STAGE_ID"], (record["STAGE_ID"], "P"))
    if "STATUS_ID" in kind.fields:
        return LEAD_STATUSES.get(record["STATUS_ID"], (record["STATUS_ID"], "P"))
    return ("", "")


def rows(portal: Portal, kind: Kind, query: str, page: int) -> tuple[list[dict[str, Any]], bool]:
    """Rows of a list, newest first, and whether there are more."""
    needle = query.strip().casefold()
    found = [
        record
        for record in portal.tables[kind.id]
        if not needle or needle in f"{title_of(kind, record)} {' '.join(phones_of(record))}".casefold()
    ]
    found.sort(key=lambda record: (record["DATE_CREATE"], record["ID"]), reverse=True)
    shown = [
        {
            "id": record["ID"],
            "url": url_of(kind, record["ID"]),
            "title": title_of(kind, record),
            "phones": phones_of(record),
            "stage": stage_of(kind, record),
            "amount": record.get("OPPORTUNITY"),
            "owner": user_name(portal, record["ASSIGNED_BY_ID"]),
            "at": record["DATE_CREATE"],
        }
        for record in found[: page * PAGE]
    ]
    return shown, len(found) > page * PAGE


def details(portal: Portal, kind: Kind, record: Record) -> dict[str, Any]:
    """An object with its links, without its timeline."""
    deals = [
        {**(link(portal, KINDS[DEAL], deal["ID"]) or {}), "stage": stage_of(KINDS[DEAL], deal)}
        for deal in portal.tables[DEAL]
        if (kind.id == CONTACT and record["ID"] in deal["CONTACT_IDS"])
        or (kind.id == COMPANY and deal["COMPANY_ID"] == record["ID"])
    ]
    return {
        "kind": kind,
        "id": record["ID"],
        "title": title_of(kind, record),
        "phones": phones_of(record),
        "stage": stage_of(kind, record),
        "owner": user_name(portal, record["ASSIGNED_BY_ID"]),
        "at": record["DATE_CREATE"],
        "source": record["SOURCE_ID"],
        "amount": record.get("OPPORTUNITY"),
        "company": link(portal, KINDS[COMPANY], record.get("COMPANY_ID")),
        "contacts": [each for id_ in record.get("CONTACT_IDS") or [] if (each := link(portal, KINDS[CONTACT], id_))],
        "deals": deals,
    }


def timeline(portal: Portal, kind: Kind, record: Record) -> list[dict[str, Any]]:
    """Activities and comments, newest first."""
    items = [_activity(portal, each) for each in portal.activities_of(kind, record["ID"])]
    items += [
        {"id": each["ID"], "kind": "comment", "is_missed": False, "at": each["CREATED"], "text": each["COMMENT"],
         "by": user_name(portal, each["AUTHOR_ID"])}
        for each in portal.comments.values()
        if (each["ENTITY_TYPE"], each["ENTITY_ID"]) == (kind.name.lower(), record["ID"])
    ]  # fmt: skip
    return sorted(items, key=lambda item: (item["at"], item["id"]), reverse=True)


def _activity(portal: Portal, activity: Record) -> dict[str, Any]:
    item = {
        "id": activity["ID"],
        "kind": "call" if activity["TYPE_ID"] == 2 else "todo",
        "is_missed": False,
        "at": activity["START_TIME"],
        "by": user_name(portal, activity["RESPONSIBLE_ID"]),
        "text": activity["SUBJECT"],
        "is_done": activity["COMPLETED"] == "Y",
        "deadline": activity["DEADLINE"],
    }
    row = next((each for each in portal.statistics if each["CRM_ACTIVITY_ID"] == activity["ID"]), None)
    if row is not None:
        item |= call_row(portal, row)
    return item


def call_row(portal: Portal, row: Record) -> dict[str, Any]:
    """A finished call, for timelines and for the telephony page. The recording's address is of this server."""
    is_incoming = row["CALL_TYPE"] in (calls.INCOMING, calls.REDIRECTED)
    stored = portal.files.get(row["RECORD_FILE_ID"] or 0)
    kind = KINDS_BY_NAME.get(row["CRM_ENTITY_TYPE"])
    return {
        "direction": "incoming" if is_incoming else "outgoing",
        "number": row["PHONE_NUMBER"],
        "line": row["PORTAL_NUMBER"],
        "duration": row["CALL_DURATION"],
        "code": row["CALL_FAILED_CODE"],
        "is_missed": is_incoming and row["CALL_FAILED_CODE"] == calls.MISSED,
        "user": user_name(portal, row["PORTAL_USER_ID"]),
        "started_at": row["CALL_START_DATE"],
        "record": f"/disk/records/{stored.id}/{stored.name}" if stored else "",
        "client": link(portal, kind, row["CRM_ENTITY_ID"]) if kind else None,
    }


def live_call(portal: Portal, live: Live) -> dict[str, Any]:
    """The call card."""
    kind = KINDS_BY_NAME.get(live.entity[0]) if live.entity else None
    line = portal.lines.get((live.client_id, live.line), {})
    return {
        "id": live.id,
        "number": live.number,
        "direction": "incoming" if live.type in (calls.INCOMING, calls.REDIRECTED) else "outgoing",
        "line": line.get("NAME") or live.line,
        "started_at": live.started_at,
        "client": link(portal, kind, live.entity[1]) if kind and live.entity else None,
    }


def card_options(portal: Portal, live: Live) -> dict[str, str]:
    """`PLACEMENT_OPTIONS` of the call card's tabs: all texts, as the page passes them."""
    directions = {calls.OUTGOING: "outgoing", calls.CALLBACK: "callback"}
    line = portal.lines.get((live.client_id, live.line), {})
    return {
        "CALL_ID": live.id,
        "PHONE_NUMBER": live.number,
        "LINE_NUMBER": live.line,
        "LINE_NAME": line.get("NAME") or "",
        "CRM_ENTITY_TYPE": live.entity[0] if live.entity else "",
        "CRM_ENTITY_ID": str(live.entity[1]) if live.entity else "0",
        "CRM_ACTIVITY_ID": "undefined",
        "CALL_DIRECTION": directions.get(live.type, "incoming"),
        "CALL_STATE": "connecting",
        "CALL_LIST_MODE": "true" if live.list_id else "false",
    }


# ---- filters of the templates


def money(amount: float) -> str:
    return f"{amount:,.0f}".replace(",", " ") + " ₽"


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def moment_filter(utc_offset_hours: int) -> Any:
    zone = datetime.timezone(datetime.timedelta(hours=utc_offset_hours))
    return lambda at: datetime.datetime.fromtimestamp(at, zone).strftime("%d.%m.%Y %H:%M")


def initials(name: str) -> str:
    return "".join(word[0] for word in name.replace("«", "").split()[:2] if word).upper()
