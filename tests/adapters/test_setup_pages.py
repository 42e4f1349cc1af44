"""The wizard's pages of a process without a telephone system and a CRM: what is saved, kept, refused, and hostile."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from integration.domain.ids import AccountId
from integration.domain.settings_changes import Author, AuthorKind
from integration.domain.setup import Step
from integration.process.config import parse
from integration.process.process import Dozvon
from integration.process.setup_desk import SetupDesk, installed_as
from integration.texts import LANGUAGES
from integration.texts.setup import setup_texts
from integration.web.certificates import ASK_PATH
from integration.web.setup.proxies import InstalledAs
from tests.databases import with_tables
from tests.lab.ports import free_port

PASSWORD = "a password of the file"
OFFICE = AccountId("acme")
SOMEBODY = Author(kind=AuthorKind.ADMINISTRATOR, session="3fa2c1", address="10.0.0.5")
NEW = {"name": "Acme", "country": "UA", "language": "uk", "time_zone": "Europe/Kyiv"}
PBX = {"flavour": "asterisk", "host": "127.0.0.1", "port": "1", "username": "dozvon", "secret": "a secret of ours"}


class Browser:
    """Signed in with the configuration's password."""

    def __init__(self, dozvon: Dozvon, session: aiohttp.ClientSession) -> None:
        self.dozvon, self._session = dozvon, session

    async def get(self, path: str) -> tuple[int, str]:
        async with self._session.get(self.dozvon.url + path) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, form: dict[str, str]) -> tuple[int, str, str]:
        """Status, page, and the place of a redirect."""
        headers = {"Origin": self.dozvon.url, "Content-Type": "application/x-www-form-urlencoded"}
        body = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in form.items())
        sent = self._session.post(self.dozvon.url + path, data=body, headers=headers, allow_redirects=False)
        async with sent as answer:
            return answer.status, await answer.text(), answer.headers.get("Location", "")


@asynccontextmanager
async def signed_in(dozvon: Dozvon) -> AsyncIterator[Browser]:
    await dozvon.start()
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept-Language": "en"}) as session:
        person = Browser(dozvon, session)
        await person.post("/admin/login", {"password": PASSWORD})
        try:
            yield person
        finally:
            await dozvon.stop()


@pytest_asyncio.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    server = {
        "listen": f"127.0.0.1:{free_port()}",
        "data_dir": str(with_tables(tmp_path / "data")),
        "admin_password": PASSWORD,
    }
    async with signed_in(Dozvon(parse({"server": server}))) as person:
        yield person


async def begun(browser: Browser) -> None:
    status, _, place = await browser.post("/admin/setup/new", NEW)
    assert (status, place) == (303, f"/admin/setup/{OFFICE}/address")


async def test_the_first_page_of_an_empty_installation_is_the_welcome(browser: Browser) -> None:
    status, page = await browser.get("/admin")
    assert status == 200
    assert setup_texts("en")["new_title"] in page


async def test_an_office_of_the_configuration_file_is_told_and_not_changed_here(tmp_path: Path) -> None:
    server = {
        "listen": f"127.0.0.1:{free_port()}",
        "data_dir": str(with_tables(tmp_path / "data")),
        "admin_password": PASSWORD,
    }
    asterisk: dict[str, object] = {"host": "127.0.0.1", "port": free_port(), "username": "dozvon", "secret": "s"}
    asterisk["fastagi"] = {"port": free_port()}
    account = {"id": "filed", "amocrm": {"client_id": "x", "client_secret": "y"}, "asterisk": asterisk}
    async with signed_in(Dozvon(parse({"server": server, "account": [account]}))) as browser:
        for path in ("/admin/setup", "/admin/setup/filed", "/admin/setup/filed/pbx"):
            status, page = await browser.get(path)
            assert (status, setup_texts("en")["in_file"] in page) == (200, True), path
        assert (await browser.get("/admin/setup/nobody"))[0] == 404


async def test_a_new_office_is_checked_before_it_is_begun(browser: Browser) -> None:
    status, page, _ = await browser.post("/admin/setup/new", {**NEW, "name": " ", "country": "UK"})
    assert status == 200
    assert page.count('class="error"') == 2
    assert await browser.dozvon.core.storage.setups.all() == []


async def test_a_name_that_is_taken_or_ours_gets_another_id(browser: Browser) -> None:
    await begun(browser)
    places = [(await browser.post("/admin/setup/new", {**NEW, "name": name}))[2] for name in ("Acme", "Setup")]
    assert places == ["/admin/setup/acme-2/address", "/admin/setup/setup-2/address"]


