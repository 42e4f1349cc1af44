"""The wizard's screens in Chromium, in each of their states: for everybody (axe), on every width, in three languages.

One start serves all pictures: `dozvon run`, a simulated telephone system, the sandbox CRM. `test_wizard.py` walks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright

from integration.domain.setup import Step
from integration.texts import LANGUAGES
from pbx_adapter.asterisk.simulator import SimulatorSettings, running
from tests.e2e.crm_site import ANNA, CrmSite
from tests.e2e.dozvon_process import DozvonProcess
from tests.e2e.wizard_forms import AMI_USER, WizardForms, signed_in
from tests.lab.fixtures import CHROMIUM_ARGUMENTS
from tests.lab.ports import free_port
from tests.lab.waiting import until_told
from tests.page_checks import sideways, violations

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]

PASSWORD = "a password of the file"
PICTURES = Path("test-results/wizard-screens")
WIDTHS = (375, 768, 1280, 1920)
LONG = "Очень длинное название, которое никто не сократит, потому что оно так записано в договоре"
_CONFIG = """\
[server]
listen = "127.0.0.1:{port}"
data_dir = "{data}"
admin_password = "{password}"
"""


@dataclass(frozen=True, slots=True)
class State:
    """
    A screen as somebody may see it.

    Attributes:
        fields: typed into the form that has them, which is then sent by `button` (name and value; empty: its first).
    """

    name: str
    path: str
    fields: tuple[tuple[str, str], ...] = ()
    button: tuple[str, str] = ("", "")


def _screen(office: str, step: Step) -> str:
    return f"/admin/setup/{office}/{step}"


STATES = (
    State("offices", "/admin/setup"),
    State("new", "/admin/setup/new"),
    State("new-wrong", "/admin/setup/new", (("name", " "), ("time_zone", "Nowhere/None"))),
    *(State(f"{step}-empty", _screen("empty", step)) for step in (Step.OFFICE, Step.ADDRESS, Step.PBX, Step.CRM)),
    State("pbx-kept", _screen("kept", Step.PBX)),
    *(State(f"{step}-done", _screen("acme", step)) for step in Step),
    State("address-wrong", _screen("acme", Step.ADDRESS), (("public_url", "http://["),)),
    State("address-fails", _screen("acme", Step.ADDRESS), (("public_url", "http://127.0.0.1:1"),)),
    State("pbx-checked", _screen("acme", Step.PBX) + "?check=1"),
    State("pbx-wrong", _screen("acme", Step.PBX), (("host", ""), ("port", "99999999"), ("username", ""))),
    State("pbx-conflict", _screen("acme", Step.PBX), (("host", "127.0.0.1"), ("seen", "1"))),
    State("pbx-silent", _screen("silent", Step.PBX) + "?check=1"),
    State("crm-checked", _screen("acme", Step.CRM) + "?check=1"),
    State("crm-wrong", _screen("empty-crm", Step.CRM), (("client_id", " "), ("client_secret", " "))),
    State("crm-no-consent", _screen("silent", Step.CRM)),
    State("crm-application", _screen("empty-crm", Step.CRM) + "?variant=bitrix24"),
    State("crm-webhook", _screen("empty-crm", Step.CRM) + "?variant=bitrix24_webhook"),
    State("crm-webhook-wrong", _screen("empty-crm", Step.CRM) + "?variant=bitrix24_webhook", (("webhook_url", " "),)),
    State("crm-installing", _screen("portal", Step.CRM)),
    State("crm-installing-checked", _screen("portal", Step.CRM) + "?check=1"),
    State("lines-own", _screen("acme", Step.LINES) + "?line=74950000001"),
    State("lines-wrong", _screen("acme", Step.LINES), (("responsible_seconds", "a while"), ("dial.area_code", "x"))),
    State("lines-conflict", _screen("acme", Step.LINES), (("responsible_seconds", "18"), ("seen", "1"))),
    State("routing-would", _screen("acme", Step.ROUTING), button=("do", "look")),
    State("routing-checked", _screen("acme", Step.ROUTING) + "?check=1"),
    State("routing-silent", _screen("silent", Step.ROUTING) + "?check=1"),
    State("rehearsed", _screen("acme", Step.REHEARSAL), (("extension", "999"),), ("do", "rehearse")),
    State("not-found", _screen("nobody", Step.PBX)),
)

_SEND = """([fields, button]) => {
  const names = fields.map(([name]) => name);
  const form = [...document.querySelectorAll("main form[method=post]")].find((each) =>
    names.every((name) => each.elements[name]) &&
    (!button[0] || each.querySelector(`button[name="${button[0]}"][value="${button[1]}"]`)));
  for (const [name, value] of fields) form.elements[name].value = value;
  form.noValidate = true;
  form.requestSubmit(button[0] ? form.querySelector(`button[name="${button[0]}"][value="${button[1]}"]`) : undefined);
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(tmp_path_factory: pytest.TempPathFactory, chromium_path: Path) -> AsyncIterator[Page]:
    """Signed in, with offices in every state."""
    folder = tmp_path_factory.mktemp("wizard")
    port = free_port()
    config = folder / "dozvon.toml"
    config.write_text(_CONFIG.format(port=port, data=folder / "data", password=PASSWORD))
    url = f"http://127.0.0.1:{port}"
    crm = CrmSite(free_port(), f"{url}/oauth/amocrm/acme")
    await crm.start()
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        aiohttp.ClientSession(cookie_jar=jar) as session,
        running(SimulatorSettings(users=(AMI_USER,), spool=folder)) as (pbx, _),
    ):
        process = DozvonProcess(config, url, session)
        try:
            await process.start()
            wizard = await signed_in(session, [url], PASSWORD)
            await _furnish(wizard, crm, pbx.ami.port)
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_ARGUMENTS)
                context = await browser.new_context(base_url=url)
                await context.add_cookies(
                    [{"name": each.key, "value": each.value, "url": url} for each in jar if each.key == "dozvon_admin"]
                )
                opened = await context.new_page()
                problems: list[str] = []
                opened.on("pageerror", lambda error: problems.append(str(error)))
                opened.on(
                    "console", lambda said: problems.append(said.text) if "Content Security" in said.text else None
                )
                yield opened
                await browser.close()
                assert problems == []
        finally:
            process.kill()
            process.print_log()
            await crm.stop()


