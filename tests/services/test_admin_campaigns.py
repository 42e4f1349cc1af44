"""The supervisor's pages of campaigns: rules, lists from files, numbers that are not called, and what the pages say."""

from __future__ import annotations

import asyncio
import html
import re
from dataclasses import replace
from datetime import date

import aiohttp
import pytest

from integration.domain.campaigns.cards import WhyRemoved
from integration.domain.campaigns.holds import Hold, held
from integration.domain.campaigns.model import Attempt, CampaignState, EntryNumber, EntryState, Mode, Outcome
from integration.domain.campaigns.situation import EmployeeState
from integration.domain.campaigns.workforce import Absent
from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Person
from integration.domain.crm.filters import CrmFilter, Pipeline, PipelineStage, StageRef
from integration.domain.ids import AccountId, AttemptId, CampaignId, Timestamp
from integration.errors import Unavailable
from integration.ports.campaigns import EntryQuery, NewEntry, StoredCampaign, lease_name
from integration.ports.dialling import STALE_SECONDS, CampaignLedger, DayFigures, DiallingNow, Seat
from integration.ports.list_imports import ImportState, ListImport
from integration.services.campaign_sounds import CampaignSounds
from integration.services.ending import ended
from integration.testing import FakeCrm
from integration.texts.expected_end import NO_END, end_sentence
from integration.texts.pages import texts
from integration.web.campaigns.csv_answer import cell
from tests.services.admin_office import Office
from tests.services.conftest import ACME, ANNA

EN = texts("en")
BASE = "/admin/acme/campaigns"
FORM = {
    "name": "Весна", "mode": "progressive", "owners": "anybody", "unknown_zone": "safe", "holidays": "31.12.2026",
    "week_0": "9:00-13:00, 14:00-20:00", "per_number": "5", "per_contact": "10", "number_per_day": "2",
    "contact_per_day": "4", "gap_minutes": "5", "ring_seconds": "25", "wrap_up_seconds": "30", "ceiling_percent": "3",
    "priority": "0", "max_calls": "0", **{f"redial_{outcome}_{part}": "10" if part == "after" else "2"
                         for outcome in ("busy", "no_answer", "unreachable", "machine", "refused")
                         for part in ("after", "most")},
}  # fmt: skip
FILE = "ФИО;Телефон\r\nАнна <b>;8 (916) 123-45-67\r\nБорис;7,91612E+10\r\nВера;89161234567\r\nГлеб;89262345678\r\n"


async def make(office: Office, **fields: str) -> StoredCampaign:
    """A campaign, made by its form."""
    page = await office.page(f"{BASE}/new?lang=en")
    found = re.search(r'name="drawn" value="([0-9a-f]{16})"', page)
    assert found is not None
    await office.send(BASE, **{**FORM, **fields, "drawn": found[1]})
    stored = await office.world.storage.campaigns.get(ACME, CampaignId(found[1]))
    assert stored is not None
    return stored


async def upload(office: Office, campaign: StoredCampaign, content: bytes, name: str = "список.csv") -> tuple[int, str]:
    """Send a file like a browser. Returns the status and the page after redirects."""
    form = aiohttp.FormData()
    form.add_field("file", content, filename=name)
    origin = str(office.client.make_url("/").origin())
    path = f"{BASE}/{campaign.id}/files?lang=en"
    async with office.client.post(path, data=form, headers={"Origin": origin}) as answer:
        return answer.status, await answer.text()


async def the_import(office: Office, campaign: StoredCampaign) -> ListImport:
    (made,) = await office.world.storage.list_imports.of_campaign(ACME, campaign.id)
    return made


async def imported(office: Office, campaign: StoredCampaign) -> ListImport:
    """Run the import to its end, as the process does in the background."""
    task = asyncio.create_task(office.imports.run())
    watch = office.world.news.join(ACME)
    try:
        async with asyncio.timeout(60):
            while (made := await the_import(office, campaign)).state is ImportState.RUNNING:
                await watch.changed.wait()
                watch.changed.clear()
    finally:
        office.world.news.leave(watch)
        await ended([task])
    return made


async def test_an_office_without_campaigns_is_told_what_to_do(signed_in: Office) -> None:
    page = await signed_in.page(f"{BASE}?lang=en")
    assert EN["camp_none"] in page


async def test_a_campaign_is_made_of_its_form_and_shown(signed_in: Office) -> None:
    campaign = await make(signed_in, **{"employee.101": "1", "mode": "predictive"})
    assert campaign.plan.mode is Mode.PREDICTIVE
    assert campaign.plan.week == ("9:00-13:00, 14:00-20:00", "", "", "", "", "", "")
    assert campaign.plan.holidays == ("2026-12-31",)
    page = await signed_in.page(f"{BASE}/{campaign.id}?lang=en")
    assert "Весна" in page
    assert EN["camp_change_made"] in page
    assert f'action="{BASE}/{campaign.id}/state"' in page


