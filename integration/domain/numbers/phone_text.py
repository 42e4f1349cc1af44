"""Finds the telephone numbers in what people write into a phone field: several numbers, an extension, a remark, a name.

Google's `PhoneNumberMatcher` works for prose, but not for a CRM's field: it stops at `доб.`, joins a floor or an hour
to the number before it, and does not know the office's area code. So this module cuts the text into groups of digits,
and the plans (`phone.py`) only say which runs of neighbouring groups are numbers. Of all ways to pick runs that do not
overlap, the likeliest wins. Digits with words between them are never joined (ADR 15).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import (
    Certainty,
    PhoneNumber,
    ascii_digits,
    national_digits,
    read_digits,
    read_plain,
)

_LONGEST_TEXT = 4000  # characters that are read; a phone field of a CRM holds 250
_LEAST_DIGITS, _MOST_DIGITS = 5, 20
_MOST_WITH_PLUS = 15  # digits of a number with its country code (ITU-T E.164)
_LONGEST_STRAY = 2  # digits after a plus that is no number's: hours, `UTC+10`
_MOST_TRIED = 3000  # runs of groups read in one text: the limit for hostile input
_EXTENSION_DIGITS = 7

_DASHES = r"\-‐-―−~"
# Allowed between the groups of one number. A slash with spaces, or a line end, separates two numbers.
_SPACES = r"[^\S\n\r\t]*"
_SOFT = re.compile(rf"{_SPACES}[(){_DASHES}./]?{_SPACES}[({_DASHES}]?{_SPACES}")
_PARTING_SLASH = re.compile(r"\s/|/\s")
_EXTENSION_WORD = (
    r"(?:доб[а-яё]*|доп[а-яё]*|вн(?:утр[а-яёіїє]*)?|дод[а-яіїє]*|(?:в\s+)?тон[а-яё]*(?:\.?\s*(?:набор|режим)[а-яё]*)?|местн[а-яё]*"
    r"|дад[а-яёіў]*|унутр[а-яёіў]*|ішкі|қосымша|ichki"
    r"|ext(?:ensi[oó]n|ens|n)?|int(?:ern(?:al|o)?)?|anexo|ramal|wewn?[a-zęó]*|dahili|durchwahl|dw|poste|x|х)"
)
_AFTER_WORD = rf"\s*[.:=№#{_DASHES}]*\s*(?:номер|нөмір[іи]?|number|no\.?|№)?\s*[(\[]?\s*"
_MARKED = re.compile(rf"[\s,;.({_DASHES}\[/)+]*(?<![^\W\d_]){_EXTENSION_WORD}{_AFTER_WORD}", re.IGNORECASE)
_SIGNED = re.compile(r"\s*[#*]\s*|\s*[pwPW]")  # a dialler's pause, or the keys of a voice menu
_PAUSED = re.compile(r"\s*(?:,{1,3}|;)\s*")  # a pause too, but it may also separate a remark
_IN_BRACKETS = re.compile(r"\s*[(\[]\s*")
_DASH = re.compile(rf"[{_DASHES}]")
_CLOSED = re.compile(r"\s*[)\]]")
_GOES_ON = re.compile(r"\s*[^\W_]")  # a word follows: the digits before it count something
_ALIKE = str.maketrans("[]{}_·•", "()()---")  # other signs that people use for brackets and dashes
_GROUPS = re.compile(r"[0-9]+")
_NUMBERED = re.compile(r"[)\].]\s")  # `1) 8916...`, `2. 8916...`
_MAIL = re.compile(r"[^\s@<>,;]*[^\W\d_][^\s@<>,;]*@[^\s@<>,;]+")
# A client's hours, `МСК+2` or `UTC+5:30`. Not `МСК+7`: more often a number of Moscow begins there.
_HOURS = re.compile(
    r"(?<![^\W\d_])(?:мск|msk|gmt|utc)[^\S\n]*[+−–-][^\S\n]*(?:[0-689]|1[0-4])(?::[0-5][0-9])?(?![0-9])", re.IGNORECASE
)
# The usual form of a Russian number: `+7 (916) 123-45-67`.
_USUAL = re.compile(r"(\+?7|8)[ \xa0(-]{0,2}([0-9]{3})[ \xa0)-]{0,2}([0-9]{3})[ \xa0-]?([0-9]{2})[ \xa0-]?([0-9]{2})")
_ADDRESS = re.compile(r"(?<![\w.])(?:sips?|tel|callto):", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """A number in a text, and the extension written after it."""

    number: PhoneNumber
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class PhoneText:
    """The numbers in a text, in order, each once."""

    written: tuple[WrittenNumber, ...] = ()

    @property
    def numbers(self) -> tuple[PhoneNumber, ...]:
        return tuple(each.number for each in self.written)

    @property
    def first(self) -> WrittenNumber | None:
        return self.written[0] if self.written else None

    @property
    def extension(self) -> str | None:
        """Of the first number."""
        return self.written[0].extension if self.written else None

    @property
    def match_keys(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(number.match_key for number in self.numbers))

    def extension_of(self, match_key: str) -> str | None:
        return next((each.extension for each in self.written if each.number.match_key == match_key), None)


@lru_cache(maxsize=8192)
def read_text(text: str, numbering: Numbering) -> PhoneText:
    """
    Read the numbers in a phone field.

    Returns:
        The numbers in order, each once; empty if none could be called. Never raises. An E.164 number in any usual
        formatting gives that number; N numbers separated by `,`, `;`, `/` or line ends give N.
    """
    if plain := read_plain("".join(usual.groups()) if (usual := _USUAL.fullmatch(text)) else text, numbering):
        return PhoneText((WrittenNumber(PhoneNumber(plain.e164, text)),))
    cleaned = _readable(text)
    groups = _groups(cleaned)
    if not groups:
        return PhoneText()
    found: dict[str, WrittenNumber] = {}
    for run in _best_runs(groups, numbering):
        known = found.get(run.e164)
        if known is None or (known.extension is None and run.extension):
            found[run.e164] = WrittenNumber(PhoneNumber(run.e164, text), run.extension)
    return PhoneText(tuple(found.values()))


def match_keys(texts: Sequence[str], numbering: Numbering) -> tuple[str, ...]:
    """The match keys of all numbers in these texts, in order, each once."""
    return tuple(dict.fromkeys(key for text in texts for key in read_text(text, numbering).match_keys))


def extension_for(texts: Sequence[str], match_key: str, numbering: Numbering) -> str | None:
    """The extension that these phone fields give to the number with this key; None without one."""
    return next((e for text in texts if (e := read_text(text, numbering).extension_of(match_key)) is not None), None)


def _readable(text: str) -> str:
    """The text cut to length, with ASCII digits, without invisible characters and mail addresses; line ends stay."""
    cut = text[:_LONGEST_TEXT]
    if not cut.isascii():
        cut = "".join(c for c in ascii_digits(cut) if unicodedata.category(c) != "Cf")
    cut = _ADDRESS.sub(" ", cut.translate(_ALIKE))
    cut = _HOURS.sub(lambda found: "\x00" * len(found[0]), cut)
    return _MAIL.sub(lambda found: "\x00" * len(found[0]), cut) if "@" in cut else cut


class _Gap(Enum):
    """What stands between two groups of digits."""

    SOFT = "soft"  # may be inside a number
    BRACKET = "bracket"  # the same, but the next group is in brackets: an area code, near a number's beginning
    WEAK = "weak"  # a comma without spaces: a number only if nothing else fits
    HARD = "hard"  # never inside a number


@dataclass(frozen=True, slots=True)
class _Group:
    digits: str
    has_plus: bool
    before: str  # the text between the group before and this one
    after: str
    gap: _Gap  # between the group before and this one
    is_counting: bool  # a word that is no mark of an extension follows at once: `2й`


def _groups(text: str) -> list[_Group]:
    found = list(_GROUPS.finditer(text))
    groups: list[_Group] = []
    for index, match in enumerate(found):
        before = text[found[index - 1].end() if index else 0 : match.start()]
        after = text[match.end() : found[index + 1].start() if index + 1 < len(found) else len(text)]
        has_plus = before.rstrip(" (").endswith("+")
        gap = _Gap.HARD if index == 0 or has_plus else _gap(before, groups[-1])
        is_counting = after[:1].isalpha() and len(match[0]) <= 2 and not _MARKED.fullmatch(after)
        groups.append(_Group(match[0], has_plus, before, after, gap, is_counting))
    return groups


def _gap(between: str, previous: _Group) -> _Gap:
    if between == ",":
        return _Gap.WEAK
    if len(between) > 6 or not _SOFT.fullmatch(between) or _PARTING_SLASH.search(between):
        return _Gap.HARD
    is_counted = len(previous.digits) <= 2 and _NUMBERED.match(between) and "(" not in previous.before
    if is_counted and previous.gap is _Gap.HARD and not previous.has_plus:
        return _Gap.HARD
    return _Gap.BRACKET if "(" in between else _Gap.SOFT


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring groups that form one number. `end` is the index of the group after it and its extension."""

    end: int
    e164: str
    extension: str | None
    score: int


