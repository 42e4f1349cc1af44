"""`dozvon setup-code`: prints an address with a one-time code, to make an owner or to set a lost password."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from integration import logs
from integration.clock import SystemClock
from integration.process import config
from integration.process.place import opened_storage
from integration.process.setup_address import administrators_of, setup_address, setup_text
from integration.services.passwords import PasswordDesk


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "The address works once, within 24 hours; the one printed before ends. Dozvon has to run."
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml")


def run(arguments: argparse.Namespace) -> int:
    logs.set_up("error", readable=True)
    settings = config.load(arguments.config)
    print(setup_text(asyncio.run(_issued(settings))))
    return 0


async def _issued(settings: config.Config) -> str:
    """The address with the code."""
    async with opened_storage(settings) as storage:
        administrators = administrators_of(storage, SystemClock(), PasswordDesk())
        code = await administrators.issue_setup_code(holder="")
        return setup_address(config.at_address(settings, await storage.installation.public_url()), code)
