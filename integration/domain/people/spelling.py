"""Compares the names of one person in two systems: other order, Latin letters, initials, a department beside the name.

A name becomes words in a spelling in which the usual transliterations of one name are the same: `Юлия`, `Yuliya` and
`Julia`. The spelling is for comparing only; nobody reads it. Source: names in amoCRM and FreePBX offices.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

_LETTERS = {
    "а": "a", "б": "b", "в": "v", "г": "h", "ґ": "h", "д": "d", "е": "e", "ё": "e", "є": "e", "ж": "zh", "з": "z",
    "и": "i", "і": "i", "ї": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r",
    "с": "s", "т": "t", "у": "u", "ў": "u", "ф": "f", "х": "h", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sh", "ъ": "",
    "ы": "i", "ь": "", "э": "e", "ю": "iu", "я": "ia", "қ": "k", "ғ": "h", "ң": "n", "ү": "u", "ұ": "u", "ө": "o",
    "һ": "h", "ә": "a",
}  # fmt: skip
_FOLDS = (
    (r"shch|sch|shh", "sh"), (r"kh|gh", "h"), (r"ph", "f"), (r"g", "h"), (r"x", "ks"), (r"w", "v"), (r"q|ck", "k"),
    (r"c(?!h)", "k"), (r"[yj]", "i"), (r"i[eo](?=.)", "e"), (r"ander\b", "andr"), (r"(.)\1+", r"\1"),
)  # fmt: skip
"""In this order: `sch` before `c`, the vowels before double letters."""

_BESIDE_NAMES = """
отдел отделение департамент продаж продажи продавец менеджер оператор офис сервис поддержка склад бухгалтерия
бухгалтер закупки логистика розница опт филиал руководитель директор админ администратор секретарь ресепшен
приемная маркетинг стажер техподдержка тел телефон внутр доб відділ продажів продажу бухгалтерія закупівлі
логістика філія керівник адміністратор приймальня підтримка роздріб секретар
dept department sales manager operator office service support warehouse accounting purchasing logistics branch
head director admin administrator reception marketing team ext phone desk the of and
"""
_NO_NAMES = frozenset(_BESIDE_NAMES.split())
"""Words beside a name that say where somebody works."""
_MOST_CHARACTERS = 200  # of a name that is compared
_WORD = re.compile(r"[^\W\d_]+")
_APOSTROPHES = re.compile(r"(?<=\w)['’ʼ`](?=\w)")


class Likeness(IntEnum):
    """How well two names go together; a greater one says more."""

    NONE = 0
    PART = 1  # one of them is a single word, which the other has too
    INITIALS = 2  # the surname, and the initials agree
    WITHIN = 3  # at least two words of one are all the words of the other
    SPELLED = 4  # all words, in another alphabet or another transliteration
    SAME = 5  # all words, in any order


@dataclass(frozen=True, slots=True)
class NameWords:
    """
    A name to be compared.

    Attributes:
        written: its words as they are written, in small letters.
        words: the same in the spelling for comparing, of two letters and more.
        initials: the single letters.
    """

    written: frozenset[str]
    words: frozenset[str]
    initials: frozenset[str]


@lru_cache(maxsize=4096)
def name_words(name: str) -> NameWords:
    """Never raises. What says no name, such as a department or a number, is left out."""
    text = unicodedata.normalize("NFKC", name[:_MOST_CHARACTERS]).casefold().replace("ё", "е")
    every = _WORD.findall(_APOSTROPHES.sub("", text))
    found = [word for word in every if word not in _NO_NAMES] or every
    spelled = [(word, spelling(word)) for word in found]
    return NameWords(
        written=frozenset(word for word in found if len(word) > 1),
        words=frozenset(short for word, short in spelled if len(word) > 1 and short),
        initials=frozenset(short[0] for word, short in spelled if len(word) == 1 and short),
    )


def spelling(word: str) -> str:
    """One word, in small letters, as it is compared."""
    latin = "".join(_LETTERS.get(letter, letter) for letter in word)
    plain = "".join(each for each in unicodedata.normalize("NFD", latin) if not unicodedata.combining(each))
    for pattern, replacement in _FOLDS:
        plain = re.sub(pattern, replacement, plain)
    return plain


def likeness(one: NameWords, other: NameWords) -> Likeness:
    """How well two names go together. The order of the arguments does not matter. Never raises."""
    common = one.words & other.words
    if not common:
        return Likeness.NONE
    rest, rest_of_other = one.words - common, other.words - common
    if not rest and not rest_of_other and not _contradict(one, other):
        return _of_all_words(one, other)
    if not (one.initials or other.initials):
        return _of_some_words(len(common), rest, rest_of_other)
    if rest and rest_of_other:
        return Likeness.NONE
    if _explained(one.initials, rest_of_other, other.initials) and _explained(other.initials, rest, one.initials):
        return Likeness.INITIALS
    return Likeness.NONE


def _of_all_words(one: NameWords, other: NameWords) -> Likeness:
    if len(one.words) == 1 and not (one.initials and other.initials):
        return Likeness.SAME if one.written == other.written and not one.initials | other.initials else Likeness.PART
    return Likeness.SAME if one.written == other.written else Likeness.SPELLED


def _of_some_words(common: int, rest: frozenset[str], rest_of_other: frozenset[str]) -> Likeness:
    if rest and rest_of_other:
        return Likeness.NONE  # each has a word that the other lacks: two people of one first name
    return Likeness.WITHIN if common > 1 else Likeness.PART


def _contradict(one: NameWords, other: NameWords) -> bool:
    """Initials on both sides that differ; one side may lack the patronymic's."""
    both = one.initials and other.initials
    return bool(both and not (one.initials <= other.initials or other.initials <= one.initials))


def _explained(initials: frozenset[str], words: frozenset[str], initials_of_other: frozenset[str]) -> bool:
    """Whether each initial begins a word of the other name, or is an initial there; a patronymic may be missing."""
    known = {word[0] for word in words} | initials_of_other
    return not initials or not known or bool(initials & known and (initials <= known or known <= initials))
