"""The sandbox's OAuth server and the installation of an application, against the documented rules."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from typing import Any

import pytest
from yarl import URL

from tests.adapters.bitrix24_sandbox_kit import ADMIN, ANNA, Bitrix, receiving, running_sandbox


@pytest.fixture
async def bitrix() -> AsyncIterator[Bitrix]:
    async with running_sandbox(handler_url="http://127.0.0.1:9/app") as running:
        yield running


# ---- tokens


async def _code(bitrix: Bitrix, state: str = "s1") -> dict[str, str]:
    """The browser's step: where the portal sends the person back to."""
    query = {"client_id": bitrix.sandbox.settings.client_id, "state": state}
    answer = await bitrix.send("GET", str(URL(f"{bitrix.base}/oauth/authorize/").with_query(query)))
    assert answer.status == 302
    target = URL(answer.headers["Location"])
    assert str(target.with_query(None)) == "http://127.0.0.1:9/app"
    return dict(target.query)


async def test_the_full_flow_gives_a_code_and_the_code_a_pair(bitrix: Bitrix) -> None:
    sent = await _code(bitrix)
    assert sent["state"] == "s1"
    assert sent["member_id"] == bitrix.portal.member_id
    assert sent["domain"] == bitrix.base.removeprefix("http://")
    answer = await bitrix.exchange(grant_type="authorization_code", code=sent["code"])
    assert answer.status == 200
    pair = answer.body
    assert pair["domain"] == bitrix.oauth.removeprefix("http://"), "the OAuth server's, not the portal's"
    assert pair["client_endpoint"] == f"{bitrix.base}/rest/"
    assert pair["server_endpoint"] == f"{bitrix.oauth}/rest/"
    assert pair["member_id"] == bitrix.portal.member_id
    assert pair["expires_in"] == 3600
    assert pair["expires"] == int(bitrix.clock.time) + 3600
    assert await bitrix.ok("profile", token=pair["access_token"])


async def test_a_code_works_once(bitrix: Bitrix) -> None:
    code = (await _code(bitrix))["code"]
    assert (await bitrix.exchange(grant_type="authorization_code", code=code)).status == 200
    again = await bitrix.exchange(grant_type="authorization_code", code=code)
    assert (again.status, again.body["error"]) == (400, "invalid_grant")


async def test_a_code_lives_thirty_seconds(bitrix: Bitrix) -> None:
    code = (await _code(bitrix))["code"]
    bitrix.clock.time += 31
    late = await bitrix.exchange(grant_type="authorization_code", code=code)
    assert late.body["error"] == "invalid_grant"


async def test_a_refresh_gives_a_new_pair_and_the_old_refresh_token_fails(bitrix: Bitrix) -> None:
    first = await bitrix.exchange(grant_type="refresh_token", refresh_token=bitrix.refresh_token)
    assert first.status == 200
    assert first.body["access_token"] != bitrix.token
    assert first.body["refresh_token"] != bitrix.refresh_token
    again = await bitrix.exchange(grant_type="refresh_token", refresh_token=bitrix.refresh_token)
    assert (again.status, again.body["error"]) == (400, "invalid_grant")
    assert await bitrix.ok("profile"), "the old access token works until it expires"


async def test_a_refresh_token_lives_180_days(bitrix: Bitrix) -> None:
    bitrix.clock.time += 180 * 86_400 + 1
    late = await bitrix.exchange(grant_type="refresh_token", refresh_token=bitrix.refresh_token)
    assert late.body["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"grant_type": "password"}, 400, "invalid_request"),
        ({"client_id": "local.other.1"}, 401, "invalid_client"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": "ключ"}, 401, "invalid_client"),
        ({"refresh_token": "unknown"}, 400, "invalid_grant"),
        ({"refresh_token": ""}, 400, "invalid_grant"),
    ],
)
async def test_the_oauth_server_refuses(bitrix: Bitrix, changes: dict[str, str], status: int, code: str) -> None:
    values = {"grant_type": "refresh_token", "refresh_token": bitrix.refresh_token, **changes}
    answer = await bitrix.exchange(**values)
    assert (answer.status, answer.body["error"]) == (status, code)


async def test_an_ended_subscription_stops_refreshes(bitrix: Bitrix) -> None:
    bitrix.install.payment_expired = True
    answer = await bitrix.exchange(grant_type="refresh_token", refresh_token=bitrix.refresh_token)
    assert answer.body["error"] == "PAYMENT_REQUIRED"
    assert (await bitrix.ok("app.info"))["PAYMENT_EXPIRED"] == "Y"


async def test_an_access_token_lives_an_hour(bitrix: Bitrix) -> None:
    bitrix.clock.time += 3600
    assert await bitrix.refused("profile") == (401, "expired_token", "The access token provided has expired.")


@pytest.mark.parametrize("token", ["", "unknown"])
async def test_without_a_known_token_nothing_answers(bitrix: Bitrix, token: str) -> None:
    status, code, _ = await bitrix.refused("profile", token=token)
    assert (status, code) == (401, "NO_AUTH_FOUND")


