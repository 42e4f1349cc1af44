"""How long a caller waits for a decision: real FastAGI over TCP, the real phone book, a steady load.

`dozvon bench route [--quick]`: on SQLite, on PostgreSQL where there is one, and beside them what a live question to the
CRM takes. The asking side stands in for Asterisk in a process of its own, so that its work is not counted as ours.
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
from pathlib import Path
from typing import Any

import aiohttp

from bench.crm import CrmSize, number, running_crm
from bench.databases import postgres
from bench.report import aim, machine, percentile
from connectors.amocrm import connect
from integration import logs, process_memory
from integration.clock import SystemClock
from integration.domain.crm import Deal, EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, Extension, ManagerId, PbxId
from integration.domain.phone import normalise
from integration.domain.settings import AccountSettings, Employee, LineSettings
from integration.services.routing import Routing
from integration.storage import Storage, open_storage
from pbx_adapter.asterisk.fastagi import FastAgiServer


@dataclass(frozen=True, slots=True)
class Size:
    """`live`: questions put to the CRM itself; 0 leaves it out."""

    contacts: int
    seconds: float
    live: int


FULL = Size(contacts=1_000_000, seconds=20.0, live=200)
QUICK = Size(contacts=10_000, seconds=3.0, live=10)
QUESTIONS_PER_SECOND = 200
AIM_P99_MS = 5.0
_LIVE_EVERY_SECONDS = 0.35  # a look-up is two requests, of which the CRM takes seven a second
_PAGE = 5_000  # as an import writes
_MANAGERS = 200
_SHARED = 50  # every fiftieth number belongs to two contacts
_KNOWN = 0.8  # of the callers
_ACCOUNT = AccountId("bench")


def run(*, quick: bool = False, size: Size | None = None) -> dict[str, Any]:
    """
    Fill the phone book, ask, and report.

    Returns:
        {"bench", "aims": [{"what", "aim", "measured", "unit", "met"}], "detail"}. Times are from the first byte of a
        connection to the answer, connecting included, in milliseconds.
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
        aim(f"decision over FastAGI with {size.contacts} contacts on {name}, p99", AIM_P99_MS, each["p99_ms"], "ms",
            more_is_better=False)
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
                Employee(extension=Extension(str(1000 + n)), manager=ManagerId(str(n))) for n in range(_MANAGERS)
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
        server = FastAgiServer({"office": routing})
        await server.start()
        process_memory.settle()  # as a process of Dozvon does when it has started
        asked = await _ask_from_outside(server.port, size.contacts, size.seconds)
        await server.close()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
    finally:
        await storage.close()
    times = sorted(asked.pop("times_ms"))
    return {
        "fill_seconds": round(filled_seconds, 1),
        "contacts_put_per_second": round(size.contacts / filled_seconds),
        "questions": len(times),
        "questions_per_second": round(len(times) / asked.pop("seconds"), 1),
        "p50_ms": percentile(times, 0.50),
        "p99_ms": percentile(times, 0.99),
        "max_ms": round(times[-1], 2),
        **machine(),
        **asked,
    }


async def _ask_the_crm(folder: Path, size: Size) -> dict[str, Any]:
    """What a router without a phone book would wait for: the connector's search, as fast as the CRM's limit lets it.
    The sandbox is on the loopback; a CRM in the internet is further away."""
    storage = await open_storage(f"sqlite:///{folder}/live.db", folder)
    chance, loop, times = random.Random(5), asyncio.get_running_loop(), []
    async with aiohttp.ClientSession() as session, running_crm(CrmSize(contacts=size.contacts)) as crm:
        connector = connect(_ACCOUNT, crm.options(0, 6.9), tokens=storage.tokens, session=session, clock=SystemClock())
        await connector.open()
        began = loop.time()
        for place in range(size.live):
            caller = normalise(number(chance.randrange(size.contacts)))
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


def _number(n: int) -> str:
    return f"+79{n:09d}"


def _manager_of(n: int) -> int:
    return n % _MANAGERS


