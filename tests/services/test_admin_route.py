"""The administrators' page that shows how a call would be routed."""

from __future__ import annotations

import re

import pytest

from integration.texts.pages import texts
from tests.services.admin_office import Office


async def test_a_route_is_asked_for_one_of_several_pbxs(branched: Office) -> None:
    page = await branched.page("/admin/acme/route?number=89161234567&line=1&pbx=branch")
    assert "<option selected>branch</option>" in page
    assert branched.asked_at == ["branch"]
    branched.world.account.set_pbxs([branched.world.pbx])
    assert 'name="pbx"' not in await branched.page("/admin/acme/route?number=89161234567&line=1")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("number=&line=1", "number_needed"),
        ("number=nobody&line=1", "number_needed"),
        ("number=89161234567&line=xyz", "line_needed"),
    ],
)
async def test_what_is_no_number_or_line_is_said_beside_its_field_and_nothing_is_decided(
    signed_in: Office, query: str, said: str
) -> None:
    page = await signed_in.page(f"/admin/acme/route?{query}&lang=en")
    name = said.removesuffix("_needed")
    assert texts("en")[said] in page
    assert f'id="{name}-error"' in page
    assert re.search(rf'<input id="{name}"[^>]*aria-describedby="[^"]*{name}-error"[^>]*aria-invalid="true"', page)
    assert signed_in.asked_at == []
    assert texts("en")["why"] not in page


async def test_a_withheld_number_has_to_be_meant(signed_in: Office) -> None:
    page = await signed_in.page("/admin/acme/route?number=&line=1&hidden=1&lang=en")
    assert "The number is withheld." in page or "The number is hidden." in page
    assert texts("en")["number_needed"] not in page


async def test_an_empty_form_says_nothing(signed_in: Office) -> None:
    page = await signed_in.page("/admin/acme/route?lang=en")
    assert "-error" not in page
    assert signed_in.asked_at == []
