"""A sentence for people in Russian, Ukrainian and English, with its facts. Adapters bring their own with a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Words:
    """
    The same text in three languages. `{name}` stands for a fact of that name.

    Attributes:
        code: a short name, unique in its catalogue, which programs may compare. It may name facts too.
    """

    code: str
    ru: str
    uk: str
    en: str

    def __call__(self, **facts: Fact) -> Sentence:
        """This text with its facts."""
        return Sentence(self, facts)

    def text(self, language: str) -> str:
        """The pattern in one language; English for an unknown one."""
        return {"ru": self.ru, "uk": self.uk}.get(language, self.en)


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words and their facts. Facts may come from outside: they are filled in as they are, never read as a pattern."""

    words: Words
    facts: Mapping[str, Fact] = field(default_factory=dict)

    @property
    def code(self) -> str:
        return self.words.code

    @property
    def named(self) -> str:
        """The code with the facts that it names."""
        return self.words.code.format(**{name: _said(fact, "en") for name, fact in self.facts.items()})

    def say(self, language: str) -> str:
        """The sentence in `ru`, `uk` or `en` (also for any other)."""
        facts = {name: _said(fact, language) for name, fact in self.facts.items()}
        return self.words.text(language).format(**facts)


Fact = str | int | float | Words | Sentence
"""Words and sentences are said in the language of the sentence that they stand in."""


def say(text: str | Words | Sentence, language: str) -> str:
    """A text that may have a translation; a plain one is the same in every language."""
    return str(_said(text, language))


def _said(fact: Fact, language: str) -> str | int | float:
    match fact:
        case Sentence():
            return fact.say(language)
        case Words():
            return fact.text(language)
    return fact
