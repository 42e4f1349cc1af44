"""The administrators' history of settings: who, when, what, and undo."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from integration.domain.ids import Extension
from integration.domain.settings_changes import Author, AuthorKind
from integration.storage.sql.schema.offices import settings_changes
from integration.texts import LANGUAGES
from integration.texts.pages import texts
from tests.services.admin_office import PASSWORD, Office
from tests.services.conftest import (
    ACME,
    SOMEBODY,
)


async def test_the_history_says_who_when_and_what(signed_in: Office) -> None:
    world = signed_in.world
    people = world.account.settings.employees
    html = await signed_in.page("/admin/acme/changes?lang=en")
    assert "102 — extension added; manager: none → Борис Климов" in html
    hostile = replace(people[0], name="<script>alert(1)</script>", manager=None)
    await world.accounts.set_employees(world.account, (hostile, people[1]), who=SOMEBODY)
    world.clock.advance(60)
    await signed_in.send("/admin/acme/enabled", enabled="", confirmed="1")
    html = await signed_in.page("/admin/acme/changes?lang=en")
    assert "<script>" not in html
    assert "101 &lt;script&gt;alert(1)&lt;/script&gt; — name: none → &lt;script&gt;" in html
    assert "manager: Анна Орлова → none" in html
    assert "Integration: on → off" in html
    assert "15.11.2023 01:14:20 MSK" in html
    assert html.index("You, from 127.0.0.1") < html.index("Administrator 3fa2c1 from 10.0.0.5")


async def test_an_undo_in_the_history_and_why_one_is_refused(signed_in: Office) -> None:
    world = signed_in.world
    [anna, boris] = world.account.settings.employees
    first = await world.accounts.set_employees(world.account, (replace(anna, manager=None), boris), who=SOMEBODY)
    assert first is not None
    await world.accounts.set_employees(world.account, (replace(anna, mobile="1"), boris), who=SOMEBODY)
    undo = f"/admin/acme/changes/{first.revision}/undo"
    html = await signed_in.page("/admin/acme/changes?lang=en")
    assert undo not in html
    html = await signed_in.send(undo, back="changes")
    assert "This cannot be undone: the same settings have changed again since." in html
    assert "Administrator 3fa2c1 from 10.0.0.5: 101 — manager: none → Анна Орлова; mobile: none → 1" in html
    html = await signed_in.send(f"/admin/acme/changes/{first.revision + 1}/undo", back="changes")
    assert "The change was undone." in html
    assert world.account.settings.employees == (replace(anna, manager=None), boris)
    assert "Undoes the change: 15.11.2023 01:13:20 MSK" in html
    html = await signed_in.send(f"/admin/acme/changes/{first.revision + 1}/undo", back="changes")
    assert "This change has been undone already." in html
    assert "This change is not in the history any more." in await signed_in.send("/admin/acme/changes/999999999/undo")
    world.account.named_in_file = frozenset({Extension("101")})
    assert "Extension 101 is set in the configuration file" in await signed_in.send(undo)


async def test_changes_of_the_office_stand_among_those_of_the_account(signed_in: Office) -> None:
    """Whoever made them: a command, REST. Newest first, and taken back from here too."""
    world = signed_in.world
    offices = world.storage.offices
    typed = Author(kind=AuthorKind.COMMAND, command="dozvon apply", user="olga")
    document = {
        "id": "acme", "amocrm": {"client_id": "1"}, "asterisk": {"host": "192.0.2.1", "username": "dozvon"},
        "pbx_id": "acme-pbx", "crm": "amocrm", "pbx": "asterisk",
    }  # fmt: skip
    secrets = {"account/acme amocrm.client_secret": "k", "account/acme asterisk.secret": "geheim"}
    await offices.change(ACME, {"account/acme": document}, secrets, who=typed, expected=0)
    world.clock.advance(60)
    await signed_in.send("/admin/acme/people", **{"extension.610077": "105"})
    world.clock.advance(60)
    changed = {**document, "asterisk": {"host": "192.0.2.9 <b>", "username": "dozvon"}}
    await offices.change(ACME, {"account/acme": changed}, {}, who=SOMEBODY, expected=1)
    await offices.change(ACME, {}, {"account/acme asterisk.secret": "new"}, who=SOMEBODY, expected=2)
    for language, words in (
        ("en", ["The command dozvon apply, user: olga", "Account acme — added", "Only secrets were changed"]),
        ("ru", ["Команда dozvon apply, пользователь: olga", "Аккаунт acme — добавлен", "Изменены только секреты"]),
        ("uk", ["Команда dozvon apply, користувач: olga", "Акаунт acme — додано", "Змінено лише секрети"]),
    ):
        page = await signed_in.page(f"/admin/acme/changes?lang={language}")
        assert all(word in page for word in words), language
        assert "geheim" not in page
    page = html.unescape(await signed_in.page("/admin/acme/changes?lang=en"))
    assert 'asterisk.host: "192.0.2.1" → "192.0.2.9 <b>"' in page
    places = [page.index(word) for word in ("Only secrets", "asterisk.host", "extension added", "Account acme — added")]
    assert places == sorted(places), "newest first"
    assert re.findall(r'action="/admin/acme/changes/(office/\d+)/undo"', page) == ["office/2"]

    said = await signed_in.send("/admin/acme/changes/office/3/undo?lang=en")
    assert "only secrets were changed" in said
    said = await signed_in.send("/admin/acme/changes/office/2/undo?lang=en")
    assert (await offices.get(ACME)).parts["account/acme"] == document
    assert "Undone" in said or "undone" in said
    assert "is undone already" in await signed_in.send("/admin/acme/changes/office/2/undo?lang=en")


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_an_empty_history_says_that_nobody_has_changed_anything(signed_in: Office, lang: str) -> None:
    world = signed_in.world
    await world.storage.database.write(lambda c: c.execute(settings_changes.delete()))
    assert texts(lang)["no_changes"] in await signed_in.page(f"/admin/acme/changes?lang={lang}")


async def test_two_browsers_behind_one_address_are_two_administrators(signed_in: Office) -> None:
    await signed_in.send("/admin/acme/enabled?lang=en", enabled="", confirmed="1")
    signed_in.client.session.cookie_jar.clear()
    await signed_in.send("/admin/login", password=PASSWORD)
    html = await signed_in.page("/admin/acme/changes?lang=en")
    assert re.search(r"The configuration file’s password, session [0-9a-f]{6} from 127\.0\.0\.1", html)
    assert "You, from" not in html
