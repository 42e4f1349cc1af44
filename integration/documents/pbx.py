"""The document of a PBX that accounts of an office share, the content of `[[pbx]]`. The kind checks its own table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field, ValidationError

from integration.documents import fields as of
from integration.documents.bounds import beyond_bounds
from integration.documents.problems import FieldProblem, InvalidDocument, Path, unknown_key
from integration.documents.refusals import problems_of
from integration.documents.table import Table
from integration.texts.settings import Problem


class PbxDocument(Table):
    id: of.ConnectionId
    office: of.OfficeId
    kind: of.Kind
    options: dict[str, Any] = Field(repr=False)  # written as a table that has the kind's name

    def plain(self) -> dict[str, Any]:
        """`read_pbx` of it gives an equal document."""
        own = {name: value for name, value in super().plain().items() if name != "options"}
        return {**own, self.kind: self.options}


_OWN = frozenset(PbxDocument.model_fields) - {"options"}


def read_pbx(raw: Any, *, kind: str) -> PbxDocument:
    """
    Check a foreign document.

    Args:
        kind: the kind if the document names none.

    Raises:
        InvalidDocument: names all wrong settings.
    """
    if not isinstance(raw, dict):
        raise InvalidDocument([FieldProblem((), Problem.TABLE)])
    found = beyond_bounds(raw)
    if found:
        raise InvalidDocument(found)
    own = {"kind": kind, **raw}
    named = own["kind"]
    known = _OWN | ({named} if isinstance(named, str) else set())
    found = [unknown_key((key,), known) for key in raw if key not in known]
    if named in _OWN:
        found.append(FieldProblem(("kind",), Problem.KIND, {"value": named}))
    body = {key: value for key, value in own.items() if key in _OWN}
    body["options"] = own.get(named, {}) if isinstance(named, str) else {}
    try:
        document = PbxDocument.model_validate(body)
    except ValidationError as exc:
        found += [_by_kind(each, str(named)) for each in problems_of(exc, _known)]
    else:
        if not found:
            return document
    raise InvalidDocument(found)


def _known(_: Path) -> Iterable[str]:
    return _OWN


def _by_kind(problem: FieldProblem, kind: str) -> FieldProblem:
    if problem.path[:1] != ("options",):
        return problem
    return FieldProblem((kind, *problem.path[1:]), problem.problem, problem.facts)
