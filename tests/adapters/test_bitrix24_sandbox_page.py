"""The sandbox portal's pages in a real browser: people work, applications live in their frames, cards come and go."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Frame, Page, async_playwright, expect

from tests.adapters.bitrix24_sandbox_kit import (
    ADMIN,
    ANNA,
    BORIS,
    IVAN,
    Bitrix,
    Receiver,
    free_socket,
    receiving,
    running_sandbox,
    serving,
)
from tests.lab.fixtures import CHROMIUM_ARGUMENTS
from tests.page_checks import sideways, violations

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
SDK = ROOT / "widgets/node_modules/@bitrix24/b24jssdk/dist/umd/index.min.js"

# A page as an application's developer writes it, with the vendor's script.
_OWN = """<!doctype html><title>app</title><script src="{api}"></script><body><script>
window.seen = {{}};
BX24.init(() => {{
  window.seen.info = BX24.placement.info();
  window.seen.auth = BX24.getAuth();
  BX24.callMethod("user.current", {{}}, (result) => {{ window.seen.user = result.data(); }});
  BX24.placement.call("getStatus", {{}}, (status) => {{ window.seen.status = status; }});
  BX24.placement.bindEvent("CallCard::EntityChanged", (data) => {{ window.seen.changed = data; }});
}});
</script></body>"""
# The same with the official SDK of today, which speaks to the portal's page by itself.
_SDK = """<!doctype html><title>sdk</title><script src="/sdk.js"></script><body><script>
window.seen = {};
B24Js.initializeB24Frame().then(async (client) => {
  window.seen.placement = client.placement.placement;
  window.seen.options = client.placement.options;
  const answer = await client.actions.v2.call.make({ method: "user.current", params: {}, requestId: "u" });
  window.seen.user = answer.getData().result;
  const renewed = await client.auth.refreshAuth();
  window.seen.renewed = Boolean(renewed.access_token);
  if (client.isInstallMode) await client.installFinish();
}).catch((error) => { window.seen.problem = String(error); });
</script></body>"""


@dataclass
class AppServer:
    """The application's server: its two pages, and what the portal posted to them."""

    url: str = ""
    api: str = ""
    posts: list[tuple[dict[str, str], dict[str, str]]] = field(default_factory=list)

    async def own(self, request: web.Request) -> web.Response:
        self.posts.append((dict(request.query), {name: str(value) for name, value in (await request.post()).items()}))
        return web.Response(text=_OWN.format(api=self.api), content_type="text/html")

    async def sdk(self, request: web.Request) -> web.Response:
        self.posts.append((dict(request.query), {name: str(value) for name, value in (await request.post()).items()}))
        return web.Response(text=_SDK, content_type="text/html")

    async def script(self, request: web.Request) -> web.Response:
        return web.Response(text=SDK.read_text("utf-8"), content_type="application/javascript")


@dataclass
class Desk:
    bitrix: Bitrix
    page: Page
    app: AppServer
    problems: list[str]

    async def open(self, path: str, user: int = ADMIN) -> None:
        cookie = {"name": "b24_user", "value": f"{self.bitrix.portal.member_id}:{user}", "url": self.bitrix.base}
        await self.page.context.add_cookies([cookie])  # type: ignore[list-item]
        async with self.page.expect_response("**/page/stream"):  # a card that is shown before it is not seen
            await self.page.goto(self.bitrix.base + path)

    async def frame(self, url: str) -> Frame:
        """The frame with the application's page."""
        async with asyncio.timeout(30):
            while True:
                found = next((each for each in self.page.frames if each.url.startswith(url)), None)
                if found is not None:
                    return found
                await asyncio.sleep(0.05)

    async def seen(self, url: str) -> dict[str, Any]:
        """What the application's page inside a frame has noted."""
        frame = await self.frame(url)
        await frame.wait_for_function("window.seen && (window.seen.user || window.seen.problem)")
        return dict(await frame.evaluate("window.seen"))


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    app = AppServer()
    server = web.Application()
    server.router.add_route("*", "/own", app.own)
    server.router.add_route("*", "/sdk", app.sdk)
    server.router.add_get("/sdk.js", app.script)
    found = free_socket()
    app.url = f"http://127.0.0.1:{found.getsockname()[1]}"
    async with serving(server, [found]), running_sandbox() as bitrix, async_playwright() as driver:
        bitrix.clock.time += 1000
        app.api = f"{bitrix.base}/api/v1/"
        browser = await driver.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGUMENTS)
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(20_000)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        yield Desk(bitrix, page, app, problems)
        assert problems == []
        await browser.close()


