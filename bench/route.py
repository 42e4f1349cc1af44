"""Measures how long a caller waits for a decision: real FastAGI over TCP, the real phone book, a steady load.

`dozvon bench route [--quick]`: on SQLite, on PostgreSQL if there is one, and for comparison a search in the CRM. The
asking side (`route_asker.py`) is a separate process, so that its work is not counted as ours. In turn with the
questions it sends others that are answered at once: their time is the machine's share.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp

from bench.crm import CrmSize, number, running_crm
from bench.databases import postgres
from bench.report import aim, machine, percentile
from bench.route_asker import DECIDED, EMPTY, MANAGERS, SHARED, manager_of, number_of
from connectors.amocrm import Senders, connect
from integration import logs
from integration.clock import SystemClock
from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, Extension, ManagerId, PbxId
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.domain.numbers.phone import read_number
from integration.domain.routing.route import Outcome, RouteDecision, RouteQuestion, Step, StepKind
from integration.domain.settings import AccountSettings, Employee, LineSettings
from integration.process import process_memory
from integration.services.routing import Routing
from integration.storage import Storage, open_storage
from pbx_adapter.asterisk.agi.addresses import MayAsk
from pbx_adapter.asterisk.agi.server import AgiDoor, FastAgiServer


@dataclass(frozen=True, slots=True)
class Size:
    """`seconds` of questions, then half as many of empty ones. `live`: searches in the CRM; 0: none."""

    contacts: int
    seconds: float
    live: int


FULL = Size(contacts=1_000_000, seconds=20.0, live=200)
QUICK = Size(contacts=10_000, seconds=3.0, live=10)
AIM_TIMES_EMPTY = 2.0  # a decision's p99 by that of an empty answer: the machine's share is in both
_LIVE_EVERY_SECONDS = 0.35  # a look-up is two requests, of which the CRM takes seven a second
_PAGE = 5_000  # as an import writes
_ACCOUNT = AccountId("bench")


def run(*, quick: bool = False, size: Size | None = None) -> dict[str, Any]:
    """
    Fill the phone book, ask, and report.

    Returns:
        {"bench", "aims": [{"what", "aim", "measured", "unit", "met"}], "detail"}. Times are in milliseconds, from the
        beginning of the connection to the answer.
    """
    logs.set_up("error", readable=True)
    size = size or (QUICK if quick else FULL)
    with tempfile.TemporaryDirectory(prefix="dozvon-bench-") as folder:
        asked = {"sqlite": asyncio.run(_measure(f"sqlite:///{folder}/bench.db", Path(folder), size))}
        with postgres() as url:
            if url is not None:
                asked["postgresql"] = asyncio.run(_measure(url, Path(folder), size))
        live = asyncio.run(_ask_the_crm(Path(folder), size)) if size.live else None
    aims = [
        aim(f"decision over FastAGI with {size.contacts} contacts on {name}, p99 by an empty answer's", AIM_TIMES_EMPTY,
            each["p99_by_empty"], "times", more_is_better=False)
        for name, each in asked.items()
    ]  # fmt: skip
    wrong = sum(each["wrong"] for each in asked.values())
    aims.append(aim("questions left without a right answer", 0, wrong, "questions", more_is_better=False))
    return {
        "bench": "route",
        "aims": aims,
        "detail": {"contacts": size.contacts, **asked, "live_crm": live, **machine()},
    }


async def _measure(url: str, folder: Path, size: Size) -> dict[str, Any]:
    storage = await open_storage(url, folder)
    try:
        began = time.monotonic()
        await _fill(storage, size.contacts)
        filled_seconds = time.monotonic() - began
        settings = AccountSettings(
            account=_ACCOUNT,
            default_line=LineSettings(notice_before="connecting"),
            employees=tuple(
                Employee(extension=Extension(str(1000 + n)), manager=ManagerId(str(n))) for n in range(MANAGERS)
            ),
        )
        routing = Routing(
            account=_ACCOUNT,
            pbx=PbxId("bench"),
            settings=lambda: settings,
            book=storage.phone_book,
            routes=storage.routes,
            clock=SystemClock(),
        )
        keeping = asyncio.create_task(routing.run())
        server = FastAgiServer(
            [AgiDoor(frozenset({path}), asked, MayAsk()) for path, asked in ((DECIDED, routing), (EMPTY, _Empty()))]
        )
        await server.start()
        with process_memory.settled():  # as a process of Dozvon does after its start
            processor = time.process_time()
            asked = await _ask_from_outside(server.port, size.contacts, size.seconds)
            processor = time.process_time() - processor
        await server.close()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
    finally:
        await storage.close()
    questions = sum(len(times) for each in asked.values() for times in each["rounds_ms"])
    return {
        "fill_seconds": round(filled_seconds, 1),
        "contacts_put_per_second": round(size.contacts / filled_seconds),
        **_figures(asked[DECIDED]),
        "empty_answers": _figures(asked[EMPTY]),
        "p99_by_empty": _p99_by_empty(asked[DECIDED]["rounds_ms"], asked[EMPTY]["rounds_ms"]),
        "our_processor_ms_a_question": round(processor / questions * 1000, 2),  # of both kinds
        **machine(),
    }


def _figures(asked: dict[str, Any]) -> dict[str, Any]:
    times, late = sorted(chain.from_iterable(asked["rounds_ms"])), sorted(asked["late_ms"])
    return {
        "questions": len(times),
        "questions_per_second": round(len(times) / asked["seconds"], 1),
        "p50_ms": percentile(times, 0.50),
        "p99_ms": percentile(times, 0.99),
        "max_ms": round(times[-1], 2),
        "put_late_p99_ms": percentile(late, 0.99),  # the asking side had no core at the right moment
        "wrong": asked["wrong"],
    }


def _p99_by_empty(decided: list[list[float]], empty: list[list[float]]) -> float:
    """The middle of all rounds: what disturbs the machine for a second disturbs one round."""
    ratios = [percentile(sorted(a), 0.99) / percentile(sorted(b), 0.99) for a, b in zip(decided, empty, strict=True)]
    return round(median(ratios), 2)


class _Empty:
    """Answers at once."""

    async def route(self, _question: RouteQuestion, _uniqueid: str) -> RouteDecision:
        return RouteDecision(outcome=Outcome.ROUTE, steps=(Step(kind=StepKind.CONTINUE),), reasons=())


async def _ask_from_outside(port: int, contacts: int, seconds: float) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.route_asker", str(port), str(contacts), str(seconds)),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    printed, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("the asking process failed; its output is above")
    answer: dict[str, Any] = json.loads(printed)
    return answer


async def _ask_the_crm(folder: Path, size: Size) -> dict[str, Any]:
    """Time the connector's search, for which a router without a phone book would wait, at the rate the CRM allows.
    The sandbox is on the loopback; a CRM in the internet is further away."""
    storage = await open_storage(f"sqlite:///{folder}/live.db", folder)
    chance, loop, times = random.Random(5), asyncio.get_running_loop(), []
    async with aiohttp.ClientSession() as session, running_crm(CrmSize(contacts=size.contacts)) as crm:
        connector = connect(
            _ACCOUNT,
            crm.options(0, 6.9),
            tokens=storage.tokens,
            senders=Senders(session, lambda _: None),
            clock=SystemClock(),
        )
        await connector.open()
        began = loop.time()
        for place in range(size.live):
            caller = read_number(number(chance.randrange(size.contacts)), DEFAULT_NUMBERING)
            assert caller is not None
            await asyncio.sleep(began + place * _LIVE_EVERY_SECONDS - loop.time())
            asked_at = time.perf_counter()
            await connector.crm.find_persons(caller)
            times.append((time.perf_counter() - asked_at) * 1000)
        await connector.close()
    await storage.close()
    times.sort()
    return {
        "questions": len(times),
        "questions_per_second_at_most": round(1 / _LIVE_EVERY_SECONDS, 2),
        "p50_ms": percentile(times, 0.50),
        "p99_ms": percentile(times, 0.99),
    }


# ---- the phone book ------------------------------------------------------------------------------------------------


async def _fill(storage: Storage, contacts: int) -> None:
    """Each contact has a number; every fiftieth number has a second contact, every tenth contact an open deal."""
    said = time.monotonic()
    for start in range(0, contacts, _PAGE):
        page = range(start, min(start + _PAGE, contacts))
        await storage.phone_book.put_persons(_ACCOUNT, [_contact(n) for n in page], numbering=DEFAULT_NUMBERING)
        await storage.phone_book.put_deals(_ACCOUNT, list(_deals(page)))
        if time.monotonic() - said > 5:
            said = time.monotonic()
            print(f"filling the phone book: {page.stop} of {contacts}", file=sys.stderr)


def _contact(n: int) -> Person:
    phone = number_of(n - 1 if n % SHARED == 1 else n)
    responsible = ManagerId(str(manager_of(n)))
    return Person(
        ref=EntityRef(EntityKind.CONTACT, str(n)),
        name=f"Контакт {n}",
        responsible=responsible,
        phones=(phone,),
        created_at=1_600_000_000 + n,
        updated_at=1_700_000_000,
    )


def _deals(page: range) -> Iterator[Deal]:
    for n in page:
        if n % 10 == 0:
            contact = EntityRef(EntityKind.CONTACT, str(n))
            yield Deal(
                ref=EntityRef(EntityKind.DEAL, str(n)),
                name=f"Сделка {n}",
                responsible=ManagerId(str(manager_of(n + 1))),
                persons=(contact,),
                main_person=contact,
                updated_at=1_700_000_000,
            )
