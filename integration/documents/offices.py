"""Several accounts and the PBXs they share, as a file has them; ids are unique in the installation."""

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
        crm: the kind where a document names none; `pbx` likewise.
        is_whole: the PBXs that accounts name must be among them.

    Raises:
        InvalidDocument: names every wrong setting of every document, with its id where it has one.
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
    """Those that can be read; what is wrong with the others is put into `problems`."""
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
    """A PBX that an account names has to be there, and its office's: its calls are nobody else's."""
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
    """What a document is called in a message: its id, where that can be one."""
    name = raw.get("id") if isinstance(raw, dict) else None
    return name if isinstance(name, str) and re.fullmatch(r"[a-z0-9-]{1,40}", name) else None