@pytest.fixture
async def server() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running


async def test_the_pages_hold_on_every_width_and_to_axe(desk: Desk) -> None:
    await desk.bitrix.finish((await desk.bitrix.register())["CALL_ID"])
    contact = await desk.bitrix.ok("crm.duplicate.findbycomm", {"type": "PHONE", "values": [IVAN]})
    paths = ["/crm/contact/list/", f"/crm/contact/details/{contact['CONTACT'][0]}/", "/crm/deal/list/", "/telephony/",
             "/apps/"]  # fmt: skip
    for scheme in ("light", "dark"):
        await desk.page.emulate_media(color_scheme=scheme)
        for width in (1280, 375):
            await desk.page.set_viewport_size({"width": width, "height": 800})
            for path in paths:
                await desk.open(path)
                assert await sideways(desk.page) == [], (path, width)
                assert await violations(desk.page) == [], (path, scheme)


async def test_the_first_page_opens_in_the_language_of_its_address() -> None:
    async with running_sandbox() as bitrix:
        moved = await bitrix.send("GET", f"{bitrix.base}/?lang=en")
        assert (moved.status, moved.headers["Location"]) == (302, "/crm/contact/list/?lang=en")


async def test_the_working_day_button_is_what_programs_read(desk: Desk) -> None:
    await desk.open("/crm/contact/list/", BORIS)
    await expect(desk.page.locator("[data-day]")).to_have_attribute("data-day", "PAUSED")
    for action, state in (("open", "OPENED"), ("pause", "PAUSED")):
        await desk.page.click(f"[data-day-action={action}]")
        await expect(desk.page.locator("[data-day]")).to_have_attribute("data-day", state)
        assert (await desk.bitrix.ok("timeman.status", {"USER_ID": BORIS}))["STATUS"] == state


async def test_a_finished_call_appears_in_the_open_timeline_with_its_player(desk: Desk) -> None:
    call = await desk.bitrix.register()
    await desk.open(f"/crm/contact/details/{call['CRM_ENTITY_ID']}/", ANNA)
    await desk.bitrix.finish(call["CALL_ID"])
    await expect(desk.page.locator(".event--call")).to_have_count(1)
    body = {"CALL_ID": call["CALL_ID"], "FILENAME": "a.wav", "FILE_CONTENT": "UklGRg=="}
    await desk.bitrix.ok("telephony.externalCall.attachRecord", body)
    await expect(desk.page.locator(".event--call audio")).to_have_count(1)


async def test_a_call_card_opens_at_whom_it_is_shown_with_the_applications_tab(desk: Desk) -> None:
    await desk.bitrix.ok(
        "placement.bind", {"PLACEMENT": "CALL_CARD", "HANDLER": f"{desk.app.url}/own", "TITLE": "Тест"}
    )
    await desk.open("/crm/contact/list/", ANNA)
    call = await desk.bitrix.register(SHOW=1)
    card = desk.page.locator("[data-card]")
    await expect(card).to_contain_text("Иван Петров")
    seen = await desk.seen(f"{desk.app.url}/own")
    assert seen["user"]["ID"] == str(ANNA), "the frame's token is of who opened it"
    assert seen["info"]["placement"] == "CALL_CARD"
    assert seen["info"]["options"]["CALL_ID"] == call["CALL_ID"]
    assert seen["info"]["options"]["CRM_ACTIVITY_ID"] == "undefined"
    query, sent = desk.app.posts[0]
    assert set(query) == {"DOMAIN", "PROTOCOL", "LANG", "APP_SID"}
    assert sent["APPLICATION_TOKEN"] == desk.bitrix.application_token
    assert sent["member_id"] == desk.bitrix.portal.member_id
    assert not set(query) & set(sent)
    frame = await desk.frame(f"{desk.app.url}/own")
    await frame.wait_for_function("window.seen.status")
    assert await frame.evaluate("window.seen.status.CRM_ENTITY_ID") == call["CRM_ENTITY_ID"]
    await desk.bitrix.ok("telephony.externalCall.hide", {"CALL_ID": call["CALL_ID"], "USER_ID": ANNA})
    await expect(card).to_have_count(0)


