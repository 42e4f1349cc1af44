"""Numbers for the doctor to try on the PBX, as a click of the office dials them."""

from __future__ import annotations

from dataclasses import replace

import phonenumbers

from integration.domain.numbers.dialling import digits_to_dial
from integration.domain.numbers.numbering import DialForm, DialRules, Numbering
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.sentences import Words
from integration.domain.settings import AccountSettings
from integration.ports.pbx import DialSample
from integration.texts import findings as texts

_LOCAL = "2345678901"


def dial_samples(settings: AccountSettings) -> tuple[DialSample, ...]:
    """A mobile number of the country, and, with an area code, a local number."""
    numbering = settings.numbering
    mobile = phonenumbers.example_number_for_type(numbering.country, phonenumbers.PhoneNumberType.MOBILE)
    samples = [_sample(texts.A_MOBILE, _e164(mobile), numbering)] if mobile is not None else []
    if numbering.local_length is not None:
        code = phonenumbers.country_code_for_region(numbering.country)
        town = f"+{code}{numbering.rules.area_code}{_LOCAL[: numbering.local_length]}"
        samples.append(_sample(texts.OWN_TOWN, town, numbering))
    return tuple(samples)


def _sample(what: Words, e164: str, numbering: Numbering) -> DialSample:
    number = PhoneNumber(e164, e164)
    dialled = digits_to_dial(number, numbering)
    others = {digits_to_dial(number, Numbering(numbering.country, rules)): how for how, rules in _others(numbering)}
    others.pop(dialled, None)
    return DialSample(what=what, dialled=dialled, others=tuple((how, other) for other, how in others.items()))


def _others(numbering: Numbering) -> list[tuple[str, DialRules]]:
    """Other forms that offices dial, the usual ones last; of two with the same result the simpler one is kept."""
    rules = numbering.rules
    forms = [DialForm.E164, DialForm.NATIONAL, *([DialForm.LOCAL] if rules.area_code else [])]
    ways = []
    for prefix in dict.fromkeys(("9", "0", rules.outside_prefix, "")):
        for form in forms:
            told = [f'click = "{form}"'] + ([f'outside_prefix = "{prefix}"'] if prefix != rules.outside_prefix else [])
            ways.append((", ".join(told), replace(rules, click=form, outside_prefix=prefix)))
    return ways


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
