"""What all of the administrators' pages have in common: languages, texts, times, messages."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from integration.texts import LANGUAGES
from integration.texts.pages import texts
from tests.services.admin_office import Office
from tests.services.conftest import (
    answered_call,
)


@pytest.mark.parametrize(
    "path", ["", "/calls", "/delivery", "/people", "/changes", "/route", "/route?number=89161234567&line=1"]
)
@pytest.mark.parametrize("lang", LANGUAGES)
async def test_every_page_in_every_language(signed_in: Office, path: str, lang: str) -> None:
    await signed_in.world.emit(*answered_call(signed_in.world.clock.now()))
    mark = "&" if "?" in path else "?"
    html = await signed_in.page(f"/admin/acme{path}{mark}lang={lang}")
    assert f'<html lang="{lang}">' in html
    assert not re.search(r"<p[ >](?:(?!</p>).)*<form", html, re.S), "a browser ends the paragraph there"


def test_no_language_lacks_a_text() -> None:
    for language in LANGUAGES:
        empty = [key for key, text in texts(language).items() if not text.strip()]
        assert empty == []


async def test_times_are_the_offices_and_name_their_zone(signed_in: Office) -> None:
    world = signed_in.world
    await world.emit(*answered_call(world.clock.now()))
    begun = datetime.fromtimestamp(world.clock.now(), UTC)
    for zone, hours, name in (("Asia/Tashkent", 5, "UTC+05"), ("Europe/Moscow", 3, "MSK"), ("UTC", 0, "UTC")):
        world.account.settings = replace(world.account.settings, time_zone=zone)
        said = f"{begun + timedelta(hours=hours):%d.%m.%Y %H:%M:%S} {name}"
        for path in ("/admin/acme", "/admin/acme/calls", "/admin/acme/calls/acme-pbx:1.0", "/admin/acme/delivery"):
            if path.endswith("delivery"):
                assert name in await signed_in.page(path)
            else:
                assert said in await signed_in.page(path)
