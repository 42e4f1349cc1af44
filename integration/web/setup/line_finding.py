"""Lines that the office did not type: those that a call came through, and those that its telephone system has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integration.domain.line_watch import LineWatch, SeenLine
from integration.ports.pbx_setup import Survey
from integration.services.accounts import Account
from integration.services.card import display_number
from integration.texts.setup import setup_texts
from integration.web.pages.view import local_moment
from integration.web.setup.frame import Opened
from integration.web.setup.shown import fault_sentence

_MOST_OFFERED = 50  # lines of a survey


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchShown:
    """
    Attributes:
        end: why it is over, as a sentence; empty: it goes on, or nobody has begun one.
        rows: what was seen, the newest first.
        known: keys of the account's lines that a call came through.
        has_new: a line was seen that the account does not have.
        silent: what hinders telephone systems.
    """

    is_live: bool = False
    end: str = ""
    until: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    known: frozenset[str] = frozenset()
    has_new: bool = False
    silent: list[str] = field(default_factory=list)


def watch_shown(opened: Opened, account: Account | None, *, is_live: bool, lang: str) -> WatchShown:
    watch = opened.state.watch
    if watch is None:
        return WatchShown()
    s = setup_texts(lang)
    lines: Mapping[str, Mapping[str, Any]] = opened.parts.account_document.get("line", {})
    keys = {each.line: _key_of(each, account, lines) for each in watch.seen}
    rows = [_row(each, keys[each.line], opened, account, lang) for each in watch.seen]
    return WatchShown(
        is_live=is_live,
        end="" if is_live else s[f"watch_{watch.end or 'over'}"],
        until=local_moment(watch.until, opened.zone) if is_live else "",
        rows=rows,
        known=frozenset(key for key in keys.values() if key is not None),
        has_new=any(row["kind"] == "new" for row in rows),
        silent=_silent(watch, opened, lang),
    )


def _row(seen: SeenLine, key: str | None, opened: Opened, account: Account | None, lang: str) -> dict[str, Any]:
    s = setup_texts(lang)
    lines: Mapping[str, Mapping[str, Any]] = opened.parts.account_document.get("line", {})
    several = len(opened.parts.pbxs) > 1
    return {
        "id": f"{seen.pbx}-{seen.trunk}-{seen.line}-{seen.from_outside:d}",
        "kind": _kind(seen, key),
        "line": seen.line,
        "shown": (display_number(seen.line, account.settings.numbering) if account is not None else "") or seen.line,
        "name": str(lines.get(key, {}).get("source") or key) if key is not None else "",
        "way": s["came_through"].format(trunk=f"{seen.trunk} ({seen.pbx})" if several else seen.trunk or "—"),
        "calls": s["calls_seen"].format(count=seen.count, caller=seen.caller or "—"),
        "at": local_moment(seen.at, opened.zone),
    }


def _kind(seen: SeenLine, key: str | None) -> str:
    """`inside`: a phone's; `nameless`: its line is not shown; `known`: one of the account's lines; `new`."""
    if not seen.from_outside:
        return "inside"
    if not seen.line:
        return "nameless"
    return "new" if key is None else "known"


def _key_of(seen: SeenLine, account: Account | None, lines: Mapping[str, Any]) -> str | None:
    """The account's line, by its key in the document. Carriers show one line in several forms."""
    if not seen.from_outside:
        return None
    digits = account.settings.line_key(seen.line) if account is not None else None
    wanted = {seen.line, digits} - {None, ""}
    return next((key for key in lines if key in wanted or _digits(key) == digits is not None), None)


def _digits(text: str) -> str:
    return "".join(each for each in text if each in "0123456789")


def _silent(watch: LineWatch, opened: Opened, lang: str) -> list[str]:
    said = {pbx: fault_sentence(why.reason, why.detail, lang) for pbx, why in watch.silent.items()}
    return [text if len(opened.parts.pbxs) < 2 else f"{pbx}: {text}" for pbx, text in said.items()]


def lines_of_survey(survey: Survey, account: Account | None) -> list[dict[str, str]]:
    """Numbers of the dialplan that are no line of the account yet."""
    known = account.settings.line_key if account is not None else lambda _: None
    new = dict.fromkeys(each.number for each in survey.lines if known(each.number) is None and _digits(each.number))
    return [
        {
            "line": number,
            "shown": (display_number(number, account.settings.numbering) if account is not None else "") or number,
        }
        for number in list(new)[:_MOST_OFFERED]
    ]
