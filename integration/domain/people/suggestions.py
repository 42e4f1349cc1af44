"""Suggests which extension belongs to which manager, each with its reasons. It takes none. Source: spec A3."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from integration.domain.crm.entities import Manager
from integration.domain.ids import ManagerId
from integration.domain.numbers.numbering import DEFAULT_NUMBERING, Numbering
from integration.domain.numbers.phone_text import read_text
from integration.domain.people.mapping import PbxUser
from integration.domain.people.spelling import Likeness, NameWords, likeness, name_words, spelling

MOST_SHOWN = 3  # candidates of one manager
_SHORTEST_LOCAL_PART = 3  # letters of an e-mail address before the @


class Sign(StrEnum):
    """Why an extension may be a manager's. Sentences: `texts/people.py`."""

    PROFILE_EXTENSION = "profile_extension"  # value: the extension written in the manager's profile in the CRM
    SAME_EMAIL = "same_email"  # value: the address
    SAME_PHONE = "same_phone"  # value: the mobile number of the person at this extension
    SAME_NAME = "same_name"  # value: the name on the PBX; also of the following
    SAME_WORD = "same_word"  # a name of one word
    SPELLED_NAME = "spelled_name"  # in another alphabet or transliteration
    NAME_WITHIN = "name_within"  # one of the names has more words
    INITIALS = "initials"
    EMAIL_NAME = "email_name"  # value: the address, which is made of the name on the PBX
    EMAIL_EXTENSION = "email_extension"  # value: the address, which begins with the extension
    PART_OF_NAME = "part_of_name"  # a single word
    PART_OF_EMAIL = "part_of_email"  # value: the address


class Confidence(IntEnum):
    WEAK = 1  # to be taken one by one only
    LIKELY = 2
    SURE = 3