async def test_who_does_not_work_here_is_not_chosen(signed_in: Office) -> None:
    campaign = await make(signed_in, **{"employee.101": "1", "employee.999": "1", "line.700": "1", "group.x": "1"})
    assert (campaign.plan.employees, campaign.plan.lines, campaign.plan.groups) == (("101",), (), ())


async def test_a_form_that_is_sent_twice_makes_one_campaign(signed_in: Office) -> None:
    form = {**FORM, "drawn": "ab" * 8}
    await signed_in.send(BASE, **form)
    await signed_in.send(BASE, **form)
    assert len(await signed_in.world.storage.campaigns.all(ACME)) == 1


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", " ", EN["camp_wrong_empty"]),
        ("week_0", "с утра", EN["camp_wrong_no_window"]),
        ("week_0", "20:00-9:00", EN["camp_wrong_no_window"]),
        ("week_0", "", EN["camp_wrong_never_open"]),
        ("holidays", "32.13.2026", EN["camp_wrong_no_date"]),
        ("ring_seconds", "5", EN["camp_wrong_out_of_bounds"].format(detail="15…60")),
        ("ceiling_percent", "7", EN["camp_wrong_out_of_bounds"].format(detail="0…5")),
        ("mode", "voice", EN["camp_wrong_no_words"]),
        ("on_machine", "leave_message", EN["camp_wrong_no_words"]),
        ("hand_over_to", "101,1", EN["camp_wrong_no_extension"]),
        ("machine_words", "0", EN["camp_wrong_out_of_bounds"].format(detail="1…30")),
        ("message", "a" * 1_001, EN["camp_wrong_too_long"].format(detail="1000")),
        ("preview_seconds", "14", EN["camp_wrong_out_of_bounds"].format(detail="15…1800")),
        ("preview_seconds", "1801", EN["camp_wrong_out_of_bounds"].format(detail="15…1800")),
        ("script", "a" * 5_001, EN["camp_wrong_too_long"].format(detail="5000")),
        ("per_number", "много", EN["camp_wrong_out_of_bounds"].format(detail="1…20")),
        ("redial_busy_after", "0", EN["camp_wrong_out_of_bounds"].format(detail="1…10080")),
    ],
)
async def test_a_wrong_field_says_what_to_write_and_nothing_typed_is_lost(
    signed_in: Office, field: str, value: str, said: str
) -> None:
    page = await signed_in.send(f"{BASE}?lang=en", **{**FORM, field: value, "drawn": "ab" * 8, "priority": "7"})
    assert said in page
    assert 'name="priority" type="number" value="7"' in page
    assert await signed_in.world.storage.campaigns.all(ACME) == []


async def test_how_long_a_client_is_shown_and_what_to_say_are_rules_of_the_campaign(signed_in: Office) -> None:
    stored = await make(signed_in, mode="preview", preview_seconds="45", script="Добрый день!\r\n<b>Удобно?")
    assert (stored.plan.preview_seconds, stored.plan.script) == (45, "Добрый день!\n<b>Удобно?")
    rules = f"{BASE}/{stored.id}/rules"
    page = await signed_in.page(f"{rules}?lang=en")
    assert "Добрый день!\n&lt;b&gt;Удобно?</textarea>" in page
    assert 'name="preview_seconds" type="number" value="45"' in page
    await signed_in.send(rules, **FORM, seen="1")  # a page of an older release, which does not know them
    changed = await signed_in.world.storage.campaigns.get(ACME, stored.id)
    assert changed is not None
    assert (changed.revision, changed.plan.preview_seconds, changed.plan.script) == (2, 45, stored.plan.script)


async def test_what_clients_hear_is_kept_as_it_was_written(signed_in: Office) -> None:
    said = {"mode": "voice", "message": "Это <клиника>.\r\nНажмите 1.", "hand_over_to": "600", "rounds": "2",
            "on_machine": "hang_up", "machine_words": "7"}  # fmt: skip
    stored = await make(signed_in, **said)
    greeting = stored.plan.greeting
    assert (greeting.message, greeting.hand_over_to, greeting.rounds) == ("Это <клиника>.\nНажмите 1.", "600", 2)
    assert (greeting.on_machine, greeting.machine_words) == ("hang_up", 7)
    page = await signed_in.page(f"{BASE}/{stored.id}/rules?lang=en")
    assert "Это &lt;клиника&gt;.\nНажмите 1.</textarea>" in page
    assert '<option value="hang_up" selected>' in page


