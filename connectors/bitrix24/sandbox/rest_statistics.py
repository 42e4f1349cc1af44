"""`voximplant.*`: the statistics of all calls, and what the portal says about its telephony's users and lines.

Rows are written by `calls.finish`.
"""

from __future__ import annotations

from typing import Any

from connectors.bitrix24.sandbox import filtering
from connectors.bitrix24.sandbox.crm_kinds import Record
from connectors.bitrix24.sandbox.errors import RestError, access_denied
from connectors.bitrix24.sandbox.filtering import Page
from connectors.bitrix24.sandbox.methods import Call, Registry

_ALWAYS_EMPTY = ("CALL_LOG", "SESSION_ID", "REDIAL_ATTEMPT", "RECORD_DURATION")


def _read(row: Record, name: str) -> Any:
    return row.get(name.upper())


def statistic_get(call: Call) -> Page:
    if not call.caller.user.get("SEES_STATISTICS", True):
        raise access_denied()
    parameters = call.parameters
    sort = parameters.text("SORT").upper()
    if sort == "CALL_TYPE":
        raise RestError("ERROR_ARGUMENT", "CALL_TYPE can not be used for sorting", extra={"argument": "SORT"})
    found = filtering.select(call.portal.statistics, parameters.mapping("FILTER"), _read)
    if sort:
        found = filtering.ordered(found, {sort: parameters.text("ORDER", "ASC")}, _read)
    page = filtering.page(found, parameters, call.sandbox.settings.page_length)
    return Page([_view(call, row) for row in page.items], page.total, page.next)


def _view(call: Call, row: Record) -> Record:
    texts = (
        "ID", "PORTAL_USER_ID", "PORTAL_NUMBER", "PHONE_NUMBER", "CALL_ID", "CALL_CATEGORY", "CALL_DURATION",
        "COST_CURRENCY", "CALL_FAILED_CODE", "CALL_FAILED_REASON", "CALL_TYPE",
    )  # fmt: skip
    view: Record = {name: str(row[name]) for name in texts}
    view |= dict.fromkeys(_ALWAYS_EMPTY)
    view |= {
        "EXTERNAL_CALL_ID": row["EXTERNAL_CALL_ID"],
        "CALL_START_DATE": call.portal.moment(row["CALL_START_DATE"]),
        "CALL_RECORD_URL": row["CALL_RECORD_URL"],
        "CALL_VOTE": str(row["CALL_VOTE"]) if row["CALL_VOTE"] else None,
        "COST": f"{row['COST']:.4f}",
        "CRM_ENTITY_TYPE": row["CRM_ENTITY_TYPE"] or None,
        "CRM_ENTITY_ID": str(row["CRM_ENTITY_ID"]) if row["CRM_ENTITY_ID"] else None,
        "CRM_ACTIVITY_ID": str(row["CRM_ACTIVITY_ID"]) if row["CRM_ACTIVITY_ID"] else None,
        "REST_APP_ID": row["REST_APP_ID"],
        "REST_APP_NAME": row["REST_APP_NAME"],
        "TRANSCRIPT_ID": str(row["TRANSCRIPT_ID"]) if row["TRANSCRIPT_ID"] else None,
        "TRANSCRIPT_PENDING": "N",
        "COMMENT": row["COMMENT"],
        "RECORD_FILE_ID": row["RECORD_FILE_ID"],
    }
    return view


def user_get(call: Call) -> list[Record]:
    """Behind an administrator's confirmation for each token."""
    ids = call.parameters.integers("USER_ID")
    return [
        {"ID": str(user["ID"]), "PHONE_ENABLED": "N", "SIP_SERVER": "", "SIP_LOGIN": "", "DEFAULT_LINE": ""}
        for user in call.portal.users.values()
        if not ids or user["ID"] in ids
    ]


def line_get(call: Call) -> list[Record]:
    """Rented and SIP lines. External lines of applications are not among them."""
    return []


def add_methods(registry: Registry) -> None:
    registry.add("telephony", {"voximplant.statistic.get": statistic_get, "voximplant.line.get": line_get})
    registry.add("telephony", {"voximplant.user.get": user_get}, needs_app=True, needs_confirmation=True)
