"""What no column takes is refused, at once and for good: no store says that its database is away, which is retried."""

from __future__ import annotations

import random
import string
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

from integration.domain.campaigns.model import CampaignState
from integration.domain.ids import CallId
from integration.errors import AuthFailed, LeaseLost, Rejected
from integration.ports.stores import SavedStep
from integration.storage import Storage
from integration.testing import FakeClock
from tests.contract.calls import OFFICE, a_call, an_intent
from tests.contract.test_isolation import ASKED, DIALS, IMPORT, NEW, PLAN, SPRING, TASK

_RANDOM = random.Random(8)
TEXTS = {
    "a NUL": "9\x0016",
    "half a pair": "\ud83d",
    "the other half": "\ude00x",
    "5,000 digits": "".join(_RANDOM.choices(string.digits, k=5000)),  # random: PostgreSQL compresses the rest
    "a long name": "".join(_RANDOM.choices("абвгдежз ,'\"\\;%_", k=20_000)),
    "no text at all": "",
}
NUMBERS = {"beyond a bigint": 2**63, "30 digits": 10**30, "below": -(2**63) - 1}


def hostile(value: Any, text: str, number: int) -> Iterator[Any]:
    """`value` again and again, each time with one of the texts and whole numbers in it replaced."""
    if isinstance(value, Enum | bool):
        return
    if isinstance(value, str):
        yield text
    elif isinstance(value, int):
        yield number
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if field.init:
                for each in hostile(getattr(value, field.name), text, number):
                    yield replace(value, **{field.name: each})
    elif isinstance(value, tuple | list):
        for place, item in enumerate(value):
            for each in hostile(item, text, number):
                yield type(value)([*value[:place], each, *value[place + 1 :]])


def _attempts(method: str) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The method's usual arguments, each time with one hostile value in them."""
    positional, named = ASKED[method]
    texts = [(text, 2**63) for text in TEXTS.values()]
    for text, number in [*texts, *(("x", number) for number in NUMBERS.values())]:
        yield from ((each, named) for each in hostile(positional, text, number))
        for name, value in named.items():
            yield from ((positional, {**named, name: each}) for each in hostile(value, text, number))


async def test_what_a_database_does_not_take_is_refused(storage: Storage) -> None:
    """Every method of every store, with every text and whole number that it is given."""
    wrong, count = [], 0
    assert await storage.leases.acquire([DIALS.name], holder="a", ttl_seconds=3600) == [DIALS]
    await storage.campaigns.make(OFFICE, SPRING, PLAN, by="Ж")
    await storage.campaigns.set_state(OFFICE, SPRING, CampaignState.RUNNING, by="Ж", only_from=[CampaignState.DRAFT])
    await storage.entries.add(OFFICE, SPRING, [NEW], office=OFFICE)
    await storage.list_imports.begin(IMPORT, b"file")
    for method in ASKED:
        store, _, name = method.partition(".")
        ask: Callable[..., Awaitable[Any]] = getattr(getattr(storage, store), name)
        for positional, named in _attempts(method):
            count += 1
            try:
                await ask(OFFICE, *positional, **named)
            except (Rejected, AuthFailed, LeaseLost):  # nobody has consented here; nobody holds a hostile lease
                pass
            except Exception as exc:  # noqa: BLE001 -- all are told at once
                wrong.append(f"{method} {str(positional)[:80]} {str(named)[:80]}: {type(exc).__name__} {exc}")
    assert not wrong, "\n".join(wrong)
    assert count > 500


async def test_a_call_of_hostile_texts_is_stored_or_refused(storage: Storage) -> None:
    """Its numbers and names are kept whatever they are; its ids may be refused."""
    for number, text in enumerate(TEXTS.values()):
        call = a_call(number, caller=text, called=text, caller_name=text, answered_by=text, queue=text)
        await storage.calls.save([SavedStep(call=call, event={"said": text})])
        assert await storage.calls.get(OFFICE, call.id) == call
        with_ids = replace(call, id=CallId(text), native_id=text)
        try:
            await storage.calls.save([SavedStep(call=with_ids)])
        except Rejected:
            continue
        assert await storage.calls.get(OFFICE, CallId(text)) == with_ids


async def test_what_people_read_is_kept_as_far_as_it_can_be(storage: Storage, clock: FakeClock) -> None:
    """An error of the CRM and the text of a task may quote anything."""
    for number, text in enumerate(TEXTS.values()):
        call, task = a_call(number), replace(TASK, target=replace(TASK.target, id=str(number)), text=f"Call {text}")
        await storage.calls.save([SavedStep(call=call, intents=[an_intent(call)])])
        (item,) = await storage.outbox.claim(OFFICE, now=clock.now(), lease_seconds=60, limit=1)
        await storage.outbox.retry(item, at=clock.now(), error=f"said {text}", is_uncertain=False)
        (item,) = await storage.outbox.claim(OFFICE, now=clock.now(), lease_seconds=60, limit=1)
        assert (item.last_error or "").startswith("said ")
        await storage.outbox.dead(item, error=f"said {text}")
        await storage.callback_tasks.begin(OFFICE, task)
        kept = await storage.callback_tasks.of_client(OFFICE, target=task.target, match_key=task.match_key)
        assert any(each.target == task.target and each.text.startswith("Call ") for each in kept)
