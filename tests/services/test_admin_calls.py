"""The administrators' journal of calls and the page of one call."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from integration.domain.calls.call import Via
from integration.domain.calls.events import HangUpPressed
from integration.domain.calls.ownership import Ownership
from integration.domain.ids import Timestamp
from integration.domain.settings import LineSettings
from integration.errors import Rejected
from integration.ports.stores import OutboxState
from integration.services.click import Refused
from integration.texts import LANGUAGES
from integration.texts.pages import texts
from tests.services.admin_office import Office
from tests.services.conftest import (
    ACME,
    ANNA,
    answered,
    answered_call,
    call,
    ended,
    missed_call,
    offered,
    recorded,
    started,
    unanswered,
)


async def test_a_call_with_its_reasons(signed_in: Office) -> None:
    await signed_in.world.emit(*answered_call(signed_in.world.clock.now()))
    await signed_in.world.deliver_with_pauses()
    html = await signed_in.page("/admin/acme/calls/acme-pbx:1.0?lang=en")
    assert "Анна Орлова" in html
    assert "https://crm.example/" in html
    async with signed_in.client.get("/admin/acme/calls/nothing") as answer:
        assert answer.status == 404


async def test_names_are_shown_as_text(signed_in: Office) -> None:
    await signed_in.world.emit(*answered_call(signed_in.world.clock.now()))
    html = await signed_in.page("/admin/acme/calls")
    assert "Иван &lt;b&gt;Петров&lt;/b&gt;" in html
    assert "<b>Петров" not in html


async def test_the_search_finds_any_spelling(signed_in: Office) -> None:
    now = signed_in.world.clock.now()
    await signed_in.world.emit(*answered_call(now), *missed_call(now, "79990001122", "2.0"))
    html = await signed_in.page("/admin/acme/calls?number=8 (916) 123-45-67")
    assert "+7 916 123-45-67" in html
    assert "+7 999 000-11-22" not in html
    assert 'class="empty no-match"' in await signed_in.page("/admin/acme/calls?number=nonsense")


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_a_search_without_a_match_does_not_say_that_there_are_no_calls(signed_in: Office, lang: str) -> None:
    words = texts(lang)
    assert words["no_calls"] in await signed_in.page(f"/admin/acme/calls?lang={lang}")
    await signed_in.world.emit(*answered_call(signed_in.world.clock.now()))
    for query, said in (("number=%2B79990001122", "no_calls_found"), ("before=1", "no_older_calls")):
        html = await signed_in.page(f"/admin/acme/calls?lang={lang}&{query}")
        assert words[said] in html
        assert words["no_calls"] not in html


async def test_the_calls_page_says_who_pressed_for_its_end(signed_in: Office) -> None:
    now = signed_in.world.clock.now()
    declined = HangUpPressed(call=call(), at=Timestamp(now + 2.5), extension="101", own_leg=True)
    hung_up = HangUpPressed(call=call(), at=Timestamp(now + 9), extension="102", own_leg=False)
    await signed_in.world.emit(started(now), offered(now, "101"), declined, hung_up, ended(now + 9))
    page = await signed_in.page(f"/admin/acme/calls/{call()}?lang=ru")
    for words in (
        "<dt>Отклонено в карточке</dt><dd>Анна Орлова",
        "<dt>Завершено в карточке</dt><dd>Борис Климов",
        "+2.5",
    ):
        assert words in page
    assert "HangUpPressed" in page  # also in the timeline


async def test_a_call_that_is_not_for_the_crm_says_so_and_not_that_all_is_delivered(signed_in: Office) -> None:
    world = signed_in.world
    world.account.settings = replace(world.account.settings, enabled=False)
    await world.emit(*missed_call(world.clock.now()))
    page = await signed_in.page("/admin/acme/calls/acme-pbx:1.0?lang=en")
    words = texts("en")
    assert page.count(words["never_logged"]) == 1
    assert words["none_waiting"] not in page
    assert words["not_logged_yet"] not in page


async def test_what_the_call_page_says_of_the_crm(signed_in: Office) -> None:
    """From the ringing to the logged call, and after delivery was given up."""
    world, words = signed_in.world, texts("en")
    now = world.clock.now()

    async def says(key: str, uniqueid: str = "1.0") -> bool:
        return words[key] in await signed_in.page(f"/admin/acme/calls/acme-pbx:{uniqueid}?lang=en")

    await world.emit(started(now), offered(now, "101"))
    assert await says("logged_after_the_end")
    await world.emit(unanswered(now + 10, "101"), ended(now + 10))
    assert await says("not_logged_yet")
    await world.deliver_with_pauses()
    assert not await says("not_logged_yet")
    await world.emit(*missed_call(world.clock.now(), uniqueid="2.0"))
    world.crm.fail_before = [Rejected("no")]
    await world.deliver()
    assert await says("not_logged_at_all", "2.0")


async def test_a_missed_call_of_a_queue_is_nobodys(signed_in: Office) -> None:
    world = signed_in.world
    now = world.clock.now()
    legs = [
        replace(offered(now + n, extension), via=Via.QUEUE, queue="sales") for n, extension in enumerate(("101", "102"))
    ]
    await world.emit(started(now), *legs, *(unanswered(now + 10, e) for e in ("101", "102")), ended(now + 10))
    page = await signed_in.page("/admin/acme/calls")
    assert "<bdi>—</bdi>" in page
    assert "Анна Орлова" not in page
    assert "Борис Климов" not in page


async def test_a_missed_call_of_one_person_is_that_persons(signed_in: Office) -> None:
    await signed_in.world.emit(*missed_call(signed_in.world.clock.now()))
    assert "<bdi>Анна Орлова</bdi>" in await signed_in.page("/admin/acme/calls")


async def test_the_pages_show_no_call_of_another_account_on_the_same_pbx(branched: Office) -> None:
    world = branched.world
    world.tracking.ownership = lambda _: Ownership(shows=False, writes=False)
    await world.emit(*answered_call(world.clock.now()))
    assert await world.storage.calls.get(ACME, call()) is not None
    async with branched.client.get("/admin/acme/calls/acme-pbx:1.0") as answer:
        assert answer.status == 404
    assert "acme-pbx%3A1.0" not in await branched.page("/admin/acme/calls")
    with pytest.raises(Refused) as caught:
        await world.creations.create_contact(world.account, ANNA, call_id=call(), name="Foreign")
    assert caught.value.code == "call_unknown"


async def test_the_page_of_a_call_and_the_overview_name_the_pbx(branched: Office) -> None:
    await branched.world.emit(*answered_call(branched.world.clock.now()))
    assert "<dt>АТС</dt><dd>acme-pbx</dd>" in await branched.page("/admin/acme/calls/acme-pbx:1.0?lang=ru")
    page = await branched.page("/admin/acme?lang=ru")
    assert "branch · Ещё не подключено." in page


PROGRAM_WORDS = re.compile(
    r"CallStarted|LegOffered|ClientConnected|Origin\(|queue:|kind=|None|/var/spool|\bdirect\b|click|acme-pbx:|native_id"
)


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_the_page_of_a_call_tells_it_in_sentences_and_folds_the_machinery(signed_in: Office, lang: str) -> None:
    world = signed_in.world
    now = world.clock.now()
    legs = [
        replace(offered(now + n, extension), via=Via.QUEUE, queue="sales") for n, extension in enumerate(("101", "102"))
    ]
    await world.emit(
        started(now),
        recorded(now, "/var/spool/asterisk/monitor/in.wav"),
        *legs,
        *answered(now + 3, "101"),
        unanswered(now + 3, "102"),
        ended(now + 60),
    )
    page = await signed_in.page(f"/admin/acme/calls/{call()}?lang={lang}")
    before, _, rest = page.partition('<details id="machinery">')
    machinery, _, after = rest.partition("</details>")
    seen = re.sub(r"<[^>]*>", " ", before[before.index("<main") :] + after)
    assert PROGRAM_WORDS.findall(seen) == []
    assert "/var/spool/asterisk/monitor/in.wav" in machinery
    assert "LegOffered" in machinery
    assert "Анна Орлова (101)" in seen
    assert "sales" in seen


async def test_the_timeline_of_a_call_is_in_its_order_and_in_the_offices_time(signed_in: Office) -> None:
    world = signed_in.world
    now = world.clock.now()
    await world.emit(started(now), offered(now + 2, "101"), *answered(now + 5, "101"), ended(now + 65))
    page = await signed_in.page(f"/admin/acme/calls/{call()}?lang=en")
    rows = re.findall(r'<span class="at">([^<]*)</span><span><bdi>([^<]*)', page)
    assert rows == [
        ("01:13:20", "Incoming call: +7 916 123-45-67 → +7 495 000-00-01"),
        ("01:13:22", "Ringing: Анна Орлова (101)"),
        ("01:13:25", "Talking to the client: Анна Орлова (101)"),
        ("01:14:25", "The caller hung up"),
    ]


async def test_a_delivery_that_was_discarded_or_expired_is_not_called_stopped(signed_in: Office) -> None:
    """Each state of the delivery has one sentence, and it is the only one on the page."""
    world, words = signed_in.world, texts("en")
    sentences = ("logged", "not_logged_yet", "not_logged_at_all", "log_discarded", "log_expired", "never_logged")

    async def said(uniqueid: str) -> list[str]:
        page = await signed_in.page(f"/admin/acme/calls/acme-pbx:{uniqueid}?lang=en")
        return [key for key in sentences if words[key] in page]

    await world.emit(*missed_call(world.clock.now()))
    assert await said("1.0") == ["not_logged_yet"]
    world.crm.fail_before = [Rejected("no")]
    await world.deliver()
    assert await said("1.0") == ["not_logged_at_all"]
    [dead] = await world.storage.outbox.listing(ACME, [OutboxState.DEAD])
    await world.storage.outbox.discard(ACME, dead.id)
    assert await said("1.0") == ["log_discarded"]
    await world.emit(*missed_call(world.clock.now(), uniqueid="2.0"))
    await world.deliver_with_pauses()
    assert await said("2.0") == ["logged"]


async def test_a_line_is_named_on_the_page_of_its_call(signed_in: Office) -> None:
    world = signed_in.world
    lines = {"74950000001": LineSettings(source="Реклама <b>")}
    world.account.settings = replace(world.account.settings, lines=lines)
    await world.emit(*answered_call(world.clock.now()))
    assert "74950000001 (Реклама &lt;b&gt;)" in await signed_in.page(f"/admin/acme/calls/{call()}")
