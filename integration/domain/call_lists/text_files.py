"""Reads the text files that spreadsheets and CRMs export: their encoding, their separator, their records.

Python's `csv` is not used: its sniffer guesses wrong on short and on one-column files, and one stray quote at the
beginning of a cell makes it swallow the rest of the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

LONGEST_CELL = 2000  # characters that are kept
MOST_COLUMNS = 100
_LOOKED_AT = 50  # records, for the separator
_SAMPLE_BYTES = 65536
_CLEARLY = 1.4  # times as likely
_QUOTED_AT_MOST = 8000  # characters between two quotes: a longer cell is a stray quote


class Encoding(StrEnum):
    """The encodings that programs in Russia and Ukraine write; the value is Python's name."""

    UTF_8 = "utf-8-sig"
    UTF_16 = "utf-16"
    CP1251 = "cp1251"
    CP866 = "cp866"
    KOI8 = "koi8-u"
    MAC = "mac-cyrillic"


class Separator(StrEnum):
    SEMICOLON = ";"
    TAB = "\t"
    COMMA = ","
    BAR = "|"


@dataclass(frozen=True, slots=True)
class TextTable:
    """`separator` None: one column."""

    text: str
    encoding: Encoding
    separator: Separator | None

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Each record with the line on which it begins, from 1; empty ones too."""
        yield from records(self.text, self.separator)


def read_text_table(data: bytes, encoding: Encoding | None = None, separator: Separator | None = None) -> TextTable:
    """
    Read a file of text. Never raises: bytes that are no text of the encoding become U+FFFD.

    Args:
        encoding, separator: as a person chose them; None: guess.
    """
    encoding = encoding or encoding_of(data)
    text = _decoded(data, encoding)
    hint = re.match(r"sep=([;\t,|])\r?\n", text)  # for Excel
    if hint is not None:
        text = text[hint.end() :]
    known = Separator(hint[1]) if hint is not None else None
    return TextTable(text, encoding, separator or known or separator_of(text))


def _decoded(data: bytes, encoding: Encoding) -> str:
    if encoding is Encoding.UTF_16 and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode(_utf_16_without_mark(data) or "utf-16-le", "replace")
    return data.decode(encoding.value, "replace")


def encoding_of(data: bytes) -> Encoding:
    """
    Guess the encoding: by the byte order mark, by validity, else by which one gives the likeliest Cyrillic words.

    Source: reference "dialling" 7, measured: a library's guess took short KOI8 texts for Hebrew.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        return Encoding.UTF_8
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or _utf_16_without_mark(data):
        return Encoding.UTF_16
    if _is_utf_8(data):
        return Encoding.UTF_8
    sample = data[:_SAMPLE_BYTES]
    likelihoods = {each: _likelihood(sample.decode(each.value, "replace")) for each in _OF_ONE_BYTE}
    usual = likelihoods[Encoding.CP1251]
    best = max(_OF_ONE_BYTE, key=lambda each: likelihoods[each])
    # KOI8 turns CP1251's small letters into other capital ones: a short text may fit both, and CP1251 is usual.
    is_doubtful = best is Encoding.KOI8 and likelihoods[best] <= max(0, usual) * _CLEARLY
    return Encoding.CP1251 if is_doubtful else best


_OF_ONE_BYTE = (Encoding.CP1251, Encoding.CP866, Encoding.KOI8, Encoding.MAC)


def _utf_16_without_mark(data: bytes) -> str | None:
    sample = data[:2000]
    if len(sample) < 4 or b"\x00" not in sample:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > 4 * even:
        return "utf-16-le"
    return "utf-16-be" if even > 4 * odd else None


def _is_utf_8(data: bytes) -> bool:
    """Valid, or with a few broken characters; and its characters are ones that people write (`тел` of CP866 is `⥫`)."""
    text = data.decode("utf-8", "replace")[:_SAMPLE_BYTES]
    strange = [character for character in text if not character.isascii()]
    readable = sum(character.isalpha() or character in _SIGNS for character in strange)
    return len(strange) <= 2 * readable and 20 * text.count("�") <= len(strange)


