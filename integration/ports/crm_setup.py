"""What an administrator enters and copies to connect a kind of CRM; each kind brings it, in three languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from integration.domain.sentences import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmVariant:
    """
    A CRM as an administrator knows it: one kind may serve several of the same maker.

    Attributes:
        label: the name; the maker writes some in each language.
        hint: what tells it from the others; None: its name does.
        options: what its table gets besides what is entered.
        console: where its keys are made, or how.
        way: how it is connected; None: as the kind says.
    """

    key: str
    label: str | Words
    console: str
    hint: Words | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    way: CrmWay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmKey:
    """A value that is copied from the CRM. `option`: the key of its table."""

    option: str
    label: Words
    is_secret: bool = False


class ConsentBy(StrEnum):
    """What connects the account once the keys are stored."""

    BUTTON = "button"  # an administrator of the CRM presses a button of ours and allows it there
    INSTALLING = "installing"  # the application is installed in the CRM, which then sends tokens
    KEYS = "keys"  # nothing more: the keys are the access


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmWay:
    """
    One way to connect a CRM.

    Attributes:
        steps: what to do in the CRM, in order, before the keys are entered.
        keys: what is then entered here.
        redirect: whether our address for browsers after the consent is copied into the CRM.
        disconnect: likewise the one that learns of a removal.
        after_keys: what to do in the CRM once the keys are stored.
    """

    steps: tuple[Words, ...]
    keys: tuple[CrmKey, ...]
    consent: ConsentBy = ConsentBy.BUTTON
    redirect: bool = True
    disconnect: bool = True
    after_keys: Words | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmSetup:
    """
    Attributes:
        way: how it is connected, unless a variant says otherwise.
        advanced: options for test stands.
        after_widget: what to do with the downloaded widget; None: there is none.
    """

    variants: tuple[CrmVariant, ...]
    way: CrmWay
    advanced: tuple[CrmKey, ...] = ()
    after_widget: Words | None = None

    def way_of(self, variant: CrmVariant) -> CrmWay:
        return variant.way or self.way

    @property
    def keys(self) -> tuple[CrmKey, ...]:
        """Those of every way."""
        ways = [self.way, *(each.way for each in self.variants if each.way is not None)]
        return tuple({key.option: key for way in ways for key in way.keys}.values())
