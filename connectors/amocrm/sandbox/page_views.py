"""Prepares what the CRM's pages show: rows of lists, columns of the board, cards and their feeds.

No HTML and no routes; texts come from `web/texts.json`.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from connectors.amocrm.sandbox.account import LOST, SINGULAR, WON, Account
from connectors.amocrm.sandbox.fields import text_of
from connectors.amocrm.sandbox.tables import Record, phones_of

MOSCOW = datetime.timezone(datetime.timedelta(hours=3))
TEXTS: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "web" / "texts.json").read_text("utf-8"))


class Texts:
    """The `t` of templates. With a plain dict `t.keys` would be a method, not the text of that name."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def __getitem__(self, key: str) -> str:
        return self._texts[key]


_BOARD_CARDS = 40  # in one column
PAGE = 50


def user_name(account: Account, user_id: int, texts: dict[str, str]) -> str:
    user = account.users.get(user_id)
    return str(user["name"]) if user else texts["robot"]


def field_text(record: Record, field_id: int) -> str:
    for field in record["custom_fields_values"] or []:
        if field["field_id"] == field_id:
            return ", ".join(str(value["value"]) for value in field["values"])
    return ""


def stage(account: Account, lead: Record) -> Record:
    stages = account.pipelines[lead["pipeline_id"]]["_embedded"]["statuses"]
    return next(each for each in stages if each["id"] == lead["status_id"])


def company_of(account: Account, record: Record) -> Record | None:
    return account.companies.get(record["company_id"]) if record["company_id"] else None


def person_rows(account: Account, kind: str, query: str, page: int) -> tuple[list[dict[str, Any]], bool]:
    """Rows of a list of contacts or companies, newest first, and whether there are more."""
    table = account.table(kind)
    records = table.search(query, text_of) if query else [each for each in table.own() if not each["hidden"]]
    records = sorted(records, key=lambda record: (record["created_at"], record["id"]), reverse=True)
    rows = [
        {
            "id": record["id"],
            "type": SINGULAR[kind],
            "url": f"/{kind}/detail/{record['id']}",
            "name": record["name"] or "—",
            "company": company_of(account, record),
            "phones": phones_of(record),
            "source": field_text(record, 79) or field_text(record, 75),
            "owner": record["responsible_user_id"],
            "deals": len(account.active_leads_of(kind, record["id"])),
            "created_at": record["created_at"],
        }
        for record in records[: page * PAGE]
    ]
    return rows, len(records) > page * PAGE


def lead_rows(account: Account, query: str, page: int) -> tuple[list[dict[str, Any]], bool]:
    found = account.leads.search(query, text_of) if query else account.leads.own()
    leads = [lead for lead in found if not lead["hidden"]]
    leads = sorted(leads, key=lambda lead: (lead["updated_at"], lead["id"]), reverse=True)
    return [lead_row(account, lead) for lead in leads[: page * PAGE]], len(leads) > page * PAGE


def lead_row(account: Account, lead: Record) -> dict[str, Any]:
    contact = account.contacts.get(lead["contacts"][0]) if lead["contacts"] else None
    company = company_of(account, lead)
    phones = phones_of(contact) if contact else phones_of(company) if company else []
    return {
        "id": lead["id"],
        "type": "lead",
        "url": f"/leads/detail/{lead['id']}",
        "name": lead["name"] or f"#{lead['id']}",
        "contact": contact,
        "company": company,
        "phones": phones,
        "stage": stage(account, lead),
        "price": lead["price"],
        "owner": lead["responsible_user_id"],
        "created_at": lead["created_at"],
    }


def board(account: Account, pipeline_id: int) -> list[dict[str, Any]]:
    """The pipeline's columns with their cards: the incoming column first, the closing stages last and without cards."""
    columns = []
    for each in account.pipelines[pipeline_id]["_embedded"]["statuses"]:
        if each["type"] == 1:
            leads: list[Record] = []
        else:
            leads = [
                lead
                for lead in account.leads.own()
                if not lead["hidden"] and (lead["pipeline_id"], lead["status_id"]) == (pipeline_id, each["id"])
            ]
        leads.sort(key=lambda lead: (lead["updated_at"], lead["id"]), reverse=True)
        columns.append(
            {
                "stage": each,
                "count": len(leads),
                "sum": sum(lead["price"] for lead in leads),
                "cards": [lead_row(account, lead) for lead in leads[:_BOARD_CARDS]],
                "unsorted": unsorted_rows(account, pipeline_id) if each["type"] == 1 else [],
            }
        )
    return [column for column in columns if column["stage"]["id"] not in (WON, LOST)]


def unsorted_rows(account: Account, pipeline_id: int | None = None) -> list[dict[str, Any]]:
    rows = []
    for entry in reversed(account.unsorted.values()):
        if pipeline_id is not None and entry["pipeline_id"] != pipeline_id:
            continue
        lead = account.leads.get(entry["lead_id"]) or {}
        contact = account.contacts.get(lead["contacts"][0]) if lead.get("contacts") else None
        metadata = entry["metadata"]
        rows.append(
            {
                "uid": entry["uid"],
                "name": lead.get("name") or "—",
                "contact": contact,
                "phone": str(metadata.get("phone") or metadata.get("from") or ""),
                "duration": metadata.get("duration", 0),
                "link": safe_link(metadata.get("link")),
                "source": entry["source_name"],
                "at": metadata.get("called_at", entry["created_at"]),
                "pipeline": account.pipelines[entry["pipeline_id"]]["name"],
                "called": metadata.get("call_responsible"),
            }
        )
    return rows