async def test_the_token_may_be_in_the_query_the_form_or_the_header(bitrix: Bitrix) -> None:
    url = f"{bitrix.base}/rest/profile.json"
    by_query = await bitrix.send("GET", url, params={"auth": bitrix.token})
    by_form = await bitrix.send("POST", url, data={"auth": bitrix.token})
    by_header = await bitrix.send("GET", url, headers={"Authorization": f"Bearer {bitrix.token}"})
    assert [each.body["result"]["ID"] for each in (by_query, by_form, by_header)] == ["1", "1", "1"]


async def test_app_info_of_the_oauth_server_says_whose_token_it_is(bitrix: Bitrix) -> None:
    token = await bitrix.as_user(ANNA)
    info = (await bitrix.send("GET", f"{bitrix.oauth}/rest/app.info/", params={"auth": token})).body["result"]
    assert info["client_id"] == bitrix.sandbox.settings.client_id
    assert info["user_id"] == ANNA
    assert info["install"]["member_id"] == bitrix.portal.member_id
    assert info["install"]["client_endpoint"] == f"{bitrix.base}/rest/"
    assert datetime.datetime.fromisoformat(info["expires"]).utcoffset() == datetime.timedelta(hours=3)
    wrong = await bitrix.send("GET", f"{bitrix.oauth}/rest/app.info/", params={"auth": "forged"})
    assert (wrong.status, wrong.body["error"]) == (401, "NO_AUTH_FOUND")


async def test_app_info_of_the_portal_is_another(bitrix: Bitrix) -> None:
    info = await bitrix.ok("app.info")
    assert (info["STATUS"], info["INSTALLED"], info["LICENSE_FAMILY"]) == ("L", True, "pro")
    bitrix.portal.is_enterprise = True
    assert (await bitrix.ok("app.info"))["LICENSE_FAMILY"] == "ent"


# ---- installation


async def test_an_api_only_application_gets_its_tokens_by_an_event() -> None:
    async with receiving() as server, running_sandbox(is_api_only=True, install_url=f"{server.url}/install") as bitrix:
        event = server.named("ONAPPINSTALL")[0]
        assert server.content_types[0] == "application/x-www-form-urlencoded"
        assert "event_handler_id" not in event
        assert event["data"] == {"VERSION": "1", "ACTIVE": "Y", "INSTALLED": "Y", "LANGUAGE_ID": "ru"}
        auth = event["auth"]
        assert auth["application_token"] == bitrix.application_token
        assert auth["member_id"] == bitrix.portal.member_id
        assert auth["expires_in"] == "3600", "numbers are texts"
        assert auth["status"] == "L"
        assert auth["client_endpoint"] == f"{bitrix.base}/rest/"
        assert await bitrix.ok("user.admin", token=auth["access_token"]) is True
        refreshed = await bitrix.exchange(grant_type="refresh_token", refresh_token=auth["refresh_token"])
        assert refreshed.status == 200


async def test_until_the_installation_is_finished_events_and_placements_are_muted() -> None:
    async with receiving() as server, running_sandbox() as bitrix:
        await bitrix.installed(finished=False)
        assert (await bitrix.ok("app.info"))["INSTALLED"] is False
        assert await bitrix.ok("event.bind", {"event": "ONCRMCONTACTADD", "handler": server.url}) is True
        await bitrix.ok("crm.contact.add", {"fields": {"NAME": "Первый"}})
        await bitrix.control("install/finish")
        assert (await bitrix.ok("app.info"))["INSTALLED"] is True
        id_ = await bitrix.ok("crm.contact.add", {"fields": {"NAME": "Второй"}})
        await server.wait(lambda: bool(server.named("ONCRMCONTACTADD")))
        assert [each["data"]["FIELDS"]["ID"] for each in server.named("ONCRMCONTACTADD")] == [str(id_)]


async def test_an_update_changes_the_application_token_and_drops_bindings() -> None:
    async with receiving() as server, running_sandbox() as bitrix:
        await bitrix.ok("event.bind", {"event": "ONAPPUPDATE", "handler": server.url})
        await bitrix.ok("placement.bind", {"PLACEMENT": "CALL_CARD", "HANDLER": server.url})
        await bitrix.control("install/update")
        event = server.named("ONAPPUPDATE")[0]
        assert (event["data"]["PREVIOUS_VERSION"], event["data"]["VERSION"]) == ("1", "2")
        assert event["auth"]["application_token"] == bitrix.install.application_token != bitrix.application_token
        assert await bitrix.ok("event.get") == []
        assert await bitrix.ok("placement.get") == []
        assert (await bitrix.ok("app.info"))["INSTALLED"] is False


