"""The sandbox's OAuth is the documented one: consent, codes, rotation, moved accounts, disconnecting, widget tokens."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from yarl import URL

from tests.adapters.amocrm_sandbox_kit import ADMIN, OFFICE, REDIRECT, Answer, Crm, Receiver, receiving, running_sandbox


@pytest.fixture
async def crm() -> AsyncIterator[Crm]:
    async with running_sandbox() as running:
        running.token = ""
        yield running


async def consent(crm: Crm, decision: str = "allow", user: int = ADMIN) -> URL:
    """Press a button of the consent page. Returns the address that the browser is sent to."""
    form = {
        "client_id": crm.sandbox.settings.client_id,
        "state": "s-1",
        "account_id": str(OFFICE),
        "decision": decision,
    }
    cookie = {"Cookie": f"crm_user={OFFICE}:{user}"}
    answer = await crm.call("POST", "/oauth", data=form, allow_redirects=False, headers=cookie)
    assert answer.status == 302, answer.body
    return URL(answer.headers["Location"])


async def exchange(crm: Crm, **changes: str) -> Answer:
    settings = crm.sandbox.settings
    body = {
        "client_id": settings.client_id,
        "client_secret": settings.client_secret,
        "redirect_uri": REDIRECT,
        **changes,
    }
    return await crm.call("POST", "/oauth2/access_token", body)


async def first_pair(crm: Crm) -> dict[str, Any]:
    code = (await consent(crm)).query["code"]
    answer = await exchange(crm, grant_type="authorization_code", code=code)
    assert answer.status == 200
    return dict(answer.body)


async def refresh(crm: Crm, token: str) -> Answer:
    return await exchange(crm, grant_type="refresh_token", refresh_token=token)


async def test_consent_page_lists_the_accounts_to_choose(crm: Crm) -> None:
    answer = await crm.call("GET", f"/oauth?client_id={crm.sandbox.settings.client_id}&state=x&mode=popup")
    assert answer.status == 200
    for account in crm.sandbox.accounts.values():
        assert account.name in answer.body


async def test_consent_page_refuses_an_unknown_integration(crm: Crm) -> None:
    assert (await crm.call("GET", "/oauth?client_id=nobody")).status == 400


async def test_allowing_redirects_with_code_state_referer_and_client_id(crm: Crm) -> None:
    url = await consent(crm)
    assert str(url.with_query(None)) == REDIRECT
    assert set(url.query) == {"code", "state", "referer", "client_id"}
    assert url.query["state"] == "s-1"
    assert url.query["referer"] == URL(crm.base).authority


async def test_denying_redirects_with_access_denied(crm: Crm) -> None:
    url = await consent(crm, "deny")
    assert dict(url.query) == {
        "error": "access_denied",
        "state": "s-1",
        "client_id": crm.sandbox.settings.client_id,
    }


async def test_a_foreign_page_cannot_press_the_consent_button(crm: Crm) -> None:
    form = {"client_id": crm.sandbox.settings.client_id, "account_id": str(OFFICE), "decision": "allow"}
    answer = await crm.call("POST", "/oauth", data=form, allow_redirects=False, headers={"Origin": "https://evil.test"})
    assert answer.status == 403


async def test_only_an_administrator_installs_others_may_authorise_what_is_installed(crm: Crm) -> None:
    form = {"client_id": crm.sandbox.settings.client_id, "account_id": str(OFFICE), "decision": "allow"}
    cookie = {"Cookie": f"crm_user={OFFICE}:610077"}
    refused = await crm.call("POST", "/oauth", data=form, allow_redirects=False, headers=cookie)
    assert refused.status == 403
    await consent(crm)
    assert "code" in (await consent(crm, user=610077)).query


async def test_a_pair_opens_the_api(crm: Crm) -> None:
    pair = await first_pair(crm)
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 86400)
    claims = jwt.decode(pair["access_token"], options={"verify_signature": False})
    assert claims["account_id"] == OFFICE
    assert claims["exp"] - claims["iat"] == 86400
    crm.token = pair["access_token"]
    account = await crm.ok("GET", "/api/v4/account")
    assert (account["id"], account["subdomain"], account["current_user_id"]) == (OFFICE, "romashka", ADMIN)


async def test_a_code_is_good_once(crm: Crm) -> None:
    code = (await consent(crm)).query["code"]
    assert (await exchange(crm, grant_type="authorization_code", code=code)).status == 200
    again = await exchange(crm, grant_type="authorization_code", code=code)
    assert again.status == 400
    assert "revoked" in again.body["hint"]


async def test_a_code_lives_twenty_minutes(crm: Crm) -> None:
    code = (await consent(crm)).query["code"]
    crm.clock.time += 20 * 60 + 1
    answer = await exchange(crm, grant_type="authorization_code", code=code)
    assert answer.status == 400
    assert "expired" in answer.body["hint"]


@pytest.mark.parametrize(
    "changes",
    [{"client_secret": "wrong"}, {"client_id": "nobody"}, {"redirect_uri": REDIRECT + "/"}, {"grant_type": "password"}],
)
async def test_wrong_keys_addresses_and_kinds_are_refused_with_a_hint(crm: Crm, changes: dict[str, str]) -> None:
    code = (await consent(crm)).query["code"]
    answer = await exchange(crm, **{"grant_type": "authorization_code", "code": code, **changes})
    assert answer.status in (400, 401)
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.body["hint"]


async def test_refresh_rotates_and_the_old_token_is_dead(crm: Crm) -> None:
    old = await first_pair(crm)
    new = await refresh(crm, old["refresh_token"])
    assert new.status == 200
    assert new.body["refresh_token"] != old["refresh_token"]
    again = await refresh(crm, old["refresh_token"])
    assert again.status == 401
    assert again.body["hint"] == "Token has been revoked"
    assert (await refresh(crm, new.body["refresh_token"])).status == 200


async def test_with_grace_the_old_token_works_until_the_new_pair_is_used() -> None:
    async with running_sandbox(refresh_grace=True) as crm:
        crm.token = ""
        old = await first_pair(crm)
        await refresh(crm, old["refresh_token"])  # its answer was lost
        second = await refresh(crm, old["refresh_token"])
        assert second.status == 200
        crm.token = second.body["access_token"]
        await crm.ok("GET", "/api/v4/account")
        assert (await refresh(crm, old["refresh_token"])).status == 401


async def test_access_lives_a_day_and_refresh_three_months(crm: Crm) -> None:
    pair = await first_pair(crm)
    crm.clock.time += 86400
    crm.token = pair["access_token"]
    assert (await crm.call("GET", "/api/v4/account")).status == 401
    crm.clock.time += 90 * 86400
    assert (await refresh(crm, pair["refresh_token"])).body["hint"] == "Token has expired"


async def test_no_token_and_foreign_tokens_answer_401(crm: Crm) -> None:
    for header in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Bearer " + jwt.encode({}, "k" * 32)}):
        answer = await crm.call("GET", "/api/v4/account", headers=header)
        assert answer.status == 401
        assert answer.headers["Content-Type"].startswith("application/problem+json")


async def test_a_moved_account_is_found_by_its_refresh_token() -> None:
    async with running_sandbox(account_host="{subdomain}.crm.test") as crm:
        crm.token = ""
        code = (await consent(crm)).query["code"]
        here = {"Host": "romashka.crm.test"}
        settings = crm.sandbox.settings
        body = {"client_id": settings.client_id, "client_secret": settings.client_secret, "redirect_uri": REDIRECT}
        grant = {**body, "grant_type": "authorization_code", "code": code}
        pair = (await crm.call("POST", "/oauth2/access_token", grant, headers=here)).body
        await crm.call("POST", f"/_sandbox/accounts/{OFFICE}", {"subdomain": "romashka2"})
        grant = {**body, "grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
        assert (await crm.call("POST", "/oauth2/access_token", grant, headers=here)).status == 404
        answer = await crm.call(
            "GET", "/oauth2/account/current/subdomain", headers={"X-Refresh-Token": pair["refresh_token"]}
        )
        assert answer.body == {
            "id": OFFICE,
            "subdomain": "romashka2",
            "domain": "romashka2.crm.test",
            "top_level_domain": "crm.test",
        }
        there = {"Host": answer.body["domain"]}
        assert (await crm.call("POST", "/oauth2/access_token", grant, headers=there)).status == 200


async def test_switching_off_kills_the_tokens_and_tells_the_integration_with_a_signature() -> None:
    receiver = Receiver()
    async with receiving(receiver) as url, running_sandbox(disconnect_url=f"{url}/off") as crm:
        crm.token = ""
        pair = await first_pair(crm)
        form = {"client_id": crm.sandbox.settings.client_id}
        admin = {"Cookie": f"crm_user={OFFICE}:{ADMIN}"}
        await crm.call("POST", "/page/integrations/uninstall", form, headers=admin)
        query = receiver.queries[0]
        message = f"{crm.sandbox.settings.client_id}|{OFFICE}".encode()
        key = crm.sandbox.settings.client_secret.encode()
        assert query["client_uuid"] == crm.sandbox.settings.client_id
        assert query["account_id"] == str(OFFICE)
        assert query["signature"] == hmac.new(key, message, hashlib.sha256).hexdigest()
        crm.token = pair["access_token"]
        assert (await crm.call("GET", "/api/v4/account")).status == 401
        assert (await refresh(crm, pair["refresh_token"])).status == 401


async def test_installing_from_the_widget_calls_the_integration_without_state() -> None:
    receiver = Receiver()
    async with receiving(receiver) as url, running_sandbox(redirect_uri=f"{url}/oauth") as crm:
        form = {"client_id": crm.sandbox.settings.client_id, "consent": True}
        admin = {"Cookie": f"crm_user={OFFICE}:{ADMIN}"}
        answer = await crm.call("POST", "/page/integrations/install", form, headers=admin)
        assert answer.status == 200, answer.body
        query = receiver.queries[0]
        assert set(query) == {"code", "referer", "client_id", "from_widget"}
        assert query["from_widget"] == "1"


async def test_the_widget_token_has_the_documented_claims(crm: Crm) -> None:
    cookie = {"Cookie": f"crm_user={OFFICE}:610077"}
    client_id = crm.sandbox.settings.client_id
    answer = await crm.call("POST", "/page/widget_token", {"client_id": client_id}, headers=cookie)
    key = crm.sandbox.settings.client_secret
    options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    claims = jwt.decode(answer.body["token"], key, algorithms=["HS256"], audience="http://127.0.0.1", options=options)
    assert claims["exp"] - claims["iat"] == 1800
    assert (claims["account_id"], claims["user_id"], claims["subdomain"]) == (OFFICE, 610077, "romashka")
    assert (claims["client_uuid"], claims["iss"], claims["is_admin"]) == (client_id, crm.base, False)
    assert claims["jti"]
