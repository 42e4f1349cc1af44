"""Foreign clients against the sandbox, unchanged: Bitrix24's official ones, Python and JavaScript, and fast-bitrix24.

They know the real portal, and nothing of ours: what they cannot read, the sandbox answers wrongly.
"""

from __future__ import annotations

import asyncio
import datetime
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from b24pysdk import BitrixApp, BitrixToken, BitrixWebhook, Client, Config
from b24pysdk import errors as sdk_errors
from b24pysdk.api.callers.call_method import _MethodCaller
from b24pysdk.api.requesters.bitrix_oauth_requester import BitrixOAuthRequester
from b24pysdk.credentials import OAuthEventData, OAuthPlacementData
from b24pysdk.errors import oauth as sdk_oauth_errors
from fast_bitrix24 import BitrixAsync
from yarl import URL

from connectors.bitrix24.sandbox.frames import open_frame
from connectors.bitrix24.sandbox.session import Person
from tests.adapters.bitrix24_sandbox_kit import (
    ANNA,
    CONTACT,
    IVAN,
    Bitrix,
    receiving,
    running_sandbox,
)

SCRIPT = Path(__file__).resolve().parents[2] / "widgets" / "tests" / "bitrix24-client.mjs"


# ---- fast-bitrix24


@pytest.fixture
async def bitrix() -> AsyncIterator[Bitrix]:
    """A portal with several pages of contacts, and a clock that runs for clients that know no other."""
    async with running_sandbox(contacts=130) as running:
        running.clock.time = datetime.datetime.now(datetime.UTC).timestamp()
        await running.installed()
        yield running


@asynccontextmanager
async def fast(bitrix: Bitrix, *, calls: list[str] | None = None) -> AsyncIterator[BitrixAsync]:
    tokens: list[str] = [] if calls is None else calls

    async def token() -> str:
        answer = await bitrix.exchange(grant_type="refresh_token", refresh_token=bitrix.refresh_token)
        bitrix.refresh_token = answer.body["refresh_token"]
        tokens.append(answer.body["access_token"])
        return tokens[-1]

    async with aiohttp.ClientSession(raise_for_status=True) as session:
        yield BitrixAsync(f"{bitrix.base}/rest/", token_func=token, verbose=False, client=session)


async def test_fast_bitrix24_lists_and_batches(bitrix: Bitrix) -> None:
    async with fast(bitrix) as client:
        contacts = await client.get_all("crm.contact.list", {"select": ["ID", "NAME"]})
        assert {int(each["ID"]) for each in contacts} == {record["ID"] for record in bitrix.portal.tables[CONTACT]}
        ids = [contacts[0]["ID"], contacts[1]["ID"]]
        found = await client.get_by_ID("crm.contact.get", ids)
        assert {each["ID"] for each in found.values()} == set(ids)
        created = await client.call("crm.lead.add", [{"fields": {"TITLE": f"Лид {index}"}} for index in range(60)])
        assert len(set(created)) == 60, "more than a batch holds"
        commands = {"halt": 0, "cmd": {"user": f"user.get?ID={ANNA}", "same": "user.get?ID=$result[user][0][ID]"}}
        answer = await client.call_batch(commands)
        assert answer["same"] == answer["user"]


async def test_fast_bitrix24_refreshes_after_an_expired_token(bitrix: Bitrix) -> None:
    calls: list[str] = []
    async with fast(bitrix, calls=calls) as client:
        assert (await client.call("profile", raw=True))["result"]["ID"] == "1"
        await bitrix.control("expire_tokens")
        assert (await client.call("profile", raw=True))["result"]["ID"] == "1"
    assert len(calls) == 2


async def test_fast_bitrix24_sees_the_execution_time(bitrix: Bitrix) -> None:
    await bitrix.control("cost", {"crm.lead.list": 7})
    async with fast(bitrix) as client:
        time = (await client.call("crm.lead.list", raw=True))["time"]
        assert time["operating"] == 7
        assert time["operating_reset_at"] > bitrix.clock.time


# ---- b24pysdk: it knows https and one OAuth host, so only these two addresses are changed


