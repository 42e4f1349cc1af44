"""Settings, consent, tokens' ages, the disconnect hook, the widget's one-time token: what needs no server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jwt
import pytest

from connectors.amocrm.api.oauth import (
    authorise_url,
    disconnect_signature,
    read_callback,
    read_disconnect,
)
from connectors.amocrm.api.tokens import Renewal, claims, renewal
from connectors.amocrm.settings import AmocrmSettings
from connectors.amocrm.widget import AmocrmGate, allows_origin, is_usual_origin, read_widget_token
from integration.documents.problems import InvalidDocument
from integration.domain.ids import AccountId, ManagerId, Timestamp
from integration.errors import AuthFailed, ConfigError, Rejected
from integration.ports.connector import Granted, Refused
from integration.ports.crm import WidgetUser
from integration.ports.stores import Tokens
from integration.texts import LANGUAGES

NOW = 1_790_000_000.0
SECRET = "secret-of-the-integration-0123456789abcdef"
KEYS = {
    "client_id": "6f0d3c1e-0000-4000-8000-0000000000aa",
    "client_secret": SECRET,
    "redirect_uri": "https://pbx.example.test:8443/amo/oauth",
}
SETTINGS = AmocrmSettings.parse(KEYS)


# ---- settings


def test_secrets_are_not_shown() -> None:
    shown = repr(AmocrmSettings.parse({**KEYS, "long_lived_token": "TOKEN", "account_url": "https://a.amocrm.ru"}))
    assert SECRET not in shown
    assert "TOKEN" not in shown


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"client_idd": "x"}, "client_idd"),
        ({"client_id": ""}, "client_id"),
        ({"redirect_uri": "pbx.example.test"}, "redirect_uri"),
        ({"oauth_url": ""}, "oauth_url"),
        ({"account_url": "https://user:pw@a.amocrm.ru"}, "account_url"),
        ({"account_url": "https://a.amocrm.ru/api"}, "account_url"),
        ({"account_hosts": "("}, "account_hosts"),
        ({"requests_per_second": 7}, "requests_per_second"),
        ({"requests_per_second": "6"}, "requests_per_second"),
        ({"unsorted_pipeline_id": "55"}, "unsorted_pipeline_id"),
        ({"source_name": " "}, "source_name"),
        ({"log_via": "post"}, "log_via"),
        ({"long_lived_token": "T"}, "account_url"),
    ],
)
def test_a_wrong_setting_is_named(table: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=rf"amocrm\.{key}"):
        AmocrmSettings.parse({**KEYS, **table})


def test_everything_that_is_wrong_is_said_at_once_and_no_value_is_shown() -> None:
    table = {
        "client_id": 5, "client_secret": "", "client_idd": "geheim", "oauth_url": "geheim", "source_name": " ",
        "account_url": "http://[geheim", "requests_per_second": 70, "task_type_id": "geheim", "log_via": ["geheim"],
    }  # fmt: skip
    with pytest.raises(InvalidDocument) as caught:
        AmocrmSettings.parse(table)
    assert sorted(each.key for each in caught.value.problems) == sorted(
        f"amocrm.{key}" for key in [*table, "redirect_uri"]
    )
    for language in LANGUAGES:
        assert "geheim" not in str(caught.value.sentences(language))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("romashka.amocrm.ru", True),
        ("Romashka.amocrm.com", True),
        ("x.kommo.com", True),
        ("evil.test", False),
        ("amocrm.ru.evil.test", False),
        ("romashka.amocrm.ru.evil.test", False),
        ("evil.test/romashka.amocrm.ru", False),
        ("romashka.amocrm.ru@evil.test", False),
        ("romashka.amocrm.ru:8443", False),
        ("a.b.amocrm.ru", False),
        ("romashka.amocrm.ru\n", False),
        ("", False),
    ],
)
def test_our_secret_goes_to_amocrm_only(host: str, expected: bool) -> None:
    assert SETTINGS.allows_host(host) is expected


def test_another_server_can_stand_in() -> None:
    own = AmocrmSettings.parse(
        {**KEYS, "oauth_url": "http://localhost:8082/oauth", "account_hosts": r"[a-z-]+\.localhost:8082"}
    )
    assert own.account_address("acme.localhost:8082") == "http://acme.localhost:8082"
    assert own.account_address("romashka.amocrm.ru") is None
    pinned = AmocrmSettings.parse({**KEYS, "account_url": "http://127.0.0.1:8082"})
    assert pinned.account_address("127.0.0.1:8082") == "http://127.0.0.1:8082"


# ---- consent


def test_the_authorise_address_names_the_integration_and_the_state() -> None:
    assert authorise_url(SETTINGS, "a b") == (
        "https://www.amocrm.ru/oauth?client_id=6f0d3c1e-0000-4000-8000-0000000000aa&state=a+b&mode=popup"
    )


GOOD = {"code": "def502", "state": "s", "referer": "acme.amocrm.ru", "client_id": KEYS["client_id"]}


def test_a_consent_is_read() -> None:
    granted = Granted(code="def502", base_url="https://acme.amocrm.ru", state="s")
    assert read_callback(SETTINGS, GOOD) == granted
    without = {name: value for name, value in GOOD.items() if name != "referer"}
    assert read_callback(SETTINGS, {**without, "referrer": "acme.amocrm.ru"}) == granted
    assert "def502" not in repr(granted)


def test_amocrms_own_call_has_no_state() -> None:
    query = {name: value for name, value in GOOD.items() if name != "state"}
    read = read_callback(SETTINGS, {**query, "from_widget": "1"})
    assert isinstance(read, Granted)
    assert read.state is None
    with pytest.raises(Rejected) as refused:
        read_callback(SETTINGS, query)
    assert refused.value.code == "state"


def test_a_refusal_is_read() -> None:
    query = {"error": "access_denied", "state": "s", "client_id": KEYS["client_id"]}
    assert read_callback(SETTINGS, query) == Refused(error="access_denied", state="s")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"referer": "evil.test"}, "referer"),
        ({"referer": ""}, "referer"),
        ({"client_id": "other"}, "client_id"),
        ({"code": ""}, "code"),
        ({"code": "x" * 5000}, "code"),
    ],
)
def test_a_forged_consent_is_refused(change: dict[str, str], code: str) -> None:
    with pytest.raises(Rejected) as refused:
        read_callback(SETTINGS, {**GOOD, **change})
    assert refused.value.code == code


def test_the_disconnect_call_must_be_signed() -> None:
    signature = disconnect_signature(SETTINGS, "31000000")
    query = {"client_uuid": SETTINGS.client_id, "account_id": "31000000", "signature": signature}
    assert read_disconnect(SETTINGS, query) == "31000000"
    for change in ({"account_id": "31000001"}, {"signature": ""}, {"signature": "é"}, {"client_uuid": "other"}):
        with pytest.raises(Rejected):
            read_disconnect(SETTINGS, {**query, **change})


# ---- tokens


@pytest.mark.parametrize(
    ("ends_in", "refresh", "needs_consent", "expected"),
    [
        (86_400, "r", False, Renewal.NOT_YET),
        (601, "r", False, Renewal.NOT_YET),
        (600, "r", False, Renewal.BEFORE_USE),
        (-1, "r", False, Renewal.BEFORE_USE),
        (-7 * 86_400, "r", False, Renewal.BEFORE_USE),
        (-1, None, False, Renewal.IMPOSSIBLE),
        (-1, "r", True, Renewal.IMPOSSIBLE),
    ],
)
def test_when_a_pair_is_renewed(ends_in: int, refresh: str | None, needs_consent: bool, expected: Renewal) -> None:
    tokens = Tokens(
        access="a",
        refresh=refresh,
        expires_at=Timestamp(NOW + ends_in),
        base_url="https://acme.amocrm.ru",
        crm_account_id="1",
        needs_consent=needs_consent,
    )
    assert renewal(tokens, NOW) is expected


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "a.!!.c", "a.W10.c", "\ud800.\ud800.\ud800"])
def test_a_token_that_is_no_jwt_says_nothing(token: str) -> None:
    assert claims(token) == {}


# ---- the widget's one-time token

CLAIMS: dict[str, Any] = {
    "iss": "https://acme.amocrm.ru",
    "aud": "https://pbx.example.test",
    "jti": "6f0d3c1e-0000-4000-8000-0000000000bb",
    "iat": int(NOW),
    "nbf": int(NOW),
    "exp": int(NOW) + 1800,
    "account_id": 31000000,
    "user_id": 610077,
    "subdomain": "acme",
    "client_uuid": SETTINGS.client_id,
    "is_admin": True,
}


class Clock:
    def now(self) -> Timestamp:
        return Timestamp(NOW)


def token(secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    said = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return jwt.encode(said, secret, algorithm=algorithm)


def gate(crm_account_id: str | None = "31000000") -> AmocrmGate:
    return AmocrmGate(AccountId("office"), SETTINGS, crm_account_id=lambda: crm_account_id, clock=Clock())


def test_the_page_says_who_speaks() -> None:
    user = WidgetUser(account=AccountId("office"), manager=ManagerId("610077"), is_admin=True)
    assert gate().user(token()) == user
    assert gate().user(token(aud="https://pbx.example.test:8443")) == user
    assert gate().user(token(iss="https://renamed.kommo.com")) == user  # accounts are known by their id
    assert gate().user(token(is_admin=None)) == replace(user, is_admin=False)
    assert gate().user(token(exp=int(NOW) - 59)) == user


def test_a_token_is_told_from_others_of_the_same_user() -> None:
    """Where it may be used once only."""
    first, second = gate().user(token(jti="a", exp=int(NOW) + 5)), gate().user(token(jti="b"))
    assert (first.token_id, second.token_id) == ("a", "b")
    assert first.token_until == NOW + 5 + 60, "as long as we take it"


def test_pages_of_the_usual_addresses_may_be_amocrms_before_any_account_is_known() -> None:
    for origin in ("https://acme.amocrm.ru", "https://Acme.kommo.com"):
        assert is_usual_origin(origin), origin
    for origin in ("http://acme.amocrm.ru", "https://amocrm.ru", "https://acme.amocrm.ru.evil.example", "null", ""):
        assert not is_usual_origin(origin), origin


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "x" * 9000,
        token("another-secret-0123456789abcdef-0123456789"),
        token(SECRET * 2, "HS512"),
        jwt.encode(CLAIMS, "", algorithm="none"),
        token(aud="https://evil.test"),
        token(iss="https://evil.test"),
        token(iss="https://acme.amocrm.ru.evil.test"),
        token(client_uuid="other"),
        token(exp=int(NOW) - 61),
        token(nbf=int(NOW) + 61),
        token(exp="tomorrow"),
        token(exp=None),
        token(user_id=None),
        token(user_id=0),
        token(user_id="me"),
        token(account_id=31000001),
    ],
)
def test_a_forged_token_lets_nobody_in(forged: str) -> None:
    with pytest.raises(AuthFailed):
        gate().user(forged)


def test_nobody_gets_in_before_the_account_is_connected() -> None:
    with pytest.raises(AuthFailed, match="not connected"):
        gate(None).user(token())


def test_the_token_can_be_told_from_its_replay() -> None:
    read = read_widget_token(SETTINGS, token(), now=NOW)
    assert (read.jti, read.expires_at) == (CLAIMS["jti"], int(NOW) + 1800)


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://acme.amocrm.ru", True),
        ("https://acme.kommo.com", True),
        ("http://acme.amocrm.ru", False),
        ("https://evil.test", False),
        ("https://acme.amocrm.ru.evil.test", False),
        ("null", False),
        ("", False),
    ],
)
def test_only_pages_of_amocrm_may_ask(origin: str, expected: bool) -> None:
    assert allows_origin(SETTINGS, origin) is expected