_SCORES = {
    Certainty.SURE: 100,
    Certainty.LIKELY: 70,
    Certainty.FOREIGN: 60,
    Certainty.LOCAL: 50,
    Certainty.DOUBTFUL: 30,
}
_FOREIGN_IN_ONE = 20  # added for a foreign number without the plus that is written in one piece
_WEAK_SCORE = 35
_EXTENSION_SCORE = 5
_LEFT_OUT = 10  # taken off for a group left out beside a number, with only soft signs between
_LEFT_OUT_BESIDE_PARTS = 45  # the same beside a number in several groups: it probably belongs to it
_COUNTING = 45  # for `2й` at the end: it belongs to the number (`...45-67моб`) only if there is none without it


def _best_runs(groups: Sequence[_Group], numbering: Numbering) -> list[_Run]:
    """The runs with the highest sum of scores that do not overlap, in order."""
    best: list[tuple[int, _Run | None]] = [(0, None)] * (len(groups) + 1)
    inside = _inside_one_with_plus(groups, numbering)
    tried = 0
    for start in range(len(groups) - 1, -1, -1):
        best[start] = (best[start + 1][0], None)
        for end in _ends(groups, start) if start not in inside else ():
            tried += 1
            run = _run(groups, start, end, numbering) if tried <= _MOST_TRIED else None
            if run is not None and (total := run.score + best[run.end][0]) > best[start][0]:
                best[start] = (total, run)
    chosen, at = [], 0
    while at < len(groups):
        run = best[at][1]
        at += 1
        if run is not None:
            chosen.append(run)
            at = run.end
    return chosen