@pytest.fixture
def known(bitrix: Bitrix, monkeypatch: pytest.MonkeyPatch) -> Bitrix:
    monkeypatch.setattr(BitrixOAuthRequester, "_OAUTH_TOKEN_URL", f"{bitrix.oauth}/oauth/token/")
    monkeypatch.setattr(BitrixOAuthRequester, "_APP_INFO_URL", f"{bitrix.oauth}/rest/app.info/")
    over_http = property(lambda caller: f"http://{caller._domain}/rest")
    monkeypatch.setattr(_MethodCaller, "_base_url", over_http)
    bitrix.portal.host = bitrix.base.removeprefix("http://")
    return bitrix


def _sdk(bitrix: Bitrix) -> BitrixToken:
    settings = bitrix.sandbox.settings
    return BitrixToken(
        domain=bitrix.portal.host,
        auth_token=bitrix.token,
        refresh_token=bitrix.refresh_token,
        bitrix_app=BitrixApp(client_id=settings.client_id, client_secret=settings.client_secret),
    )


async def test_b24pysdk_reads_its_tokens_and_app_info(known: Bitrix) -> None:
    token = _sdk(known)
    info = (await asyncio.to_thread(token.get_app_info)).result
    assert (info.client_id, info.user_id) == (known.sandbox.settings.client_id, 1)
    assert info.install.member_id == known.portal.member_id
    assert info.install.status.value == "L"
    renewed = await asyncio.to_thread(token.refresh_oauth_token)
    assert renewed.member_id == known.portal.member_id
    assert renewed.oauth_token.refresh_token != known.refresh_token
    with pytest.raises(sdk_oauth_errors.BitrixOAuthInvalidGrant):
        await asyncio.to_thread(token.refresh_oauth_token)


async def test_b24pysdk_exchanges_a_code(known: Bitrix) -> None:
    await known.control("app", {"handler_url": "http://127.0.0.1:9/app"})
    query = {"client_id": known.sandbox.settings.client_id}
    answer = await known.send("GET", f"{known.base}/oauth/authorize/", params=query)
    code = URL(answer.headers["Location"]).query["code"]
    renewed = await asyncio.to_thread(_sdk(known).get_oauth_token, code)
    assert renewed.oauth_token.access_token in known.sandbox.grants


async def test_b24pysdk_refreshes_an_expired_token_by_itself(known: Bitrix) -> None:
    token = _sdk(known)
    await known.control("expire_tokens")
    answer = await asyncio.to_thread(lambda: Client(token).profile().response)
    assert answer.result["ID"] == "1"
    assert token.oauth_token.access_token != known.token


async def test_b24pysdk_calls_lists_and_batches(known: Bitrix) -> None:
    token = _sdk(known)
    client = Client(token)

    def work() -> dict[str, Any]:
        registered = client.telephony.external_call.register(
            user_id=ANNA, phone_number=IVAN, call_type=2, show=False, external_call_id="sdk-1"
        ).result
        finished = client.telephony.external_call.finish(
            call_id=registered["CALL_ID"], user_id=ANNA, duration=20, add_to_chat=False
        ).result
        every = list(client.crm.contact.list(select=["ID"]).as_list().result)
        quick = list(client.crm.contact.list(select=["ID"]).as_list_fast().result)
        together = client.call_batch({"me": client.profile(), "time": client.server.time()})
        return {
            "finished": finished,
            "every": len(every),
            "quick": len(quick),
            "batch": together.result.result,
            "operating": client.profile().response.time.operating,
        }

    seen = await asyncio.to_thread(work)
    total = len(known.portal.tables[CONTACT])
    assert (seen["every"], seen["quick"]) == (total, total)
    assert seen["finished"]["EXTERNAL_CALL_ID"] == "sdk-1"
    assert seen["batch"]["me"]["ID"] == "1"
    assert seen["operating"] >= 0


async def test_b24pysdk_tells_the_errors_apart(known: Bitrix) -> None:
    client = Client(_sdk(known))

    def once(call: Any) -> Any:
        Config().default_max_retries = 1  # the client's settings are the thread's
        return call().response

    async def error(call: Any) -> sdk_errors.BitrixAPIError:
        with pytest.raises(sdk_errors.BitrixAPIError) as caught:
            await asyncio.to_thread(once, call)
        return caught.value

    missing = await error(lambda: client.crm.contact.get(bitrix_id=999_999))
    assert (missing.error, missing.error_description) == ("", "Not found")
    known.install.app.scopes = "crm"
    assert isinstance(await error(client.telephony.external_line.get), sdk_errors.BitrixAPIInsufficientScope)
    await known.control("cost", {"crm.lead.list": 500})
    await asyncio.to_thread(lambda: client.crm.lead.list().response)
    assert isinstance(await error(client.crm.lead.list), sdk_errors.BitrixAPIOperationTimeLimit)
    await known.control("faults", {"kind": "status", "status": 503, "code": "QUERY_LIMIT_EXCEEDED"})
    assert isinstance(await error(client.profile), sdk_errors.BitrixAPIQueryLimitExceeded)
    await known.control("portals/acme", {"has_rest": False})
    assert isinstance(await error(client.profile), sdk_errors.BitrixAPIAccessDenied)
    await known.control("install/remove")
    assert isinstance(await error(client.profile), sdk_oauth_errors.BitrixOAuthNoAuthFound)