async def _furnish(wizard: WizardForms, crm: CrmSite, ami: int) -> None:
    """`empty` and `kept` have only a name, `silent` a telephone system that is away, `portal` an application that
    is not installed yet, `acme` everything."""
    pbx = {"host": "127.0.0.1", "username": "dozvon", "secret": "dozvon-secret", "flavour": "asterisk"}
    for name in ("Empty", "Kept", "Empty CRM", "Silent"):
        await wizard.begin(name)
        if name == "Kept":
            await wizard.ask("POST", f"{wizard.at(Step.PBX)}/kept", {"host": "pbx.example.com", "flavour": "freepbx"})
        if name in ("Silent", "Empty CRM"):
            assert (await wizard.sent(wizard.at(Step.PBX), port="1", **pbx)).status == 303
    keys = {"client_id": "6f0d3c1e-0000-4000-8000-000000000001", "client_secret": "s" * 40}
    assert (await wizard.sent(wizard.at(Step.CRM), variant="amocrm", **keys)).status == 303
    await wizard.begin("Portal")
    assert (await wizard.sent(wizard.at(Step.PBX), port="1", **pbx)).status == 303
    keys = {"client_id": "local.6a0c1f4b7d2e95.41870263", "client_secret": "s" * 50}
    assert (await wizard.sent(f"{wizard.at(Step.CRM)}?variant=bitrix24", of=wizard.at(Step.CRM), **keys)).status == 303
    await wizard.begin("Acme")
    await wizard.sent(wizard.at(Step.OFFICE), name=LONG)
    await wizard.sent(wizard.at(Step.ADDRESS), do="skip")
    assert (await wizard.sent(wizard.at(Step.PBX), port=str(ami), **pbx)).status == 303
    await wizard.answers_routes_at(free_port())
    await wizard.sent(f"{wizard.at(Step.PBX)}?check=1", of=f"{wizard.at(Step.PBX)}/trunks")
    keys = {"client_id": crm.client_id, "client_secret": crm.client_secret, "oauth_url": f"{crm.url}/oauth"}
    sent = await wizard.sent(wizard.at(Step.CRM), variant="amocrm", account_hosts=crm.host, **keys)
    assert sent.status == 303, sent
    await wizard.consent(crm)
    await until_told(lambda: _has(wizard, wizard.at(Step.CRM), "Connected"))
    await wizard.sent(wizard.at(Step.CRM), do="done")
    for number, name in (("74950000001", "Реклама"), ("74950000002", LONG)):
        assert (await wizard.sent(wizard.at(Step.LINES), do="add", new_line=number, new_name=name)).status == 303
    await wizard.sent(wizard.at(Step.LINES), do="next", responsible_seconds="17")
    people = f"/admin/{wizard.office}/people"
    await until_told(lambda: _has(wizard, people, 'value="101"'))
    await wizard.sent(people, **{f"extension.{ANNA}": "101"})
    await wizard.sent(wizard.at(Step.PEOPLE), do="next")
    await wizard.ask("POST", wizard.at(Step.ROUTING), {"do": "write"})


async def _has(wizard: WizardForms, path: str, text: str) -> bool:
    return text in await wizard.page(path)


async def _open(page: Page, state: State, lang: str) -> None:
    await page.goto(f"{state.path}{'&' if '?' in state.path else '?'}lang={lang}")
    if state.fields or state.button[0]:
        async with page.expect_navigation():
            await page.evaluate(_SEND, [state.fields, state.button])


async def test_axe_finds_nothing_in_any_state(page: Page) -> None:
    """Light and dark, on a telephone and a desk, in Ukrainian."""
    found: list[str] = []
    for state in STATES:
        await page.set_viewport_size({"width": 1280, "height": 900})
        await _open(page, state, "uk")
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            for width in (375, 1280):
                await page.set_viewport_size({"width": width, "height": 900})
                found += [f"{state.name}, {scheme}, {width}: {each}" for each in await violations(page)]
    await page.emulate_media(color_scheme="light")
    assert found == []


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_no_screen_scrolls_sideways_and_each_has_its_picture(page: Page, lang: str) -> None:
    found: list[str] = []
    for state in STATES:
        await _open(page, state, lang)
        assert await page.locator("html").get_attribute("lang") == lang, state.name
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 900})
            found += [f"{state.name}, {width}: {each}" for each in await sideways(page)]
            await page.screenshot(path=PICTURES / f"{state.name}-{lang}-{width}.png", full_page=True)
    assert found == []


async def test_the_states_are_what_their_names_say(page: Page) -> None:
    """Else the pictures would show something else."""
    for state in STATES:
        await _open(page, state, "en")
        if state.name.endswith(("-wrong", "-conflict", "-fails", "-silent")):
            assert await page.locator("main [role=alert]").count() == 1, state.name
        if state.name.endswith("-wrong"):
            assert await page.locator("main [aria-invalid=true]").count() >= 1, state.name
            assert await page.evaluate("document.activeElement.matches('[aria-invalid=true]')"), state.name
