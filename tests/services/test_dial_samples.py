"""The doctor tries on the PBX what a click would dial, and other forms that offices use."""

from __future__ import annotations

import pytest

from integration.domain.ids import AccountId
from integration.domain.numbers.numbering import DialForm, DialRules
from integration.domain.settings import AccountSettings
from integration.services.dial_samples import dial_samples


def settings(country: str, **rules: object) -> AccountSettings:
    return AccountSettings(account=AccountId("acme"), country=country, dial=DialRules(**rules))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "dialled"),
    [
        (settings("RU"), ["+79123456789"]),
        (settings("RU", click=DialForm.NATIONAL), ["89123456789"]),
        (settings("RU", click=DialForm.NATIONAL, outside_prefix="9"), ["989123456789"]),
        (settings("RU", area_code="495"), ["+79123456789", "+74952345678"]),
        (settings("RU", area_code="495", click=DialForm.LOCAL), ["89123456789", "2345678"]),
        (settings("UA", click=DialForm.NATIONAL), ["0501234567"]),
    ],
)
def test_samples_of_an_office(made: AccountSettings, dialled: list[str]) -> None:
    assert [sample.dialled for sample in dial_samples(made)] == dialled


def test_other_ways_come_with_the_setting_that_makes_them() -> None:
    [sample] = dial_samples(settings("RU"))
    others = {dialled: how for how, dialled in sample.others}
    assert others["89123456789"] == 'click = "national"'
    assert others["989123456789"] == 'click = "national", outside_prefix = "9"'
    assert sample.dialled not in others