async def test_a_form_that_is_sent_twice_begins_one_office(browser: Browser) -> None:
    """The button was pressed twice, or the answer was lost and the page reloaded."""
    _, page = await browser.get("/admin/setup/new")
    form = {**NEW, "form": re.findall(r'name="form" value="([0-9a-f]{32})"', page)[0]}
    first, second = await asyncio.gather(*(browser.post("/admin/setup/new", form) for _ in range(2)))
    assert first[2] == second[2] == f"/admin/setup/{OFFICE}/address"
    assert len(await browser.dozvon.core.storage.setups.all()) == 1
    _, page = await browser.get("/admin/setup/new")
    form["form"] = re.findall(r'name="form" value="([0-9a-f]{32})"', page)[0]
    assert (await browser.post("/admin/setup/new", form))[2] == f"/admin/setup/{OFFICE}-2/address"


async def test_what_was_chosen_on_a_half_filled_form_is_chosen_again(browser: Browser) -> None:
    await begun(browser)
    for step, field, choice in ((Step.PBX, "flavour", "mikopbx"), (Step.CRM, "variant", "kommo")):
        await browser.post(f"/admin/setup/{OFFICE}/{step}/kept", {field: choice})
        _, page = await browser.get(f"/admin/setup/{OFFICE}/{step}?lang=en")
        assert re.findall(rf'name="{field}" value="([^"]*)" checked', page) == [choice]


async def test_a_saved_form_is_not_shown_as_half_filled(browser: Browser) -> None:
    """Also if it was kept once more while it was saved."""
    await begun(browser)
    await browser.post(f"/admin/setup/{OFFICE}/pbx", PBX)
    await browser.post(f"/admin/setup/{OFFICE}/pbx/kept", {k: v for k, v in PBX.items() if k != "secret"})
    _, page = await browser.get(f"/admin/setup/{OFFICE}/pbx")
    assert setup_texts("en")["kept"] not in page


async def test_the_product_of_a_telephone_system_is_the_stored_one(browser: Browser) -> None:
    """REST and `dozvon apply` change it, too."""
    await begun(browser)
    await browser.post(f"/admin/setup/{OFFICE}/pbx", PBX)
    offices = browser.dozvon.core.storage.offices
    stored = await offices.get(OFFICE)
    part = f"pbx/{OFFICE}-pbx"
    changed = {**stored.parts[part], "asterisk": {**stored.parts[part]["asterisk"], "flavour": "freepbx"}}
    await offices.change(OFFICE, {part: changed}, {}, who=SOMEBODY, expected=stored.revision)
    _, page = await browser.get(f"/admin/setup/{OFFICE}/pbx")
    assert re.findall(r'name="flavour" value="([^"]*)" checked', page) == ["freepbx"]


async def test_an_answer_stays_at_its_place_on_the_page_in_every_language(browser: Browser) -> None:
    await begun(browser)
    _, _, place = await browser.post(f"/admin/setup/{OFFICE}/pbx?lang=uk", PBX)
    assert place == f"/admin/setup/{OFFICE}/pbx?lang=uk#todo"


async def test_a_half_filled_form_is_shown_to_whoever_comes_next_and_its_secret_is_not_kept(browser: Browser) -> None:
    await begun(browser)
    typed = {"host": "pbx.example.com", "secret": "do not keep me"}
    assert (await browser.post(f"/admin/setup/{OFFICE}/pbx/kept", typed))[0] == 204
    _, page = await browser.get(f"/admin/setup/{OFFICE}/pbx")
    assert 'value="pbx.example.com"' in page
    assert setup_texts("en")["kept"] in page
    assert "do not keep me" not in page
    state = await browser.dozvon.core.storage.setups.get(OFFICE)
    assert state is not None
    assert state.answers == {Step.PBX: {"host": "pbx.example.com"}}
    await browser.post(f"/admin/setup/{OFFICE}/pbx/kept", {"do": "drop"})
    assert "pbx.example.com" not in (await browser.get(f"/admin/setup/{OFFICE}/pbx"))[1]


async def test_a_telephone_system_is_saved_with_its_secret_sealed_and_the_block_shows_it(browser: Browser) -> None:
    await begun(browser)
    status, _, place = await browser.post(f"/admin/setup/{OFFICE}/pbx", PBX)
    assert (status, place) == (303, f"/admin/setup/{OFFICE}/pbx#todo")
    stored = await browser.dozvon.core.storage.offices.get(OFFICE)
    assert "a secret of ours" not in str(stored.parts)
    _, page = await browser.get(f"/admin/setup/{OFFICE}/pbx")
    assert "secret = a secret of ours" in page
    assert "permit = 127.0.0.1" in page


