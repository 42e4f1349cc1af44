"""An account's document, the content of `[[account]]`: reads, checks, converts it into the domain's settings, and back.

It does not look into the tables of the CRM and the PBX: their kinds check them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Annotated, Any

from pydantic import Field, ValidationError

from integration.documents import fields as of
from integration.documents.bounds import beyond_bounds
from integration.documents.people import EmployeeDocument, People, people_together, person_document, phone_of
from integration.documents.problems import FieldProblem, InvalidDocument, Path, shortened, unknown_key
from integration.documents.refusals import problems_of
from integration.documents.table import Table, plain
from integration.domain.ids import AccountId, PbxId
from integration.domain.numbers.numbering import DialForm, DialRules, Numbering
from integration.domain.numbers.phone_text import read_text
from integration.domain.settings import (
    CARD_FIELDS,
    AccountSettings,
    AfterNoAnswer,
    CardMoment,
    ClickRules,
    LineSettings,
    LogTarget,
    MadeByHand,
    NewClient,
    NewClientOf,
)
from integration.texts.settings import Problem

_DIAL, _CLICKS, _LINE = DialRules(), ClickRules(), LineSettings()
DEFAULT_LINE = "default"
_REPEAT_HOURS = {"repeat_calls", "repeat_hours", "repeat_weekend_hours"}


class DialDocument(Table):
    """How the office dials out (`DialRules`)."""

    area_code: of.AreaCode = _DIAL.area_code
    local_length: of.LocalLength = _DIAL.local_length
    trunk_prefix: of.TrunkPrefix = _DIAL.trunk_prefix
    international_prefix: of.InternationalPrefix = _DIAL.international_prefix
    outside_prefix: of.OutsidePrefix = _DIAL.outside_prefix
    carrier_prefix: of.CarrierPrefix = _DIAL.carrier_prefix
    click: Annotated[DialForm, of.one_of(DialForm)] = _DIAL.click


class ClicksDocument(Table):
    """What clicks may dial (`ClickRules`)."""

    per_minute: of.CallsAMinute = _CLICKS.per_minute
    account_per_minute: of.CallsAMinute = _CLICKS.account_per_minute
    premium: bool = _CLICKS.premium
    satellite: bool = _CLICKS.satellite


class LineDocument(Table):
    """One line (`LineSettings`). Settings that it leaves out come from the default line."""

    process: bool = _LINE.process
    card: Annotated[CardMoment, of.one_of(CardMoment)] = _LINE.card
    to_responsible: bool = _LINE.to_responsible
    respect_working_day: bool = _LINE.respect_working_day
    responsible_seconds: of.RingSeconds = _LINE.responsible_seconds
    notice_before: of.Sound = _LINE.notice_before
    notice_no_answer: of.Sound = _LINE.notice_no_answer
    after_no_answer: Annotated[AfterNoAnswer, of.one_of(AfterNoAnswer)] = _LINE.after_no_answer
    group: of.Destination = _LINE.group
    missed_responsible: of.CrmUser = _LINE.missed_responsible
    outside_responsible: of.CrmUser = _LINE.outside_responsible
    unknown_lookup_seconds: of.LookupSeconds = _LINE.unknown_lookup_seconds
    reserve: of.Destination = _LINE.reserve
    transfer_changes_responsible: bool = _LINE.transfer_changes_responsible
    new_client: Annotated[NewClient, of.one_of(NewClient)] = _LINE.new_client
    new_client_of: Annotated[NewClientOf, of.one_of(NewClientOf)] = _LINE.new_client_of
    missed_task: bool = _LINE.missed_task
    task_deadline_seconds: of.TaskSeconds = _LINE.task_deadline_seconds
    calls_at_once: of.CallsAtOnce = _LINE.calls_at_once
    repeat_calls: bool = _LINE.repeat_calls
    repeat_times: of.Repeats = _LINE.repeat_times
    repeat_interval_seconds: of.RepeatSeconds = _LINE.repeat_interval_seconds
    repeat_hours: of.Hours = _LINE.repeat_hours
    repeat_weekend_hours: of.Hours = _LINE.repeat_weekend_hours
    source: of.Name = _LINE.source

    def over(self, inherited: LineSettings) -> LineSettings:
        return replace(inherited, **self.values())


class OfficeDocument(Table):
    """An account: one CRM, and its own PBX, others of its office (`pbxs`), or both."""

    id: of.OfficeId
    name: of.Name = None
    office: of.OfficeId | None = None  # accounts of one office may share PBXs; None: the account alone is one
    country: of.Country = "RU"
    language: of.Language = "ru"
    time_zone: of.TimeZone = ""
    log_to: Annotated[LogTarget, of.one_of(LogTarget)] = LogTarget.PERSON
    made_by_hand: Annotated[MadeByHand, of.one_of(MadeByHand)] = MadeByHand.CONTACT
    never_clients: of.Telephones = ()
    card_fields: of.CardFields = CARD_FIELDS
    default_responsible: of.CrmUser = None
    call_results: of.CallResults = None  # None: the usual ones of the language
    crm_administrators: bool = False  # the CRM's administrators may administer this office; owners decide it
    crm: of.Kind
    pbx: of.Kind
    pbx_id: of.ConnectionId
    has_own_pbx: bool = True
    pbxs: of.ConnectionIds = ()
    dial: DialDocument = DialDocument()
    clicks: ClicksDocument = ClicksDocument()
    line: dict[str, LineDocument] = Field(default_factory=dict)
    employee: People = Field(default_factory=dict)
    crm_options: dict[str, Any] = Field(repr=False)  # written as a table that has the kind's name
    pbx_options: dict[str, Any] = Field(repr=False)

    @property
    def office_id(self) -> AccountId:
        return self.office or self.id

    @property
    def all_pbxs(self) -> tuple[PbxId, ...]:
        """All PBXs of the account, its own first, even if the file also lists it among the others."""
        return tuple(dict.fromkeys((self.pbx_id, *self.pbxs))) if self.has_own_pbx else self.pbxs

    def settings(self) -> AccountSettings:
        """The settings for the services. Data that Dozvon learns from the CRM is not part of a document."""
        default = self.line[DEFAULT_LINE].over(_LINE) if DEFAULT_LINE in self.line else _LINE
        return AccountSettings(
            account=self.id,
            name=self.name or "",
            country=self.country,
            dial=DialRules(**self.dial.values()),
            language=self.language,
            time_zone=self.time_zone,
            clicks=ClickRules(**self.clicks.values()),
            default_line=default,
            lines={_digits(did): line.over(default) for did, line in self.line.items() if did != DEFAULT_LINE},
            employees=tuple(person.employee(*phone_of(key, self.all_pbxs)) for key, person in self.employee.items()),
            default_responsible=self.default_responsible,
            log_to=self.log_to,
            made_by_hand=self.made_by_hand,
            never_clients=self.never_clients,
            card_fields=self.card_fields,
            call_results=self.call_results,
            crm_administrators=self.crm_administrators,
            pbxs=self.all_pbxs,
        )

    def plain(self) -> dict[str, Any]:
        """The form of a file, a form or REST. `read_office` of it gives an equal document."""
        own = {name: value for name, value in super().plain().items() if name not in _DERIVED}
        if not self.has_own_pbx:
            return {
                **{name: value for name, value in own.items() if name not in ("pbx", "pbx_id")},
                self.crm: self.crm_options,
            }
        return {**own, self.crm: self.crm_options, self.pbx: self.pbx_options}


_OPTIONS = frozenset({"crm_options", "pbx_options"})
_DERIVED = _OPTIONS | {"has_own_pbx"}
_OWN = frozenset(OfficeDocument.model_fields) - _DERIVED
_TABLES: Mapping[str, type[Table]] = {
    "dial": DialDocument, "clicks": ClicksDocument, "line": LineDocument, "employee": EmployeeDocument,
}  # fmt: skip


def read_office(raw: Any, *, crm: str, pbx: str) -> OfficeDocument:
    """
    Check a foreign document.

    Args:
        raw: parsed TOML or JSON.
        crm: the kind if the document names none; `pbx` likewise.

    Raises:
        InvalidDocument: names all wrong settings, not only the first.
    """
    if not isinstance(raw, dict):
        raise InvalidDocument([FieldProblem((), Problem.TABLE)])
    found = beyond_bounds(raw)
    if found:
        raise InvalidDocument(found)
    own = {"crm": crm, "pbx": pbx, "pbx_id": f"{raw.get('id')}-pbx", **raw}
    kinds = {name: own[name] for name in ("crm", "pbx") if isinstance(own[name], str)}
    known = _OWN | set(kinds.values())
    found = [unknown_key((key,), known) for key in raw if key not in known]
    found += [FieldProblem((n,), Problem.KIND, {"value": kind}) for n, kind in kinds.items() if kind in _OWN]
    body = {key: value for key, value in own.items() if key in _OWN}
    for name in ("crm", "pbx"):
        body[f"{name}_options"] = own.get(kinds.get(name), {})
    body["has_own_pbx"] = kinds.get("pbx") in raw or not raw.get("pbxs")
    try:
        document = OfficeDocument.model_validate(body)
    except ValidationError as exc:
        found += [_by_kind(each, kinds) for each in problems_of(exc, _known)]
    else:
        found += _together(document)
        if not found:
            return document
    if "pbx_id" not in raw and any(each.path == ("id",) for each in found):
        found = [each for each in found if each.path != ("pbx_id",)]
    raise InvalidDocument(found)


def office_document(
    settings: AccountSettings,
    *,
    crm: str,
    crm_options: Mapping[str, Any],
    pbx: str,
    pbx_id: PbxId,
    pbx_options: Mapping[str, Any] | None,
    office: AccountId | None = None,
    pbxs: Sequence[PbxId] = (),
) -> OfficeDocument:
    """
    The document of running settings. Its `settings()` equals them, except `enabled` and data learned from the CRM.

    Only differences are written: of the default line from Dozvon's defaults, and of a line from the default line.

    Raises:
        InvalidDocument: they contain values that no document may have.
    """
    default = settings.default_line
    lines = {DEFAULT_LINE: _differences(default, _LINE)}
    lines |= {did: _differences(line, default) for did, line in settings.lines.items()}
    raw = {
        "id": settings.account,
        "name": settings.name,
        "country": settings.country,
        "language": settings.language,
        "time_zone": settings.time_zone,
        "log_to": str(settings.log_to),
        **({"made_by_hand": str(settings.made_by_hand)} if settings.made_by_hand is not MadeByHand.CONTACT else {}),
        **({"never_clients": list(settings.never_clients)} if settings.never_clients else {}),
        **({"card_fields": plain(settings.card_fields)} if settings.card_fields != CARD_FIELDS else {}),
        "default_responsible": settings.default_responsible or "",
        **({} if settings.call_results is None else {"call_results": list(settings.call_results)}),
        **({"crm_administrators": True} if settings.crm_administrators else {}),
        "dial": _differences(settings.dial, _DIAL),
        "clicks": _differences(settings.clicks, _CLICKS),
        "line": {name: own for name, own in lines.items() if own or name != DEFAULT_LINE},
        "employee": {each.key: person_document(each) for each in settings.employees},
        "crm": crm,
        "pbx": pbx,
        "pbx_id": pbx_id,
        **({"office": office} if office else {}),
        **({"pbxs": list(pbxs)} if pbxs else {}),
    }
    own = {} if pbx_options is None else {pbx: dict(pbx_options)}
    return read_office({**raw, crm: dict(crm_options), **own}, crm=crm, pbx=pbx)


def _together(document: OfficeDocument) -> list[FieldProblem]:
    """Check rules that concern several fields."""
    return [
        *_dialling(document.dial),
        *_telephones(document),
        *_lines(document.line),
        *people_together(document.employee, document.all_pbxs),
    ]


def _telephones(document: OfficeDocument) -> Iterable[FieldProblem]:
    """Each has to be one number, as the office would read it: a list that matches nothing helps nobody."""
    numbering = Numbering(document.country, DialRules(**document.dial.values()))
    for text in document.never_clients:
        if len(read_text(text, numbering).numbers) != 1:
            yield FieldProblem(("never_clients",), Problem.TELEPHONE, {"value": shortened(text)})


def _dialling(dial: DialDocument) -> Iterable[FieldProblem]:
    if dial.area_code:
        return
    if dial.local_length is not None:
        yield FieldProblem(("dial", "area_code"), Problem.AREA_CODE_FOR_LENGTH, {"length": dial.local_length})
    elif dial.click is DialForm.LOCAL:
        yield FieldProblem(("dial", "area_code"), Problem.AREA_CODE_FOR_CLICK)


def _lines(lines: Mapping[str, LineDocument]) -> Iterable[FieldProblem]:
    """Check each line with its inherited settings. A number may occur only once, however it is written."""
    default = lines[DEFAULT_LINE].over(_LINE) if DEFAULT_LINE in lines else _LINE
    seen: dict[str, str] = {}
    for did, line in lines.items():
        digits = _digits(did)
        if did != DEFAULT_LINE:
            if not digits:
                yield FieldProblem(("line", did), Problem.LINE, {"value": shortened(did)})
            elif digits in seen:
                yield FieldProblem(("line", did), Problem.SAME_LINE, {"other": shortened(seen[digits])})
            seen.setdefault(digits, did)
        whole = line.over(default)
        says_so = did == DEFAULT_LINE or {"after_no_answer", "group"} & line.model_fields_set
        if says_so and whole.after_no_answer is AfterNoAnswer.GROUP and not whole.group:
            yield FieldProblem(("line", did, "group"), Problem.GROUP)
        sets_hours = did == DEFAULT_LINE or _REPEAT_HOURS & line.model_fields_set
        if sets_hours and whole.repeat_calls and not (whole.repeat_hours or whole.repeat_weekend_hours):
            yield FieldProblem(("line", did, "repeat_hours"), Problem.NEEDED)


def _known(path: Path) -> Iterable[str]:
    """The keys of the table at a path."""
    return (_TABLES[str(path[0])] if path else OfficeDocument).model_fields


def _by_kind(problem: FieldProblem, kinds: Mapping[str, str]) -> FieldProblem:
    """Replace our name of an adapter's table by the one in the document, which is the kind's name."""
    first = str(problem.path[0])
    return replace(problem, path=(kinds[first[:3]], *problem.path[1:])) if first in _OPTIONS else problem


def _digits(did: str) -> str:
    return "".join(c for c in did if c in "0123456789")


def _differences(value: DialRules | ClickRules | LineSettings, base: object) -> dict[str, Any]:
    own = {each.name: getattr(value, each.name) for each in fields(value)}
    return {name: plain(one) for name, one in own.items() if one != getattr(base, name)}
