"""A file on its way into a list: upload, columns with a preview, progress, and what was left out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.call_lists.cells import CellProblem
from integration.domain.call_lists.columns import MANY, Role
from integration.domain.call_lists.columns import Mapping as Columns
from integration.domain.call_lists.text_files import Encoding, Separator
from integration.ports.campaigns import StoredCampaign
from integration.ports.list_files import ReadingChoice, UnreadableFile
from integration.ports.list_imports import ImportState, ListImport
from integration.services.accounts import Account
from integration.services.card import display_number
from integration.services.list_imports import LARGEST_FILE, ShownRow
from integration.texts.pages import texts
from integration.web.campaigns.csv_answer import csv_answer
from integration.web.campaigns.desk import CAMPAIGN_IN_PATH, SECTION, CampaignDesk, path_of
from integration.web.forms import read_file, read_form
from integration.web.language import language_of
from integration.web.pages.view import moment
from integration.web.permissions import needs

_FILE = "{file:[0-9a-f]{32}}"
_PROBLEM_ROWS = 100
_EXPORTED_AT_ONCE = 500
_SEPARATORS = {
    Separator.SEMICOLON: "semicolon",
    Separator.COMMA: "comma",
    Separator.TAB: "tab",
    Separator.BAR: "bar",
}
_ENCODINGS = {
    Encoding.UTF_8: "UTF-8",
    Encoding.UTF_16: "UTF-16",
    Encoding.CP1251: "Windows-1251",
    Encoding.CP866: "DOS (CP866)",
    Encoding.KOI8: "KOI8",
    Encoding.MAC: "Mac",
}
_GUESS = "guess"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`name`: of its field. `heading`: as in the file, else its number."""

    name: str
    heading: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewRow:
    """`said`: what is wrong, or that it will be added."""

    line: int
    cells: Sequence[str]
    numbers: tuple[str, ...]
    said: Sequence[str]
    is_taken: bool


