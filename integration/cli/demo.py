"""`dozvon demo`: everything in one process on the loopback, without an account and without a PBX."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from integration import logs

_TEXT = """
Dozvon is running: nothing but this machine can reach it, and nothing is kept. Ctrl+C stops it.

  Begin here:                    {start}   (both CRMs, and the phones of the simulated office)

  The CRM (sandbox amoCRM):      {crm}
  The CRM (sandbox Bitrix24):    {portal}
  Dozvon's own pages:            {admin}   password: {password}

Try this: open one CRM or both, press "Позвонить в офис как этот клиент" on the first page, look at the cards, press
"Ответить" at the ringing phone, then hang up, and listen to the recording in the contact's card.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, default=Path(".data/demo"), help="working folder; emptied at each start")
    parser.add_argument("--verbose", action="store_true", help="show the log")


def run(arguments: argparse.Namespace) -> int:
    from integration import demo  # imported here because the web server's modules would slow down `--help`

    logs.set_up("info" if arguments.verbose else "error", readable=True)

    def tell(addresses: demo.Addresses) -> None:
        shown = {"start": addresses.start, "crm": addresses.crm, "portal": addresses.portal, "admin": addresses.admin}
        print(_TEXT.format(**shown, password=demo.PASSWORD), flush=True)

    asyncio.run(demo.run_until_stopped(arguments.folder, tell))
    return 0