async def test_a_taken_port_of_a_stored_office_does_not_end_the_process(tmp_path: Path) -> None:
    """The pages on which it is changed are in this process, and other offices, too."""
    server = {
        "listen": f"127.0.0.1:{free_port()}",
        "data_dir": str(with_tables(tmp_path / "data")),
        "admin_password": PASSWORD,
    }
    port = free_port()
    async with signed_in(Dozvon(parse({"server": server}))) as browser:
        await begun(browser)
        await browser.post(f"/admin/setup/{OFFICE}/pbx", PBX)
        crm = {"client_id": "6f0d3c1e-0000-4000-8000-000000000001", "client_secret": "s" * 40}
        await browser.post(f"/admin/setup/{OFFICE}/crm", {"variant": "amocrm", **crm})
        offices, part = browser.dozvon.core.storage.offices, f"pbx/{OFFICE}-pbx"
        stored = await offices.get(OFFICE)
        table = {**stored.parts[part]["asterisk"], "fastagi": {"host": "127.0.0.1", "port": port}}
        changed = {part: {**stored.parts[part], "asterisk": table}}
        await offices.change(OFFICE, changed, {}, who=SOMEBODY, expected=stored.revision)
    squatter = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
    async with squatter, signed_in(Dozvon(parse({"server": server}))) as browser:
        assert (await browser.get(f"/admin/setup/{OFFICE}/pbx"))[0] == 200
        assert OFFICE in browser.dozvon.members


async def test_a_telephone_system_that_cannot_be_reached_is_said_in_a_sentence(browser: Browser) -> None:
    await begun(browser)
    await browser.post(f"/admin/setup/{OFFICE}/pbx", PBX)
    status, page = await browser.get(f"/admin/setup/{OFFICE}/pbx?check=1")
    assert status == 200
    assert "127.0.0.1:1" in page
    assert "Traceback" not in page


async def test_who_saves_second_is_told_and_nothing_is_overwritten(browser: Browser) -> None:
    await begun(browser)
    await browser.post(f"/admin/setup/{OFFICE}/pbx", PBX)
    _, page = await browser.get(f"/admin/setup/{OFFICE}/pbx")
    seen = re.findall(r'name="seen" value="([^"]*)"', page)[0]
    assert (await browser.post(f"/admin/setup/{OFFICE}/pbx", {**PBX, "host": "first", "seen": seen}))[0] == 303
    status, page, _ = await browser.post(f"/admin/setup/{OFFICE}/pbx", {**PBX, "host": "second", "seen": seen})
    assert status == 200
    assert setup_texts("en")["changed_meanwhile"].partition("{")[0] in page
    parts = (await browser.dozvon.core.storage.offices.get(OFFICE)).parts
    assert parts[f"pbx/{OFFICE}-pbx"]["asterisk"]["host"] == "first"


async def test_lines_and_people_wait_for_a_crm(browser: Browser) -> None:
    await begun(browser)
    for step in (Step.LINES, Step.PEOPLE):
        status, page = await browser.get(f"/admin/setup/{OFFICE}/{step}")
        assert (status, setup_texts("en")["crm_title"] in page) == (200, True)


async def test_the_address_is_tried_before_it_is_stored(browser: Browser) -> None:
    await begun(browser)
    status, page, _ = await browser.post(f"/admin/setup/{OFFICE}/address", {"public_url": "http://127.0.0.1:1"})
    assert status == 200
    assert setup_texts("en")["url_fails"] in page
    assert await browser.dozvon.core.storage.installation.public_url() == ""
    status, _, place = await browser.post(f"/admin/setup/{OFFICE}/address", {"public_url": browser.dozvon.url})
    assert (status, place) == (303, f"/admin/setup/{OFFICE}/address")
    assert await browser.dozvon.core.storage.installation.public_url() == browser.dozvon.url


async def test_another_name_is_a_link_because_a_form_may_not_lead_there(browser: Browser) -> None:
    await begun(browser)
    other = browser.dozvon.url.replace("127.0.0.1", "localhost")
    status, page, _ = await browser.post(f"/admin/setup/{OFFICE}/address", {"public_url": other})
    assert status == 200
    assert f'href="{other}/admin/setup/{OFFICE}/address"' in page
    assert await browser.dozvon.core.storage.installation.public_url() == other


async def test_an_address_answers_a_ticket_of_ours_once_and_no_other(browser: Browser) -> None:
    ticket = await browser.dozvon.core.storage.installation.issue_ticket()
    assert await browser.get(f"/reach/{ticket}") == (200, ticket)
    for asked in (ticket, "x" * 32, "public_url"):
        assert (await browser.get(f"/reach/{asked}"))[0] == 404


