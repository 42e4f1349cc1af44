"""The pages of campaigns in Chromium: for everybody (axe), narrow and wide, and while a file becomes a list."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from integration.domain.campaigns.callbacks import CallbackKind, campaign_of
from integration.domain.campaigns.greeting import Greeting
from integration.domain.campaigns.holds import Hold, held
from integration.domain.campaigns.model import Attempt, CampaignState, EntryNumber, Mode, Outcome
from integration.domain.campaigns.plan import CampaignPlan, with_sound
from integration.domain.campaigns.simulation.forecast import Forecast
from integration.domain.campaigns.situation import EmployeeState
from integration.domain.campaigns.windows import day_of
from integration.domain.campaigns.workforce import Absent
from integration.domain.ids import AttemptId, CampaignId, Timestamp
from integration.domain.settings import LineSettings
from integration.ports.callbacks import NewCallback
from integration.ports.campaign_sounds import RecordedSound
from integration.ports.campaigns import EntryQuery, NewEntry, lease_name
from integration.ports.dialling import DiallingNow, Seat
from integration.services.ending import ended
from integration.services.forecasts import Forecasts
from integration.texts import LANGUAGES
from tests.page_checks import sideways, violations
from tests.services.admin_office import Office
from tests.services.conftest import ACME, ANNA, call
from tests.services.dialling_scene import a_wav
from tests.services.test_admin_in_browser import PATIENCE_MS, PICTURES, WIDTHS, busy, page, pictures

__all__ = ["busy", "page", "pictures"]
pytestmark = pytest.mark.browser

BASE = "/admin/acme/campaigns"
SPRING, EMPTY, RUNS = CampaignId("spring"), CampaignId("empty"), CampaignId("runs")
LONG = "Константинопольская-Верхнеуральская Александра Константиновна"
FILE = (
    "ФИО;Телефон;Ответственный;Часовой пояс\r\n"
    f"{LONG};8 (916) 123-45-67, 89262345678;Иван;МСК+2\r\n"
    "Борис;7,91612E+10;;\r\nВера;89161234567;;где-то\r\nГлеб;=A1+B1;;\r\n"
)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shifts that were played already: a page of pictures need not take a processor for seconds."""

    async def of(*_: object) -> Forecast:
        return Forecast(
            occupancy=(0.612, 0.84, 0.993),
            abandoned=(0.0, 0.0123, 0.0299),
            dialled=12345.6,
            talks=3210.9,
            answer_rate=0.31,
            is_learned=True,
        )

    monkeypatch.setattr(Forecasts, "of", of)


@pytest_asyncio.fixture
async def calling(busy: Office, played: None) -> Office:
    """A campaign with every state of an entry, one that is empty, and files before and after their import."""
    storage = busy.world.storage
    await storage.campaigns.make(ACME, SPRING, CampaignPlan(name=f"Весна: {LONG}"), by="Ольга")
    await storage.campaigns.make(ACME, EMPTY, CampaignPlan(name="Пусто"), by="Ольга")
    heard = Greeting(message=f"Это клиника. {LONG}", machine_message="Перезвоним.", hand_over_to="600")
    spring = CampaignPlan(name="Весенний обзвон", mode=Mode.VOICE, greeting=heard)
    await storage.campaigns.change(ACME, SPRING, spring, seen=1, by="Ольга")
    new = [
        NewEntry(
            numbers=(EntryNumber(e164=f"+7916000{index:04}"), EntryNumber(e164=f"+7926000{index:04}")),
            name=f"Клиент {index}",
            comment="просил позвонить после обеда" if index % 3 == 0 else "",
        )
        for index in range(60)
    ]
    await storage.entries.add(ACME, SPRING, new, office=ACME)
    first, second, third = (each.entry for each in (await storage.entries.listing(ACME, SPRING, EntryQuery(limit=3))))
    await storage.entries.remove(ACME, SPRING, first.id)
    await storage.entries.defer(ACME, SPRING, [third.id], until=Timestamp(busy.world.clock.now() + 3600))
    numbers = [second.numbers[0].e164]
    await storage.do_not_call.add(ACME, [*numbers, "+79990001122"], lists_of=[ACME], by="Ольга", why="просил <b>не</b>")
    await dialled(busy)
    await called_back(busy)
    for number, name in enumerate(("приветствие-директора.mp3", "a <very> long name " * 5)):
        sound = RecordedSound(
            id=f"{number:024x}", name=name, seconds=12.0, added_at=busy.world.clock.now(), added_by="Ольга"
        )
        await storage.campaign_sounds.put(ACME, SPRING, sound, a_wav())
    rules = await storage.campaigns.get(ACME, SPRING)
    assert rules is not None
    plan = with_sound(rules.plan, "message", f"{0:024x}")
    assert await storage.campaigns.change(ACME, SPRING, plan, seen=rules.revision, by="Ольга") is not None
    waiting = await upload(busy, FILE)
    over = await upload(busy, FILE + "\r\n")
    uploaded = await storage.list_imports.get(ACME, over)
    assert uploaded is not None
    assert await busy.imports.begin(ACME, over, uploaded.mapping)
    task = asyncio.create_task(busy.imports.run())
    watch = busy.world.news.join(ACME)
    async with asyncio.timeout(60):
        while (made := await storage.list_imports.get(ACME, over)) is None or made.ended_at is None:
            await watch.changed.wait()
            watch.changed.clear()
    busy.world.news.leave(watch)
    await ended([task])
    PAGES.update({"file": f"{BASE}/spring/files/{waiting}", "file-done": f"{BASE}/spring/files/{over}"})
    return busy


