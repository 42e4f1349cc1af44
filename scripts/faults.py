"""`make test-faults`: steady calls on the simulated office while everything around Dozvon fails. Prints the results.

.venv/bin/python scripts/faults.py --calls 1000 --faults 50 --seed 7 --json faults.json

.venv/bin/python scripts/faults.py --changes 5 --json changes.json

The second changes an office under the calls of all, with processes killed in the middle of each change, and prints
the benches' JSON: card p99 of the other offices, calls lost or doubled, half changes.

A CRM takes seven requests a second from an account, enough for about three calls. With three accounts, each with an
office and its own CRM, Dozvon delivers the default 4 calls a second as they come.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.faults.change_run import run_changes
from tests.faults.run import Progress, run
from tests.faults.shape import Shape
from tests.faults.verdict import Verdict
from tests.lab.cores import measure_apart

_CHANGES_PER_SECOND, _QUIET_SECONDS = 3.0, 60.0
_LISTED_FOR_A_ROUND = 120  # clients of a campaign, of whom only those are added whom it comes to


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--faults", type=int, default=500)
    parser.add_argument(
        "--changes", type=int, metavar="ROUNDS", help="instead: an office that changes, on two processes"
    )
    parser.add_argument(
        "--own-core",
        action="store_true",
        help="Dozvon and its servers on a core of their own, the CRMs, PBXs and pages on another one",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="more than one: on PostgreSQL and Redis of its own")
    parser.add_argument("--accounts", type=int, default=3, help="each with an office and its own CRM")
    parser.add_argument("--portals", type=int, default=1, help="how many of the accounts have Bitrix24, not amoCRM")
    parser.add_argument(
        "--listed",
        type=int,
        help="clients of each account's campaign; usually an eighth of its calls; with --changes at most",
    )
    parser.add_argument(
        "--ahead", type=int, default=1, help="in how many accounts, the first ones, campaigns ring their clients first"
    )
    parser.add_argument("--per-second", type=float, default=4.0, help="calls that begin in a second")
    parser.add_argument("--speed", type=float, default=5.0, help="seconds of the office per second")
    parser.add_argument("--settle", type=float, default=1200.0, help="seconds for the outbox to empty at the end")
    parser.add_argument("--folder", type=Path, help="keep configuration, logs, database and recordings here")
    parser.add_argument("--json", type=Path, help="write the verdict here as JSON")
    return parser.parse_args(arguments)


async def measure(options: argparse.Namespace, folder: Path) -> Verdict:
    shape = Shape(
        seed=options.seed,
        processes=options.processes,
        accounts=options.accounts,
        portals=min(options.portals, options.accounts),
        speed=options.speed,
        per_second=options.per_second,
        listed=options.calls // options.accounts // 8 if options.listed is None else options.listed,
        ahead=options.ahead,
    )

    began = time.monotonic()

    def show(progress: Progress) -> None:
        if progress.calls % 100 == 0:
            minutes = (time.monotonic() - began) / 60
            print(f"{minutes:5.1f} min: {progress.text()} of {options.calls} calls", file=sys.stderr, flush=True)

    return await run(
        folder, shape, calls=options.calls, faults=options.faults, settle_seconds=options.settle, on_call=show
    )


async def change(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The benches' form; what it does is said on stderr."""
    began = time.monotonic()
    shape = Shape(
        seed=options.seed,
        processes=max(options.processes, 2),
        accounts=options.accounts,
        speed=options.speed,
        per_second=_CHANGES_PER_SECOND,
        listed=_LISTED_FOR_A_ROUND * options.changes if options.listed is None else options.listed,
        ahead=options.ahead,
    )

    def show(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s: {what}", file=sys.stderr, flush=True)

    run = await run_changes(
        folder,
        shape,
        rounds=options.changes,
        quiet_seconds=_QUIET_SECONDS,
        settle_seconds=options.settle,
        told=show,
    )
    return run.report()


def main() -> int:
    """Exit code 1 when anything was lost, doubled, unrecorded or out of order, or an office half changed."""
    options = parse()
    if options.own_core:
        measure_apart()
    with tempfile.TemporaryDirectory(prefix="dozvon-faults-") as temporary:
        folder: Path = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if options.changes:
            report = asyncio.run(change(options, folder))
            written = json.dumps(report, indent=2, ensure_ascii=False)
            print(written)
            if options.json:
                options.json.write_text(written + "\n", "utf-8")
            return 0 if all(aim["met"] for aim in report["aims"] if aim["unit"] != "ms") else 1
        verdict = asyncio.run(measure(options, folder))
    print(verdict.table())
    if options.json:
        options.json.write_text(json.dumps(verdict.as_json(), indent=2, ensure_ascii=False) + "\n", "utf-8")
    return 0 if verdict.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
