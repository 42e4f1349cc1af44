"""The administrators' page of deliveries to the CRM."""

from __future__ import annotations

from integration.errors import Rejected
from integration.ports.stores import OutboxState
from integration.texts.pages import texts
from tests.services.admin_office import Office
from tests.services.conftest import (
    ACME,
    missed_call,
)


async def test_each_empty_list_of_deliveries_says_what_is_not_there(signed_in: Office) -> None:
    words = texts("en")
    html = await signed_in.page("/admin/acme/delivery?lang=en")
    assert words["none_dead"] in html
    assert words["none_waiting"] in html
    await signed_in.world.emit(*missed_call(signed_in.world.clock.now()))
    html = await signed_in.page("/admin/acme/delivery?lang=en")
    assert words["none_dead"] in html
    assert words["none_waiting"] not in html


async def test_a_dead_letter_is_discarded_taken_back_and_delivered(signed_in: Office) -> None:
    world = signed_in.world
    await world.emit(*missed_call(world.clock.now()))
    world.crm.fail_before = [Rejected("400 <script>alert(1)</script>")]
    await world.deliver()
    html = await signed_in.page("/admin/acme/delivery?lang=en")
    assert "400 &lt;script&gt;" in html
    [dead] = await world.storage.outbox.listing(ACME, [OutboxState.DEAD])
    assert "Undo" in await signed_in.send(f"/admin/acme/delivery/{dead.id}/discard", confirmed="1")
    assert await world.in_state(OutboxState.DISCARDED) == ["log_call"]
    await signed_in.send(f"/admin/acme/delivery/{dead.id}/retry")
    await world.deliver()
    assert world.crm.logged("acme-pbx:1.0") == 1
    assert "This entry has already changed." in await signed_in.send(
        f"/admin/acme/delivery/{dead.id}/discard", confirmed="1"
    )


async def test_discarding_is_asked_for_and_names_what_is_lost(signed_in: Office) -> None:
    world, words = signed_in.world, texts("en")
    await world.emit(*missed_call(world.clock.now()))
    world.crm.fail_before = [Rejected("no")]
    await world.deliver()
    [dead] = await world.storage.outbox.listing(ACME, [OutboxState.DEAD])
    page = await signed_in.send(f"/admin/acme/delivery/{dead.id}/discard?lang=en")
    assert words["discard_what"].format(what=words["intent_log_call"]) in page
    assert await world.in_state(OutboxState.DEAD) == ["log_call"]
    assert words["discarded"] in await signed_in.send(f"/admin/acme/delivery/{dead.id}/discard?lang=en", confirmed="1")
    assert words["already_gone"] in await signed_in.send(f"/admin/acme/delivery/{dead.id}/discard?lang=en")
    assert words["already_gone"] in await signed_in.send("/admin/acme/delivery/999999/discard?lang=en")
