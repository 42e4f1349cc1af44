"""What the doctor finds; every adapter reports in this form, with sentences in three languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from integration.domain.sentences import Fact, Sentence, Words


class FindingLevel(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """
    One line of the doctor's report, which is also one light of the page "Check".

    Attributes:
        about: the check's name, such as "login".
        says: what was found.
        advice: what to change, and where; None if there is nothing to do.
    """

    about: Sentence
    level: FindingLevel
    says: Sentence
    advice: Sentence | None = None

    @property
    def check(self) -> str:
        """The check's name for programs, the same in every language and release: `permission originate`."""
        return self.about.named

    @property
    def message(self) -> str:
        """What was found, in English."""
        return self.says.say("en")

    @property
    def remedy(self) -> str:
        """What to change, in English; empty if there is nothing to do."""
        return self.advice.say("en") if self.advice is not None else ""

    def as_document(self, language: str = "en") -> dict[str, object]:
        """For JSON: `check` and `code` in every language the same, the sentences in this one."""
        return {
            "check": self.check,
            "title": self.about.say(language),
            "level": self.level.value,
            "code": self.says.code,
            "facts": _plain(self.says.facts, language),
            "message": self.says.say(language),
            "remedy": self.advice.say(language) if self.advice is not None else "",
        }


def _plain(facts: Mapping[str, Fact], language: str) -> dict[str, str | int | float]:
    plain: dict[str, str | int | float] = {}
    for name, fact in facts.items():
        match fact:
            case Sentence():
                plain[name] = fact.say(language)
            case Words():
                plain[name] = fact.text(language)
            case _:
                plain[name] = fact
    return plain


def ok(about: Words | Sentence, says: Sentence | Words) -> Finding:
    return Finding(about=_sentence(about), level=FindingLevel.OK, says=_sentence(says))


def warning(about: Words | Sentence, says: Sentence | Words, advice: Sentence | Words) -> Finding:
    return Finding(about=_sentence(about), level=FindingLevel.WARNING, says=_sentence(says), advice=_sentence(advice))


def error(about: Words | Sentence, says: Sentence | Words, advice: Sentence | Words) -> Finding:
    return Finding(about=_sentence(about), level=FindingLevel.ERROR, says=_sentence(says), advice=_sentence(advice))


def _sentence(text: Words | Sentence) -> Sentence:
    return text() if isinstance(text, Words) else text
