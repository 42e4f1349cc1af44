"""The forms of a page, as a browser without a script would send them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import quote_plus, urlsplit


@dataclass(frozen=True, slots=True)
class Form:
    """
    A form of a page.

    Attributes:
        action: the path to which it goes.
        fields: what is sent if nobody touches it and no button has a name.
        others: the names of what is not ticked, and of buttons.
    """

    action: str
    fields: Mapping[str, str]
    others: frozenset[str]

    @property
    def every(self) -> dict[str, str]:
        """All names with what they hold; what is not sent by itself holds nothing."""
        return {**dict.fromkeys(self.others, ""), **self.fields}


def urlencoded(fields: Iterable[tuple[str, str]]) -> bytes:
    return b"&".join(b"%s=%s" % (_quoted(name), _quoted(value)) for name, value in fields)


def _quoted(text: str) -> bytes:
    return quote_plus(text.encode("utf-8", "surrogatepass")).encode()


def forms_of(page: str, path: str) -> list[Form]:
    """The forms that a page sends by POST, with what its fields hold; a button's name is a field, too."""
    reader = _FormReader(path)
    reader.feed(page)
    return list(reader.found())


class _FormReader(HTMLParser):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._forms: list[tuple[str, dict[str, str], set[str]]] = []
        self._is_open = False
        self._select = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attributes}
        if tag == "form":
            self._is_open = has.get("method", "get").lower() == "post"
            if self._is_open:
                self._forms.append((urlsplit(has.get("action") or self._path).path, {}, set()))
        elif self._is_open:
            self._take(tag, has)

    def _take(self, tag: str, has: Mapping[str, str]) -> None:
        _, fields, others = self._forms[-1]
        name, value = has.get("name", ""), has.get("value", "")
        is_off = has.get("type") in ("radio", "checkbox") and "checked" not in has
        match tag:
            case "input" | "textarea" if name and not is_off:
                fields[name] = value
            case "input" | "button" if name:
                others.add(name)
            case "select":
                self._select = name
            case "option" if self._select and ("selected" in has or self._select not in fields):
                fields[self._select] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_open = False
        elif tag == "select":
            self._select = ""

    def found(self) -> Iterator[Form]:
        for action, fields, others in self._forms:
            yield Form(action, fields, frozenset(others - fields.keys()))