def _ends(groups: Sequence[_Group], start: int) -> list[int]:
    """The group indexes at which a number that begins here may end."""
    ends, digits = [], 0
    for index, group in enumerate(groups[start : start + _MOST_DIGITS], start):
        if index > start and (group.gap is _Gap.HARD or (group.gap is _Gap.BRACKET and digits > _LEAST_DIGITS)):
            break
        digits += len(group.digits)
        if digits > _MOST_DIGITS:
            break
        if digits >= _LEAST_DIGITS:
            ends.append(index + 1)
    return ends


def _inside_one_with_plus(groups: Sequence[_Group], numbering: Numbering) -> set[int]:
    """
    The groups that belong to a number which begins with a plus: no number begins there, though in a country with
    numbers of any length nearly all digits are one. What no plan can read belongs to it as far as a number may reach,
    unless the plus is that of something else (`_stray_plus`).
    """
    inside: set[int] = set()
    for start, group in enumerate(groups):
        if not group.has_plus:
            continue
        ends = _ends(groups, start)
        readings = [(end, read_digits("+" + _digits(groups[start:end]), numbering)) for end in ends]
        best = min(((-reading.certainty, end) for end, reading in readings if reading is not None), default=None)
        is_sure = best is not None and (best[0] == -Certainty.SURE or _is_free_behind(groups, best[1]))
        within = [end for end in ends if len(_digits(groups[start:end])) <= _MOST_WITH_PLUS]
        reach = max(within, default=start + 1) if best is None else best[1]
        first = start + 1 if is_sure or not _stray_plus(groups, start, numbering) else start + 2
        inside.update(range(first, reach))
    return inside


def _stray_plus(groups: Sequence[_Group], start: int, numbering: Numbering) -> bool:
    """
    Whether these digits after a plus begin no number: `МСК+2 8 916 ...`, `+7 79161234567` of a form with the plus in
    it. A number that needs nothing before it, neither plus nor code, follows.
    """
    if len(groups[start].digits) > _LONGEST_STRAY or start + 1 == len(groups):
        return False
    return any(_needs_nothing(groups[start + 1 : end], numbering) for end in _ends(groups, start + 1))


