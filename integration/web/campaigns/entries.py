"""The list of a campaign: its entries with a filter, taken out and put back, and as a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.campaigns.model import EntryState
from integration.domain.ids import EntryId
from integration.domain.numbers.phone import read_number
from integration.ports.campaigns import EntryQuery, ListedEntry, StoredCampaign
from integration.services.accounts import Account
from integration.services.card import display_number
from integration.texts.pages import texts
from integration.web.campaigns.csv_answer import csv_answer
from integration.web.campaigns.desk import CAMPAIGN_IN_PATH, SECTION, CampaignDesk, path_of
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.pages.view import LONGEST_SEARCH, moment
from integration.web.permissions import needs

_PAGE_ROWS = 50
_EXPORTED_AT_ONCE = 500
_TONES = {
    EntryState.REACHED: "ok",
    EntryState.NOT_REACHED: "warn",
    EntryState.DO_NOT_CALL: "bad",
    EntryState.REMOVED: "soft",
}
_ENTRY = "{entry:[0-9]{1,18}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """`numbers`: pairs of number and whether it is struck out. `note`: about the state, or empty."""

    id: int
    name: str
    numbers: Sequence[tuple[str, bool]]
    responsible: str
    comment: str
    state: str
    tone: str
    note: str
    may_be_removed: bool
    may_come_back: bool


class EntryPages:
    def __init__(self, desk: CampaignDesk) -> None:
        self._desk = desk

    def routes(self) -> list[web.AbstractRouteDef]:
        base = f"/admin/{{account}}/campaigns/{CAMPAIGN_IN_PATH}/entries"
        return [
            *needs(Permission.SEE_CAMPAIGNS, web.get(base, self.show), web.get(f"{base}.csv", self.export)),
            *needs(
                Permission.CHANGE_CAMPAIGNS,
                web.post(f"{base}/{_ENTRY}/remove", self.remove),
                web.post(f"{base}/{_ENTRY}/put-back", self.put_back),
            ),
        ]

    async def show(self, request: web.Request) -> web.Response:
        account, campaign = await self._desk.campaign(request)
        lang, search, state = language_of(request), _search(request), _state(request)
        query = _query(account, search, state, after=_after(request))
        found = await self._desk.entries.listing(account.id, campaign.id, query)
        counts = (await self._desk.campaigns.counts(account.id)).get(campaign.id)
        t = texts(lang)
        states = [("", t["list_all_states"])]
        for each in EntryState:
            count = counts.entries.get(each, 0) if counts is not None else 0
            states.append((each.value, f"{t[f'entry_state_{each}']} ({count})"))
        kept = {"search": search, "state": state.value if state is not None else ""}
        last = found[-1].entry.position if len(found) == _PAGE_ROWS else None
        return await self._desk.shell.page(
            request,
            "campaign_entries.html",
            account=account,
            section=SECTION,
            campaign=campaign,
            base=path_of(account, campaign.id),
            rows=[self._row(account, each, t) for each in found],
            states=states,
            **kept,
            next_page=urlencode({**kept, "after": last}) if last is not None else "",
            is_search=bool(search or state),
            live=query.after < 0,
        )

    async def remove(self, request: web.Request) -> web.StreamResponse:
        account, campaign = await self._desk.campaign(request)
        entry, form, t = (
            EntryId(int(request.match_info["entry"])),
            await read_form(request),
            texts(language_of(request)),
        )
        back = path_of(account, campaign.id, "/entries")
        known = await self._desk.entries.get(account.id, campaign.id, entry)
        if known is None:
            raise await self._desk.shell.told(request, back, "list_not_changed")
        if not form.get("confirmed"):
            return await self._desk.shell.page(
                request,
                "confirm.html",
                title=t["list_remove_question"].format(name=_name(account, known)),
                consequences=[t["list_remove_consequence"]],
                confirm=t["list_remove"],
                action=request.path,
                fields={},
                cancel_href=back,
                here=back,
            )
        done = await self._desk.entries.remove(account.id, campaign.id, entry)
        self._desk.tell(account.id)
        raise await self._desk.shell.told(request, back, "list_removed" if done else "list_not_changed")

    async def put_back(self, request: web.Request) -> web.StreamResponse:
        account, campaign = await self._desk.campaign(request)
        entry = EntryId(int(request.match_info["entry"]))
        done = await self._desk.entries.put_back(account.id, campaign.id, entry)
        self._desk.tell(account.id)
        back = path_of(account, campaign.id, "/entries")
        raise await self._desk.shell.told(request, back, "list_back" if done else "list_not_changed")

    async def export(self, request: web.Request) -> web.StreamResponse:
        account, campaign = await self._desk.campaign(request)
        rows = self._exported(account, campaign, _search(request), _state(request), texts(language_of(request)))
        return await csv_answer(request, f"campaign-{campaign.id}.csv", rows)

    async def _exported(
        self, account: Account, campaign: StoredCampaign, search: str, state: EntryState | None, t: Mapping[str, str]
    ) -> AsyncIterator[list[list[str]]]:
        heads = ("list_contact", "list_numbers", "list_responsible", "list_comment", "csv_status")
        yield [[t[head] for head in heads]]
        after = -1
        while True:
            query = _query(account, search, state, after=after, limit=_EXPORTED_AT_ONCE)
            found = await self._desk.entries.listing(account.id, campaign.id, query)
            if not found:
                return
            after = found[-1].entry.position
            yield [self._cells(account, each, t) for each in found]

    def _cells(self, account: Account, listed: ListedEntry, t: Mapping[str, str]) -> list[str]:
        entry = listed.entry
        return [
            entry.name,
            ", ".join(number.e164 for number in entry.numbers),
            _responsible(account, listed),
            listed.comment,
            ": ".join(filter(None, (t[f"entry_state_{entry.state}"], _why_removed(listed, t)))),
        ]

    def _row(self, account: Account, listed: ListedEntry, t: Mapping[str, str]) -> EntryRow:
        entry = listed.entry
        note = _why_removed(listed, t)
        if entry.due_at is not None and entry.state is EntryState.OPEN:
            note = t["list_due"].format(when=moment(entry.due_at, account))
        return EntryRow(
            id=entry.id,
            name=_name(account, listed),
            numbers=[(display_number(each.e164, account.settings.numbering), each.struck) for each in entry.numbers],
            responsible=_responsible(account, listed),
            comment=listed.comment,
            state=t[f"entry_state_{entry.state}"],
            tone=_TONES.get(entry.state, ""),
            note=note,
            may_be_removed=entry.state is EntryState.OPEN,
            may_come_back=entry.state is EntryState.REMOVED,
        )


def _name(account: Account, listed: ListedEntry) -> str:
    return listed.entry.name or display_number(listed.entry.numbers[0].e164, account.settings.numbering)


def _why_removed(listed: ListedEntry, t: Mapping[str, str]) -> str:
    """Why it left the list without a person's word; of a later release's reasons the code."""
    why = listed.entry.removed_why
    return "" if why is None else t.get(f"list_why_{why}", why)


def _responsible(account: Account, listed: ListedEntry) -> str:
    responsible = listed.entry.responsible
    manager = account.managers.get(responsible) if responsible is not None else None
    return manager.name if manager is not None else ""


def _search(request: web.Request) -> str:
    return request.query.get("search", "").strip()[:LONGEST_SEARCH]


def _state(request: web.Request) -> EntryState | None:
    try:
        return EntryState(request.query.get("state", ""))
    except ValueError:
        return None


def _after(request: web.Request) -> int:
    text = request.query.get("after", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else -1


def _query(
    account: Account, search: str, state: EntryState | None, *, after: int, limit: int = _PAGE_ROWS
) -> EntryQuery:
    number = read_number(search, account.settings.numbering) if search else None
    fields: dict[str, Any] = {"number": number.e164} if number is not None else {"name": search}
    return EntryQuery(states=() if state is None else (state,), after=after, limit=limit, **fields)
