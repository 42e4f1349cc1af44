#!/usr/bin/env python3
"""A predictive campaign of 300 clients on a real Asterisk, with 5 employees' phones and Dozvon killed on the way.

    .venv/bin/python scripts/predictive.py [--clients 300] [--kills 2] [--processes 2] [--json FILE]

Prints what the carrier, the phones, the journal, the ledger and the CRM say; fails if they do not agree, or somebody
waited for longer than two seconds without being told. About seven minutes. Needs what `make test-setup` installs.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.e2e.predictive.clients import EMPLOYEES, made_up
from tests.e2e.predictive.house import open_centre
from tests.e2e.predictive.run import Run
from tests.e2e.predictive.verdict import Verdict
from tests.lab.asterisk import lab_root
from tests.lab.office import Office


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=300)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--processes", type=int, choices=(1, 2), default=1, help="2: on PostgreSQL and Redis")
    parser.add_argument("--answered", type=int, default=0, help="clients who have answered today before")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep configuration, logs (Asterisk's, too) and database here")
    parser.add_argument("--json", type=Path, help="write the verdict here")
    return parser.parse_args()


async def measure(options: argparse.Namespace, folder: Path) -> Verdict:
    clients = made_up(options.clients, seed=options.seed)
    async with (
        Office(lab_root(22), extensions=EMPLOYEES) as office,
        open_centre(office, folder, processes=options.processes) as house,
    ):
        house.know(clients)
        await house.open()
        run = Run(house, clients, options.kills, options.answered, show=lambda text: print(text, file=sys.stderr))
        verdict = await run.play()
        shutil.copytree(office.asterisk.logs, folder / "asterisk", dirs_exist_ok=True)
        return verdict


def main() -> int:
    options = parse()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        verdict = asyncio.run(measure(options, folder))
    document = verdict.document()
    print(document)
    if options.json:
        options.json.write_text(document + "\n", "utf-8")
    return 1 if verdict.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
