"""Several offices in one document, as `[[account]]` of the file has them; their ids are unique in the installation."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from integration.documents.office import OfficeDocument, read_office
from integration.documents.problems import FieldProblem, InvalidDocument, Path
from integration.texts.settings import Problem


def read_offices(raw: list[Any], key: str, *, crm: str, pbx: str) -> tuple[OfficeDocument, ...]:
    """
    Check foreign documents.

    Args:
        key: what the list is called.
        crm: the kind where a document names none; `pbx` likewise.

    Raises:
        InvalidDocument: names every wrong setting of every office, with the office's id where it has one.
    """
    offices: list[OfficeDocument] = []
    problems: list[FieldProblem] = []
    names = [_name(each) for each in raw]
    times = Counter(names)
    for index, each in enumerate(raw):
        try:
            offices.append(read_office(each, crm=crm, pbx=pbx))
        except InvalidDocument as exc:
            name = names[index]
            problems += exc.below(key, name if name and times[name] == 1 else index)
    problems += _twice((key, "id"), [office.id for office in offices])
    problems += _twice((key, "pbx_id"), [office.pbx_id for office in offices])
    if problems:
        raise InvalidDocument(problems)
    return tuple(offices)


def _twice(path: Path, values: list[Any]) -> list[FieldProblem]:
    return [FieldProblem(path, Problem.TWICE, {"value": v}) for v, count in Counter(values).items() if count > 1][:1]


def _name(raw: Any) -> str | None:
    """What an office is called in a message: its id, where that can be one."""
    name = raw.get("id") if isinstance(raw, dict) else None
    return name if isinstance(name, str) and re.fullmatch(r"[a-z0-9-]{1,40}", name) else None
