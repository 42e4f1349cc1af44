"""When a pair of amoCRM's tokens is refreshed, and that a lost answer never needs a new consent."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from connectors.amocrm.api.tokens import AccountTokens, LongLivedToken, Renewal, claims, read_tokens, renewal
from connectors.amocrm.api.wire import Answer
from connectors.amocrm.settings import AmocrmSettings
from integration.domain.ids import AccountId, Timestamp
from integration.errors import AuthFailed, OutcomeUnknown, ProtocolError, Unavailable
from integration.ports.stores import Tokens
from integration.testing import FakeClock
from tests.adapters.amocrm_kit import MemoryTokens

OFFICE = AccountId("office")
HOME = "https://romashka.amocrm.ru"
SETTINGS = AmocrmSettings(
    client_id="id", client_secret="s" * 32, redirect_uri="https://pbx.example.test/amo/oauth", api_host=""
)
NOW = Timestamp(1_760_000_000.0)
PAIR = Tokens(access="old", refresh="r", expires_at=NOW, base_url=HOME, crm_account_id="31")
LOST = OutcomeUnknown("timeout")


def answer(status: int, body: Any = None) -> Answer:
    return Answer(status=status, body=body, is_json=True, is_problem=status >= 400, request_id="")


FRESH = answer(200, {"access_token": "new", "refresh_token": "r2", "expires_in": 86400})


@dataclass
class ScriptedSender:
    """Gives the answers of a script, one for each request."""

    script: list[Answer | Exception]
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def ask(self, method: str, url: str, *, headers: dict[str, str], body: Any = None, **_: Any) -> Answer:
        self.asked.append(url)
        self.headers.append(headers)
        self.bodies.append(body)
        if self.gate is not None:
            await self.gate.wait()
        said = self.script.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


def account(*script: Answer | Exception, pair: Tokens = PAIR) -> tuple[AccountTokens, MemoryTokens, ScriptedSender]:
    store, sender = MemoryTokens({OFFICE: pair}), ScriptedSender(list(script))
    return AccountTokens(OFFICE, SETTINGS, store, sender, FakeClock(NOW)), store, sender  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds_left", "expected"),
    [
        (601, Renewal.NOT_YET),
        (600, Renewal.BEFORE_USE),
        (0, Renewal.BEFORE_USE),
        (-90 * 86_400, Renewal.BEFORE_USE),
    ],
)
def test_a_pair_is_refreshed_in_its_last_ten_minutes_and_after(seconds_left: float, expected: Renewal) -> None:
    pair = replace(PAIR, expires_at=Timestamp(NOW + seconds_left))
    assert renewal(pair, NOW) is expected
    assert renewal(replace(pair, refresh=None), NOW) is Renewal.IMPOSSIBLE
    assert renewal(replace(pair, needs_consent=True), NOW) is Renewal.IMPOSSIBLE


@pytest.mark.parametrize("lost", [0, 1])
async def test_a_lost_answer_is_asked_for_once_more(lost: int) -> None:
    tokens, store, sender = account(*[LOST] * lost, FRESH)
    assert (await tokens.renewed("old")).access == "new"
    assert store.pairs[OFFICE].expires_at == NOW + 86_400
    assert sender.asked == [f"{HOME}/oauth2/access_token"] * (lost + 1)


async def test_two_lost_answers_cost_no_consent_and_are_not_asked_for_a_third_time() -> None:
    tokens, store, sender = account(LOST, LOST, FRESH)
    with pytest.raises(Unavailable):
        await tokens.renewed("old")
    assert (store.pairs[OFFICE], len(sender.asked)) == (PAIR, 2)
    assert (await tokens.renewed("old")).access == "new"


async def test_an_answer_that_was_lost_and_a_refusal_after_it_need_consent() -> None:
    tokens, store, _ = account(LOST, answer(400))
    with pytest.raises(AuthFailed):
        await tokens.renewed("old")
    assert store.pairs[OFFICE].needs_consent


@pytest.mark.parametrize("status", [402, 403, 429, 500, 502, 503])
async def test_only_a_refusal_of_the_token_needs_consent(status: int) -> None:
    tokens, store, _ = account(answer(status))
    with pytest.raises(Unavailable, match=str(status)):
        await tokens.renewed("old")
    assert not store.pairs[OFFICE].needs_consent


@pytest.mark.parametrize("status", [400, 401])
async def test_a_refusal_of_the_token_needs_consent(status: int) -> None:
    tokens, store, _ = account(answer(status))
    with pytest.raises(AuthFailed):
        await tokens.renewed("old")
    assert store.pairs[OFFICE].needs_consent


async def test_a_pair_that_somebody_else_refreshed_is_taken_and_not_refreshed_again() -> None:
    tokens, store, sender = account()
    store.pairs[OFFICE] = replace(PAIR, access="theirs")
    assert (await tokens.renewed("old")).access == "theirs"
    assert sender.asked == []


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"access_token": "a", "expires_in": 5},
        {"access_token": "a", "refresh_token": "r", "expires_in": "5"},
        {"access_token": 1, "refresh_token": "r", "expires_in": 5},
    ],
)
def test_what_is_no_pair_is_not_taken_for_one(body: Any) -> None:
    with pytest.raises(ProtocolError):
        read_tokens(body, HOME, "31", FakeClock(NOW))


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "a.W10.c", "a.b.c.d", "a.%%.c"])
def test_a_token_that_says_nothing_of_itself_says_nothing(token: str) -> None:
    assert claims(token) == {}
    assert claims("a.eyJhcGlfZG9tYWluIjoieCJ9.c") == {"api_domain": "x"}


@pytest.mark.parametrize("letters", range(1, 9))
def test_a_token_may_have_any_length(letters: int) -> None:
    """Base64 in a JWT has no padding, which Python's decoder needs."""
    payload = base64.urlsafe_b64encode(json.dumps({"a": "x" * letters}).encode()).decode().rstrip("=")
    assert claims(f"a.{payload}.c") == {"a": "x" * letters}