async def test_b24pysdk_uses_an_incoming_webhook(known: Bitrix) -> None:
    url = URL((await known.control("webhooks", {"user_id": ANNA}))["url"])
    webhook = BitrixWebhook(domain=known.portal.host, webhook_token=url.path.removeprefix("/rest/").strip("/"))
    client = Client(webhook)
    assert (await asyncio.to_thread(lambda: client.profile().response)).result["ID"] == str(ANNA)
    with pytest.raises(sdk_errors.BitrixAPIWrongAuthType):
        await asyncio.to_thread(lambda: client.telephony.external_line.get().response)


async def test_b24pysdk_reads_events_and_placements(bitrix: Bitrix) -> None:
    async with receiving() as server:
        await bitrix.ok("event.bind", {"event": "ONCRMCONTACTADD", "handler": server.url})
        await bitrix.ok("crm.contact.add", {"fields": {"NAME": "Пётр"}})
        await server.wait(lambda: bool(server.events))
        event = OAuthEventData.from_dict(server.events[0])
    assert event.event == "ONCRMCONTACTADD"
    assert event.auth.member_id == bitrix.portal.member_id
    person = Person(bitrix.sandbox, bitrix.portal, bitrix.portal.users[ANNA])
    opened = open_frame(person, bitrix.install, "http://127.0.0.1:9/tab?x=1", "CRM_CONTACT_DETAIL_TAB", {"ID": 41},
                        origin=bitrix.base, lang="ru")  # fmt: skip
    action = URL(opened.action)
    placement = OAuthPlacementData.from_dict({**action.query, **opened.fields})
    assert action.query["x"] == "1"
    assert (placement.placement, placement.placement_options) == ("CRM_CONTACT_DETAIL_TAB", {"ID": 41})
    assert placement.member_id == bitrix.portal.member_id
    assert await bitrix.ok("user.current", token=placement.oauth_token.access_token)


# ---- @bitrix24/b24jssdk


async def test_b24jssdk_refreshes_lists_batches_and_reads_errors(bitrix: Bitrix) -> None:
    pair = await bitrix.control("tokens")
    await bitrix.control("expire_tokens")
    settings = bitrix.sandbox.settings
    given = {
        "auth": {
            "applicationToken": pair["application_token"],
            "userId": pair["user_id"],
            "memberId": pair["member_id"],
            "accessToken": pair["access_token"],
            "refreshToken": pair["refresh_token"],
            "expires": pair["expires"],
            "expiresIn": pair["expires_in"],
            "scope": pair["scope"],
            "domain": URL(pair["client_endpoint"]).authority,
            "clientEndpoint": pair["client_endpoint"],
            "serverEndpoint": pair["server_endpoint"],
            "status": pair["status"],
            "issuer": "store",
        },
        "secret": {"clientId": settings.client_id, "clientSecret": settings.client_secret},
    }
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("node", str(SCRIPT), json.dumps(given), stdout=pipe, stderr=pipe)
    output, problems = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, problems.decode()
    seen = json.loads(output)
    assert seen["profile"]["ID"] == "1"
    assert seen["renewed"] == 1, "one refresh for three calls at once"
    assert seen["contacts"] == len(bitrix.portal.tables[CONTACT])
    parts = seen["batch"]["parts"]
    assert parts["fin"]["CALL_ID"] == parts["reg"]["CALL_ID"]
    assert parts["fin"]["CALL_DURATION"] == 12
    assert "Method not found!" in json.dumps(seen["batch"])
    assert seen["missing"]["status"] == 400, "this client loses the text of an error whose code is empty"
    assert "ERROR_METHOD_NOT_FOUND" in json.dumps(seen["unknown"])
