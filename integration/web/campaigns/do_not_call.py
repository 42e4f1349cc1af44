"""The numbers that an office does not call: shown, found, added, allowed again, and as a file."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.ids import AccountId
from integration.domain.numbers.phone import read_number
from integration.domain.numbers.phone_text import read_text
from integration.ports.campaigns import NotCalled
from integration.services.accounts import Account
from integration.services.card import display_number
from integration.texts.pages import texts
from integration.web.campaigns.csv_answer import csv_answer
from integration.web.campaigns.desk import SECTION, CampaignDesk, path_of
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.pages.view import LONGEST_SEARCH, moment
from integration.web.permissions import needs

_PAGE_ROWS = 50
_EXPORTED_AT_ONCE = 500
_MOST_AT_ONCE = 1000
_LONGEST_TEXT = 40_000
_LONGEST_WHY = 300
_SHOWN_WRONG = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCalledRow:
    """`lifted`: who allowed it again, when; empty: it counts."""

    number: str
    shown: str
    added: str
    by: str
    why: str
    lifted: str


class DoNotCallPages:
    def __init__(self, desk: CampaignDesk) -> None:
        self._desk = desk

    def routes(self) -> list[web.AbstractRouteDef]:
        base = "/admin/{account}/campaigns/do-not-call"
        return [
            *needs(Permission.SEE_CAMPAIGNS, web.get(base, self.show), web.get(f"{base}.csv", self.export)),
            *needs(Permission.CHANGE_CAMPAIGNS, web.post(base, self.add), web.post(f"{base}/remove", self.remove)),
            *needs(Permission.CHANGE_OFFICE, web.post(f"{base}/forget", self.forget)),
        ]

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request, self._desk.shell.account(request))

    async def add(self, request: web.Request) -> web.StreamResponse:
        account, form = self._desk.shell.account(request), await read_form(request)
        t = texts(language_of(request))
        numbers, wrong = _numbers(account, form.get("numbers", "")[:_LONGEST_TEXT])
        problem = ""
        if wrong:
            problem = t["dnc_not_numbers"].format(texts=", ".join(wrong[:_SHOWN_WRONG]))
        elif not numbers:
            problem = t["dnc_nothing"]
        elif len(numbers) > _MOST_AT_ONCE:
            problem = t["dnc_too_many"]
        if problem:
            return await self._page(request, account, typed=form, problem=problem)
        office = self._desk.office_of(account.id)
        lists_of = self._desk.accounts_of(office)
        why = " ".join(form.get("why", "").split())[:_LONGEST_WHY]
        await self._desk.do_not_call.add(
            office, numbers, lists_of=lists_of, by=self._desk.who(request, account), why=why
        )
        for each in lists_of:
            self._desk.tell(each)
        raise await self._desk.shell.told(request, _path(account), "dnc_done")

    async def remove(self, request: web.Request) -> web.StreamResponse:
        account, form = self._desk.shell.account(request), await read_form(request)
        number, t, office = form.get("number", ""), texts(language_of(request)), self._desk.office_of(account.id)
        if not await self._desk.do_not_call.among(office, [number]):
            raise await self._desk.shell.told(request, _path(account), "dnc_gone")
        if not form.get("confirmed"):
            return await self._desk.shell.page(
                request,
                "confirm.html",
                title=t["dnc_remove_question"].format(number=number),
                consequences=[t["dnc_remove_consequence"]],
                confirm=t["dnc_remove"],
                action=request.path,
                fields={"number": number},
                cancel_href=_path(account),
                here=_path(account),
            )
        done = await self._desk.do_not_call.remove(office, number, by=self._desk.who(request, account), why="")
        self._desk.tell(account.id)
        raise await self._desk.shell.told(request, _path(account), "dnc_removed" if done else "dnc_gone")

    async def forget(self, request: web.Request) -> web.StreamResponse:
        """One person out of all lists and journals of the office, by their number."""
        account, form = self._desk.shell.account(request), await read_form(request)
        t, typed = texts(language_of(request)), form.get("person", "").strip()[:LONGEST_SEARCH]
        number = read_number(typed, account.settings.numbering)
        if number is None:
            return await self._page(request, account, typed=form, wrong_person=t["dnc_forget_no_number"])
        if not form.get("confirmed"):
            return await self._desk.shell.page(
                request,
                "confirm.html",
                title=t["dnc_forget_question"].format(number=display_number(number.e164, account.settings.numbering)),
                consequences=[t["dnc_forget_consequence"], t["dnc_forget_stays"]],
                confirm=t["dnc_forget"],
                action=request.path,
                fields={"person": number.e164},
                cancel_href=_path(account),
                here=_path(account),
            )
        of_office = self._desk.accounts_of(self._desk.office_of(account.id))
        done = await self._desk.erasure.forget(of_office, number.e164)
        for each in of_office:
            self._desk.tell(each)
        raise await self._desk.shell.told(request, _path(account), f"dnc_forget_{done}")

    async def export(self, request: web.Request) -> web.StreamResponse:
        account = self._desk.shell.account(request)
        return await csv_answer(request, "do-not-call.csv", self._exported(account, texts(language_of(request))))

    async def _exported(self, account: Account, t: Mapping[str, str]) -> AsyncIterator[list[list[str]]]:
        yield [[t["dnc_number"], t["dnc_added"], "", t["dnc_why"]]]
        last: NotCalled | None = None
        while found := await self._listing(self._desk.office_of(account.id), after=last, limit=_EXPORTED_AT_ONCE):
            last = found[-1]
            yield [[each.number, each.added_by, moment(each.added_at, account), each.why] for each in found]

    async def _listing(self, office: AccountId, **query: Any) -> list[NotCalled]:
        return await self._desk.do_not_call.listing(office, **query)

    async def _page(
        self,
        request: web.Request,
        account: Account,
        *,
        typed: Mapping[str, str] | None = None,
        problem: str = "",
        wrong_person: str = "",
    ) -> web.Response:
        office, t = self._desk.office_of(account.id), texts(language_of(request))
        search = request.query.get("number", "").strip()[:LONGEST_SEARCH]
        number = read_number(search, account.settings.numbering) if search else None
        found: list[NotCalled] = []
        if not search or number is not None:
            number_text = number.e164 if number is not None else ""
            found = await self._listing(office, number=number_text, limit=_PAGE_ROWS)
        return await self._desk.shell.page(
            request,
            "do_not_call.html",
            account=account,
            section=SECTION,
            base=path_of(account),
            rows=[_row(account, each, t) for each in found],
            count=await self._desk.do_not_call.count(office),
            is_cut=len(found) == _PAGE_ROWS,
            number=search,
            typed=typed or {},
            problem=problem,
            wrong_person=wrong_person,
            may_delete=self._desk.may_delete(request),
            live=not (problem or wrong_person),
        )


def _path(account: Account) -> str:
    return path_of(account, tail="/do-not-call")


def _row(account: Account, each: NotCalled, t: Mapping[str, str]) -> NotCalledRow:
    lifted = ""
    if each.removed_at is not None:
        lifted = t["dnc_lifted"].format(by=each.removed_by, when=moment(each.removed_at, account))
    return NotCalledRow(
        number=each.number,
        shown=display_number(each.number, account.settings.numbering),
        added=moment(each.added_at, account),
        by=each.added_by,
        why=each.why,
        lifted=lifted,
    )


def _numbers(account: Account, text: str) -> tuple[list[str], list[str]]:
    """The numbers of a text, and its parts that are none: what must not be called must not be guessed."""
    numbers: dict[str, None] = {}
    wrong = []
    for part in re.split(r"[\n,;]+", text):
        if not part.strip():
            continue
        found = read_text(part.strip(), account.settings.numbering).numbers
        numbers.update(dict.fromkeys(number.e164 for number in found))
        if not found:
            wrong.append(part.strip()[:40])
    return list(numbers), wrong