@pytest.mark.parametrize(
    ("pair", "is_at_hand"),
    [
        (replace(PAIR, expires_at=Timestamp(NOW + 1)), True),  # it still works if a refresh failed
        (PAIR, False),
        (replace(PAIR, expires_at=Timestamp(NOW - 1)), False),
        (replace(PAIR, expires_at=Timestamp(NOW - 1), refresh=None), True),  # there is no refresh token: amoCRM decides
    ],
    ids=["ends soon", "ends now", "has ended", "has ended and cannot be refreshed"],
)
async def test_a_pair_is_at_hand_until_it_ends(pair: Tokens, is_at_hand: bool) -> None:
    tokens, _, _ = account(pair=pair)
    assert tokens.at_hand() is None  # nothing was read yet
    await tokens.stored()
    assert (tokens.at_hand() == pair) is is_at_hand
    tokens.reread()
    assert tokens.at_hand() is None
    assert tokens.crm_account_id == "31"
    tokens.forget()
    assert tokens.crm_account_id is None


@pytest.mark.parametrize(("seconds_left", "is_used"), [(1.0, True), (0.0, False), (-1.0, False)])
async def test_a_pair_that_cannot_be_refreshed_now_is_used_until_it_ends(seconds_left: float, is_used: bool) -> None:
    pair = replace(PAIR, expires_at=Timestamp(NOW + seconds_left))
    tokens, _, sender = account(answer(503), pair=pair)
    if is_used:
        assert await tokens.current() == pair
    else:
        with pytest.raises(Unavailable, match="503"):
            await tokens.current()
    assert len(sender.asked) == 1


async def test_amocrm_giving_the_refused_token_again_is_no_new_pair() -> None:
    tokens, _, sender = account(*[answer(200, {**FRESH.body, "access_token": "old"})] * 3)
    with pytest.raises(AuthFailed, match="again"):
        await tokens.renewed("old")
    assert len(sender.asked) == 2


async def test_the_grant_of_a_refresh_is_the_refresh_token() -> None:
    tokens, _, sender = account(FRESH)
    await tokens.renewed("old")
    assert sender.bodies == [
        {
            "client_id": "id",
            "client_secret": "s" * 32,
            "redirect_uri": "https://pbx.example.test/amo/oauth",
            "grant_type": "refresh_token",
            "refresh_token": "r",
        }
    ]