class FilePages:
    def __init__(self, desk: CampaignDesk) -> None:
        self._desk = desk

    def routes(self) -> list[web.AbstractRouteDef]:
        base = f"/admin/{{account}}/campaigns/{CAMPAIGN_IN_PATH}/files"
        one = f"{base}/{_FILE}"
        return [
            *needs(Permission.SEE_CAMPAIGNS, web.get(one, self.show), web.get(f"{one}/problems.csv", self.export)),
            *needs(Permission.CHANGE_CAMPAIGNS, web.post(base, self.upload), is_upload=True),
            *needs(
                Permission.CHANGE_CAMPAIGNS,
                web.post(f"{one}/read", self.read_again),
                web.post(f"{one}/begin", self.begin),
                web.post(f"{one}/stop", self.stop),
            ),
        ]

    async def upload(self, request: web.Request) -> web.StreamResponse:
        account, campaign = await self._desk.campaign(request)
        t = texts(language_of(request))
        back = path_of(account, campaign.id)
        try:
            name, content = await read_file(request, LARGEST_FILE)
        except web.HTTPRequestEntityTooLarge:
            return await self._refused(request, account, back, t["file_trouble_too_large"])
        if not content and not name:
            return await self._refused(request, account, back, t["file_missing"])
        try:
            made = await self._desk.files.upload(
                account,
                self._desk.office_of(account.id),
                campaign.id,
                file_name=name,
                content=content,
                by=self._desk.who(request, account),
            )
        except UnreadableFile as exc:
            return await self._refused(request, account, back, t[f"file_trouble_{exc.trouble}"])
        raise web.HTTPSeeOther(path_of(account, campaign.id, f"/files/{made.id}"))

    async def show(self, request: web.Request) -> web.Response:
        account, campaign, made = await self._import(request)
        if made.state is ImportState.PREVIEW:
            return await self._preview(request, account, campaign, made)
        return await self._result(request, account, campaign, made)

    async def read_again(self, request: web.Request) -> web.StreamResponse:
        account, _, made = await self._import(request)
        form = await read_form(request)
        try:
            choice = ReadingChoice(
                encoding=_chosen(Encoding, form.get("encoding", _GUESS)),
                separator=_chosen(Separator, form.get("separator", _GUESS)),
                sheet=form.get("sheet") or None,
            )
        except ValueError:
            raise web.HTTPBadRequest from None
        try:
            await self._desk.files.read_again(account, made.id, choice)
        except UnreadableFile as exc:
            problem = texts(language_of(request))[f"file_trouble_{exc.trouble}"]
            return await self._refused(request, account, _path(account, made), problem)
        raise web.HTTPSeeOther(_path(account, made))

    async def begin(self, request: web.Request) -> web.StreamResponse:
        account, campaign, made = await self._import(request)
        form = await read_form(request)
        columns = _columns(made, form)
        if not columns.has_numbers or form.get("do") == "preview":
            problem = "" if columns.has_numbers else texts(language_of(request))["file_no_phone"]
            return await self._preview(request, account, campaign, replace(made, mapping=columns), problem=problem)
        begun = await self._desk.files.begin(account.id, made.id, columns)
        said = "file_begun" if begun else "file_already_over"
        raise await self._desk.shell.told(request, _path(account, made), said)

    async def stop(self, request: web.Request) -> web.StreamResponse:
        account, _, made = await self._import(request)
        form, t, back = await read_form(request), texts(language_of(request)), _path(account, made)
        if not form.get("confirmed"):
            return await self._desk.shell.page(
                request,
                "confirm.html",
                title=t["file_stop_question"],
                consequences=[t["file_stop_consequence"]],
                confirm=t["file_stop"],
                action=request.path,
                fields={},
                cancel_href=back,
                here=back,
            )
        stopped = await self._desk.files.stop(account.id, made.id)
        said = "file_stopped" if stopped else "file_already_over"
        raise await self._desk.shell.told(request, back, said)

    async def export(self, request: web.Request) -> web.StreamResponse:
        account, _, made = await self._import(request)
        rows = self._exported(account, made, texts(language_of(request)))
        return await csv_answer(request, f"problems-{made.id[:8]}.csv", rows)

    async def _exported(
        self, account: Account, made: ListImport, t: Mapping[str, str]
    ) -> AsyncIterator[list[list[str]]]:
        """The rows of the file with what is wrong: to be corrected, and uploaded again."""
        heading = list(await self._heading(account, made))
        yield [[t["csv_row"], t["csv_status"], t["csv_problem"], *heading]]
        after = 0
        while found := await self._desk.imports.problems(account.id, made.id, after=after, limit=_EXPORTED_AT_ONCE):
            after = found[-1].line
            yield [
                [
                    str(each.line),
                    t["file_problem_taken" if each.is_taken else "file_problem_not_taken"],
                    "; ".join(_sentences(each.problems, t)),
                    *each.cells,
                ]
                for each in found
            ]

    async def _heading(self, account: Account, made: ListImport) -> Sequence[str]:
        if made.state not in (ImportState.PREVIEW, ImportState.RUNNING):
            return ()  # the file is gone
        try:
            return await self._desk.files.heading(account, made)
        except UnreadableFile:
            return ()

    async def _import(self, request: web.Request) -> tuple[Account, StoredCampaign, ListImport]:
        account, campaign = await self._desk.campaign(request)
        made = await self._desk.imports.get(account.id, request.match_info["file"])
        if made is None or made.campaign != campaign.id:
            raise web.HTTPNotFound
        return account, campaign, made

    async def _refused(self, request: web.Request, account: Account, back: str, problem: str) -> web.Response:
        return await self._desk.shell.page(
            request, "list_file_refused.html", account=account, section=SECTION, back=back, problem=problem, here=back
        )

    async def _preview(
        self,
        request: web.Request,
        account: Account,
        campaign: StoredCampaign,
        made: ListImport,
        *,
        problem: str = "",
    ) -> web.Response:
        t = texts(language_of(request))
        try:
            shown = await self._desk.files.preview(account, made, made.mapping)
            heading = await self._desk.files.heading(account, made)
        except UnreadableFile as exc:
            back = path_of(account, made.campaign)
            return await self._refused(request, account, back, t[f"file_trouble_{exc.trouble}"])
        before = [
            each
            for each in await self._desk.imports.of_campaign(account.id, made.campaign)
            if each.digest == made.digest and each.id != made.id and each.state is not ImportState.PREVIEW
        ]
        return await self._desk.shell.page(
            request,
            "list_file_columns.html",
            account=account,
            section=SECTION,
            campaign=campaign,
            made=made,
            base=path_of(account, made.campaign),
            here=_path(account, made),
            problem=problem,
            known=t["file_known"].format(when=moment(before[0].made_at, account)) if before else "",
            rows=[_preview_row(account, each, t) for each in shown],
            columns=_shown_columns(made, heading, shown, t),
            roles=[(role.value, t[f"file_role_{role}"]) for role in Role],
            first=made.mapping.first + 1,
            **_form_choices(made, t),
        )

    async def _result(
        self, request: web.Request, account: Account, campaign: StoredCampaign, made: ListImport
    ) -> web.Response:
        t = texts(language_of(request))
        problems = await self._desk.imports.problems(account.id, made.id, limit=_PROBLEM_ROWS)
        return await self._desk.shell.page(
            request,
            "list_file_result.html",
            account=account,
            section=SECTION,
            campaign=campaign,
            made=made,
            base=path_of(account, made.campaign),
            is_running=made.state is ImportState.RUNNING,
            trouble=t[f"file_trouble_{made.trouble}"] if made.trouble else "",
            left_out=[(t[f"row_{what}"].split(":")[0], count) for what, count in sorted(made.left_out.items())],
            remarks=[(t[f"row_{what}"].split(":")[0], count) for what, count in sorted(made.remarks.items())],
            problems=[
                {
                    "line": each.line,
                    "cells": " · ".join(cell for cell in each.cells if cell.strip())[:200],
                    "said": _sentences(each.problems, t),
                    "is_taken": each.is_taken,
                }
                for each in problems
            ],
            is_cut=len(problems) == _PROBLEM_ROWS,
            live=True,
        )