def safe_link(link: object) -> str:
    """The link if it is http(s), else none: programs may store any text as a recording's link."""
    text = str(link or "")
    return text if text.startswith(("http://", "https://")) else ""


def feed(account: Account, kind: str, record: Record) -> list[dict[str, Any]]:
    """
    Notes for the card, newest first: its own, those of a deal's contacts and company, and those of a client's deals.
    `where` names the other card of a note.
    """
    sources: list[tuple[str, int]] = [(kind, record["id"])]
    if kind == "leads":
        sources += [("contacts", id_) for id_ in record["contacts"]]
        sources += [("companies", record["company_id"])] if record["company_id"] else []
    else:
        sources += [("leads", lead["id"]) for lead in account.leads_of(kind, record["id"])]
    items = []
    for other, id_ in sources:
        entity = account.table(other).get(id_)
        where = None
        if (other, id_) != (kind, record["id"]) and entity is not None:
            where = {"name": entity["name"], "url": f"/{other}/detail/{id_}"}
        items += [_feed_item(note, where) for note in account.notes_of(other, id_)]
    return sorted(items, key=lambda item: (item["at"], item["id"]), reverse=True)


def _feed_item(note: Record, where: dict[str, str] | None) -> dict[str, Any]:
    params = note["params"]
    is_call = note["note_type"] in ("call_in", "call_out")
    status = params.get("call_status")
    return {
        "id": note["id"],
        "kind": note["note_type"],
        "is_call": is_call,
        "is_missed": is_call and note["note_type"] == "call_in" and not params.get("duration"),
        "at": note["created_at"],
        "by": note["created_by"],
        "text": params.get("text", ""),
        "phone": params.get("phone", ""),
        "duration": params.get("duration", 0),
        "result": params.get("call_result", ""),
        "status": status if status in range(1, 9) else None,
        "called": params.get("call_responsible"),
        "link": safe_link(params.get("link")),
        "source": params.get("source", ""),
        "where": where,
    }


def card(account: Account, kind: str, record: Record) -> dict[str, Any]:
    """Everything of a card except its feed."""
    contacts: list[Record] = []
    deals: list[dict[str, Any]] = []
    if kind == "leads":
        contacts = [found for id_ in record["contacts"] if (found := account.contacts.get(id_))]
    else:
        deals = [lead_row(account, lead) for lead in account.leads_of(kind, record["id"])]
    if kind == "companies":
        contacts = [found for id_ in account.contacts_of_company(record["id"]) if (found := account.contacts.get(id_))]
    tasks = [
        task
        for task in account.tasks.values()
        if (task["entity_type"], task["entity_id"]) == (kind, record["id"]) and not task["is_completed"]
    ]
    return {
        "kind": kind,
        "record": record,
        "phones": phones_of(record),
        "fields": [
            {"name": field["field_name"], "text": ", ".join(str(value["value"]) for value in field["values"])}
            for field in record["custom_fields_values"] or []
            if field["field_code"] != "PHONE"
        ],
        "company": company_of(account, record),
        "contacts": [{**each, "phones": phones_of(each)} for each in contacts],
        "deals": deals,
        "stage": stage(account, record) if kind == "leads" else None,
        "stages": account.pipelines[record["pipeline_id"]]["_embedded"]["statuses"] if kind == "leads" else [],
        "pipeline": account.pipelines[record["pipeline_id"]]["name"] if kind == "leads" else "",
        "tasks": sorted(tasks, key=lambda task: int(task["complete_till"])),
    }


def task_groups(account: Account, user_id: int) -> list[tuple[str, list[dict[str, Any]]]]:
    """A user's tasks in groups: overdue, today, later, completed. User 0: all users' tasks."""
    now = account.moment()
    end_of_day = datetime.datetime.fromtimestamp(now, MOSCOW).replace(hour=23, minute=59, second=59).timestamp()
    groups: dict[str, list[dict[str, Any]]] = {"overdue": [], "today": [], "later": [], "completed": []}
    for task in sorted(account.tasks.values(), key=lambda task: int(task["complete_till"])):
        if user_id and task["responsible_user_id"] != user_id:
            continue
        kind = task["entity_type"]
        entity = account.table(kind).get(task["entity_id"]) if kind else None
        row = {**task, "entity": entity, "url": f"/{kind}/detail/{task['entity_id']}"}
        row["phones"] = phones_of(entity) if entity is not None and kind != "leads" else []
        if task["is_completed"]:
            name = "completed"
        elif task["complete_till"] < now:
            name = "overdue"
        else:
            name = "today" if task["complete_till"] <= end_of_day else "later"
        groups[name].append(row)
    groups["completed"] = groups["completed"][-10:]
    return [(name, rows) for name, rows in groups.items() if rows]


# ---- filters of the templates


def money(amount: int) -> str:
    return f"{amount:,}".replace(",", " ") + " ₽"


def moment(at: int) -> str:
    return datetime.datetime.fromtimestamp(at, MOSCOW).strftime("%d.%m.%Y %H:%M")


def day(at: int) -> str:
    return datetime.datetime.fromtimestamp(at, MOSCOW).strftime("%d.%m.%Y")


def clock(seconds: int) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def initials(name: str) -> str:
    return "".join(word[0] for word in name.replace("«", "").split()[:2] if word).upper()


def hue(text: str) -> int:
    """The colour of a name's avatar, always the same."""
    return sum(text.encode()) * 37 % 360
