"""What all of the administrators' pages have in common: languages, texts, times, messages."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import jinja2
import pytest
from jinja2 import meta

from integration.texts import LANGUAGES
from integration.texts.pages import texts
from integration.web.pages import shell
from tests.services.admin_office import Office
from tests.services.conftest import SOMEBODY, answered_call

ROOT = Path(__file__).parents[2]


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


def title(html: str) -> str:
    [found] = re.findall(r"<title>([^<]*)</title>", html)
    return str(found)


async def test_a_title_says_the_page_and_the_office(signed_in: Office) -> None:
    world = signed_in.world
    await world.emit(*answered_call(world.clock.now()))
    for path, name in (
        ("", "Overview"),
        ("/calls", "Calls"),
        ("/calls/acme-pbx:1.0", "Inbound: +7 916 123-45-67"),
        ("/delivery", "CRM delivery"),
        ("/people", "People"),
        ("/changes", "Changes"),
        ("/route", "Route check"),
    ):
        html = await signed_in.page(f"/admin/acme{path}?lang=en")
        assert title(html) == f"{name} · acme · Dozvon"
        [heading] = re.findall(r"<h1>(?:<bdi>)?([^<]*)", html)
        assert heading == name, "no raw id is a heading"
    assert title(await signed_in.page("/admin/style?lang=en")) == "Components · Dozvon"


async def test_a_language_survives_every_redirect_and_link(office: Office) -> None:
    """From the printed address to the page, and on all pages after it."""
    async with office.client.get("/?lang=uk") as answer:
        html = await answer.text()
        assert '<html lang="uk">' in html
        assert answer.url.path == "/admin/login"
    html = await office.send("/admin/login", password="a secret of the office", next="/admin/acme/calls")
    assert '<html lang="uk">' in html
    assert '<html lang="uk">' in await office.page("/admin/acme/people")
    html = await office.send("/admin/acme/phone-book?lang=en")
    assert '<html lang="en">' in html
    assert '<html lang="en">' in await office.page("/admin/acme/delivery")


async def test_a_search_survives_the_change_of_the_language(signed_in: Office) -> None:
    html = await signed_in.page("/admin/acme/calls?number=%2B7%20916&before=5&lang=ru")
    [link] = re.findall(r'<a href="([^"]*)" lang="en"', html)
    assert unescape(link) == "/admin/acme/calls?number=%2B7+916&before=5&lang=en"
    assert 'value="+7 916"' in await signed_in.page(unescape(link))


async def test_the_language_of_an_answer_to_a_form_leads_to_a_page(signed_in: Office) -> None:
    """The form's own address cannot be opened."""
    form = {"extension.610077": "101", "extension.610078": "101"}
    html = await signed_in.send("/admin/acme/people?lang=en", **form)
    [link] = re.findall(r'<a href="([^"]*)" lang="uk"', html)
    assert "People" not in await signed_in.page(link)


async def test_a_message_is_shown_once_and_no_address_makes_one(signed_in: Office) -> None:
    said = texts("en")["reading_anew"]
    assert said in await signed_in.send("/admin/acme/phone-book?lang=en")
    assert said not in await signed_in.page("/admin/acme?lang=en")
    for path in ("?done=reading_anew&lang=en", "?done=switched_off&item=1&lang=en"):
        assert 'class="message' not in await signed_in.page(f"/admin/acme{path}")


@pytest.mark.parametrize("ticket", ["", "x", "a" * 43, "%00", "a" * 5000])
async def test_a_made_up_message_is_none(signed_in: Office, ticket: str) -> None:
    signed_in.client.session.cookie_jar.update_cookies({"dozvon_said": ticket}, signed_in.client.make_url("/admin"))
    assert 'class="message' not in await signed_in.page("/admin/acme")


