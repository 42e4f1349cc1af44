"""Reads several accounts and the PBXs they share from a file. Ids are unique in the installation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from integration.documents.office import OfficeDocument, read_office
from integration.documents.pbx import PbxDocument, read_pbx
from integration.documents.problems import FieldProblem, InvalidDocument, Path, shortened
from integration.texts.settings import Problem

_Document = TypeVar("_Document", OfficeDocument, PbxDocument)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficesDocument:
    accounts: tuple[OfficeDocument, ...] = ()
    pbxs: tuple[PbxDocument, ...] = ()


def read_offices(accounts: list[Any], pbxs: list[Any], *, crm: str, pbx: str, is_whole: bool = True) -> OfficesDocument:
    """
    Check foreign documents: those under `account`, and those under `pbx`.

    Args:
        crm: the kind if a document names none; `pbx` likewise.
        is_whole: the documents must contain the PBXs that accounts name.

    Raises:
        InvalidDocument: names all wrong settings of all documents, with the document's id if it has one.
    """
    problems: list[FieldProblem] = []
    offices = _each(accounts, "account", lambda raw: read_office(raw, crm=crm, pbx=pbx), problems)
    links = _each(pbxs, "pbx", lambda raw: read_pbx(raw, kind=pbx), problems)
    own = [office.pbx_id for office in offices if office.has_own_pbx]
    problems += _twice(("account", "id"), [office.id for office in offices])
    problems += _twice(("account", "pbx_id"), own)
    problems += _twice(("pbx", "id"), [*dict.fromkeys(own), *(link.id for link in links)])
    if not problems and is_whole:
        problems += _strange_pbxs(offices, links)
    if problems:
        raise InvalidDocument(problems)
    return OfficesDocument(accounts=tuple(offices), pbxs=tuple(links))


def _each(raw: list[Any], key: str, read: Callable[[Any], _Document], problems: list[FieldProblem]) -> list[_Document]:
    """The readable documents. Problems of the others go into `problems`."""
    found: list[_Document] = []
    names = [_name(each) for each in raw]
    times = Counter(names)
    for index, each in enumerate(raw):
        try:
            found.append(read(each))
        except InvalidDocument as exc:
            name = names[index]
            problems += exc.below(key, name if name and times[name] == 1 else index)
    return found


def _strange_pbxs(offices: Iterable[OfficeDocument], links: Iterable[PbxDocument]) -> Iterable[FieldProblem]:
    """A PBX that an account names must exist and belong to the account's office, which alone may get its calls."""
    office_of = {link.id: link.office for link in links}
    office_of |= {office.pbx_id: office.office_id for office in offices if office.has_own_pbx}
    for office in offices:
        for pbx in office.pbxs:
            where: Path = ("account", office.id, "pbxs")
            if pbx not in office_of:
                yield FieldProblem(where, Problem.NO_SUCH_PBX, {"value": shortened(pbx)})
            elif office_of[pbx] != office.office_id:
                facts = {"value": pbx, "office": office_of[pbx], "own": office.office_id}
                yield FieldProblem(where, Problem.PBX_OF_ANOTHER_OFFICE, facts)


def _twice(path: Path, values: list[Any]) -> list[FieldProblem]:
    return [FieldProblem(path, Problem.TWICE, {"value": v}) for v, count in Counter(values).items() if count > 1][:1]


def _name(raw: Any) -> str | None:
    """A document's name in messages: its id, if that is a valid one."""
    name = raw.get("id") if isinstance(raw, dict) else None
    return name if isinstance(name, str) and re.fullmatch(r"[a-z0-9-]{1,40}", name) else None
