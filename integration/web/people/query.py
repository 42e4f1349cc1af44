"""Which managers the list shows: by what is wrong with them, by a search, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from integration.web.pages.view import LONGEST_SEARCH

ROWS_OF_PAGE = 50  # an office of five hundred has ten pages; one of fifty sees no other
_MOST_PAGES = 1000

Item = TypeVar("Item")


class Show(StrEnum):
    ALL = "all"
    UNMAPPED = "unmapped"
    PROBLEMS = "problems"
    ABSENT = "absent"
    INACTIVE = "inactive"  # leavers who still have an extension


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleQuery:
    find: str = ""
    show: Show = Show.ALL
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> PeopleQuery:
        """Of an address or a form. Never raises: what cannot be read is left out."""
        text = query.get("page", "")
        page = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 1
        show = query.get("show", Show.UNMAPPED if query.get("unmapped") else Show.ALL)  # bookmarks of earlier releases
        return cls(
            find=query.get("find", "")[:LONGEST_SEARCH].strip(),
            show=Show(show) if show in set(Show) else Show.ALL,
            page=min(max(page, 1), _MOST_PAGES),
        )

    @property
    def fields(self) -> dict[str, str]:
        """As a form sends them; what is not chosen is left out."""
        every = {"find": self.find, "show": "" if self.show is Show.ALL else self.show.value, "page": str(self.page)}
        return {name: value for name, value in every.items() if value and (name, value) != ("page", "1")}

    @property
    def is_narrow(self) -> bool:
        return bool(self.find) or self.show is not Show.ALL

    def address(self, *, page: int | None = None, show: Show | None = None) -> str:
        """The query of this list, of another page of it, or of the first page of another one; may be empty."""
        other = replace(self, page=page or (1 if show else self.page), show=show or self.show)
        return f"?{urlencode(other.fields)}" if other.fields or page is not None else ""

    def rows(self, found: Sequence[Item]) -> Sequence[Item]:
        """Those of this page."""
        start = (self.page - 1) * ROWS_OF_PAGE
        return found[start : start + ROWS_OF_PAGE]
