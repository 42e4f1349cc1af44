"""What an administrator enters and copies to connect a kind of CRM; each kind brings it, in three languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from integration.domain.sentences import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmVariant:
    """
    A CRM as an administrator knows it: one kind may serve several of the same maker.

    Attributes:
        options: what its table gets besides what is entered.
        console: where its keys are made.
    """

    key: str
    label: str
    console: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmKey:
    """A value that is copied from the CRM. `option`: the key of its table."""

    option: str
    label: Words
    is_secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmSetup:
    """
    Attributes:
        steps: what to do in the CRM, in order, before the keys are entered.
        keys: what is then entered here.
        advanced: options for test stands.
        after_widget: what to do with the downloaded widget; None: there is none.
    """

    variants: tuple[CrmVariant, ...]
    steps: tuple[Words, ...]
    keys: tuple[CrmKey, ...]
    advanced: tuple[CrmKey, ...] = ()
    after_widget: Words | None = None