@pytest.mark.parametrize("address", ["https://evil.example", "http://romashka.amocrm.ru", ""])
async def test_a_stored_address_that_is_not_amocrms_gets_no_secret(address: str) -> None:
    """A database can be written by others."""
    tokens, _, sender = account(FRESH, pair=replace(PAIR, base_url=address))
    for use in (tokens.stored, tokens.current, lambda: tokens.renewed("old")):
        with pytest.raises(AuthFailed, match="account_hosts"):
            await use()
    assert (sender.asked, tokens.at_hand()) == ([], None)


async def test_the_end_waits_for_a_refresh_under_way() -> None:
    """Its pair exists once only: whoever ends before it is stored loses the consent."""
    tokens, store, sender = account(FRESH)
    await tokens.close()  # nothing is under way
    sender.gate = asyncio.Event()
    asking = asyncio.create_task(tokens.renewed("old"))
    await store.refreshing.wait()
    asking.cancel()
    closing = asyncio.create_task(tokens.close())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not closing.done()
    sender.gate.set()
    await closing
    assert store.pairs[OFFICE].access == "new"


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_a_refresh_that_failed_when_nobody_waited_is_no_unseen_error(is_cancelled: bool) -> None:
    unseen: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
    tokens, store, sender = account(answer(503))
    sender.gate = asyncio.Event()
    asking = asyncio.create_task(tokens.renewed("old"))
    await store.refreshing.wait()
    asking.cancel()
    await asyncio.wait([asking])
    if is_cancelled:
        assert tokens._refreshing is not None
        tokens._refreshing.cancel()
    sender.gate.set()
    await tokens.close()
    del tokens, asking
    gc.collect()
    await asyncio.sleep(0)
    assert unseen == []


# ---- an account whose address was changed ----------------------------------------------------------------------------

NEW_HOME = "https://lutik.amocrm.ru"
_CLAIMS = base64.urlsafe_b64encode(b'{"api_domain": "api-b.amocrm.ru"}').decode().rstrip("=")
MOVING = replace(PAIR, access=f"a.{_CLAIMS}.c")
OLD_SERVICE, NEW_SERVICE = f"{HOME}/oauth2/access_token", f"{NEW_HOME}/oauth2/access_token"
DIRECTORY = "https://api-b.amocrm.ru/oauth2/account/current/subdomain"
MOVED, STAYED = answer(200, {"domain": "lutik.amocrm.ru"}), answer(200, {"domain": "romashka.amocrm.ru"})
GONE = (301, 302, 307, 308, 404)


@pytest.mark.parametrize("status", [*GONE, 400, 401])
async def test_an_account_that_has_moved_is_followed(status: int) -> None:
    tokens, store, sender = account(answer(status), MOVED, FRESH, pair=MOVING)
    assert await tokens.renewed(MOVING.access) == replace(
        PAIR, access="new", refresh="r2", base_url=NEW_HOME, expires_at=Timestamp(NOW + 86_400)
    )
    assert store.pairs[OFFICE].base_url == NEW_HOME
    assert sender.asked == [OLD_SERVICE, DIRECTORY, NEW_SERVICE]
    assert sender.headers[1] == {"X-Refresh-Token": "r"}


@pytest.mark.parametrize("directory", [answer(400), answer(401)])
@pytest.mark.parametrize("status", [*GONE, 400, 401])
async def test_a_token_that_the_directory_refuses_needs_consent(status: int, directory: Answer) -> None:
    tokens, store, sender = account(answer(status), directory, pair=MOVING)
    with pytest.raises(AuthFailed):
        await tokens.renewed(MOVING.access)
    assert store.pairs[OFFICE] == replace(MOVING, needs_consent=True)
    assert sender.asked == [OLD_SERVICE, DIRECTORY]


