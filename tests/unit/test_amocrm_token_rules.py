"""When a pair of amoCRM's tokens is refreshed, and what an answer that was lost costs: never a consent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from connectors.amocrm.settings import AmocrmSettings
from connectors.amocrm.tokens import AccountTokens, Renewal, claims, read_tokens, renewal
from connectors.amocrm.wire import Answer
from integration.domain.ids import AccountId, Timestamp
from integration.errors import AuthFailed, OutcomeUnknown, ProtocolError, Unavailable
from integration.ports import Tokens
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
    """Gives the answers of the script, one to each request."""

    script: list[Answer | Exception]
    asked: list[str] = field(default_factory=list)

    async def ask(self, method: str, url: str, **_: Any) -> Answer:
        self.asked.append(url)
        said = self.script.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


def account(*script: Answer | Exception) -> tuple[AccountTokens, MemoryTokens, ScriptedSender]:
    store, sender = MemoryTokens({OFFICE: PAIR}), ScriptedSender(list(script))
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