@pytest.mark.servers
async def test_what_clients_will_hear_can_be_heard(signed_in: Office) -> None:
    stored = await make(signed_in, mode="voice", message="Здравствуйте! Нажмите один.")
    async with signed_in.client.get(f"{BASE}/{stored.id}/hear/message") as answer:
        assert (answer.status, answer.content_type) == (200, "audio/wav")
        assert (await answer.read()).startswith(b"RIFF")
    for what, status in (("machine_message", 404), ("name", 404)):
        async with signed_in.client.get(f"{BASE}/{stored.id}/hear/{what}") as answer:
            assert answer.status == status
    page = await signed_in.page(f"{BASE}/{stored.id}/rules?lang=en")
    assert f'src="{BASE}/{stored.id}/hear/message"' in page
    assert f"{BASE}/{stored.id}/hear/machine_message" not in page
    assert EN["camp_nothing_speaks"] not in page


@pytest.mark.servers
async def test_the_announcement_can_be_heard_also_the_usual_one(signed_in: Office) -> None:
    own = await make(signed_in, mode="predictive", announcement="Извините, перезвоните нам завтра. " * 5)
    usual = await make(signed_in, mode="predictive")
    sounds = []
    for stored in (own, usual):
        path = f"{BASE}/{stored.id}/hear/announcement"
        assert f'src="{path}"' in await signed_in.page(f"{BASE}/{stored.id}/rules?lang=en")
        async with signed_in.client.get(path) as answer:
            assert answer.status == 200
            sounds.append(await answer.read())
    assert len(sounds[0]) > len(sounds[1]) > 8_000, "half a second"