async def test_a_click_is_registered_by_the_portal_and_told_to_the_chosen_application(
    desk: Desk, server: Receiver
) -> None:
    await desk.open("/crm/contact/list/?query=Петров", ANNA)
    await desk.page.click(f"[data-call='{IVAN}']")
    await expect(desk.page.locator(".toast")).to_contain_text("Номер для исходящих не выбран")
    await desk.bitrix.ok("telephony.externalLine.add", {"NUMBER": "74957770000", "NAME": "Продажи"})
    await desk.bitrix.ok("event.bind", {"event": "ONEXTERNALCALLSTART", "handler": server.url})
    await desk.open("/telephony/")
    async with desk.page.expect_response("**/page/line"):
        await desk.page.select_option("[data-line]", label="Dozvon · Продажи")
    await desk.open("/crm/contact/list/?query=Петров", ANNA)
    await desk.page.click(f"[data-call='{IVAN}']")
    await expect(desk.page.locator("[data-card]")).to_contain_text("Продажи")
    await server.wait(lambda: bool(server.events))
    data = server.events[0]["data"]
    assert data["PHONE_NUMBER_INTERNATIONAL"] == IVAN
    assert (data["USER_ID"], data["LINE_NUMBER"], data["CRM_ENTITY_TYPE"]) == (str(ANNA), "74957770000", "CONTACT")
    assert desk.bitrix.portal.live[data["CALL_ID"]].external_id == ""
    await desk.bitrix.finish(data["CALL_ID"])
    await expect(desk.page.locator("[data-card]")).to_have_count(0)


async def test_a_callback_form_gives_no_call_id(desk: Desk, server: Receiver) -> None:
    await desk.bitrix.ok("event.bind", {"event": "ONEXTERNALCALLBACKSTART", "handler": server.url})
    await desk.bitrix.control("portals/acme", {"outgoing_line": "74957770000"})
    await desk.open("/telephony/")
    await desk.page.fill("[data-callback] input", "+7 999 123-45-67")
    await desk.page.click("[data-callback] button")
    await server.wait(lambda: bool(server.events))
    assert server.events[0]["data"]["PHONE_NUMBER"] == "+7 999 123-45-67"
    assert "CALL_ID" not in server.events[0]["data"]


async def test_an_administrator_installs_an_application_by_its_page(desk: Desk) -> None:
    await desk.bitrix.control("install/remove")
    await desk.open("/apps/")
    await desk.page.fill("[name=handler_url]", f"{desk.app.url}/sdk")
    async with desk.page.expect_response("**/page/apps/*"):
        await desk.page.click("[data-app-form] button")
    await desk.page.click("[data-app-action=install]")
    await desk.page.wait_for_url("**/apps/local.*/")
    # `installFinish` reloads the page; the frame that it opens then is no installer any more.
    await expect(desk.page.locator("iframe[data-init*='\"INSTALL\": false']")).to_have_count(1)
    assert desk.bitrix.install.is_finished
    seen = await desk.seen(f"{desk.app.url}/sdk")
    assert "problem" not in seen, seen
    assert (seen["placement"], seen["user"]["ID"]) == ("DEFAULT", str(ADMIN))
    await desk.open("/apps/")
    desk.page.on("dialog", lambda dialog: dialog.accept())
    await desk.page.click("[data-app-action=remove]")
    await expect(desk.page.locator("[data-app]")).to_contain_text("не установлено")