_COMMON = frozenset("оеаинтсрвлкмдпуіь")
_SELDOM = frozenset("ёъфщэцґєї")
_SMALL = frozenset("абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґ")
_LARGE = frozenset("АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЁІЇЄҐ")
_SIGNS = frozenset("№«»—–“”„’…€₽₴\xa0\u200b")


def _likelihood(text: str) -> int:
    """
    How much a text looks like Russian or Ukrainian words. A wrong table gives signs between letters, capital letters
    inside words (KOI8 read as CP1251 swaps the case), or seldom letters.
    """
    score = 0
    before = " "
    for character in text:
        small = character.lower()
        if small in _SMALL:
            score += 6 if small in _COMMON else -2 if small in _SELDOM else 2
            score += 2 if character in _SMALL else -8 if before in _SMALL else 0
        elif not character.isascii() and character not in _SIGNS:
            score -= 12
        before = character
    return score


_SHORTENED = re.compile(r"\d,\d+E\+?\d+", re.IGNORECASE)  # 7,91612E+10: the comma separates nothing


def separator_of(text: str) -> Separator | None:
    """The separator with which most of the first records have the same number of cells; None: one column."""
    sample = _SHORTENED.sub("0", text[: _SAMPLE_BYTES * 4])
    best: tuple[float, Separator] | None = None
    for separator in Separator:
        counts: Counter[int] = Counter()
        for _, cells in records(sample, separator):
            if any(cells):
                counts[len(cells)] += 1
            if counts.total() == _LOOKED_AT:
                break
        several = {count: times for count, times in counts.items() if count > 1}
        if not several:
            continue
        share = max(several.values()) / counts.total()
        if best is None or share > best[0]:
            best = share, separator
    return best[1] if best is not None and best[0] >= 0.3 else None


def records(text: str, separator: Separator | None) -> Iterator[tuple[int, list[str]]]:
    """
    The records of a text with the lines on which they begin, from 1.

    A quoted cell may hold separators and line ends. A quote that nothing closes soon is an ordinary character.
    """
    at, line = 0, 1
    while at < len(text):
        begins = line
        end = _line_end(text, at)
        if text.find('"', at, end) < 0:
            plain = text[at:end]
            cells = plain.split(separator.value, MOST_COLUMNS) if separator else [plain]
            at = end
        else:
            cells, behind = _record_with_quotes(text, at, separator)
            line += _lines_in(text[at:behind])
            at = behind
        yield begins, [cell[:LONGEST_CELL] for cell in cells[:MOST_COLUMNS]]
        at += 2 if text.startswith("\r\n", at) else 1
        line += 1


_END = re.compile(r"[\r\n]")


def _line_end(text: str, at: int) -> int:
    found = _END.search(text, at)
    return found.start() if found else len(text)


def _lines_in(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


_QUOTED = re.compile(r' ?"((?:[^"]|"")*)" *')


def _record_with_quotes(text: str, at: int, separator: Separator | None) -> tuple[list[str], int]:
    """The cells, and where the record ends."""
    cells: list[str] = []
    mark = separator.value if separator else ""
    while True:
        quoted = _QUOTED.match(text, at, min(len(text), at + _QUOTED_AT_MOST)) if _begins_quoted(text, at) else None
        behind = quoted.end() if quoted is not None else at
        if quoted is not None and (behind == len(text) or text[behind] in f"{mark}\r\n"):
            cells.append(quoted[1].replace('""', '"'))
        else:
            behind = _line_end(text, at)
            cut = text.find(mark, at, behind) if mark else -1
            behind = behind if cut < 0 else cut
            cells.append(text[at:behind])
        if not mark or behind >= len(text) or text[behind] != mark:
            return cells, behind
        at = behind + 1


def _begins_quoted(text: str, at: int) -> bool:
    return text.startswith('"', at) or text.startswith(' "', at)