async def dialled(office: Office) -> None:
    """A campaign that runs, with employees in every state."""
    storage, now = office.world.storage, office.world.clock.now()
    await storage.campaigns.make(ACME, RUNS, CampaignPlan(name="Осень", employees=("101", "102")), by="Ольга")
    new = [NewEntry(numbers=(EntryNumber(e164=f"+7903000{index:04}"),)) for index in range(3)]
    await storage.entries.add(ACME, RUNS, new, office=ACME)
    await storage.campaigns.set_state(ACME, RUNS, CampaignState.RUNNING, by="Ольга", only_from=[CampaignState.DRAFT])
    (lease,) = await storage.leases.acquire([lease_name(ACME, RUNS)], holder="a", ttl_seconds=600)
    busiest = [Seat(key="101", state=state, since=now) for state in EmployeeState]
    away = [Seat(key="102", state=EmployeeState.GONE, since=now, why=why) for why in Absent]
    doing = DiallingNow(at=now, hold=held(Hold.ALL_BUSY, busy=3), dialling=2, talking=1, seats=(*busiest, *away))
    await storage.dialling.put(ACME, RUNS, doing, learned=None, lease=lease)
    first = (await storage.entries.listing(ACME, RUNS, EntryQuery(limit=1)))[0].entry
    attempt = Attempt(
        id=AttemptId("attempt-0001"),
        campaign=RUNS,
        entry=first.id,
        number=first.numbers[0].e164,
        line="acme-pbx/",
        fence=lease.token,
        mode=Mode.PREDICTIVE,
        written_at=now,
    )
    await storage.attempts.write(ACME, attempt, office=ACME, lease=lease)
    lost = replace(attempt, outcome=Outcome.ABANDONED)
    await storage.attempts.end(ACME, lost, first, day=day_of(now, "Europe/Moscow"), lease=lease)


async def called_back(office: Office) -> None:
    """Callbacks that wait for every kind of reason, and some that have ended in every way."""
    world, callbacks, now = office.world, office.world.storage.callbacks, office.world.clock.now()
    world.account.settings = replace(world.account.settings, default_line=LineSettings(repeat_calls=True))
    for index in range(8):
        wanted = NewCallback(
            call=call(f"{index}.9"),
            kind=CallbackKind.ASKED if index % 2 else CallbackKind.MISSED,
            campaign=campaign_of(None),
            campaign_name="Перезвоны",
            number=f"+7905000{index:04}",
            zones=("Europe/Moscow",),
            asked_at=now,
            due_at=Timestamp(now + 600),
            name=LONG if index % 3 == 0 else "",
            responsible=ANNA if index % 3 else None,
        )
        await callbacks.ask(ACME, wanted, office=ACME)
    waiting = [each.entry.id for each in await callbacks.waiting(ACME)]
    for entry, hold in zip(waiting, (Hold.NAMED_AWAY, Hold.NOBODY_NAMED, Hold.RESPONSIBLE_BUSY), strict=False):
        await callbacks.put_off(ACME, {entry: held(hold)})
    await callbacks.cancel(ACME, waiting[-1], by=LONG)
    await callbacks.reached(ACME, ["+79050000006"], at=Timestamp(now + 60))


