"""The list of callbacks: who waits and why, cancelled and brought back, on its page and on a call's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.domain.campaigns.callbacks import CallbackKind, campaign_of
from integration.domain.campaigns.holds import Hold, held
from integration.domain.campaigns.model import EntryState
from integration.domain.ids import EntryId, Timestamp
from integration.domain.settings import LineSettings
from integration.ports.callbacks import Callback, NewCallback
from integration.ports.dialling import DiallingNow
from integration.texts.dialling import hold_sentence
from integration.texts.pages import texts
from integration.web.campaigns.callback_rows import why_waiting
from tests.services.admin_office import Office
from tests.services.conftest import ACME, ANNA, call, missed_call

BASE = "/admin/acme/campaigns/callbacks"
EN = texts("en")
HOSTILE = "<script>alert(1)</script>"


async def waiting(office: Office, *, name: str = "Иван Петров", uniqueid: str = "1.0") -> EntryId:
    """A client whose call was missed a moment ago."""
    world = office.world
    world.account.settings = replace(world.account.settings, default_line=LineSettings(repeat_calls=True))
    await world.emit(*missed_call(world.clock.now() - 10, uniqueid=uniqueid))
    wanted = NewCallback(
        call=call(uniqueid),
        kind=CallbackKind.MISSED,
        campaign=campaign_of(None),
        campaign_name="Callbacks",
        number="+79161234567",
        zones=("Europe/Moscow",),
        asked_at=world.clock.now(),
        due_at=Timestamp(world.clock.now() + 600),
        name=name,
        responsible=ANNA,
    )
    await world.storage.callbacks.ask(ACME, wanted, office=ACME)
    found = await world.storage.callbacks.of_call(ACME, call(uniqueid))
    assert found is not None
    return found.entry.id


async def state(office: Office, entry: EntryId) -> EntryState:
    found = await office.world.storage.callbacks.get(ACME, entry)
    assert found is not None
    return found.entry.state


async def test_an_office_that_calls_nobody_back_is_told_where_to_switch_it_on(signed_in: Office) -> None:
    page = await signed_in.page(f"{BASE}?lang=en")
    assert EN["cb_off"] in page
    assert EN["cb_none"] in page
    assert f'href="{BASE}"' in await signed_in.page("/admin/acme/campaigns?lang=en")


async def test_who_waits_is_shown_with_the_reason_the_next_call_and_who_will_call(signed_in: Office) -> None:
    entry = await waiting(signed_in, name=HOSTILE)
    page = await signed_in.page(f"{BASE}?lang=en")
    assert HOSTILE not in page
    assert "+7 916 123-45-67" in page
    assert "Missed call, " in page
    assert "The next call is at " in page
    assert EN["cb_of"].format(done=0, most=3) in page
    assert "Анна Орлова" in page
    assert f'action="{BASE}/{entry}/cancel"' in page
    assert EN["cb_off"] not in page


async def test_why_one_is_put_off_is_a_sentence(signed_in: Office) -> None:
    entry = await waiting(signed_in)
    why = held(Hold.NAMED_AWAY)
    await signed_in.world.storage.callbacks.put_off(ACME, {entry: why})
    assert hold_sentence(why, "en") in await signed_in.page(f"{BASE}?lang=en")


async def test_one_is_cancelled_and_brought_back(signed_in: Office) -> None:
    entry = await waiting(signed_in)
    page = await signed_in.send(f"{BASE}/{entry}/cancel?lang=en")
    assert EN["cb_cancelled"] in page
    assert await state(signed_in, entry) is EntryState.REMOVED
    assert "Cancelled by " in page
    assert f'action="{BASE}/{entry}/restore"' in page
    assert EN["cb_not_changed"] in await signed_in.send(f"{BASE}/{entry}/cancel?lang=en")
    assert EN["cb_restored"] in await signed_in.send(f"{BASE}/{entry}/restore?lang=en")
    assert await state(signed_in, entry) is EntryState.OPEN


async def test_the_page_of_the_missed_call_shows_it_and_cancels_it_there(signed_in: Office) -> None:
    entry = await waiting(signed_in)
    address = f"/admin/acme/calls/{call('1.0')}"
    assert f'action="{BASE}/{entry}/cancel"' in await signed_in.page(f"{address}?lang=en")
    page = await signed_in.send(f"{BASE}/{entry}/cancel?lang=en", call=call("1.0"))
    assert EN["legs"] in page, "the page of the call again"
    assert f'action="{BASE}/{entry}/restore"' in page


@pytest.mark.parametrize("back", ["//evil.example", "../../logout", "https://evil.example", "x/../..", "a" * 300])
async def test_a_forged_way_back_leads_to_the_list(signed_in: Office, back: str) -> None:
    entry = await waiting(signed_in)
    page = await signed_in.send(f"{BASE}/{entry}/cancel?lang=en", call=back)
    assert EN["cb_lead"] in page


async def test_an_entry_of_a_campaign_is_none(signed_in: Office) -> None:
    assert EN["cb_not_changed"] in await signed_in.send(f"{BASE}/99/cancel?lang=en")


async def test_the_campaign_of_callbacks_has_no_page_of_its_own(signed_in: Office) -> None:
    await waiting(signed_in)
    for address in ("/admin/acme/campaigns/callbacks/rules", "/admin/acme/campaigns/callbacks/entries"):
        async with signed_in.client.get(address) as answer:
            assert answer.status == 404


async def test_the_reason_is_the_one_that_holds_now(signed_in: Office) -> None:
    entry = await waiting(signed_in)
    account, now = signed_in.world.account, signed_in.world.clock.now()
    found = await signed_in.world.storage.callbacks.get(ACME, entry)
    assert found is not None

    def why(one: Callback, doing: DiallingNow | None = None) -> str | None:
        reason = why_waiting(account, one, {campaign_of(None): doing} if doing else {}, now)
        return reason.code if reason is not None else None

    busy = DiallingNow(at=now, hold=held(Hold.ALL_BUSY, busy=2))
    due = replace(found, entry=replace(found.entry, due_at=Timestamp(now - 1)))
    assert why(found) == Hold.NOT_DUE
    assert why(replace(found, why=held(Hold.NAMED_AWAY)), busy) == Hold.NAMED_AWAY
    assert why(due, busy) == Hold.ALL_BUSY
    assert why(due) is None, "nothing dials"
    assert why(due, replace(busy, at=Timestamp(now - 300))) is None
    assert why(replace(found, entry=replace(found.entry, state=EntryState.TAKEN))) == Hold.ENTRY_TAKEN
    assert why(replace(found, entry=replace(found.entry, state=EntryState.REACHED))) is None
    account.settings = replace(account.settings, default_line=LineSettings())
    assert why(due, busy) == Hold.CALLBACKS_OFF