async def test_a_message_of_a_newer_release_is_left_out(signed_in: Office) -> None:
    for kept in ({"said": "of_tomorrow", "undo": ""}, {"said": "saved", "undo": "1;x"}, {"said": 5}, {}):
        ticket = await signed_in.world.coordination.issue_ticket(kept, ttl_seconds=60)
        signed_in.client.session.cookie_jar.update_cookies({"dozvon_said": ticket}, signed_in.client.make_url("/admin"))
        html = await signed_in.page("/admin/acme")
        assert "/changes/1;x" not in html


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_what_is_not_there_is_said_in_the_language_with_a_way_home(signed_in: Office, lang: str) -> None:
    for path in ("/admin/nowhere", "/admin/acme/nowhere", "/admin/acme/calls/nothing"):
        async with signed_in.client.get(f"{path}?lang={lang}", headers={"Accept": "text/html"}) as answer:
            assert answer.status == 404
            html = await answer.text()
        assert f'<html lang="{lang}">' in html
        assert texts(lang)["to_the_start"] in html
        assert 'href="/admin"' in html


async def test_while_the_integration_is_off_every_page_of_the_account_says_so(signed_in: Office) -> None:
    world, words = signed_in.world, texts("en")
    await world.emit(*answered_call(world.clock.now()))
    paths = ("", "/calls", "/calls/acme-pbx:1.0", "/delivery", "/people", "/changes", "/route")
    for path in paths:
        assert words["off_banner"] not in await signed_in.page(f"/admin/acme{path}?lang=en")
    await world.accounts.set_enabled(world.account, enabled=False, who=SOMEBODY)
    for path in paths:
        html = await signed_in.page(f"/admin/acme{path}?lang=en")
        assert words["off_banner"] in html
        assert words["switch_on"] in html


async def test_nothing_on_a_page_runs_from_within_it(signed_in: Office) -> None:
    """The policy of the server forbids it, so it would not work either: scripts and styles are files."""
    world = signed_in.world
    await world.emit(*answered_call(world.clock.now()))
    for path in ("/admin/acme", "/admin/acme/calls/acme-pbx:1.0", "/admin/acme/people", "/admin/style"):
        html = await signed_in.page(path)
        assert re.findall(r"<script(?![^>]*\ssrc=)", html) == []
        assert re.findall(r"\s(?:style|on\w+)=", html) == []
        assert "<style" not in html


async def test_the_style_page_shows_every_component(signed_in: Office) -> None:
    components = Path(shell.__file__).parent / "templates/components"
    macros = {
        name for file in components.glob("*.html") for name in re.findall(r"{% macro ([a-z]\w*)", file.read_text())
    }
    shown = (components.parent / "style.html").read_text()
    unseen = {name for name in macros if f"ui.{name}(" not in shown} - {"icon", "dot", "confirmation"}
    assert unseen == set(), "icon, dot and confirmation are shown by the frame, `status` and `dangerous`"
    for theme in ("light", "dark"):
        html = await signed_in.page(f"/admin/style?theme={theme}")
        assert ("tokens-dark.css" in html) is (theme == "dark")


async def test_the_tokens_are_the_cards(office: Office) -> None:
    for name in ("tokens.css", "tokens-dark.css"):
        async with office.client.get(f"/admin/static/{name}") as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith("text/css")
            assert await answer.text() == (ROOT / "widgets/shared" / name).read_text()


def test_templates_name_only_each_other_and_none_is_left_over() -> None:
    """A name that is missing breaks its page when somebody opens it; one that nobody names is dead."""
    folder = Path(shell.__file__).parent
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folder / "templates"), autoescape=True)
    pages = set(environment.list_templates())
    sources = {name: (folder / "templates" / name).read_text() for name in pages}
    named = {
        found
        for source in sources.values()
        for found in meta.find_referenced_templates(environment.parse(source))
        if found
    }
    assert named <= pages
    code = "".join(file.read_text() for file in folder.parent.rglob("*.py"))
    opened = set(re.findall(r'"((?:[a-z_]+/)?[a-z_]+\.html)"', code))
    assert opened <= pages
    assert {name for name in pages if not name.startswith("components/")} == named | opened
