"""Turns what managers met in the CRM's pages into lines of the overview: what it is, who met it, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from integration.domain.ids import ManagerId
from integration.ports.sightings import Seen, Sighting
from integration.services.accounts import Account
from integration.texts.pages import texts
from integration.web.pages.view import moment

_TEXTS = {
    Sighting.NO_EXTENSION: "seen_no_extension",
    Sighting.SWITCHED_OFF: "seen_switched_off",
    Sighting.OTHER_TELEPHONY: "seen_other_telephony",
    Sighting.DISCONNECTED: "seen_disconnected",
}
_MOST_ROWS = 20


@dataclass(frozen=True, slots=True)
class SightingRow:
    """`people`: whether the page of people mends it."""

    sentence: str
    by: str
    when: str
    people: bool


def sighting_rows(account: Account, seen: Iterable[Seen], lang: str) -> list[SightingRow]:
    t = texts(lang)
    return [
        SightingRow(
            sentence=t[_TEXTS[each.what]].format(detail=_detail(account, each), crm=account.name),
            by=_name(account, each.manager),
            when=moment(each.at, account),
            people=each.what is Sighting.NO_EXTENSION,
        )
        for each in list(seen)[:_MOST_ROWS]
    ]


def _detail(account: Account, seen: Seen) -> str:
    return _name(account, ManagerId(seen.detail)) if seen.what is Sighting.NO_EXTENSION else seen.detail


def _name(account: Account, manager: ManagerId) -> str:
    return account.manager_name(manager) or manager
