"""Rate limits, sanctions, the ended subscription, ordered faults and webhooks of the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.adapters.amocrm_sandbox_kit import ANNA, BORIS, OFFICE, Crm, Receiver, eventually, receiving, running_sandbox


@pytest.fixture
async def crm() -> AsyncIterator[Crm]:
    async with running_sandbox() as running:
        yield running


async def test_more_than_seven_requests_in_a_second_answer_429_without_json(crm: Crm) -> None:
    answers = [await crm.call("GET", "/api/v4/account", pause=0) for _ in range(9)]
    crm_statuses = [answer.status for answer in answers]
    assert crm_statuses.count(200) in (7, 6)  # the long-lived token was created outside the API
    assert crm_statuses[-1] == 429
    assert answers[-1].headers["Content-Type"].startswith("text/html")
    assert (await crm.call("GET", "/api/v4/account", pause=2)).status == 200
    assert crm.sandbox.traffic.max_rate == 9


async def test_going_on_against_429_ends_in_403_for_everything_for_a_while() -> None:
    async with running_sandbox(refusals_before_block=3, block_seconds=60) as crm:
        statuses = [(await crm.call("GET", "/api/v4/account", pause=0)).status for _ in range(11)]
        assert statuses == [200] * 7 + [429] * 3 + [403]
        assert (await crm.call("GET", "/api/v4/users", pause=30)).status == 403
        assert (await crm.call("GET", "/api/v4/users", pause=31)).status == 200


async def test_an_ended_subscription_stops_writes_then_everything(crm: Crm) -> None:
    await crm.call("POST", f"/_sandbox/accounts/{OFFICE}", {"subscription_ended": "writes"})
    assert (await crm.call("GET", "/api/v4/account")).status == 200
    assert (await crm.call("POST", "/api/v4/contacts", [{"name": "x"}])).status == 402
    await crm.call("POST", f"/_sandbox/accounts/{OFFICE}", {"subscription_ended": "all"})
    assert (await crm.call("GET", "/api/v4/account")).status == 402


async def test_every_answer_has_a_request_id(crm: Crm) -> None:
    for path in ("/api/v4/account", "/api/v4/leads/1", "/api/v4/nothing"):
        assert len((await crm.call("GET", path)).headers["X-Request-Id"]) == 32


async def test_an_unknown_method_is_a_problem(crm: Crm) -> None:
    answer = await crm.call("GET", "/api/v4/nothing")
    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith("application/problem+json")


# ---- faults


async def test_a_status_fault_meets_the_counted_requests_of_its_path_and_method(crm: Crm) -> None:
    fault = {"kind": "status", "status": 500, "count": 2, "path_prefix": "/api/v4/contacts", "method": "POST"}
    await crm.call("POST", "/_sandbox/faults", fault)
    assert (await crm.call("GET", "/api/v4/contacts")).status == 200
    statuses = [(await crm.call("POST", "/api/v4/contacts", [{"name": "x"}])).status for _ in range(3)]
    assert statuses == [500, 500, 200]
    assert len(crm.office.contacts) == 308


async def test_an_answer_can_be_lost_after_the_data_were_stored(crm: Crm) -> None:
    fault = {"kind": "timeout_after_store", "seconds": 0.01, "path_prefix": "/api/v4/contacts"}
    await crm.call("POST", "/_sandbox/faults", fault)
    with pytest.raises(aiohttp.ClientError):
        await crm.call("POST", "/api/v4/contacts", [{"name": "Сохранён"}])
    assert len(crm.office.contacts) == 308


async def test_a_connection_can_be_dropped_before_anything_happens(crm: Crm) -> None:
    # The client repeats a GET after a lost connection: both requests meet the fault.
    await crm.call("POST", "/_sandbox/faults", {"kind": "drop", "count": -1})
    with pytest.raises(aiohttp.ClientError):
        await crm.call("POST", "/api/v4/contacts", [{"name": "x"}])
    await crm.call("DELETE", "/_sandbox/faults")
    assert (await crm.call("GET", "/api/v4/account")).status == 200
    assert len(crm.office.contacts) == 307


async def test_reset_brings_the_seeded_office_back(crm: Crm) -> None:
    await crm.contact("Лишний", "+79160001122")
    await crm.call("POST", "/_sandbox/reset", {})
    state = (await crm.call("GET", "/_sandbox/state")).body
    assert state["counts"]["contacts"] == 307
    assert state["requests"]["total"] == 0


async def test_the_controls_answer_no_foreign_page(crm: Crm) -> None:
    answer = await crm.call("POST", "/_sandbox/reset", {}, headers={"Origin": "https://evil.example"})
    assert answer.status == 403


# ---- webhooks


async def test_changes_are_delivered_as_form_bodies_with_bracket_keys(crm: Crm) -> None:
    receiver = Receiver()
    async with receiving(receiver) as url:
        settings = ["add_contact", "update_contact", "note_contact", "status_lead", "responsible_lead"]
        hook = {"destination": f"{url}/hook/secret", "settings": settings}
        made = await crm.call("POST", "/api/v4/webhooks", hook)
        assert (made.status, made.body["disabled"]) == (201, False)
        contact = await crm.contact("Хук", "+79160001122", responsible_user_id=ANNA)
        await receiver.wait(lambda: len(receiver.bodies) == 1)
        body = receiver.bodies[0]
        assert body["contacts[add][0][id]"] == str(contact)
        assert body["contacts[add][0][type]"] == "contact"
        assert body["contacts[add][0][custom_fields][0][code]"] == "PHONE"
        assert body["contacts[add][0][custom_fields][0][values][0][value]"] == "+79160001122"
        assert body["contacts[add][0][custom_fields][0][values][0][enum]"] == "101"
        assert (body["account[subdomain]"], body["account[id]"]) == ("romashka", str(OFFICE))
        await crm.ok("PATCH", f"/api/v4/contacts/{contact}", {"responsible_user_id": BORIS})
        await receiver.wait(lambda: len(receiver.bodies) == 2)
        assert receiver.bodies[1]["contacts[update][0][old_responsible_user_id]"] == str(ANNA)
        await crm.ok("PATCH", "/api/v4/leads/9002", {"status_id": 55014})
        await receiver.wait(lambda: len(receiver.bodies) == 3)
        assert receiver.bodies[2]["leads[status][0][old_status_id]"] == "55012"
        note = {"note_type": "call_in", "params": {"duration": 1, "source": "x"}}
        await crm.ok("POST", f"/api/v4/contacts/{contact}/notes", [note])
        await receiver.wait(lambda: len(receiver.bodies) == 4)
        assert receiver.bodies[3]["contacts[note][0][note][note_type]"] == "10"
        assert receiver.bodies[3]["contacts[note][0][type]"] == "contact"


async def test_companies_travel_as_contacts_and_deletions_carry_ids_only(crm: Crm) -> None:
    receiver = Receiver()
    async with receiving(receiver) as url:
        hook = {"destination": url, "settings": ["add_company", "delete_company"]}
        await crm.ok("POST", "/api/v4/webhooks", hook)
        made = await crm.ok("POST", "/api/v4/companies", [{"name": "ООО"}])
        await receiver.wait(lambda: len(receiver.bodies) == 1)
        assert receiver.bodies[0]["contacts[add][0][type]"] == "company"
        id_ = made["_embedded"]["companies"][0]["id"]
        await crm.call("POST", "/page/delete", {"kind": "companies", "ids": [id_]})
        await receiver.wait(lambda: len(receiver.bodies) == 2)
        deleted = {key: value for key, value in receiver.bodies[1].items() if key.startswith("contacts")}
        assert deleted == {"contacts[delete][0][id]": str(id_), "contacts[delete][0][type]": "company"}


async def test_accepting_an_incoming_lead_is_told_as_its_deletion(crm: Crm) -> None:
    receiver = Receiver()
    async with receiving(receiver) as url:
        await crm.ok("POST", "/api/v4/webhooks", {"destination": url, "settings": ["delete_unsorted"]})
        metadata = {"phone": "+79995550011", "called_at": 1, "duration": 0, "service_code": "x", "uniq": "u"}
        item = {"source_name": "x", "source_uid": "y", "metadata": metadata}
        made = await crm.ok("POST", "/api/v4/leads/unsorted/sip", [item])
        (entry,) = made["_embedded"]["unsorted"]
        await crm.ok("POST", f"/api/v4/leads/unsorted/{entry['uid']}/accept", {})
        await receiver.wait(lambda: len(receiver.bodies) == 1)
        body = receiver.bodies[0]
        assert body["unsorted[delete][0][action]"] == "accept"
        assert body["unsorted[delete][0][uid]"] == entry["uid"]
        assert body["unsorted[delete][0][accept_result][leads][0]"] == str(entry["_embedded"]["leads"][0]["id"])


async def test_failing_deliveries_switch_the_webhook_off_and_subscribing_again_on() -> None:
    receiver = Receiver(status=500)
    settings = {"webhook_failures_allowed": 3, "webhook_retry_seconds": ()}
    async with receiving(receiver) as url, running_sandbox(**settings) as crm:
        hook = {"destination": url, "settings": ["add_contact"]}
        await crm.ok("POST", "/api/v4/webhooks", hook)
        for number in range(4):
            await crm.ok("POST", "/api/v4/contacts", [{"name": str(number)}])
        await receiver.wait(lambda: len(receiver.bodies) == 4)
        (known,) = crm.sandbox.hooks[OFFICE]
        await eventually(lambda: known.disabled)
        assert (await listed(crm))["disabled"]
        assert crm.office.popups[-1]["header"] == "Вебхуки"
        await crm.ok("POST", "/api/v4/contacts", [{"name": "unheard"}])
        await crm.ok("POST", "/api/v4/webhooks", hook)
        assert not (await listed(crm))["disabled"]
        assert len(receiver.bodies) == 4


async def listed(crm: Crm) -> dict[str, object]:
    (hook,) = (await crm.ok("GET", "/api/v4/webhooks"))["_embedded"]["webhooks"]
    return dict(hook)


async def test_a_failed_delivery_is_retried() -> None:
    receiver = Receiver(status=503)
    async with receiving(receiver) as url, running_sandbox(webhook_retry_seconds=(0.01, 0.01)) as crm:
        await crm.ok("POST", "/api/v4/webhooks", {"destination": url, "settings": ["add_contact"]})
        await crm.ok("POST", "/api/v4/contacts", [{"name": "x"}])
        await receiver.wait(lambda: len(receiver.bodies) == 3)


async def test_a_slow_receiver_has_failed() -> None:
    receiver = Receiver(delay=0.5)
    settings = {"webhook_timeout_seconds": 0.05, "webhook_retry_seconds": ()}
    async with receiving(receiver) as url, running_sandbox(**settings) as crm:
        await crm.ok("POST", "/api/v4/webhooks", {"destination": url, "settings": ["add_contact"]})
        await crm.ok("POST", "/api/v4/contacts", [{"name": "x"}])
        (hook,) = crm.sandbox.hooks[OFFICE]
        await eventually(lambda: bool(hook.failures))
        assert hook.delivered == 0


async def test_webhooks_need_an_administrator_known_names_and_the_right_plan(crm: Crm) -> None:
    wrong = {"destination": "https://x.test", "settings": ["add_everything"]}
    assert await crm.codes("POST", "/api/v4/webhooks", wrong) == [("NotSupportedChoice", "settings.0")]
    hook = {"destination": "https://x.test/h", "settings": ["add_lead"]}
    await crm.ok("POST", "/api/v4/webhooks", hook)
    assert (await crm.call("DELETE", "/api/v4/webhooks", {"destination": "https://x.test/h"})).status == 204
    assert (await crm.call("GET", "/api/v4/webhooks")).status == 204
    crm.token = await crm.long_lived(user_id=ANNA)
    assert (await crm.call("POST", "/api/v4/webhooks", hook)).status == 403
    async with running_sandbox(webhooks_available=False) as cheap:
        assert (await cheap.call("POST", "/api/v4/webhooks", hook)).status == 403


async def test_after_a_reset_webhooks_start_anew(crm: Crm) -> None:
    old, new = Receiver(), Receiver()
    async with receiving(old) as old_url, receiving(new) as new_url:
        for receiver, url in ((old, old_url), (new, new_url)):
            await crm.ok("POST", "/api/v4/webhooks", {"destination": url, "settings": ["add_contact"]})
            await crm.ok("POST", "/api/v4/contacts", [{"name": "x"}])
            await receiver.wait(lambda receiver=receiver: len(receiver.bodies) == 1)  # type: ignore[misc]
            await crm.call("POST", "/_sandbox/reset", {})
            crm.token = await crm.long_lived()
        assert len(old.bodies) == 1