def _path(account: Account, made: ListImport) -> str:
    return path_of(account, made.campaign, f"/files/{made.id}")


def _chosen(kind: type[Any], text: str) -> Any:
    """Raises: ValueError."""
    return None if text == _GUESS else kind(text)


def _form_choices(made: ListImport, t: Mapping[str, str]) -> dict[str, Any]:
    """What of the file's form can be chosen; empty lists: nothing."""
    form = made.form
    separators = [(each.value, t[f"file_separator_{name}"]) for each, name in _SEPARATORS.items()]
    if form.separator is None:
        separators = [(_GUESS, t["file_separator_none"]), *separators]
    is_text = form.encoding is not None
    return {
        "encodings": [(each.value, name) for each, name in _ENCODINGS.items()] if is_text else [],
        "separators": separators if is_text else [],
        "sheets": [(name, name) for name in form.sheets] if len(form.sheets) > 1 else [],
        "encoding": form.encoding.value if form.encoding is not None else "",
        "separator": form.separator.value if form.separator is not None else _GUESS,
        "sheet": form.sheet,
    }


def _shown_columns(
    made: ListImport, heading: Sequence[str], shown: Sequence[ShownRow], t: Mapping[str, str]
) -> list[Column]:
    width = max([len(made.mapping.roles), *(len(each.row.cells) for each in shown)], default=0)
    found = []
    for index in range(width):
        title = heading[index].strip() if index < len(heading) else ""
        role = made.mapping.roles[index] if index < len(made.mapping.roles) else Role.IGNORED
        name = title or t["file_column"].format(number=index + 1)
        found.append(Column(name=f"role_{index}", heading=name[:80], role=role.value))
    return found


def _columns(made: ListImport, form: Mapping[str, str]) -> Columns:
    """The columns as a person chose them."""
    width = max(len(made.mapping.roles), *(int(name[5:]) + 1 for name in form if _is_role(name)), 0)
    roles: list[Role] = []
    for index in range(width):
        known = made.mapping.roles[index].value if index < len(made.mapping.roles) else ""
        try:
            role = Role(form.get(f"role_{index}", known))
        except ValueError:
            role = Role.IGNORED
        roles.append(Role.IGNORED if role not in MANY and role in roles else role)
    text = form.get("first", "").strip()
    first = int(text) - 1 if text.isascii() and text.isdigit() and len(text) <= 5 else made.mapping.first
    first = max(0, min(first, made.rows + made.mapping.first - 1))
    heading = made.mapping.heading if made.mapping.heading is not None and made.mapping.heading < first else None
    return Columns(tuple(roles), first, heading)


def _is_role(name: str) -> bool:
    number = name.removeprefix("role_")
    return number != name and number.isascii() and number.isdigit() and int(number) < 100


def _preview_row(account: Account, shown: ShownRow, t: Mapping[str, str]) -> PreviewRow:
    read = shown.read
    return PreviewRow(
        line=shown.row.line,
        cells=[cell[:80] for cell in shown.row.cells],
        numbers=tuple(display_number(number.e164, account.settings.numbering) for number in read.numbers),
        said=_sentences(read.problems, t) or [t["file_ok"]],
        is_taken=bool(read.numbers),
    )


def _sentences(problems: Sequence[CellProblem], t: Mapping[str, str]) -> list[str]:
    return [t[f"row_{each.problem}"].format(text=each.text) for each in problems]
