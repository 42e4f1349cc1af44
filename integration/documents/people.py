"""The people of an account as a document: the table `employee`, whether it stands in an account's document or alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from integration.documents import fields as of
from integration.documents.bounds import beyond_bounds
from integration.documents.problems import FieldProblem, InvalidDocument, Path, shortened
from integration.documents.refusals import problems_of
from integration.documents.table import Table
from integration.domain.ids import Extension, PbxId
from integration.domain.settings import Employee, PhoneType
from integration.texts.settings import Problem


class EmployeeDocument(Table):
    """A person (`Employee`), by extension."""

    manager: of.CrmUser = None
    name: of.Name = None
    type: Annotated[PhoneType, of.one_of(PhoneType)] = PhoneType.SIP
    mobile: of.Destination = None
    absent: bool = False
    absent_until: of.Moment = None

    def employee(self, extension: str, pbx: PbxId | None) -> Employee:
        return Employee(
            extension=Extension(extension),
            pbx=pbx,
            name=self.name or "",
            manager=self.manager,
            phone_type=self.type,
            mobile=self.mobile,
            is_absent=self.absent,
            absent_until=of.timestamp(self.absent_until),
        )


def _person(value: Any) -> Any:
    """`101 = "610077"` is short for `101 = {manager = "610077"}`."""
    return {"manager": value} if isinstance(value, str | int | float) else value


People = dict[str, Annotated[EmployeeDocument, BeforeValidator(_person)]]
"""By extension, or `branch/101` for a phone on the PBX "branch"."""

_TABLE: TypeAdapter[People] = TypeAdapter(People)
_NAME = "employee"


def read_people(raw: Mapping[str, Any], pbxs: Sequence[PbxId]) -> tuple[Employee, ...]:
    """
    Check a foreign table, as a form makes one.

    Args:
        pbxs: of the account, the main one first.

    Raises:
        InvalidDocument: names every wrong setting, as `employee.101.mobile`.
    """
    found = beyond_bounds({_NAME: dict(raw)})
    if found:
        raise InvalidDocument(found)
    try:
        people = _TABLE.validate_python(dict(raw))
    except ValidationError as exc:
        wrong = [replace(each, path=(_NAME, *each.path)) for each in problems_of(exc, _known)]
        raise InvalidDocument(wrong) from exc
    wrong = list(people_together(people, pbxs))
    if wrong:
        raise InvalidDocument(wrong)
    return tuple(person.employee(*phone_of(key, pbxs)) for key, person in people.items())


def _known(_: Path) -> Iterable[str]:
    return EmployeeDocument.model_fields


def people_together(people: Mapping[str, EmployeeDocument], pbxs: Sequence[PbxId]) -> Iterable[FieldProblem]:
    """What no person's table shows alone: their phones."""
    most = of.MOST_EXTENSION_CHARACTERS
    seen: set[tuple[str, PbxId | None]] = set()
    for key in people:
        extension, pbx = phone_of(key, pbxs)
        strange, stroke, _ = extension.partition("/")
        if stroke and strange.strip():
            facts = {"value": shortened(strange), "known": ", ".join(pbxs)}
            yield FieldProblem(("employee", key), Problem.PHONE_PBX, facts)
        elif not extension.strip() or len(extension) > most or not extension.isprintable() or "/" in extension:
            yield FieldProblem(("employee", key), Problem.EXTENSION, {"most": most})
        if (extension, pbx) in seen:
            yield FieldProblem(("employee", key), Problem.TWICE, {"value": shortened(extension)})
        seen.add((extension, pbx))


def phone_of(key: str, pbxs: Sequence[PbxId]) -> tuple[str, PbxId | None]:
    """Extension and PBX of a person's key (`Employee.key`); None: the main PBX, named or not."""
    name, stroke, extension = key.partition("/")
    if not stroke or name not in pbxs:
        return key, None
    return extension, PbxId(name) if name != pbxs[0] else None


def person_table(employee: Employee) -> dict[str, Any]:
    """A person as the table `employee` has one, with what differs from the default only."""
    table = {
        "manager": employee.manager,
        "name": employee.name,
        "type": None if employee.phone_type is PhoneType.SIP else str(employee.phone_type),
        "mobile": employee.mobile,
        "absent": employee.is_absent,
        "absent_until": of.moment(employee.absent_until),
    }
    return {key: value for key, value in table.items() if value}


def person_document(employee: Employee) -> Any:
    """The shortest way to write `person_table`."""
    said = person_table(employee)
    return employee.manager if set(said) == {"manager"} else said
