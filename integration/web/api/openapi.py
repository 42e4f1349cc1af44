"""The API's description, OpenAPI 3.1, made of the operations and of the models: `/api/openapi.json`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPMethod
from typing import Any

from aiohttp import web

from integration import __version__
from integration.domain.access import Permission, Viewer
from integration.domain.api_keys import PREFIX
from integration.domain.campaigns.cards import WhyRemoved
from integration.domain.campaigns.expected_end import NoEnd
from integration.web.api.answers import answer
from integration.web.api.door import Operation

SCHEMAS = "#/components/schemas/"
_PARAMETER = re.compile(r"\{(\w+)(?::([^{}]*(?:\{[^{}]*\}[^{}]*)*))?\}")  # aiohttp's, with its pattern
_EVERYWHERE = {
    401: "Sign in again, or send a key that works: the sentence says what is wrong with this one.",
    403: "Not from a page of Dozvon, or not allowed.",
    429: "Too many wrong keys: wait as long as Retry-After says.",
    503: "Try again later.",
}
_OTHERS = {
    400: "The body is no JSON object, If-Match no revision, or a number none.",
    404: "There is no such office, or it does not have this.",
    409: "It cannot be done as things are: the sentence says why.",
    412: "Somebody was first: who, when, and what has changed since.",
    413: "The body is too large.",
    415: "Send JSON.",
    422: "Some settings are wrong: each with its field.",
    428: "If-Match is missing.",
}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": SCHEMAS + name}


def _object(**properties: Any) -> dict[str, Any]:
    """All of them are always there."""
    return {
        "type": "object", "properties": properties, "required": sorted(properties), "additionalProperties": False,
    }  # fmt: skip


def _list(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


_TEXT, _NUMBER, _FLAG = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
_TEXT_OR_NOTHING = {"type": ["string", "null"]}
_DIFFERENCE = _object(key=_TEXT, before=_TEXT_OR_NOTHING, after=_TEXT_OR_NOTHING)
_CHANGE = {
    "revision": _NUMBER,
    "at": {"type": "string", "format": "date-time"},
    "when": _TEXT,
    "who": _TEXT,
    "undoes": {"type": ["integer", "null"]},
    "parts": _list(_object(part=_TEXT, is_removed=_FLAG, differences=_list(_ref("Difference")))),
    "people": _list(_TEXT),
}
_MOMENT, _MOMENT_OR_NOTHING = ({"type": kind, "format": "date-time"} for kind in ("string", ["string", "null"]))
_COUNTS = {"type": "object", "additionalProperties": _NUMBER}
_CAMPAIGN = {
    "id": _TEXT, "plan": _ref("CampaignPlan"), "revision": _TEXT, "state": _TEXT, "state_at": _MOMENT,
    "state_by": _TEXT, "made_at": _MOMENT, "made_by": _TEXT, "entries": _COUNTS, "outcomes": _COUNTS,
    "expected_end": _object(at=_MOMENT_OR_NOTHING, why={"enum": [*(each.value for each in NoEnd), None]}),
}  # fmt: skip
_ENTRY = {
    "id": _TEXT, "position": _NUMBER, "state": _TEXT, "name": _TEXT, "comment": _TEXT,
    "removed_why": {"enum": [*(each.value for each in WhyRemoved), None]},
    "numbers": _list(_object(number=_TEXT, is_struck=_FLAG)), "crm": _list(_object(kind=_TEXT, id=_TEXT)),
    "responsible": _TEXT_OR_NOTHING, "due_at": _MOMENT_OR_NOTHING, "changed_at": _MOMENT,
}  # fmt: skip
_ATTEMPT = {
    "id": _TEXT, "entry": _TEXT, "number": _TEXT, "line": _TEXT, "employee": _TEXT_OR_NOTHING, "state": _TEXT,
    "outcome": _TEXT_OR_NOTHING, "written_at": _MOMENT, "answered_at": _MOMENT_OR_NOTHING,
    "ended_at": _MOMENT_OR_NOTHING, "call": _TEXT_OR_NOTHING,
}  # fmt: skip
_CALLBACK = {
    "id": _TEXT, "state": _TEXT, "kind": {"enum": ["missed", "asked"]}, "call": _TEXT, "calls": _NUMBER,
    "number": _TEXT, "name": _TEXT, "responsible": _TEXT_OR_NOTHING, "asked_at": _MOMENT,
    "due_at": _MOMENT_OR_NOTHING, "tries": _NUMBER, "hold": _TEXT_OR_NOTHING, "changed_at": _MOMENT,
    "cancelled_by": _TEXT,
}  # fmt: skip
_NEW_ENTRY = {
    "type": "object",
    "properties": {
        "numbers": {**_list(_TEXT), "minItems": 1, "maxItems": 10}, "name": _TEXT, "comment": _TEXT,
        "responsible": _TEXT, "zone": _TEXT, "priority": _NUMBER,
    },
    "required": ["numbers"],
    "additionalProperties": False,
}  # fmt: skip
_PROBLEM = _object(part=_TEXT, field=_TEXT, message=_TEXT)
_ANSWERS: Mapping[str, Any] = {
    "Document": {"anyOf": [_ref("AccountDocument"), _ref("PbxDocument")]},
    "Offices": _object(offices=_list(_object(office=_TEXT, revision=_TEXT, parts=_list(_TEXT)))),
    "Office": _object(office=_TEXT, revision=_TEXT, parts={"type": "object", "additionalProperties": _ref("Part")}),
    "Part": _object(
        document=_ref("Document"),
        secrets=_list(_TEXT),
        revision=_TEXT,
        in_configuration_file=_FLAG,
        connections={"type": "object", "additionalProperties": _ref("Connection")},
    ),
    "Connection": _object(status=_TEXT, reason=_TEXT, detail=_TEXT, next_try=_TEXT_OR_NOTHING, since=_TEXT_OR_NOTHING),
    "Written": _object(revision=_TEXT),
    "Difference": _DIFFERENCE,
    "Problem": _PROBLEM,
    "Checked": _object(problems=_list(_ref("Problem")), differences=_list(_ref("Difference"))),
    "Change": _object(**_CHANGE),
    "Changes": _object(changes=_list(_object(**_CHANGE, can_undo=_FLAG, obstacle=_TEXT_OR_NOTHING))),
    "Campaign": _object(**_CAMPAIGN),
    "Campaigns": _object(campaigns=_list(_ref("Campaign"))),
    "CampaignStateWish": _object(state={"enum": ["running", "paused", "stopped"]}),
    "CampaignEntries": _object(entries=_list(_object(**_ENTRY))),
    "CampaignAttempts": _object(attempts=_list(_object(**_ATTEMPT))),
    "NewCampaignEntries": _object(entries={**_list(_NEW_ENTRY), "minItems": 1, "maxItems": 500}),
    "AddedCampaignEntries": _object(added=_NUMBER, joined=_NUMBER, left_out=_COUNTS, entries=_list(_TEXT)),
    "Callback": _object(**_CALLBACK),
    "Callbacks": _object(callbacks=_list(_ref("Callback"))),
    "Description": {"type": "object"},
    "Me": _object(
        kind={"enum": ["administrator", "key"]},
        name=_TEXT,
        offices={"type": ["array", "null"], "items": _TEXT},  # null: all
        permissions=_list(_TEXT),
        until={"type": ["string", "null"], "format": "date-time"},
    ),
    "Refusal": {
        "type": "object",
        "properties": {
            "error": _object(code=_TEXT, message=_TEXT),
            "problems": _list(_ref("Problem")),  # with 422
            "changes": _list(_ref("Change")),  # with 412
            "revision": _TEXT,  # with 412: what is stored
        },
        "required": ["error"],
        "additionalProperties": False,
    },
}


class Description:
    """Describes operations, itself among them."""

    def __init__(self, operations: Sequence[Operation], documents: Mapping[str, Any]) -> None:
        """`documents`: their schemas, with addresses below `SCHEMAS`."""
        own = Operation(
            method=HTTPMethod.GET,
            path="/api/openapi.json",
            handler=self.show,
            permission=Permission.SEE_API,
            summary="This description.",
            answers="Description",
        )
        self.operations = [own, *operations]
        self._documents = documents

    async def show(self, _request: web.Request, _viewer: Viewer) -> web.Response:
        return answer(self.document())

    def document(self) -> dict[str, Any]:
        paths: dict[str, dict[str, Any]] = {}
        for each in self.operations:
            paths.setdefault(_PARAMETER.sub(r"{\1}", each.path), {})[each.method.lower()] = _operation(each)
        return {
            "openapi": "3.1.0",
            "info": {"title": "Dozvon", "version": __version__},
            "security": [{"session": []}, {"key": []}],
            "paths": paths,
            "components": {
                "schemas": {**self._documents, **_ANSWERS},
                "securitySchemes": {
                    "session": {"type": "apiKey", "in": "cookie", "name": "dozvon_admin"},
                    "key": {
                        "type": "http",
                        "scheme": "bearer",
                        "bearerFormat": f"{PREFIX}…",
                        "description": "An API key, made on the page of keys of an office.",
                    },
                },
            },
        }


def _operation(operation: Operation) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT | ({"pattern": f"^({like})$"} if like else {})}
        for name, like in _PARAMETER.findall(operation.path)
    ]
    parameters += [{"name": name, "in": "query", "schema": _NUMBER} for name in operation.asks]
    if operation.is_conditional:
        parameters.append({"name": "If-Match", "in": "header", "required": True, "schema": _TEXT})
    refused = {*operation.refusals, *((412, 428, 400) if operation.is_conditional else ())}
    refused |= {400, 413, 415} if operation.sends else set()
    said = {status: _OTHERS[status] for status in sorted(refused)} | _EVERYWHERE
    answers = {"200": {"description": "Done.", "content": _json(operation.answers)}}
    answers |= {
        str(status): {"description": sentence, "content": _json("Refusal")} for status, sentence in said.items()
    }
    found: dict[str, Any] = {
        "summary": operation.summary,
        "x-permission": operation.permission,
        "parameters": parameters,
        "responses": answers,
    }
    if operation.sends:
        found["requestBody"] = {"required": True, "content": _json(operation.sends)}
    return found


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(schema)}}