async def test_the_official_sdk_lives_in_a_frame(desk: Desk) -> None:
    body = {"PLACEMENT": "CRM_CONTACT_DETAIL_TAB", "HANDLER": f"{desk.app.url}/sdk"}
    await desk.bitrix.ok("placement.bind", body)
    contact = (await desk.bitrix.register())["CRM_ENTITY_ID"]
    await desk.open(f"/crm/contact/details/{contact}/", ANNA)
    assert desk.app.posts == [], "a tab is loaded when it is pressed"
    await desk.page.get_by_role("tab", name="Dozvon").click()
    seen = await desk.seen(f"{desk.app.url}/sdk")
    assert "problem" not in seen, seen
    assert seen["placement"] == "CRM_CONTACT_DETAIL_TAB"
    assert seen["options"] == {"ID": contact}
    assert seen["user"]["ID"] == str(ANNA)
    frame = await desk.frame(f"{desk.app.url}/sdk")
    await frame.wait_for_function("window.seen.renewed || window.seen.problem")
    assert await frame.evaluate("window.seen.renewed") is True


async def test_a_timeline_has_what_is_planned_and_what_was_written(desk: Desk) -> None:
    contact = (await desk.bitrix.register())["CRM_ENTITY_ID"]
    owner = {"ownerTypeId": 3, "ownerId": contact}
    await desk.bitrix.ok(
        "crm.activity.todo.add", {**owner, "deadline": "2026-12-01T10:00:00+03:00", "title": "Перезвонить"}
    )
    comment = {"ENTITY_TYPE": "contact", "ENTITY_ID": contact, "COMMENT": "Просит счёт"}
    await desk.bitrix.ok("crm.timeline.comment.add", {"fields": comment})
    await desk.open(f"/crm/contact/details/{contact}/", ANNA)
    await expect(desk.page.locator("[data-live] .event--todo")).to_contain_text("Перезвонить")
    await expect(desk.page.locator("[data-live] .event--comment")).to_contain_text("Просит счёт")


async def test_until_the_installation_is_finished_others_see_why(desk: Desk) -> None:
    await desk.bitrix.installed(finished=False)
    await desk.bitrix.control("app", {"handler_url": f"{desk.app.url}/own"})
    await desk.open(f"/apps/{desk.bitrix.sandbox.settings.client_id}/", ANNA)
    await expect(desk.page.locator("main")).to_contain_text("Приложение ещё не установлено")
    assert desk.app.posts == []


async def test_an_application_in_the_menu_is_a_page_of_its_own(desk: Desk) -> None:
    body = {"PLACEMENT": "LEFT_MENU", "HANDLER": f"{desk.app.url}/own", "TITLE": "Звонки приложения"}
    await desk.bitrix.ok("placement.bind", body)
    await desk.open("/crm/contact/list/", ANNA)
    await desk.page.get_by_role("link", name="Звонки приложения").click()
    seen = await desk.seen(f"{desk.app.url}/own")
    assert (seen["info"]["placement"], seen["user"]["ID"]) == ("LEFT_MENU", str(ANNA))


async def test_a_card_stays_while_an_application_asks_for_it_and_says_before_it_closes(desk: Desk) -> None:
    await desk.bitrix.ok("placement.bind", {"PLACEMENT": "CALL_CARD", "HANDLER": f"{desk.app.url}/own"})
    await desk.open("/crm/contact/list/", ANNA)
    call = await desk.bitrix.register(SHOW=1)
    await desk.seen(f"{desk.app.url}/own")
    frame = await desk.frame(f"{desk.app.url}/own")
    script = """() => new Promise((done) => {
      for (const name of ["CallStateChanged", "BeforeClose"])
        BX24.placement.bindEvent(`CallCard::${name}`, () => { window.seen[name] = true; });
      BX24.placement.call("disableAutoClose", {}, done);
    })"""
    await frame.evaluate(script)
    await desk.bitrix.finish(call["CALL_ID"])
    await expect(desk.page.locator("[data-card] .card__over")).to_be_visible()
    await frame.wait_for_function("window.seen.CallStateChanged")
    assert not await frame.evaluate("Boolean(window.seen.BeforeClose)")
    await frame.evaluate("BX24.placement.call('enableAutoClose', {}, () => {})")
    await frame.wait_for_function("window.seen.BeforeClose")
    await expect(desk.page.locator("[data-card]")).to_have_count(0)
