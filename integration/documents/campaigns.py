"""Reads the campaigns of a file: `[[campaign]]` with the account, the campaign's id, and its plan. Lists of clients are
no part of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from integration.documents.campaign import campaign_document, read_campaign
from integration.documents.problems import FieldProblem, InvalidDocument, Path, shortened
from integration.domain.campaigns.callbacks import is_of_callbacks
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.ids import AccountId, CampaignId
from integration.texts.settings import Problem

RESERVED_IDS = frozenset({"new", "do-not-call"})
"""Words in the addresses of the pages."""

_ID = re.compile(r"[a-z0-9-]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenCampaign:
    """As a file has it. `id` is unique in the account."""

    account: AccountId
    id: CampaignId
    plan: CampaignPlan

    def document(self) -> dict[str, Any]:
        """`read_campaigns` of a list of these gives the same."""
        return {"account": self.account, "id": self.id, **campaign_document(self.plan)}


def read_campaigns(raw: list[Any]) -> list[WrittenCampaign]:
    """
    Check foreign documents: those under `campaign`.

    Raises:
        InvalidDocument: names all wrong settings of all documents, with the campaign's id if it has one.
    """
    found: list[WrittenCampaign] = []
    problems: list[FieldProblem] = []
    for index, each in enumerate(raw):
        try:
            written = _read(each)
        except InvalidDocument as exc:
            problems += exc.below("campaign", _name(each) or index)
            continue
        if any((known.account, known.id) == (written.account, written.id) for known in found):
            problems.append(FieldProblem(("campaign", index, "id"), Problem.TWICE, {"value": written.id}))
        found.append(written)
    if problems:
        raise InvalidDocument(problems)
    return found


def _read(raw: Any) -> WrittenCampaign:
    if not isinstance(raw, dict):
        raise InvalidDocument([FieldProblem((), Problem.TABLE)])
    problems = [problem for key in ("account", "id") for problem in _wrong_id(key, raw)]
    plan = None
    try:
        plan = read_campaign({key: value for key, value in raw.items() if key not in ("account", "id")})
    except InvalidDocument as exc:
        problems += exc.problems
    if problems or plan is None:
        raise InvalidDocument(problems)
    return WrittenCampaign(account=AccountId(raw["account"]), id=CampaignId(raw["id"]), plan=plan)


def _wrong_id(key: str, raw: Mapping[str, Any]) -> list[FieldProblem]:
    path: Path = (key,)
    if key not in raw:
        return [FieldProblem(path, Problem.NEEDED)]
    value = raw[key]
    if not isinstance(value, str) or not _ID.fullmatch(value):
        return [FieldProblem(path, Problem.ID, {"value": shortened(value)})]
    if key == "id" and (value in RESERVED_IDS or is_of_callbacks(CampaignId(value))):
        return [FieldProblem(path, Problem.OWN_ADDRESS, {"value": value})]
    return []


def _name(raw: Any) -> str | None:
    """A document's name in messages."""
    name = raw.get("id") if isinstance(raw, dict) else None
    return name if isinstance(name, str) and _ID.fullmatch(name) else None