async def test_only_our_own_name_and_the_one_that_is_tried_may_get_a_certificate(browser: Browser) -> None:
    installation = browser.dozvon.core.storage.installation
    await installation.try_name("calls.example.com")
    asked = {}
    for name in ("calls.example.com", "CALLS.example.com.", "example.com", "127.0.0.1", "", "x" * 300):
        asked[name] = (await browser.get(f"{ASK_PATH}?domain={name}"))[0]
    assert [name for name, status in asked.items() if status == 200] == ["calls.example.com", "CALLS.example.com."]
    assert set(asked.values()) == {200, 404}


@pytest.mark.parametrize(
    ("installed_as", "said"),
    [
        (InstalledAs.PACKAGE, "sudo dozvon-https calls.example.com"),
        (InstalledAs.COMPOSE, "DOZVON_HTTPS_NAME=calls.example.com"),
        (InstalledAs.OTHER, "calls.example.com {"),
    ],
)
async def test_the_address_screen_offers_what_this_installation_has(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, installed_as: InstalledAs, said: str
) -> None:
    monkeypatch.setattr(SetupDesk, "installed_as", installed_as)
    await begun(browser)
    _, page = await browser.get(f"/admin/setup/{OFFICE}/address")
    assert said in page
    assert (setup_texts("en")["https_title"] in page) == (installed_as is not InstalledAs.OTHER)


def test_how_it_was_installed_is_seen_by_its_place_and_by_what_compose_says() -> None:
    package = Path("/usr/lib/dozvon")
    assert installed_as(package, {}) is InstalledAs.PACKAGE
    assert installed_as(Path("/opt/dozvon"), {}) is InstalledAs.OTHER
    assert installed_as(Path("/usr/local"), {"DOZVON_INSTALLED_AS": "compose"}) is InstalledAs.COMPOSE


async def test_the_office_screen_shows_what_rest_has_changed(browser: Browser) -> None:
    """Else the next save there would put the old time zone back."""
    await begun(browser)
    await browser.post(f"/admin/setup/{OFFICE}/pbx", PBX)
    crm = {"client_id": "6f0d3c1e-0000-4000-8000-000000000001", "client_secret": "s" * 40}
    await browser.post(f"/admin/setup/{OFFICE}/crm", {"variant": "amocrm", **crm})
    offices = browser.dozvon.core.storage.offices
    stored = await offices.get(OFFICE)
    [part] = [each for each in stored.parts if each.startswith("account/")]
    changed = {**stored.parts[part], "time_zone": "Asia/Almaty"}
    await offices.change(OFFICE, {part: changed}, {}, who=SOMEBODY, expected=stored.revision)
    _, page = await browser.get(f"/admin/setup/{OFFICE}/office")
    assert re.findall(r'name="time_zone"[^>]* value="([^"]*)"', page) == ["Asia/Almaty"]


async def test_a_number_without_an_end_stands_beside_its_field(browser: Browser) -> None:
    await begun(browser)
    await browser.post(f"/admin/setup/{OFFICE}/pbx", PBX)
    crm = {"client_id": "6f0d3c1e-0000-4000-8000-000000000001", "client_secret": "s" * 40}
    await browser.post(f"/admin/setup/{OFFICE}/crm", {"variant": "amocrm", **crm})
    for name, number in itertools.product(("task_deadline_seconds", "responsible_seconds"), ("1e308", "1e400", "nan")):
        status, page, _ = await browser.post(f"/admin/setup/{OFFICE}/lines", {name: number})
        assert (status, f'id="{name}-error"' in page) == (200, True), (name, number)


@pytest.mark.parametrize("typed", ["http://[", "https://[::1", "http://a:99999", "//", "https://ex ample", "x" * 300])
async def test_what_is_no_address_stands_beside_its_field(browser: Browser, typed: str) -> None:
    await begun(browser)
    status, page, _ = await browser.post(f"/admin/setup/{OFFICE}/address", {"public_url": typed})
    assert (status, setup_texts("en")["wrong_url"] in page) == (200, True)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_screen_opens_in_every_language(browser: Browser, language: str) -> None:
    await begun(browser)
    await browser.post(f"/admin/setup/{OFFICE}/pbx", PBX)
    crm = {"client_id": "6f0d3c1e-0000-4000-8000-000000000001", "client_secret": "s" * 40}
    status, page, _ = await browser.post(f"/admin/setup/{OFFICE}/crm", {"variant": "amocrm", **crm})
    assert status == 303, page
    for step in Step:
        status, page = await browser.get(f"/admin/setup/{OFFICE}/{step}?lang={language}")
        assert status == 200, (step, page)
        assert "built-in method" not in page


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass"))