_CONFIDENCE: Mapping[Sign, Confidence] = {
    Sign.PROFILE_EXTENSION: Confidence.SURE,
    Sign.SAME_EMAIL: Confidence.SURE,
    Sign.SAME_PHONE: Confidence.SURE,
    Sign.SAME_NAME: Confidence.SURE,
    Sign.SPELLED_NAME: Confidence.SURE,
    Sign.SAME_WORD: Confidence.LIKELY,
    Sign.NAME_WITHIN: Confidence.LIKELY,
    Sign.INITIALS: Confidence.LIKELY,
    Sign.EMAIL_NAME: Confidence.LIKELY,
    Sign.EMAIL_EXTENSION: Confidence.LIKELY,
    Sign.PART_OF_NAME: Confidence.WEAK,
    Sign.PART_OF_EMAIL: Confidence.WEAK,
}
_ORDER = {sign: number for number, sign in enumerate(Sign)}
_BY_LIKENESS = {
    Likeness.SAME: Sign.SAME_NAME,
    Likeness.SPELLED: Sign.SPELLED_NAME,
    Likeness.WITHIN: Sign.NAME_WITHIN,
    Likeness.INITIALS: Sign.INITIALS,
    Likeness.PART: Sign.PART_OF_NAME,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """
    Attributes:
        key: of the extension, as `PbxUser.key`.
        signs: why, the strongest first; each with its value (`Sign`). Never empty.
    """

    manager: ManagerId
    key: str
    signs: tuple[tuple[Sign, str], ...]

    @property
    def confidence(self) -> Confidence:
        return max(_CONFIDENCE[sign] for sign, _ in self.signs)

    @property
    def rank(self) -> tuple[int, int, int]:
        """For sorting: a greater one says more."""
        strongest = self.confidence
        equal = sum(1 for sign, _ in self.signs if _CONFIDENCE[sign] is strongest)
        return (strongest, equal, len(self.signs))

    def beats(self, other: Suggestion) -> bool:
        """Whether this one leaves no doubt beside the other: it is surer, or has all signs of the other and more."""
        if self.confidence is not other.confidence:
            return self.confidence > other.confidence
        own, theirs = {sign for sign, _ in self.signs}, {sign for sign, _ in other.signs}
        return own > theirs


def suggestions(
    managers: Sequence[Manager],
    users: Sequence[PbxUser],
    *,
    mapped: Iterable[ManagerId] = (),
    taken: Iterable[str] = (),
    numbering: Numbering = DEFAULT_NUMBERING,
) -> dict[ManagerId, list[Suggestion]]:
    """
    Which extensions may be whose.

    Args:
        mapped: managers who have an extension already; nothing is suggested for them.
        taken: keys of extensions that somebody has.
        numbering: how the office's numbers are read, to find an extension in a manager's phone field.

    Returns:
        For each manager with any: candidates, the likeliest first, at most `MOST_SHOWN`. One extension may be suggested
        to several managers: `takeable` says what is without doubt. The order of the arguments does not matter.
    """
    gone, without = set(taken), set(mapped)
    known = _Known([user for user in users if user.key not in gone], numbering)
    found = {}
    for manager in managers:
        if manager.id not in without:
            candidates = sorted(known.candidates(manager), key=lambda each: ([-n for n in each.rank], each.key))
            if candidates:
                found[manager.id] = candidates
    return found


def takeable(found: Mapping[ManagerId, Sequence[Suggestion]]) -> dict[ManagerId, Suggestion]:
    """
    What may be taken all at once: likely at least, and nothing else comes near, neither another extension for the
    manager nor another manager for the extension. So no extension goes to two managers, and namesakes are left to a
    person.
    """
    of_key: dict[str, list[Suggestion]] = defaultdict(list)
    for each in found.values():
        for candidate in each:
            of_key[candidate.key].append(candidate)
    return {
        manager: best
        for manager, (best, *others) in found.items()
        if best.confidence > Confidence.WEAK
        and all(best.beats(other) for other in others)
        and all(best.beats(other) for other in of_key[best.key] if other is not best)
    }


@dataclass(frozen=True, slots=True)
class _User:
    user: PbxUser
    name: NameWords


class _Known:
    """The PBX's users by what a manager may be recognised by: an office has hundreds of both."""

    def __init__(self, users: Sequence[PbxUser], numbering: Numbering) -> None:
        self._numbering = numbering
        self._of_words: dict[str, list[_User]] = defaultdict(list)
        self._of_extensions: dict[str, list[_User]] = defaultdict(list)
        self._of_emails: dict[str, list[_User]] = defaultdict(list)
        self._of_phones: dict[str, list[_User]] = defaultdict(list)
        self._of_joined: dict[str, list[_User]] = defaultdict(list)
        for user in users:
            each = _User(user, name_words(user.name))
            for word in each.name.words:
                self._of_words[word].append(each)
            for joined in _joined(each.name):
                self._of_joined[joined].append(each)
            self._of_extensions[user.extension].append(each)
            if email := user.email.strip().casefold():
                self._of_emails[email].append(each)
            for number in read_text(user.mobile, numbering).numbers if user.mobile else ():
                self._of_phones[number.match_key].append(each)

    def candidates(self, manager: Manager) -> list[Suggestion]:
        """Only those that are not far behind the best ones, at most `MOST_SHOWN`."""
        signs: dict[str, list[tuple[Sign, str]]] = defaultdict(list)
        self._by_phone(manager, signs)
        self._by_email(manager, signs)
        self._by_name(manager, signs)
        made = [
            Suggestion(
                manager=manager.id,
                key=key,
                signs=_in_order(found),
            )
            for key, found in signs.items()
        ]
        made.sort(key=lambda each: ([-n for n in each.rank], each.key))
        if made and made[0].confidence is Confidence.WEAK and len(made) > MOST_SHOWN:
            return []  # a first name that many have says nothing
        return made[:MOST_SHOWN]

    def _by_phone(self, manager: Manager, signs: dict[str, list[tuple[Sign, str]]]) -> None:
        own = (manager.extension or "").strip()
        for each in self._of_extensions.get(own, ()) if own else ():
            signs[each.user.key].append((Sign.PROFILE_EXTENSION, own))
        written = (manager.phone or "").strip()
        if not written:
            return
        read = read_text(written, self._numbering)
        groups = re.findall(r"\d+", written)
        alone = groups if len(groups) == 1 else []  # `101`, `доб. 101`, `#101`
        for extension in dict.fromkeys([*alone, *([read.extension] if read.extension else ())]):
            for each in self._of_extensions.get(extension, ()) if extension != own else ():
                signs[each.user.key].append((Sign.PROFILE_EXTENSION, extension))
        for key in {number.match_key for number in read.numbers}:
            for each in self._of_phones.get(key, ()):
                signs[each.user.key].append((Sign.SAME_PHONE, each.user.mobile))

    def _by_email(self, manager: Manager, signs: dict[str, list[tuple[Sign, str]]]) -> None:
        address = (manager.email or "").strip()
        for each in self._of_emails.get(address.casefold(), ()) if address else ():
            signs[each.user.key].append((Sign.SAME_EMAIL, address))
        local = address.partition("@")[0]
        for each in self._of_extensions.get(local, ()) if local else ():
            signs[each.user.key].append((Sign.EMAIL_EXTENSION, address))
        if len(local) < _SHORTEST_LOCAL_PART:
            return
        words, own = name_words(local), name_words(manager.name)
        for each in self._of_joined.get(spelling("".join(re.findall(r"[^\W\d_]+", local.casefold()))), ()):
            if not _is_other_person(own, each.name):
                signs[each.user.key].append((Sign.EMAIL_NAME, address))
        for each in self._sharing(words):
            alike = likeness(words, each.name)
            if alike is not Likeness.NONE and not _is_other_person(own, each.name):
                signs[each.user.key].append((_sign_of_email(words, own, each.name, alike), address))

    def _by_name(self, manager: Manager, signs: dict[str, list[tuple[Sign, str]]]) -> None:
        words = name_words(manager.name)
        for each in self._sharing(words):
            alike = likeness(words, each.name)
            if alike is Likeness.SAME and len(words.words) == 1 and not words.initials:
                signs[each.user.key].append((Sign.SAME_WORD, each.user.name))
            elif alike is not Likeness.NONE:
                signs[each.user.key].append((_BY_LIKENESS[alike], each.user.name))

    def _sharing(self, words: NameWords) -> list[_User]:
        """The users who have one of these words, each once."""
        found = {each.user.key: each for word in words.words for each in self._of_words.get(word, ())}
        return [found[key] for key in sorted(found)]


def _in_order(found: Iterable[tuple[Sign, str]]) -> tuple[tuple[Sign, str], ...]:
    """The strongest first, each once."""
    once: dict[Sign, str] = {}
    for sign, value in found:
        once.setdefault(sign, value)
    return tuple(sorted(once.items(), key=lambda each: (-_CONFIDENCE[each[0]], _ORDER[each[0]])))


def _sign_of_email(words: NameWords, own: NameWords, name: NameWords, alike: Likeness) -> Sign:
    """
    Args:
        words: of the address; `own`: of the manager's name in the CRM; `name`: on the PBX.
    """
    if alike is Likeness.WITHIN or (alike is not Likeness.PART and len(words.words) + len(words.initials) > 1):
        return Sign.EMAIL_NAME
    together = NameWords(own.written | words.written, own.words | words.words, own.initials | words.initials)
    is_more = bool(own.words - words.words)  # "Vera" in the CRM and `sokolova@` are "Sokolova V." on the PBX
    return Sign.EMAIL_NAME if is_more and likeness(together, name) >= Likeness.INITIALS else Sign.PART_OF_EMAIL


def _is_other_person(own: NameWords, name: NameWords) -> bool:
    """The name on the PBX is a full one, and not the manager's: `anna@` is no sign for another Anna."""
    is_full = len(name.words) + len(name.initials) > 1
    return is_full and len(own.words) > 1 and likeness(own, name) is Likeness.NONE


def _joined(name: NameWords) -> set[str]:
    """How an address joins a name: `annakim`, `akim`, `kima`."""
    found = set()
    for surname in name.words:
        others = [*(name.words - {surname}), *name.initials]
        for other in others:
            found |= {surname + other, other + surname, surname + other[0], other[0] + surname}
    return found