@pytest.mark.parametrize(
    "directory",
    [
        STAYED,
        answer(503),
        answer(404),
        answer(200, {}),
        answer(200, {"domain": 5}),
        answer(200, []),
        Unavailable("away"),
    ],
)
@pytest.mark.parametrize("status", [*GONE, 400, 401])
async def test_a_directory_that_names_no_other_address_costs_a_consent_only_where_the_token_was_refused(
    status: int, directory: Answer | Exception
) -> None:
    """A missing address does not show that the token is invalid: ask the directory again until it knows more."""
    tokens, store, sender = account(answer(status), directory, pair=MOVING)
    with pytest.raises(Unavailable if status in GONE else AuthFailed):
        await tokens.renewed(MOVING.access)
    assert store.pairs[OFFICE].needs_consent is (status not in GONE)
    assert sender.asked == [OLD_SERVICE, DIRECTORY]


@pytest.mark.parametrize("status", [*GONE, 400, 401])
async def test_our_secret_does_not_follow_to_an_address_that_is_not_amocrms(status: int) -> None:
    tokens, store, sender = account(answer(status), answer(200, {"domain": "evil.example"}), pair=MOVING)
    with pytest.raises(AuthFailed):
        await tokens.renewed(MOVING.access)
    assert store.pairs[OFFICE] == replace(MOVING, needs_consent=True)
    assert sender.asked == [OLD_SERVICE, DIRECTORY]


@pytest.mark.parametrize("status", [*GONE, 400, 401])
async def test_a_token_that_names_no_directory_cannot_be_followed(status: int) -> None:
    tokens, store, sender = account(answer(status))
    with pytest.raises(Unavailable if status in GONE else AuthFailed):
        await tokens.renewed("old")
    assert store.pairs[OFFICE].needs_consent is (status not in GONE)
    assert sender.asked == [OLD_SERVICE]


@pytest.mark.parametrize(("status", "needs_consent"), [(400, True), (401, True), (404, False), (503, False)])
async def test_what_the_new_address_says_counts_as_at_the_old_one(status: int, needs_consent: bool) -> None:
    tokens, store, _ = account(answer(404), MOVED, answer(status), pair=MOVING)
    with pytest.raises(AuthFailed if needs_consent else Unavailable):
        await tokens.renewed(MOVING.access)
    assert store.pairs[OFFICE] == replace(MOVING, needs_consent=needs_consent)


async def test_a_pair_whose_consent_was_withdrawn_is_not_refreshed() -> None:
    tokens, _, sender = account(pair=replace(PAIR, needs_consent=True))
    for use in (tokens.current, tokens.stored, lambda: tokens.renewed("old")):
        with pytest.raises(AuthFailed, match="withdrawn"):
            await use()
    assert sender.asked == []
    assert tokens.at_hand() is None


# ---- a token made by hand --------------------------------------------------------------------------------------------


def long_lived(claimed: dict[str, Any]) -> LongLivedToken:
    payload = base64.urlsafe_b64encode(json.dumps(claimed).encode()).decode().rstrip("=")
    return LongLivedToken(
        AmocrmSettings(long_lived_token=f"a.{payload}.c", account_url=f"{HOME}/"),
    )


@pytest.mark.parametrize("ends", [{"exp": 1_770_000_000}, {"exp": "soon"}, {}])
async def test_a_token_made_by_hand_is_used_as_it_is(ends: dict[str, Any]) -> None:
    tokens = long_lived({"account_id": 31, **ends})
    pair = await tokens.current()
    assert pair.expires_at == (1_770_000_000 if ends.get("exp") == 1_770_000_000 else float("inf"))
    assert (pair.refresh, pair.base_url, tokens.crm_account_id) == (None, HOME, "31")
    assert pair == tokens.at_hand() == await tokens.stored()
    with pytest.raises(AuthFailed, match="make a new one"):
        await tokens.renewed(pair.access)


async def test_the_account_of_a_token_that_does_not_name_it_is_told_later() -> None:
    tokens = long_lived({})
    unknown = tokens.crm_account_id
    tokens.belongs_to("31")
    assert (unknown, tokens.crm_account_id) == (None, "31")
    assert (await tokens.current()).crm_account_id == "31"