async def test_where_nothing_speaks_the_page_says_what_to_install(
    signed_in: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where a campaign needs it."""
    monkeypatch.setattr(CampaignSounds, "speaks", lambda *_: False)
    voice = await make(signed_in, mode="voice", message="Здравствуйте")
    assert EN["camp_nothing_speaks"] in await signed_in.page(f"{BASE}/{voice.id}/rules?lang=en")
    progressive = await make(signed_in)
    assert EN["camp_nothing_speaks"] not in await signed_in.page(f"{BASE}/{progressive.id}/rules?lang=en")


async def test_the_second_of_two_who_save_is_told_and_loses_nothing(signed_in: Office) -> None:
    campaign = await make(signed_in)
    rules = f"{BASE}/{campaign.id}/rules?lang=en"
    await signed_in.send(rules, **{**FORM, "seen": "1", "ring_seconds": "30"})
    page = await signed_in.send(rules, **{**FORM, "seen": "1", "ring_seconds": "40"})
    assert EN["camp_conflict"] in page
    assert 'name="ring_seconds" type="number" value="40"' in page
    assert 'name="seen" value="2"' in page
    await signed_in.send(rules, **{**FORM, "seen": "2", "ring_seconds": "40"})
    stored = await signed_in.world.storage.campaigns.get(ACME, campaign.id)
    assert stored is not None
    assert stored.plan.ring_seconds == 40


async def test_a_change_of_the_rules_is_undone_from_the_history(signed_in: Office) -> None:
    campaign = await make(signed_in)
    await signed_in.send(f"{BASE}/{campaign.id}/rules", **{**FORM, "seen": "1", "name": "Лето"})
    page = await signed_in.page(f"{BASE}/{campaign.id}?lang=en")
    (undo,) = re.findall(r'action="(\S+/undo/[0-9]+)"', page)
    assert EN["camp_undone"] in await signed_in.send(f"{undo}?lang=en")
    assert EN["camp_not_undone"] in await signed_in.send(f"{undo}?lang=en")
    stored = await signed_in.world.storage.campaigns.get(ACME, campaign.id)
    assert stored is not None
    assert stored.plan == campaign.plan


async def test_a_copy_has_the_rules_and_an_empty_list(signed_in: Office) -> None:
    campaign = await make(signed_in, preview_seconds="45", script="Добрый день!")
    assert EN["camp_copied"] in await signed_in.send(f"{BASE}/{campaign.id}/copy?lang=en")
    copy, _ = await signed_in.world.storage.campaigns.all(ACME)
    assert replace(copy.plan, name="Весна") == campaign.plan
    assert copy.state is CampaignState.DRAFT


async def test_a_file_shows_its_columns_then_becomes_the_list(signed_in: Office) -> None:
    campaign = await make(signed_in)
    status, page = await upload(signed_in, campaign, FILE.encode("cp1251"))
    assert status == 200
    assert "+7 916 123-45-67" in page
    assert "Excel has shortened the number" in page
    assert "Анна &lt;b&gt;" in page
    made = await the_import(signed_in, campaign)
    begin = f"{BASE}/{campaign.id}/files/{made.id}/begin?lang=en"
    assert EN["file_no_phone"] in await signed_in.send(begin, role_0="name", role_1="", first="2", do="begin")
    assert EN["file_begun"] in await signed_in.send(begin, role_0="name", role_1="phone", first="2", do="begin")
    done = await imported(signed_in, campaign)
    assert (done.state, done.taken) == (ImportState.DONE, 2)
    result = await signed_in.page(f"{BASE}/{campaign.id}/files/{made.id}?lang=en")
    assert EN["file_taken"].format(count=2) in result
    assert EN["row_twice"] in result
    listed = await signed_in.page(f"{BASE}/{campaign.id}/entries?lang=en")
    assert listed.count("Анна &lt;b&gt;") > 0
    found = await signed_in.page(f"{BASE}/{campaign.id}/entries?lang=en&search=8+926+234-56-78")
    assert "Глеб" in found
    assert "Анна" not in found
    assert EN["list_no_match"] in await signed_in.page(f"{BASE}/{campaign.id}/entries?lang=en&state=reached")
    exported = await signed_in.page(f"{BASE}/{campaign.id}/entries.csv?lang=en")
    assert "Глеб;'+79262345678;;;to be called" in exported
    problems = await signed_in.page(f"{BASE}/{campaign.id}/files/{made.id}/problems.csv?lang=en")
    assert "Борис;7,91612E+10" in problems


async def test_the_same_file_again_is_said_and_adds_nobody(signed_in: Office) -> None:
    campaign = await make(signed_in)
    await upload(signed_in, campaign, FILE.encode())
    first = await the_import(signed_in, campaign)
    await signed_in.imports.begin(ACME, first.id, first.mapping)
    await imported(signed_in, campaign)
    signed_in.world.clock.advance(60)
    _, page = await upload(signed_in, campaign, FILE.encode())
    assert EN["file_known"].split("{")[0] in page


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", EN["file_trouble_empty"]), (b"%PDF-1.7", EN["file_trouble_unreadable"])],
)
async def test_a_file_that_is_no_list_is_refused_in_a_sentence(signed_in: Office, content: bytes, said: str) -> None:
    campaign = await make(signed_in)
    status, page = await upload(signed_in, campaign, content)
    assert status == 200
    assert said in page


async def test_a_body_that_is_no_upload_is_a_bad_request(signed_in: Office) -> None:
    campaign = await make(signed_in)
    origin = str(signed_in.client.make_url("/").origin())
    path = f"{BASE}/{campaign.id}/files"
    for body, kind in ((b"x", "text/plain"), (b"--x", "multipart/form-data; boundary=y"), (b"", "multipart/form-data")):
        headers = {"Origin": origin, "Content-Type": kind}
        async with signed_in.client.post(path, data=body, headers=headers) as answer:
            assert answer.status in (200, 400), kind
    assert await signed_in.world.storage.list_imports.of_campaign(ACME, campaign.id) == []


async def test_an_entry_is_taken_out_after_a_question_and_put_back(signed_in: Office) -> None:
    campaign = await make(signed_in)
    await upload(signed_in, campaign, FILE.encode())
    made = await the_import(signed_in, campaign)
    await signed_in.imports.begin(ACME, made.id, made.mapping)
    await imported(signed_in, campaign)
    entries = await signed_in.world.storage.entries.listing(ACME, campaign.id, EntryQuery())
    one = f"{BASE}/{campaign.id}/entries/{entries[0].entry.id}"
    assert EN["list_remove_consequence"] in await signed_in.send(f"{one}/remove?lang=en")
    assert EN["list_removed"] in await signed_in.send(f"{one}/remove?lang=en", confirmed="1")
    assert EN["list_put_back"] in await signed_in.page(f"{BASE}/{campaign.id}/entries?lang=en&state=removed")
    assert EN["list_back"] in await signed_in.send(f"{one}/put-back?lang=en")
    assert EN["list_not_changed"] in await signed_in.send(f"{one}/put-back?lang=en")


async def test_who_was_deleted_in_the_crm_is_in_the_list_with_the_reason(signed_in: Office) -> None:
    campaign = await make(signed_in)
    entries = signed_in.world.storage.entries
    await entries.add(ACME, campaign.id, [NewEntry(numbers=(EntryNumber(e164="+79161112233"),))], office=ACME)
    (entry,) = await entries.head(ACME, campaign.id, now=signed_in.world.clock.now(), limit=1)
    name = lease_name(ACME, campaign.id)
    (lease,) = await signed_in.world.storage.leases.acquire([name], holder="a", ttl_seconds=60)
    await entries.follow_card(ACME, campaign.id, entry.id, None, office=ACME, lease=lease)
    assert "the client was deleted in the CRM" in await signed_in.page(f"{BASE}/{campaign.id}/entries?lang=en")
    assert "taken out: the client was deleted in the CRM" in await signed_in.page(
        f"{BASE}/{campaign.id}/entries.csv?lang=en"
    )


@pytest.mark.parametrize("language", ["ru", "uk", "en"])
def test_why_an_entry_left_the_list_has_words(language: str) -> None:
    assert all(texts(language)[f"list_why_{why}"] for why in WhyRemoved)


async def test_numbers_are_not_called_after_they_were_written_in_any_form(signed_in: Office) -> None:
    campaign = await make(signed_in)
    await upload(signed_in, campaign, FILE.encode())
    made = await the_import(signed_in, campaign)
    await signed_in.imports.begin(ACME, made.id, made.mapping)
    await imported(signed_in, campaign)
    path = f"{BASE}/do-not-call?lang=en"
    wrong = await signed_in.send(path, numbers="89161234567\nне звоните", why="просил")
    assert "These are no numbers: не звоните" in wrong
    assert await signed_in.world.storage.do_not_call.count(ACME) == 0
    assert EN["dnc_done"] in await signed_in.send(path, numbers="8 916 123-45-67, +7 (999) 000-11-22", why="просил")
    entries = await signed_in.world.storage.entries.listing(ACME, campaign.id, EntryQuery())
    assert [each.entry.state for each in entries] == [EntryState.DO_NOT_CALL, EntryState.OPEN]
    page = await signed_in.page(f"{path}&number=89161234567")
    assert "просил" in page
    assert "+7 999" not in page
    assert "'+79161234567" in await signed_in.page(f"{BASE}/do-not-call.csv")
    remove = f"{BASE}/do-not-call/remove?lang=en"
    assert EN["dnc_remove_consequence"] in await signed_in.send(remove, number="+79161234567")
    assert EN["dnc_removed"] in await signed_in.send(remove, number="+79161234567", confirmed="1")
    assert EN["dnc_gone"] in await signed_in.send(remove, number="+79161234567", confirmed="1")
    assert "Allowed again" in await signed_in.page(f"{path}&number=89161234567")


async def test_the_ledger_is_a_file_with_every_day_and_its_window(
    signed_in: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await make(signed_in)
    days = {
        date(2026, 10, 1): DayFigures(dialled=10, live=4, abandoned=1),
        date(2026, 10, 30): DayFigures(dialled=40, live=16, abandoned=0),
        date(2026, 10, 31): DayFigures(dialled=3, live=0, abandoned=0),
    }

    async def kept(account: AccountId, of: CampaignId, *, since: date) -> dict[date, DayFigures]:
        return {day: each for day, each in days.items() if day >= since}

    path = f"{BASE}/{campaign.id}/ledger.csv?lang=en"
    heads = "Day;Dialled;Answered by people;Abandoned of them;Abandoned on the day, %;Abandoned in 30 days, %"
    assert (await signed_in.page(path)).lstrip("\ufeff").splitlines() == [heads], "nobody was dialled yet"
    monkeypatch.setattr(signed_in.world.storage.dialling, "days", kept)
    assert (await signed_in.page(path)).lstrip("\ufeff").splitlines() == [
        heads,
        "2026-10-01;10;4;1;25.0;25.0",
        "2026-10-30;40;16;0;0.0;5.0",  # 1 of 20
        "2026-10-31;3;0;0;0.0;0.0",  # the first day has left the window
    ]


async def test_the_ledgers_of_all_campaigns_are_one_file_and_a_deleted_one_stays_in_it(
    signed_in: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = {date(2026, 10, 1): DayFigures(dialled=10, live=4, abandoned=1)}

    async def kept(account: AccountId) -> list[CampaignLedger]:
        one = CampaignLedger(campaign=CampaignId("a"), name="=Осень", is_deleted=False, days=day)
        return [one, replace(one, campaign=CampaignId("b"), name="Весна", is_deleted=True)]

    assert f'href="{BASE}/ledger.csv"' not in await signed_in.page(f"{BASE}?lang=en"), "nothing was ever dialled"
    monkeypatch.setattr(signed_in.world.storage.dialling, "ledgers", kept)
    assert f'href="{BASE}/ledger.csv"' in await signed_in.page(f"{BASE}?lang=en"), "all campaigns are deleted"
    lines = (await signed_in.page(f"{BASE}/ledger.csv?lang=en")).lstrip("\ufeff").splitlines()
    assert lines[0].startswith("Name;State;Day;Dialled;")
    assert lines[1:] == ["'=Осень;;2026-10-01;10;4;1;25.0;25.0", "Весна;deleted;2026-10-01;10;4;1;25.0;25.0"]


async def test_who_asks_for_the_head_of_a_file_gets_no_body(signed_in: Office) -> None:
    async with signed_in.client.head(f"{BASE}/do-not-call.csv") as answer:
        assert answer.status == 200
        assert await answer.read() == b""
    assert EN["dnc_none"] in await signed_in.page(f"{BASE}/do-not-call?lang=en")


async def test_a_campaign_of_another_account_is_not_there(signed_in: Office) -> None:
    async with signed_in.client.get(f"{BASE}/nothing") as answer:
        assert answer.status == 404


@pytest.mark.parametrize("text", ["=1+1", "+79161234567", "-1", "@x", "\tx"])
def test_no_exported_cell_is_a_formula(text: str) -> None:
    assert cell(text).lstrip('"').startswith("'")


# ---- dialled


async def test_a_campaign_is_started_paused_and_stopped_by_people_who_are_asked(signed_in: Office) -> None:
    campaign = await make(signed_in)
    one = f"{BASE}/{campaign.id}"
    assert EN["camp_why_draft"] in await signed_in.page(f"{one}?lang=en")
    await signed_in.send(f"{one}/state?lang=en", state="running")
    assert EN["camp_why_empty"] in await signed_in.page(f"{one}?lang=en")
    assert EN["camp_pause_consequence"] in await signed_in.send(f"{one}/state?lang=en", state="paused")
    assert EN["camp_state_changed"] in await signed_in.send(f"{one}/state?lang=en", state="paused", confirmed="1")
    assert "The campaign is paused" in await signed_in.page(f"{one}?lang=en")
    assert EN["camp_state_changed"] in await signed_in.send(f"{one}/state?lang=en", state="stopped", confirmed="1")
    assert EN["camp_state_not_changed"] in await signed_in.send(f"{one}/state?lang=en", state="paused", confirmed="1")


async def a_running_one(office: Office, **fields: str) -> StoredCampaign:
    campaign = await make(office, **{"employee.101": "1", **fields})
    new = NewEntry(numbers=(EntryNumber(e164="+79161112233"),))
    await office.world.storage.entries.add(ACME, campaign.id, [new], office=ACME)
    await office.send(f"{BASE}/{campaign.id}/state", state="running")
    return campaign


async def test_why_nobody_is_dialled_is_said_in_one_sentence(signed_in: Office) -> None:
    campaign = await a_running_one(signed_in)
    world, one = signed_in.world, f"{BASE}/{campaign.id}?lang=en"
    assert EN["camp_why_begins"] in await signed_in.page(one)
    (lease,) = await world.storage.leases.acquire([lease_name(ACME, campaign.id)], holder="a", ttl_seconds=60)
    seats = (
        Seat(key="101", state=EmployeeState.TALKING, since=world.clock.now()),
        Seat(key="102", state=EmployeeState.GONE, since=world.clock.now(), why="not_registered"),
    )
    doing = DiallingNow(at=world.clock.now(), hold=held(Hold.ALL_BUSY, busy=1), dialling=1, talking=2, seats=seats)
    await world.storage.dialling.put(ACME, campaign.id, doing, learned=None, lease=lease)
    page = await signed_in.page(one)
    assert "All employees are busy: 1." in page
    assert "All employees are busy: 1." in await signed_in.page(f"{BASE}?lang=en")
    assert EN["camp_now_talking"] in page
    assert NO_END["not_dialled"][2] in page
    assert EN["camp_at_work"] in page
    assert EN["camp_absent_not_registered"] in page
    world.clock.advance(STALE_SECONDS + 1)
    page = await signed_in.page(one)
    assert "check that a process with the role worker" in page
    assert EN["camp_at_work"] not in page


async def test_the_page_says_when_the_list_will_have_been_called(signed_in: Office) -> None:
    """Two of four were dialled once, and answered, eleven minutes apart: two more, with 4/3 of an attempt each."""
    world = signed_in.world
    campaign = await a_running_one(signed_in, **{f"week_{day}": "0:00-24:00" for day in range(7)})
    more = [NewEntry(numbers=(EntryNumber(e164=f"+7916111224{index}"),)) for index in range(3)]
    await world.storage.entries.add(ACME, campaign.id, more, office=ACME)
    (lease,) = await world.storage.leases.acquire([lease_name(ACME, campaign.id)], holder="a", ttl_seconds=6000)
    for entry in await world.storage.entries.head(ACME, campaign.id, now=world.clock.now(), limit=2):
        attempt = Attempt(
            id=AttemptId(f"attempt-{entry.position:04}"), campaign=campaign.id, entry=entry.id, line="pbx/1", fence=1,
            number=entry.numbers[0].e164, mode=Mode.PROGRESSIVE, written_at=world.clock.now(),
        )  # fmt: skip
        assert await world.storage.attempts.write(ACME, attempt, office=ACME, lease=lease) is None
        reached = replace(entry, state=EntryState.REACHED)
        assert await world.storage.attempts.end(ACME, replace(attempt, outcome=Outcome.TALKED), reached)
        world.clock.advance(660)
    doing = DiallingNow(at=world.clock.now(), hold=held(Hold.ALL_BUSY, busy=1))
    await world.storage.dialling.put(ACME, campaign.id, doing, learned=None, lease=lease)
    page = await signed_in.page(f"{BASE}/{campaign.id}?lang=en")
    assert EN["camp_now_end"] in page
    end = Timestamp(world.clock.now() + 2 * 4 / 3 * 660)
    assert end_sentence(end, "en", zone="Europe/Moscow", now=world.clock.now()) in page
    await signed_in.send(f"{BASE}/{campaign.id}/state", state="paused", confirmed="yes")
    assert EN["camp_now_end"] not in await signed_in.page(f"{BASE}/{campaign.id}?lang=en")


async def test_one_employee_is_paused_for_all_campaigns_and_the_page_says_by_whom(signed_in: Office) -> None:
    campaign = await a_running_one(signed_in)
    world, one = signed_in.world, f"{BASE}/{campaign.id}"
    (lease,) = await world.storage.leases.acquire([lease_name(ACME, campaign.id)], holder="a", ttl_seconds=60)
    seat = Seat(key="101", state=EmployeeState.TALKING, since=world.clock.now())
    doing = DiallingNow(at=world.clock.now(), hold=held(Hold.ALL_BUSY, busy=1), seats=(seat,))
    await world.storage.dialling.put(ACME, campaign.id, doing, learned=None, lease=lease)
    for _ in range(2):  # sent twice
        await signed_in.send(f"{one}/employees", employee="101", paused="yes")
    pause = world.account.settings.campaign_pauses["101"]
    assert (pause.since, pause.own) == (world.clock.now(), False)
    page = await signed_in.page(f"{one}?lang=en")
    assert html.escape(EN["camp_resume_employee"]) in page
    assert pause.by in page
    await signed_in.send(f"{one}/state", state="paused", confirmed="1")
    assert EN["camp_resume_employee"] in await signed_in.page(f"{one}?lang=en"), "it can be ended while nobody dials"
    card = world.page(ANNA)
    await signed_in.send(f"{one}/employees", employee="101", paused="no")
    assert world.account.settings.campaign_pauses == {}
    message = card.messages.get_nowait()
    assert message is not None
    assert (message["type"], message["paused"]) == ("offer", False)


async def test_a_pause_of_nobody_is_said_and_stores_nothing(signed_in: Office) -> None:
    campaign = await a_running_one(signed_in)
    await signed_in.send(f"{BASE}/{campaign.id}/employees", employee="999", paused="yes")
    assert signed_in.world.account.settings.campaign_pauses == {}


@pytest.mark.parametrize("absent", list(Absent))
@pytest.mark.parametrize("language", ["ru", "uk", "en"])
async def test_why_an_employee_gets_no_call_has_words(language: str, absent: Absent) -> None:
    assert texts(language)[f"camp_absent_{absent}"]


# ---- lists of the CRM


async def test_a_list_of_the_crm_is_chosen_by_kind_stage_responsible_and_day(signed_in: Office) -> None:
    crm = signed_in.world.crm
    stages = (PipelineStage(id="11", name="Новые"), PipelineStage(id="12", name="Переговоры"))
    crm.all_pipelines = [Pipeline(id="1", name="Продажи <b>", stages=stages)]
    ref = EntityRef(EntityKind.CONTACT, "1")
    anna = Person(ref=ref, name="Анна", responsible=None, phones=("+79161234567",), updated_at=1)
    sold = Deal(
        ref=EntityRef(EntityKind.DEAL, "9"), name="Кухня", responsible=None, pipeline="1", stage="12", persons=(ref,)
    )
    crm.add(anna, sold)
    campaign = await make(signed_in)
    page = await signed_in.page(f"{BASE}/{campaign.id}/from-crm?lang=en")
    assert "Продажи &lt;b&gt;" in page
    assert 'name="stage.1/12"' in page
    page = await signed_in.send(f"{BASE}/{campaign.id}/from-crm?lang=en", **{"kind": "deal", "stage.1/12": "1"})
    made = await imported(signed_in, campaign)
    assert made.wanted == CrmFilter(kind=EntityKind.DEAL, stages=(StageRef("1", "12"),))
    assert (made.state, made.taken, made.file_name) == (ImportState.DONE, 1, "Deals, Продажи <b>: Переговоры")
    page = await signed_in.page(f"{BASE}/{campaign.id}/files/{made.id}?lang=en")
    assert EN["crm_list_repeat"] in page
    await signed_in.send(f"{BASE}/{campaign.id}/files/{made.id}/repeat?lang=en")
    newest, _ = await signed_in.world.storage.list_imports.of_campaign(ACME, campaign.id)
    assert newest.wanted == made.wanted


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"kind": "task"}, "crm_list_no_kind"),
        ({}, "crm_list_no_kind"),
        ({"kind": "contact", "created_from": "31.02.2026"}, "crm_list_no_day"),
        ({"kind": "contact", "created_from": "0001-01-01"}, "crm_list_no_day"),
        ({"kind": "contact", "created_from": "2026-05-02", "created_until": "2026-05-01"}, "crm_list_days_turned"),
    ],
)
async def test_a_filter_that_means_nothing_is_said_at_its_field(
    signed_in: Office, fields: dict[str, str], key: str
) -> None:
    campaign = await make(signed_in)
    page = await signed_in.send(f"{BASE}/{campaign.id}/from-crm?lang=en", **fields)
    assert EN[key] in page
    assert await signed_in.world.storage.list_imports.of_campaign(ACME, campaign.id) == []


async def test_a_crm_without_an_answer_leaves_the_contacts(signed_in: Office) -> None:
    campaign = await make(signed_in)
    signed_in.world.crm.fail_before.append(Unavailable("away"))
    page = await signed_in.page(f"{BASE}/{campaign.id}/from-crm?lang=en")
    assert EN["crm_list_no_pipelines"] in page
    assert EN["crm_list_contacts"] in page
    signed_in.world.crm.fail_before += [Unavailable("away")] * 2
    page = await signed_in.send(f"{BASE}/{campaign.id}/from-crm?lang=en", kind="deal")
    assert EN["crm_list_no_pipelines"] in page, "deals of stages that nobody could tick are not added by mistake"
    assert await signed_in.world.storage.list_imports.of_campaign(ACME, campaign.id) == []


# ---- deleting


async def test_a_campaign_is_deleted_after_a_question(signed_in: Office) -> None:
    campaign = await make(signed_in)
    page = await signed_in.send(f"{BASE}/{campaign.id}/delete?lang=en")
    assert EN["camp_delete_consequence"] in page
    assert await signed_in.world.storage.campaigns.get(ACME, campaign.id) is not None
    page = await signed_in.send(f"{BASE}/{campaign.id}/delete?lang=en", confirmed="1")
    assert EN["camp_deleted"] in page
    assert await signed_in.world.storage.campaigns.all(ACME) == []


async def test_a_person_is_erased_by_their_number_as_people_write_it(signed_in: Office) -> None:
    campaign = await make(signed_in)
    await upload(signed_in, campaign, FILE.encode())
    made = await the_import(signed_in, campaign)
    await signed_in.imports.begin(ACME, made.id, made.mapping)
    await imported(signed_in, campaign)
    page = await signed_in.send(f"{BASE}/do-not-call/forget?lang=en", person="позвонить")
    assert EN["dnc_forget_no_number"] in page
    page = await signed_in.send(f"{BASE}/do-not-call/forget?lang=en", person="8 926 234-56-78")
    assert EN["dnc_forget_stays"] in page
    page = await signed_in.send(f"{BASE}/do-not-call/forget?lang=en", person="+79262345678", confirmed="1")
    assert EN["dnc_forget_done"] in page
    left = await signed_in.world.storage.entries.listing(ACME, campaign.id, EntryQuery())
    assert "Глеб" not in [each.entry.name for each in left]
    page = await signed_in.send(f"{BASE}/do-not-call/forget?lang=en", person="+79262345678", confirmed="1")
    assert EN["dnc_forget_nothing"] in page


async def test_a_silent_crm_does_not_hold_the_form_up(signed_in: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = await make(signed_in)
    asked = 0

    async def silent(_: FakeCrm) -> list[Pipeline]:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr("integration.web.campaigns.from_crm._PIPELINES_SECONDS", 0.05)
    monkeypatch.setattr(FakeCrm, "pipelines", silent)
    for _ in range(3):
        assert EN["crm_list_no_pipelines"] in await signed_in.page(f"{BASE}/{campaign.id}/from-crm?lang=en")
    assert asked == 1, "it is not waited for at each page"