def _needs_nothing(parts: Sequence[_Group], numbering: Numbering) -> bool:
    """Whether these digits have a trunk prefix, or the country's own code; a foreign one counts in one piece only."""
    digits = _digits(parts)
    reading = read_digits(digits, numbering)
    if reading is None:
        return False
    if reading.certainty < Certainty.LIKELY:
        return reading.certainty is Certainty.FOREIGN and len(parts) == 1
    return len(digits) > len(national_digits(PhoneNumber(reading.e164, digits)))


def _digits(groups: Sequence[_Group]) -> str:
    return "".join(group.digits for group in groups)


def _run(groups: Sequence[_Group], start: int, end: int, numbering: Numbering) -> _Run | None:
    parts = groups[start:end]
    reading = read_digits(("+" if parts[0].has_plus else "") + _digits(parts), numbering)
    if reading is None:
        return None
    is_before_free = parts[0].gap is _Gap.HARD
    if not is_before_free and reading.certainty <= Certainty.FOREIGN and len(parts) > 1:
        return None  # the rest of something longer: some country's code fits any digits
    is_whole = is_before_free and (_is_free_behind(groups, end) or _extension(groups, end)[0] is not None)
    if len(parts) > 1 and reading.certainty is Certainty.LIKELY and not parts[0].has_plus and not is_whole:
        return None  # a piece of a longer number that happens to have the right length
    if reading.certainty is Certainty.LOCAL and not (is_before_free and _is_free_behind(groups, end)):
        return None  # seven digits out of the middle of something longer
    score = _SCORES[reading.certainty]
    if reading.certainty is Certainty.FOREIGN and len(parts) == 1:
        score += _FOREIGN_IN_ONE
    if any(group.gap is _Gap.WEAK for group in parts[1:]):
        score = _WEAK_SCORE
    left_out = _LEFT_OUT_BESIDE_PARTS if len(parts) > 1 else _LEFT_OUT
    if not is_before_free:
        score -= left_out
    if parts[-1].is_counting:
        score -= _COUNTING
    extension, behind = _extension(groups, end)
    if extension is not None:
        return _Run(behind, reading.e164, extension, score + _EXTENSION_SCORE)
    if not _is_free_behind(groups, end):
        score -= left_out
    return _Run(end, reading.e164, None, score)


def _is_free_behind(groups: Sequence[_Group], end: int) -> bool:
    return end == len(groups) or groups[end].gap is _Gap.HARD


def _in_parts(groups: Sequence[_Group], at: int) -> tuple[str | None, int]:
    """An extension that is written in pairs, `12-34`; `105-110` are several, of which the first is taken."""
    end = at + 1
    while end < len(groups) and _DASH.fullmatch(groups[end].before):
        end += 1
    parts = [group.digits for group in groups[at:end]]
    is_one = all(len(part) <= 2 for part in parts[:-1]) and len(parts[-1]) <= 3
    digits = "".join(parts)
    if is_one and len(digits) <= _EXTENSION_DIGITS:
        return digits, end
    return (parts[0], at + 1) if len(parts[0]) > 2 else (None, at)  # None: it begins a number


def _extension(groups: Sequence[_Group], end: int) -> tuple[str | None, int]:
    """The extension behind a number (None without one), and the index of the next group."""
    if end == len(groups) or groups[end].has_plus:
        return None, end
    group = groups[end]
    if len(group.digits) > _EXTENSION_DIGITS:
        return None, end
    if _MARKED.fullmatch(group.before):
        return _in_parts(groups, end)
    is_short = len(group.digits) < _EXTENSION_DIGITS
    is_last = _is_free_behind(groups, end + 1)
    if is_short and is_last and _SIGNED.fullmatch(group.before):
        return group.digits, end + 1
    if is_short and is_last and _PAUSED.fullmatch(group.before) and not _GOES_ON.match(group.after):
        return group.digits, end + 1
    if is_short and len(group.digits) > 1 and _IN_BRACKETS.fullmatch(group.before) and _CLOSED.match(group.after):
        return group.digits, end + 1
    return None, end