async def _fill(storage: Storage, contacts: int) -> None:
    """Each contact has a number; every fiftieth number has a second contact, every tenth contact an open deal."""
    said = time.monotonic()
    for start in range(0, contacts, _PAGE):
        page = range(start, min(start + _PAGE, contacts))
        await storage.phone_book.put_persons(_ACCOUNT, [_contact(n) for n in page], country="RU")
        await storage.phone_book.put_deals(_ACCOUNT, list(_deals(page)))
        if time.monotonic() - said > 5:
            said = time.monotonic()
            print(f"filling the phone book: {page.stop} of {contacts}", file=sys.stderr)


def _contact(n: int) -> Person:
    phone = _number(n - 1 if n % _SHARED == 1 else n)
    responsible = ManagerId(str(_manager_of(n)))
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
                responsible=ManagerId(str(_manager_of(n + 1))),
                persons=(contact,),
                main_person=contact,
                updated_at=1_700_000_000,
            )


def _right_extension(n: int | None) -> str | None:
    """Whom caller `n` must be put through to; None: nobody."""
    if n is None or n % _SHARED == 1:  # that number was typed into the contact before instead
        return None
    return str(1000 + _manager_of(n + 1 if n % 10 == 0 else n))


# ---- the asking side -----------------------------------------------------------------------------------------------


async def _ask_from_outside(port: int, contacts: int, seconds: float) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.route", str(port), str(contacts), str(seconds)),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    printed, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("the asking process failed; what it said is above")
    answer: dict[str, Any] = json.loads(printed)
    return answer


async def _ask_all(port: int, contacts: int, seconds: float) -> dict[str, Any]:
    """Questions at fixed moments, whatever becomes of those before: a slow answer does not slow the load down."""
    chance = random.Random(20)
    loop = asyncio.get_running_loop()
    for _ in range(20):  # the first questions pay for caches and imports, as only the first calls of a day do
        await _ask(port, 0)
    began = loop.time()
    tasks = []
    for place in range(int(seconds * QUESTIONS_PER_SECOND)):
        caller = chance.randrange(contacts) if chance.random() < _KNOWN else None
        await asyncio.sleep(began + place / QUESTIONS_PER_SECOND - loop.time())
        tasks.append(asyncio.create_task(_ask(port, caller)))
    answers = await asyncio.gather(*tasks)
    return {
        "times_ms": [ms for ms, _ in answers],
        "wrong": sum(not is_right for _, is_right in answers),
        "seconds": loop.time() - began,
    }


async def _ask(port: int, caller: int | None) -> tuple[float, bool]:
    """One question as Asterisk puts it; milliseconds, and whether the plan names the right extension."""
    number = _number(caller)[1:] if caller is not None else f"7495{random.randrange(10**7):07d}"
    head = (
        f"agi_network: yes\nagi_network_script: office\nagi_request: agi://127.0.0.1:{port}/office\n"
        f"agi_channel: PJSIP/trunk-00000001\nagi_language: ru\nagi_type: PJSIP\nagi_uniqueid: {time.time():.6f}\n"
        f"agi_version: 22.10.1\nagi_callerid: {number}\nagi_calleridname: unknown\nagi_dnid: 74950000001\n"
        "agi_context: dozvon-inbound\nagi_extension: s\nagi_priority: 19\nagi_enhanced: 0.0\n"
        "agi_arg_1: 74950000001\nagi_arg_2: 1\nagi_arg_3: \nagi_arg_4: \n\n"
    )
    began = time.perf_counter()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode())
        command = (await reader.readline()).decode()
        took = (time.perf_counter() - began) * 1000
        writer.write(b"200 result=1\n")
        writer.close()
    except OSError:  # turned away: counted as a question without a right answer
        return (time.perf_counter() - began) * 1000, False
    right = _right_extension(caller)
    is_right = f"~ring:{right}:" in command if right else '"1~continue:::,' in command
    return took, is_right


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_ask_all(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))))
