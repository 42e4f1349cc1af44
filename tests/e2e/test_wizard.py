"""From nothing to a ringing phone: an administrator sets an office up in the browser, and a client calls.

A real Asterisk without Dozvon's dialplan, the sandbox CRM with keys that nobody has entered, `dozvon run` without an
account. Only the browser is used.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, FilePayload, expect
from yarl import URL

from integration.domain.rehearsal import RehearsalPart
from integration.domain.setup import Step
from integration.texts.rehearsal import CONTACT_NAME, CONTACT_STAYS
from tests.e2e.crm_page import PATIENCE_MS, chromium
from tests.e2e.crm_site import ANNA, DMITRY, IVAN, CrmSite
from tests.e2e.first_start import begin, printed_address
from tests.e2e.wizard_person import OFFICE, Keyboard, Mouse, Wizard
from tests.lab.asterisk import RECORDER_USER
from tests.lab.fixtures import OpenOffice
from tests.lab.office import Office, did
from tests.lab.ports import free_port

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("wizard")]

PASSWORD = "кофе трамвай окно"
MOST_PRESSES = 20  # besides typing


@contextlib.asynccontextmanager
async def started(folder: Path) -> AsyncIterator[str]:
    """`dozvon run` that knows nothing but where to listen: the address that it prints."""
    process = begin(folder / "data")
    try:
        yield await asyncio.wait_for(asyncio.to_thread(printed_address, process), 60)
    finally:
        process.terminate()
        await asyncio.to_thread(process.communicate)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("hand", "language"), [(Mouse, "ru"), (Mouse, "en"), (Keyboard, "uk")])
async def test_an_office_is_set_up_in_the_browser_and_a_client_calls(
    open_office: OpenOffice, chromium_path: Path, tmp_path: Path, hand: type[Wizard], language: str
) -> None:
    office = await open_office(22, fastagi_port=None)
    async with started(tmp_path) as address, chromium(chromium_path, locale=language) as browser:
        url = str(URL(address).origin())
        crm = CrmSite(free_port(), f"{url}/oauth/amocrm/{OFFICE}")
        await crm.start()
        try:
            wizard = hand(await browser.new_page(), url, language)
            await become_the_owner(wizard, address)
            await set_up(wizard, browser, crm, office)
            print(f"{len(wizard.presses)} presses: {', '.join(wizard.presses)}")
            assert len(wizard.presses) <= MOST_PRESSES, wizard.presses
            assert wizard.problems == []
            await a_client_calls(office, crm)
            await rehearse_with_six_lights(wizard, browser, crm, office)
            await find_a_line(wizard, office)
            await switch_on_for_one(wizard)
        finally:
            await crm.stop()


async def become_the_owner(wizard: Wizard, address: str) -> None:
    await wizard.open(address)
    await wizard.type(wizard.t["your_name"], "Ольга")
    await wizard.type(wizard.t["login"], "olga")
    await wizard.type(wizard.t["new_password"], PASSWORD)
    await wizard.press(wizard.t["go_on"])


async def set_up(wizard: Wizard, browser: BrowserContext, crm: CrmSite, office: Office) -> None:
    s, t = wizard.s, wizard.t
    await wizard.opened(re.compile(rf"{re.escape(wizard.url)}/admin/setup/new"))
    await wizard.type(s["name"], "Окна Плюс")
    await wizard.first_of(s["country"])  # whose numbers the clients of this test have
    await wizard.picture("1-welcome")
    await wizard.press(s["next"])

    await wizard.at(Step.ADDRESS)
    await wizard.picture("2-address")
    await wizard.press(s["later"])

    await wizard.at(Step.PBX)
    await wizard.choose("Asterisk")
    await wizard.type(s["pbx_host"], "127.0.0.1")
    await wizard.type(s["pbx_port"], str(office.asterisk.ports.ami))
    await wizard.type(s["pbx_user"], RECORDER_USER.name)
    await wizard.type(s["pbx_secret"], RECORDER_USER.secret)
    await wizard.press(s["next"])
    await wizard.shows(s["on_the_pbx"])
    await wizard.press(s["check"])
    await expect(wizard.page.get_by_label("trunk", exact=False).first).to_be_checked(timeout=PATIENCE_MS)
    await wizard.picture("3-pbx")
    await wizard.press(s["next"])

    await wizard.at(Step.CRM)
    await answer_routes_at(free_port(), wizard)
    await wizard.fill("#client_id", crm.client_id)
    await wizard.fill("#client_secret", crm.client_secret)
    await wizard.unfold(s["advanced"])  # not counted: a real CRM's address needs not be said
    await wizard.fill("#oauth_url", f"{crm.url}/oauth")
    await wizard.fill("#account_hosts", crm.host)
    await wizard.press(s["next"])
    await wizard.shows(s["consent_lead"])
    await browser.add_cookies([{"name": "crm_user", "value": f"{crm.account.id}:{DMITRY}", "url": crm.url}])
    await wizard.press(s["give_consent"])
    await wizard.page.locator("button[name=decision][value=allow]").click()  # the CRM's page, not ours
    wizard.presses.append("allow")
    await wizard.shows(s["connected"])
    await wizard.picture("4-crm")
    await wizard.press(s["next"])

    await wizard.at(Step.LINES)
    await wizard.picture("5-lines")
    await wizard.press(s["next"])

    await wizard.at(Step.PEOPLE)
    await wizard.picture("6-people")
    await wizard.press(t["take_all"].partition("{")[0], exact=False)
    await wizard.shows(t["people_mapped_of"].partition("{")[0])
    await wizard.press(s["next"])

    await wizard.at(Step.ROUTING)
    await wizard.press(s["write_it"])
    await wizard.press(s["write_now"])
    await wizard.shows(s["written"])
    await add_the_line(office)
    await wizard.press(s["check_again"])
    await wizard.shows(s["way_back"])
    await expect(wizard.page.locator("#checked ul.lights").first.locator(".dot.bad")).to_have_count(0)
    await wizard.picture("7-routing")
    await wizard.press(s["next"])

    await wizard.at(Step.REHEARSAL)
    office.phone("101").answers(after_seconds=0.3)
    await wizard.type(s["rehearsal_extension"], "101")
    await wizard.press(s["rehearse"])
    await wizard.shows(CONTACT_STAYS.text(wizard.language))  # without a reload
    lights = wizard.page.locator("#lights ul.lights > li")
    await expect(lights).to_have_count(len(RehearsalPart))
    await expect(lights.locator(".dot.good")).to_have_count(4)  # nobody has the CRM open; recordings are elsewhere
    await expect(lights.locator(".dot.bad")).to_have_count(0)
    await wizard.picture("8-rehearsal")
    note = await crm.logged()
    assert note["entity_id"] == crm.contact(CONTACT_NAME.text(wizard.language))["id"]
    await wizard.press(s["finish"])
    await expect(wizard.page).to_have_url(re.compile(rf".*/admin/{OFFICE}(?:#\w*)?"), timeout=PATIENCE_MS)


async def answer_routes_at(port: int, wizard: Wizard) -> None:
    """By REST, because no screen has this setting: another Dozvon on this machine may have the usual port."""
    path = f"{wizard.url}/api/offices/{OFFICE}/pbx/{OFFICE}-pbx"
    part = await (await wizard.page.request.get(path)).json()
    document = part["document"]
    document["asterisk"]["fastagi"] = {"host": "127.0.0.1", "port": port}
    headers = {"Origin": wizard.url, "If-Match": part["revision"]}
    written = await wizard.page.request.put(path, data=document, headers=headers)
    assert written.ok, await written.text()
    await wizard.page.reload()  # its forms say what they have seen


async def find_a_line(wizard: Wizard, office: Office) -> None:
    """The administrator calls a number that Dozvon does not know yet; the page shows it, and names it."""
    s, page = wizard.s, wizard.page
    await page.goto(f"{wizard.url}/admin/setup/{OFFICE}/lines")
    await wizard.press(s["watch_start"])
    await wizard.shows(s["watch_waits"])
    office.phone("101").rings()
    client = await office.inbound(IVAN, did(1))
    await wizard.shows(s["seen_new"])  # without a reload
    await client.hang_up()
    await expect(page.locator("#watch")).to_contain_text("trunk")
    await page.locator("#watch").get_by_label(s["f_source"]).fill("Реклама")
    await wizard.picture("9-line")
    await page.locator("#watch").get_by_role("button", name=s["line_new"], exact=False).click()
    await wizard.shows(s["seen_known"].format(name="Реклама"))
    await wizard.press(s["watch_stop"])
    await wizard.shows(s["watch_stopped"])
    await expect(page.get_by_role("link", name="✓ Реклама")).to_be_visible()


async def rehearse_with_six_lights(wizard: Wizard, browser: BrowserContext, crm: CrmSite, office: Office) -> None:
    """The widget of the wizard's page is open at Anna's, and Dozvon knows where recordings are: nothing is missing."""
    s, page = wizard.s, wizard.page
    downloaded = await page.request.get(f"{wizard.url}/admin/setup/{OFFICE}/crm/widget")
    assert downloaded.ok, await downloaded.text()
    archive = FilePayload(name="widget.zip", mimeType="application/zip", buffer=await downloaded.body())
    uploaded = await page.request.post(f"{crm.url}/page/integrations/upload", multipart={"archive": archive})
    assert uploaded.ok, await uploaded.text()
    await browser.add_cookies([{"name": "crm_user", "value": f"{crm.account.id}:{ANNA}", "url": crm.url}])
    card = await browser.new_page()
    await card.goto(f"{crm.url}/contacts/detail/{crm.contact('Иван Петров')['id']}")
    await expect(card.locator(".dozvon-widget")).to_be_attached(timeout=PATIENCE_MS)

    await page.goto(f"{wizard.url}/admin/setup/{OFFICE}/routing?check=1")
    await page.locator("details.typed-place summary").click()
    await page.get_by_label(s["place"], exact=True).fill(str(office.asterisk.monitor))
    await page.get_by_label(s["place_on_pbx"], exact=True).fill(f"{office.asterisk.base}/spool/monitor")
    await page.locator("details.typed-place button").click()
    await expect(page.locator("details.typed-place input[name=place]")).to_have_value(
        str(office.asterisk.monitor), timeout=PATIENCE_MS
    )

    await page.goto(f"{wizard.url}/admin/setup/{OFFICE}/rehearsal")
    office.phone("101").answers(after_seconds=0.3)
    await page.get_by_label(s["rehearsal_extension"], exact=True).fill("101")
    await page.locator("main").get_by_role("button", name=s["rehearse_again"], exact=True).click()
    lights = page.locator("#lights ul.lights > li")
    try:
        await expect(lights.locator(".dot.good")).to_have_count(len(RehearsalPart), timeout=PATIENCE_MS)
    except AssertionError:
        raise AssertionError(await page.locator("#lights").inner_text()) from None
    await wizard.picture("10-six-lights")
    assert list(office.asterisk.monitor.glob("dozvon-rehearsal-*")) == []  # what it made is gone
    await card.close()


async def switch_on_for_one(wizard: Wizard) -> None:
    """For the manager of the rehearsal alone, then for everybody from the overview."""
    s, page = wizard.s, wizard.page
    await page.goto(f"{wizard.url}/admin/setup/{OFFICE}/rehearsal")
    await page.locator("#whom button[value=for_me]").click()
    await expect(page.locator("#whom")).to_contain_text(s["on_for_some"].partition("{")[0].strip())
    await page.goto(f"{wizard.url}/admin/{OFFICE}")
    await wizard.shows(wizard.t["only_for_banner"])
    await wizard.press(wizard.t["switch_on_for_all"])
    await expect(page.get_by_text(wizard.t["only_for_banner"])).to_have_count(0)


async def add_the_line(office: Office) -> None:
    """What the page leaves to a person on the PBX; its route for this line asks Dozvon's contexts already."""
    extensions = office.asterisk.configuration / "extensions.conf"
    with extensions.open("a") as file:
        file.write("\n#include extensions_dozvon.conf\n")
    await office.asterisk.cli("dialplan reload")


async def a_client_calls(office: Office, crm: CrmSite) -> None:
    """Anna is Ivan's responsible manager: only her phone rings, and the call is in his feed."""
    for extension in ("101", "102", "103", "104"):
        office.phone(extension).answers(after_seconds=0.5)
    client = await office.inbound(IVAN, did(21))
    await client.answered()
    assert not any(office.phone(extension).was_called for extension in ("102", "103", "104"))
    await client.hang_up()
    note = await crm.logged(2)  # the first one is the rehearsal's
    assert note["entity_id"] == crm.contact("Иван Петров")["id"]
    assert note["created_by"] == ANNA