async def upload(office: Office, text: str) -> str:
    made = await office.imports.upload(
        office.world.account, ACME, SPRING, file_name=f"{LONG}.csv", content=text.encode("cp1251"), by="Ольга"
    )
    return made.id


PAGES = {
    "campaigns": BASE,
    "campaign": f"{BASE}/spring",
    "campaign-empty": f"{BASE}/empty",
    "campaign-runs": f"{BASE}/runs",
    "campaign-new": f"{BASE}/new",
    "campaign-forecast": f"{BASE}/runs/forecast",
    "campaign-forecast-played": f"{BASE}/runs/forecast?employees=12&hours=8&hour=9",
    "campaign-forecast-wrong": f"{BASE}/runs/forecast?employees=many&hours=99&hour=",
    "campaign-forecast-message": f"{BASE}/spring/forecast",
    "campaign-rules": f"{BASE}/spring/rules",
    "campaign-sounds": f"{BASE}/spring/sounds",
    "campaign-from-crm": f"{BASE}/spring/from-crm",
    "entries": f"{BASE}/spring/entries",
    "entries-removed": f"{BASE}/spring/entries?state=removed",
    "entries-none": f"{BASE}/spring/entries?search=nobody",
    "do-not-call": f"{BASE}/do-not-call",
    "callbacks": f"{BASE}/callbacks",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(page: Page, calling: Office, scheme: str) -> None:
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for width in (375, 1280):
        await page.set_viewport_size({"width": width, "height": 900})
        for path in PAGES.values():
            await page.goto(path)
            assert await violations(page) == [], (path, width)


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_nothing_scrolls_sideways_and_each_page_has_its_picture(page: Page, calling: Office, lang: str) -> None:
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        for name, path in PAGES.items():
            await page.emulate_media(color_scheme="light")
            await page.goto(f"{path}{'&' if '?' in path else '?'}lang={lang}")
            assert await sideways(page) == [], (path, width)
            await page.screenshot(path=PICTURES / f"{name}-{lang}-{width}.png", full_page=True)
            await page.emulate_media(color_scheme="dark")
            await page.screenshot(path=PICTURES / f"{name}-{lang}-{width}-dark.png", full_page=True)


async def test_a_person_asks_what_would_happen_and_reads_it(page: Page, calling: Office) -> None:
    await page.goto(f"{BASE}/runs?lang=en")
    await page.get_by_role("link", name="What would happen").first.click()
    await page.get_by_label("Employees").fill("12")
    await page.get_by_role("button", name="Work it out").click()
    await expect(page.get_by_text("84 % (61 to 99 %)")).to_be_visible(timeout=PATIENCE_MS)
    await expect(page.get_by_label("Employees")).to_have_value("12")
    await expect(page.get_by_text("Worked out from the office’s own calls.")).to_be_visible(timeout=PATIENCE_MS)


async def test_a_person_uploads_a_file_and_watches_it_become_a_list(
    page: Page, calling: Office, tmp_path: Path
) -> None:
    file = tmp_path / "новые.csv"
    file.write_bytes("Имя;Телефон\r\n".encode() + b"".join(b"A%d;+7903%07d\r\n" % (i, i) for i in range(1000)))
    await page.goto(f"{BASE}/empty?lang=ru")
    await page.get_by_label("Файл").set_input_files(file)
    await page.get_by_role("button", name="Показать столбцы").click()
    await expect(page.get_by_label("Телефон", exact=True)).to_have_value("phone", timeout=PATIENCE_MS)
    await page.get_by_role("button", name="Добавить в список").click()
    await expect(page.get_by_text("Загрузка началась.")).to_be_visible(timeout=PATIENCE_MS)
    task = asyncio.create_task(calling.imports.run())
    await expect(page.get_by_text("Добавлено: 1000")).to_be_visible(timeout=60_000)
    await ended([task])
    await page.get_by_role("link", name="Открыть список").click()
    await expect(page.get_by_role("row")).to_have_count(51)
