"""Lists in the form of the API: pages of at most 250, `_links.next` while there are more, 204 if empty, order, filters.

Handlers choose which records to list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from aiohttp import web

from connectors.amocrm.sandbox import brackets
from connectors.amocrm.sandbox.problems import Problem, hal, nothing
from connectors.amocrm.sandbox.session import sandbox_of
from connectors.amocrm.sandbox.tables import Record

View = Callable[[Record], Record]


def paging(request: web.Request, *, most: int = 250, usual: int = 50) -> tuple[int, int]:
    """
    The query's `(page, limit)`; a limit above `most` counts as `most`.

    Raises:
        Problem: 400 if one of them is not a positive number.
    """
    page, limit = request.query.get("page", "1"), request.query.get("limit", str(usual))
    if not (page.isdigit() and limit.isdigit() and 0 < int(page) < 10**9 and int(limit) > 0):
        raise Problem(400, "page and limit must be positive numbers")
    return int(page), min(int(limit), most)


def answer(
    request: web.Request,
    name: str,
    records: Iterable[Record],
    view: View,
    *,
    most: int = 250,
    skipped: int = 0,
    extra: Record | None = None,
) -> web.Response:
    """
    Answer with one page of `records`. `skipped`: how many the caller has left out before them (deep pages). `extra`:
    further members of the body.
    """
    page, limit = paging(request, most=most)
    start = (page - 1) * limit - skipped
    window = list(islice(records, start, start + limit + 1))
    if not window:
        return nothing()
    links = {"self": {"href": _href(request, page)}}
    if len(window) > limit:
        links["next"] = {"href": _href(request, page + 1)}
    if page > 1:
        links["first"] = {"href": _href(request, 1)}
        links["prev"] = {"href": _href(request, page - 1)}
    shown = [view(record) for record in window[:limit]]
    return hal({**(extra or {}), "_page": page, "_links": links, "_embedded": {name: shown}})


def _href(request: web.Request, page: int) -> str:
    return sandbox_of(request).origin(request) + str(request.rel_url.update_query({"page": str(page)}))


def query_tree(request: web.Request) -> dict[str, Any]:
    return brackets.parse(request.query.items())


def wanted(request: web.Request) -> set[str]:
    """The names of `with=a,b`."""
    return {name.strip() for name in request.query.get("with", "").split(",") if name.strip()}


def matches(record: Record, filters: dict[str, Any], fields: Iterable[str]) -> bool:
    """Whether a record passes the query's filters: each field has one of the values, or is in a `from`/`to` range."""
    for field in fields:
        rule = filters.get(field)
        if rule is None:
            continue
        value = record.get(field)
        if isinstance(rule, dict) and rule.keys() & {"from", "to"}:
            if not _in_range(value, rule):
                return False
        elif str(int(value) if isinstance(value, bool) else value) not in brackets.values(rule):
            return False
    return True


def _in_range(value: object, rule: dict[str, Any]) -> bool:
    if not isinstance(value, int):
        return False
    low, high = str(rule.get("from", "")), str(rule.get("to", ""))
    return not (low.isdigit() and value < int(low)) and not (high.isdigit() and value > int(high))


def ordered(request: web.Request, records: Iterable[Record], fields: tuple[str, ...]) -> Iterable[Record]:
    """
    Sort by `order[field]=asc|desc`; without it keep the given order.

    Raises:
        Problem: 400 for a field that records cannot be sorted by.
    """
    order = query_tree(request).get("order")
    if not isinstance(order, dict) or not order or order == {"id": "asc"}:
        return records  # lists are sorted by id already
    field, direction = next(iter(order.items()))
    if field not in fields or direction not in ("asc", "desc"):
        raise Problem(400, f"order is one of {', '.join(fields)} with asc or desc")
    return sorted(records, key=lambda record: (record[field], record["id"]), reverse=direction == "desc")


def link(request: web.Request, path: str) -> dict[str, dict[str, str]]:
    return {"self": {"href": f"{sandbox_of(request).origin(request)}/api/v4/{path}"}}