async def test_a_removal_is_told_without_tokens_and_closes_the_api() -> None:
    async with receiving() as server, running_sandbox() as bitrix:
        await bitrix.ok("event.bind", {"event": "ONAPPUNINSTALL", "handler": server.url})
        await bitrix.ok("telephony.externalLine.add", {"NUMBER": "74957770000", "NAME": "Реклама"})
        await bitrix.control("install/remove", {"clean": True})
        event = server.named("ONAPPUNINSTALL")[0]
        assert event["data"] == {"LANGUAGE_ID": "ru", "CLEAN": "1"}
        assert event["auth"]["application_token"] == bitrix.application_token
        assert not {"access_token", "refresh_token"} & set(event["auth"])
        status, code, _ = await bitrix.refused("profile")
        assert (status, code) == (401, "NO_AUTH_FOUND")
        refreshed = await bitrix.exchange(grant_type="refresh_token", refresh_token=bitrix.refresh_token)
        assert refreshed.body["error"] == "invalid_grant"
        assert bitrix.portal.lines == {}, "the application's lines are deleted with it"


async def test_installing_again_gives_another_application_token(bitrix: Bitrix) -> None:
    before = bitrix.application_token
    await bitrix.installed()
    assert bitrix.application_token != before


# ---- addresses and webhooks


async def test_a_renamed_portal_answers_302_with_the_path_kept() -> None:
    async with running_sandbox(other_hosts=["127.0.0.2"]) as bitrix:
        port = URL(bitrix.base).port
        bitrix.portal.host = f"127.0.0.1:{port}"
        await bitrix.control("portals/acme", {"host": f"127.0.0.2:{port}"})
        moved = await bitrix.call("profile", path="/rest/profile.json?x=1")
        assert moved.status == 302
        assert moved.headers["Location"] == f"http://127.0.0.2:{port}/rest/profile.json?x=1"
        body = {"auth": bitrix.token}
        assert (await bitrix.send("POST", moved.headers["Location"], json=body)).body["result"]["ID"] == str(ADMIN)
        refreshed = await bitrix.exchange(grant_type="refresh_token", refresh_token=bitrix.refresh_token)
        assert refreshed.body["client_endpoint"] == f"http://127.0.0.2:{port}/rest/"


async def test_a_generic_client_loses_the_body_at_the_redirect() -> None:
    """Rule 17: a client that follows 302 by itself turns the POST into a GET without its parameters."""
    async with running_sandbox(other_hosts=["127.0.0.2"]) as bitrix:
        port = URL(bitrix.base).port
        bitrix.portal.host = f"127.0.0.1:{port}"
        await bitrix.control("portals/acme", {"host": f"127.0.0.2:{port}"})
        lost = await bitrix.call("profile", allow_redirects=True)
        assert (lost.status, lost.body["error"]) == (401, "NO_AUTH_FOUND")


async def test_a_webhook_has_its_rights_in_the_address_and_no_application(bitrix: Bitrix) -> None:
    url = URL((await bitrix.control("webhooks", {"user_id": ANNA}))["url"])

    async def hook(method: str, body: dict[str, Any]) -> Any:
        return (await bitrix.call(method, body, token="", path=f"{url.path}{method}.json")).body

    assert (await hook("profile", {}))["result"]["ID"] == str(ANNA)
    assert (await hook("crm.contact.list", {}))["result"]
    for method in ("event.bind", "app.info", "telephony.externalCall.register", "telephony.externalLine.add"):
        assert (await hook(method, {}))["error"] == "WRONG_AUTH_TYPE"
    assert (await hook("placement.bind", {}))["error"] == "WRONG_AUTH_TYPE"
    wrong = await bitrix.call("profile", token="", path=f"/rest/{ANNA}/other/profile")
    assert (wrong.status, wrong.body["error"]) == (401, "NO_AUTH_FOUND")


async def test_a_webhook_may_end(bitrix: Bitrix) -> None:
    url = URL((await bitrix.control("webhooks", {"until": bitrix.clock.time + 100}))["url"])
    assert (await bitrix.call("profile", token="", path=f"{url.path}profile")).status == 200
    bitrix.clock.time += 200
    assert (await bitrix.call("profile", token="", path=f"{url.path}profile")).status == 401


async def test_a_free_plan_has_no_rest(bitrix: Bitrix) -> None:
    await bitrix.control("portals/acme", {"has_rest": False})
    status, code, text = await bitrix.refused("profile")
    assert (status, code) == (403, "ACCESS_DENIED")
    assert "commercial plans" in text


async def test_a_dismissed_users_token_is_refused(bitrix: Bitrix) -> None:
    token = await bitrix.as_user(ANNA)
    bitrix.portal.users[ANNA]["ACTIVE"] = False
    status, code, _ = await bitrix.refused("profile", token=token)
    assert (status, code) == (401, "user_access_error")


async def test_only_this_machine_controls_the_sandbox(bitrix: Bitrix) -> None:
    foreign = await bitrix.send("POST", f"{bitrix.base}/_sandbox/reset", headers={"Origin": "http://evil.test"})
    assert foreign.status == 403
