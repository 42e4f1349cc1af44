"""What the API answers: JSON that is never kept, and errors with a code and a sentence in the client's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from integration.documents.problems import InvalidDocument
from integration.texts.offices import ApiProblem, api_problem
from integration.web.language import language_of

_NEVER_KEPT = {"Cache-Control": "no-store"}


class Refused(Exception):
    """A request that is not carried out: the answer's status, and what its sentence needs (`ApiProblem`)."""

    def __init__(
        self,
        status: int,
        problem: ApiProblem,
        facts: Mapping[str, object] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(problem)
        self.headers = headers or {}
        self.status = status
        self.problem = problem
        self.facts = facts or {}
        self.more = more  # of the answer, beside the error


def answer(body: dict[str, Any], *, revision: object = None, status: int = 200) -> web.Response:
    """`revision`: of what is in the body; it becomes the ETag."""
    headers = dict(_NEVER_KEPT) if revision is None else {**_NEVER_KEPT, "ETag": f'"{revision}"'}
    return web.json_response(body, status=status, headers=headers)


def refusal_answer(request: web.Request, refused: Refused) -> web.Response:
    message = api_problem(refused.problem, refused.facts, language_of(request))
    error = {"code": str(refused.problem), "message": message}
    response = answer({"error": error, **refused.more}, status=refused.status)
    response.headers.update(refused.headers)
    return response


def problems_of(request: web.Request, invalid: InvalidDocument, part: str) -> list[dict[str, str]]:
    """
    Every wrong setting with a sentence.

    Args:
        part: whose document came; the fields of others are named with their part.
    """
    language, (kind, _, name) = language_of(request), part.partition("/")
    found = []
    for each in invalid.problems:
        is_own = each.path[:2] == (kind, name)
        one = each.inside(2) if is_own else each
        found.append({"part": part if is_own else "", "field": one.key, "message": each.sentence(language)})
    return found
