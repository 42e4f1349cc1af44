"""Campaigns over REST: their plans, states, lists and journals. The pages are in `web/pages/campaigns.py`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPMethod
from typing import Any, NoReturn, Protocol

from aiohttp import web

from integration.documents.campaign import campaign_document, read_campaign
from integration.documents.campaigns import RESERVED_IDS
from integration.documents.problems import FieldProblem, InvalidDocument
from integration.domain.access import Permission, Viewer
from integration.domain.campaigns.callbacks import is_of_callbacks
from integration.domain.campaigns.expected_end import NoEnd
from integration.domain.campaigns.model import Attempt, EntryNumber
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.campaigns.states import FROM
from integration.domain.campaigns.windows import zone_of
from integration.domain.ids import AccountId, CampaignId, ManagerId, Timestamp
from integration.domain.numbers.number_class import NumberClass, class_of
from integration.domain.numbers.phone_text import read_text
from integration.domain.numbers.zones import possible_zones_of
from integration.ports.campaign_erasure import CampaignErasure, Deletion
from integration.ports.campaigns import (
    Added,
    AttemptJournal,
    CampaignCounts,
    CampaignStore,
    EntryQuery,
    EntryStore,
    ListedEntry,
    NewEntry,
    StoredCampaign,
)
from integration.ports.clock import Clock
from integration.services.accounts import Account
from integration.services.expected_ends import end_of
from integration.texts.changes import author
from integration.texts.offices import ApiProblem
from integration.texts.settings import Problem
from integration.web.api.answers import Refused, answer, problems_of
from integration.web.api.door import Operation
from integration.web.api.reading import number_in, read_document, seen_by
from integration.web.campaigns.plan_form import known_only

_LIST = "/api/offices/{office}/account/{id}/campaigns"
_ONE = _LIST + "/{campaign:[a-z0-9-]{1,40}}"
_MOST_ENTRIES, _MOST_NUMBERS = 500, 10
_LONGEST_NAME, _LONGEST_COMMENT, _LONGEST_NUMBER = 200, 500, 100
_OF_ENTRY = frozenset({"numbers", "name", "comment", "responsible", "zone", "priority"})
_NOBODY = CampaignCounts()
_ID = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class _Read:
    """An entry that was sent: what becomes of it, or why nothing."""

    new: NewEntry | None
    problem: str = ""


class Desk(Protocol):
    """`web/campaigns/desk.py` describes it."""

    @property
    def campaigns(self) -> CampaignStore: ...

    @property
    def entries(self) -> EntryStore: ...

    @property
    def attempts(self) -> AttemptJournal: ...

    @property
    def erasure(self) -> CampaignErasure: ...

    @property
    def office_of(self) -> Callable[[AccountId], AccountId]: ...

    @property
    def tell(self) -> Callable[[AccountId], None]: ...

    @property
    def clock(self) -> Clock: ...


class CampaignApi:
    """`account`: a running one."""

    def __init__(self, desk: Desk, account: Callable[[AccountId], Account | None]) -> None:
        self._desk = desk
        self._account = account

    def operations(self) -> list[Operation]:
        see, change = Permission.SEE_CAMPAIGNS, Permission.CHANGE_CAMPAIGNS
        get, post = HTTPMethod.GET, HTTPMethod.POST
        return [
            Operation(
                method=get, path=_LIST, handler=self.all, permission=see,
                summary="The campaigns of an account, the newest first.", answers="Campaigns", refusals=(404,),
            ),
            Operation(
                method=get, path=_ONE, handler=self.one, permission=see,
                summary="A campaign with its plan and its figures.", answers="Campaign", refusals=(404,),
            ),
            Operation(
                method=HTTPMethod.PUT, path=_ONE, handler=self.put, permission=change, sends="CampaignPlan",
                summary="Make a campaign (If-Match: 0), or change its plan.", answers="Campaign",
                is_conditional=True, refusals=(404, 422),
            ),
            Operation(
                method=HTTPMethod.DELETE, path=_ONE, handler=self.delete, permission=Permission.CHANGE_OFFICE,
                summary="Delete it with its list and journal; it must not run.", answers="Written",
                is_conditional=True, refusals=(404, 409),
            ),
            Operation(
                method=post, path=_ONE + "/state", handler=self.set_state, permission=change, sends="CampaignStateWish",
                summary="Start, pause or stop it: running, paused, stopped.", answers="Campaign",
                refusals=(404, 409, 422),
            ),
            Operation(
                method=get, path=_ONE + "/entries", handler=self.entries, permission=see,
                summary="Its list, in its order; `after` is the position of the last one that you have.",
                answers="CampaignEntries", refusals=(400, 404), asks=("limit", "after"),
            ),
            Operation(
                method=post, path=_ONE + "/entries", handler=self.add, permission=change, sends="NewCampaignEntries",
                summary="Add up to 500 clients to its list, also while it runs. The same again adds nobody twice.",
                answers="AddedCampaignEntries", refusals=(404, 422),
            ),
            Operation(
                method=get, path=_ONE + "/attempts", handler=self.attempts, permission=see,
                summary="Its journal, the newest first; `before` is the moment of the last one that you have.",
                answers="CampaignAttempts", refusals=(400, 404), asks=("limit", "before"),
            ),
        ]  # fmt: skip

    # ---- plans and states

    async def all(self, request: web.Request, _: Viewer) -> web.Response:
        account = self._of(request)
        counts = await self._desk.campaigns.counts(account.id)
        stored = await self._desk.campaigns.all(account.id)
        return answer(
            {"campaigns": [await self._shown(each, counts.get(each.id, _NOBODY), account) for each in stored]}
        )

    async def one(self, request: web.Request, _: Viewer) -> web.Response:
        return await self._answer(await self._campaign(request), self._of(request))

    async def put(self, request: web.Request, viewer: Viewer) -> web.Response:
        seen, account = seen_by(request).office, self._of(request)
        key = CampaignId(request.match_info["campaign"])
        if key in RESERVED_IDS or is_of_callbacks(key):
            raise Refused(404, ApiProblem.NO_PART, {"part": key})
        known = await self._desk.campaigns.get(account.id, key)
        plan = self._plan(request, await read_document(request), account, known)
        by = author(viewer.author, account.settings.language)
        if seen == 0:
            made = await self._desk.campaigns.make(account.id, key, plan, by=by)
            stored = await self._desk.campaigns.get(account.id, key) if made else None
        elif known is None:
            raise Refused(404, ApiProblem.NO_PART, {"part": key})
        else:
            stored = await self._desk.campaigns.change(account.id, key, plan, seen=seen, by=by)
        if stored is None:
            here = await self._campaign(request)
            raise Refused(412, ApiProblem.OTHER_REVISION, changes=[], revision=str(here.revision))
        self._desk.tell(account.id)
        return await self._answer(stored, account)

    async def delete(self, request: web.Request, viewer: Viewer) -> web.Response:
        seen, campaign = seen_by(request).office, await self._campaign(request)
        if seen != campaign.revision:
            raise Refused(412, ApiProblem.OTHER_REVISION, changes=[], revision=str(campaign.revision))
        by = author(viewer.author, self._of(request).settings.language)
        if await self._desk.erasure.delete(campaign.account, campaign.id, by=by) is Deletion.RUNS:
            raise Refused(409, ApiProblem.NOT_THIS_STATE, {"state": campaign.state.value})
        self._desk.tell(campaign.account)
        return answer({"revision": "0"})

    async def set_state(self, request: web.Request, viewer: Viewer) -> web.Response:
        account, campaign = self._of(request), await self._campaign(request)
        body = await read_document(request)
        wanted = next((state for state in FROM if state.value == body.get("state")), None)
        if wanted is None or set(body) != {"state"}:
            facts = {"value": str(body.get("state"))[:40], "words": ", ".join(state.value for state in FROM)}
            self._refuse(request, [FieldProblem(("state",), Problem.ONE_OF, facts)])
        by = author(viewer.author, account.settings.language)
        is_so = await self._desk.campaigns.set_state(account.id, campaign.id, wanted, by=by, only_from=FROM[wanted])
        if not is_so:
            raise Refused(409, ApiProblem.NOT_THIS_STATE, {"state": campaign.state.value})
        self._desk.tell(account.id)
        return await self._answer(await self._campaign(request), self._of(request))

    def _plan(
        self, request: web.Request, document: dict[str, Any], account: Account, known: StoredCampaign | None
    ) -> CampaignPlan:
        """Raises: Refused with every wrong field: also lines and people that the account does not have."""
        try:
            plan = read_campaign(document)
        except InvalidDocument as exc:
            raise Refused(422, ApiProblem.WRONG_SETTINGS, problems=problems_of(request, exc, "")) from exc
        kept = known_only(plan, account, known.plan if known is not None else None)
        strange = [
            FieldProblem((name, index), Problem.UNFIT)
            for name in ("lines", "employees", "groups")
            for index, each in enumerate(getattr(plan, name))
            if each not in getattr(kept, name)
        ]
        if strange:
            self._refuse(request, strange)
        return plan

    # ---- lists and journals

    async def entries(self, request: web.Request, _: Viewer) -> web.Response:
        campaign = await self._campaign(request)
        limit = number_in(request, "limit", usual=100, most=500)
        after = _whole(request, "after", usual=-1)
        found = await self._desk.entries.listing(campaign.account, campaign.id, EntryQuery(after=after, limit=limit))
        return answer({"entries": [_entry(each) for each in found]})

    async def add(self, request: web.Request, _: Viewer) -> web.Response:
        account, campaign = self._of(request), await self._campaign(request)
        rows = _rows(await read_document(request))
        if rows is None:
            facts = {"length": "?", "most": _MOST_ENTRIES}
            self._refuse(request, [FieldProblem(("entries",), Problem.LIST_TOO_LONG, facts)])
        read = [_read(row, account) for row in rows]
        new = [each.new for each in read if each.new is not None]
        office = self._desk.office_of(account.id)
        results = await self._desk.entries.add(account.id, campaign.id, new, office=office) if new else []
        self._desk.tell(account.id)
        told, taken = iter(results), (Added.TAKEN, Added.JOINED)
        said = [each.problem or next(told).value for each in read]
        counts = Counter(said)
        return answer(
            {
                "added": counts[Added.TAKEN.value],
                "joined": counts[Added.JOINED.value],
                "left_out": {why: count for why, count in sorted(counts.items()) if why not in taken},
                "entries": said,
            }
        )

    async def attempts(self, request: web.Request, _: Viewer) -> web.Response:
        campaign = await self._campaign(request)
        limit = number_in(request, "limit", usual=100, most=500)
        before = _whole(request, "before", usual=0)
        found = await self._desk.attempts.log(
            campaign.account, campaign.id, before=Timestamp(before) if before else None, limit=limit
        )
        return answer({"attempts": [_attempt(each) for each in found]})

    # ---- pieces

    def _of(self, request: web.Request) -> Account:
        """The account of the address. Raises: Refused."""
        key = AccountId(request.match_info["id"])
        account = self._account(key)
        if account is None or self._desk.office_of(key) != request.match_info["office"]:
            raise Refused(404, ApiProblem.NO_PART, {"part": f"account/{key}"})
        return account

    async def _campaign(self, request: web.Request) -> StoredCampaign:
        """Raises: Refused."""
        key = CampaignId(request.match_info["campaign"])
        found = await self._desk.campaigns.get(self._of(request).id, key)
        if found is None or is_of_callbacks(key):
            raise Refused(404, ApiProblem.NO_PART, {"part": key})
        return found

    async def _answer(self, stored: StoredCampaign, account: Account) -> web.Response:
        counts = (await self._desk.campaigns.counts(stored.account)).get(stored.id, _NOBODY)
        return answer(await self._shown(stored, counts, account), revision=stored.revision)

    async def _shown(self, stored: StoredCampaign, counts: CampaignCounts, account: Account) -> dict[str, Any]:
        now = self._desk.clock.now()
        end = await end_of(self._desk.attempts, stored, counts, zone=account.settings.zone, now=now)
        told = {"at": None, "why": end.value} if isinstance(end, NoEnd) else {"at": _moment(end), "why": None}
        return {**_campaign(stored, counts), "expected_end": told}

    def _refuse(self, request: web.Request, problems: Sequence[FieldProblem]) -> NoReturn:
        """Always raises."""
        invalid = InvalidDocument(problems)
        raise Refused(422, ApiProblem.WRONG_SETTINGS, problems=problems_of(request, invalid, ""))


def _campaign(stored: StoredCampaign, counts: CampaignCounts) -> dict[str, Any]:
    return {
        "id": stored.id,
        "plan": campaign_document(stored.plan),
        "revision": str(stored.revision),
        "state": stored.state.value,
        "state_at": _moment(stored.state_at),
        "state_by": stored.state_by,
        "made_at": _moment(stored.made_at),
        "made_by": stored.made_by,
        "entries": {state.value: count for state, count in counts.entries.items()},
        "outcomes": {outcome.value: count for outcome, count in counts.outcomes.items()},
    }


def _entry(listed: ListedEntry) -> dict[str, Any]:
    entry = listed.entry
    return {
        "id": str(entry.id),
        "position": entry.position,
        "state": entry.state.value,
        "removed_why": entry.removed_why,
        "name": entry.name,
        "numbers": [{"number": each.e164, "is_struck": each.struck} for each in entry.numbers],
        "crm": [{"kind": each.kind.value, "id": each.id} for each in entry.refs],
        "responsible": entry.responsible,
        "comment": listed.comment,
        "due_at": _moment(entry.due_at) if entry.due_at is not None else None,
        "changed_at": _moment(listed.changed_at),
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "entry": str(attempt.entry),
        "number": attempt.number,
        "line": attempt.line,
        "employee": attempt.employee,
        "state": attempt.state.value,
        "outcome": attempt.outcome.value if attempt.outcome is not None else None,
        "written_at": _moment(attempt.written_at),
        "answered_at": _moment(attempt.answered_at) if attempt.answered_at is not None else None,
        "ended_at": _moment(attempt.ended_at) if attempt.ended_at is not None else None,
        "call": attempt.call,
    }


def _rows(body: Mapping[str, Any]) -> list[Any] | None:
    rows = body.get("entries")
    is_right = isinstance(rows, list) and 0 < len(rows) <= _MOST_ENTRIES and set(body) == {"entries"}
    return rows if is_right and isinstance(rows, list) else None


def _read(row: Any, account: Account) -> _Read:
    """Why it is not taken is one of the row's own words: `wrong_entry`, or as an import of a file says it."""
    match row:
        case {"numbers": list(texts)} if set(row) <= _OF_ENTRY and len(texts) <= _MOST_NUMBERS:
            pass
        case _:
            return _Read(None, "wrong_entry")
    name, comment, zone = (row.get(key, "") for key in ("name", "comment", "zone"))
    responsible, priority = row.get("responsible", ""), row.get("priority", 0)
    longest = ((name, _LONGEST_NAME), (comment, _LONGEST_COMMENT), (zone, 64), (responsible, 64))
    is_right = all(isinstance(text, str) and len(text) <= most for text, most in longest)
    is_right = is_right and all(isinstance(each, str) and len(each) <= _LONGEST_NUMBER for each in texts)
    if not is_right or isinstance(priority, bool) or not isinstance(priority, int) or not -100 <= priority <= 100:
        return _Read(None, "wrong_entry")
    if zone and zone_of(zone) is None:
        return _Read(None, "unknown_zone")
    if responsible and responsible not in account.managers:
        return _Read(None, "unknown_responsible")
    numbering = account.settings.numbering
    found = [number for text in texts for number in read_text(text, numbering).numbers]
    if not found:
        return _Read(None, "not_a_number" if any(text.strip() for text in texts) else "no_number")
    called = dict.fromkeys(each.e164 for each in found if class_of(each, numbering) is NumberClass.ORDINARY)
    if not called:
        return _Read(None, "not_called")
    numbers = tuple(EntryNumber(e164=each, zones=(zone,) if zone else possible_zones_of(each)) for each in called)
    return _Read(
        NewEntry(
            numbers=numbers[:_MOST_NUMBERS],
            name=name,
            comment=comment,
            responsible=ManagerId(responsible) if responsible else None,
            priority=priority,
        )
    )


def _whole(request: web.Request, name: str, *, usual: int) -> int:
    """A whole number of the query from 0. Raises: Refused."""
    text = request.query.get(name)
    if text is None:
        return usual
    if not _ID.fullmatch(text):
        raise Refused(400, ApiProblem.NUMBER, {"name": name, "most": 10**18})
    return int(text)


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
