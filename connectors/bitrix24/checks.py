"""Tries the settings of a portal for the wizard and the doctor: access, scopes, events, plan, another telephony.

Everything is asked in one request of several commands, so that a check costs the portal's limit little.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from connectors.bitrix24 import binding
from connectors.bitrix24 import finding_texts as texts
from connectors.bitrix24.api import batch
from connectors.bitrix24.api.batch import Command
from connectors.bitrix24.api.transport import Transport
from connectors.bitrix24.settings import ENTERPRISE_LIMIT, Bitrix24Settings
from connectors.bitrix24.webhooks import CLICK_EVENTS, CRM_EVENTS
from integration.domain.calls.intents import Priority
from integration.domain.sentences import Words
from integration.errors import AuthFailed, DozvonError, RateLimited, Rejected, Unavailable, Unpaid
from integration.ports.crm import Crm
from integration.ports.findings import Finding, error, ok, warning
from integration.ports.stores import Tokens

SCOPES = ("crm", "telephony", "user_basic", "department", "placement", "im", "timeman")
"""What the application has to be given. `user` is the larger form of `user_basic`."""
_SCOPES_OF_WEBHOOK = ("crm", "user_basic", "department", "im", "timeman")
_STATISTICS = 50  # newest calls that are looked at for another telephony
_NAMES = 5


@dataclass(frozen=True, slots=True)
class Checked:
    """What is checked. `tokens`: None while no portal is connected."""

    settings: Bitrix24Settings
    crm: Crm
    transport: Transport
    tokens: Tokens | None


async def check(of: Checked) -> list[Finding]:
    """Never raises."""
    if of.tokens is None and not of.settings.is_webhook:
        return [error(texts.ACCESS, texts.NOT_INSTALLED, texts.INSTALL)]
    findings: list[Finding] = []
    try:
        findings += await _found(of)
    except DozvonError as exc:
        findings.append(trouble(exc))
    return findings


def trouble(exc: DozvonError) -> Finding:
    """The check that failed with this error, what is the matter, and what to do."""
    about, says, advice = _trouble(exc)
    return error(about, says(detail=str(exc)), advice)


def _trouble(exc: DozvonError) -> tuple[Words, Words, Words]:
    match exc:
        case AuthFailed():
            return texts.ACCESS, texts.NO_ACCESS, texts.INSTALL
        case Unpaid():
            return texts.PLAN, texts.UNPAID, texts.PAY
        case RateLimited():
            return texts.RATE, texts.TOO_OFTEN, texts.ASK_LESS
        case Rejected():
            return texts.RIGHTS, texts.REFUSED, texts.ALLOW_AS_ADMIN
    return texts.REACH, texts.AWAY, texts.CHECK_THE_NETWORK


async def _found(of: Checked) -> list[Finding]:
    commands = {"scope": Command("scope", {})}
    if not of.settings.is_webhook:
        commands |= {
            "app": Command("app.info", {}),
            "events": Command("event.get", {}),
            "telephony": Command("method.get", {"name": "telephony.externalCall.register"}),
            "statistics": Command("voximplant.statistic.get", {"SORT": "ID", "ORDER": "DESC", "start": 0}),
        }
    answer = await of.transport.call("batch", batch.body(commands), priority=Priority.CARD, reads=True)
    said = batch.outcomes(answer, commands)
    for label in ("scope", "app"):
        if isinstance(said.get(label), AuthFailed | Unavailable):
            raise said[label]
    managers = await of.crm.managers()
    active = sum(1 for each in managers if each.is_active)
    findings = [
        ok(texts.PORTAL, texts.CONNECTED(host=_host(of))),
        ok(texts.USERS, texts.USERS_READ(count=active)),
        _scopes(said["scope"], is_webhook=of.settings.is_webhook),
    ]
    if of.settings.is_webhook:
        return [*findings, warning(texts.WEBHOOK, texts.WEBHOOK_LIMITS, texts.PREFER_APPLICATION)]
    app = said["app"] if isinstance(said["app"], dict) else {}
    findings += _plan(app, of.settings)
    findings += _events(said["events"], of)
    findings += _telephony(said["telephony"])
    findings += _others(said["statistics"], own=str(app.get("ID", "")))
    return findings


def _host(of: Checked) -> str:
    address = of.settings.webhook_portal if of.tokens is None else of.tokens.base_url
    return urlsplit(address).netloc


def _scopes(said: Any, *, is_webhook: bool) -> Finding:
    granted = {str(each) for each in said} if isinstance(said, list) else set()
    if "user" in granted:
        granted.add("user_basic")
    wanted = _SCOPES_OF_WEBHOOK if is_webhook else SCOPES
    missing = [each for each in wanted if each not in granted]
    if missing:
        return error(texts.SCOPES, texts.LACKS_SCOPES(scopes=", ".join(missing)), texts.ADD_SCOPES)
    return ok(texts.SCOPES, texts.HAS_SCOPES(scopes=", ".join(wanted)))


def _plan(app: Mapping[str, Any], settings: Bitrix24Settings) -> Iterator[Finding]:
    if str(app.get("PAYMENT_EXPIRED", "N")).upper() == "Y":
        yield error(texts.PLAN, texts.PAYMENT_EXPIRED, texts.PAY)
    elif str(app.get("LICENSE_FAMILY", "")).startswith("ent") and settings.requests_per_second < ENTERPRISE_LIMIT[1]:
        burst, rate = ENTERPRISE_LIMIT
        yield warning(texts.PLAN, texts.FASTER(rate=rate), texts.SET_ENTERPRISE(rate=rate, burst=burst))
    else:
        yield ok(texts.PLAN, texts.PLAN_IS(plan=str(app.get("LICENSE", ""))[:40]))
    if app.get("INSTALLED") is False:
        yield error(texts.EVENTS, texts.NOT_FINISHED, texts.OPEN_APPLICATION)


def _events(said: Any, of: Checked) -> Iterator[Finding]:
    if isinstance(said, DozvonError):
        yield trouble(said)
        return
    bound = binding.read(said)
    names = {each.event for each in bound}
    missing = [each for each in (*CRM_EVENTS, *CLICK_EVENTS) if each not in names]
    if missing:
        yield warning(texts.EVENTS, texts.NO_EVENTS(events=_named(missing)), texts.BIND_EVENTS)
        return
    are_posted = of.settings.has_events_posted
    if are_posted and not (of.tokens and of.tokens.event_key):
        yield error(texts.EVENTS, texts.NO_EVENT_KEY, texts.OPEN_APPLICATION)
    else:
        yield ok(texts.EVENTS, texts.EVENTS_POSTED if are_posted else texts.EVENTS_KEPT)


def _telephony(said: Any) -> Iterator[Finding]:
    """An older self-hosted portal may lack the module."""
    if isinstance(said, dict) and said.get("isExisting") is False:
        yield error(texts.TELEPHONY, texts.NO_TELEPHONY, texts.INSTALL_TELEPHONY)


def _others(said: Any, *, own: str) -> Iterator[Finding]:
    """
    Calls in the statistics that another application or the portal's own telephony has written. Without the right to see
    the statistics nothing is said: it proves nothing either way.
    """
    if isinstance(said, DozvonError):
        return
    rows = [each for each in said if isinstance(each, dict)][:_STATISTICS] if isinstance(said, list) else []
    others = {_writer(each) for each in rows if str(each.get("REST_APP_ID") or "") != own}
    if not others:
        yield ok(texts.TELEPHONY, texts.ALONE)
        return
    # The portal's own telephony has a name in every language; applications have the one that their makers gave them.
    for name in sorted(others)[:_NAMES]:
        yield warning(texts.TELEPHONY, texts.OTHERS(names=name or texts.BUILT_IN), texts.CHOOSE_ONE)


def _writer(row: Mapping[str, Any]) -> str:
    """The name of the application that wrote the call; empty: the portal's own telephony."""
    name, number = str(row.get("REST_APP_NAME") or "").strip(), str(row.get("REST_APP_ID") or "")
    return (name or f"REST_APP {number}")[:60] if number else ""


def _named(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:_NAMES]) + (" …" if len(every) > _NAMES else "")
