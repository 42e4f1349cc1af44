"""`dozvon migrate`: brings the database up to date; may be run again."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from integration import logs
from integration.process import config
from integration.storage import migrate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml")


def run(arguments: argparse.Namespace) -> int:
    settings = config.load(arguments.config)
    logs.set_up(settings.log_level, readable=True)

    asyncio.run(migrate(settings.database_url))
    print("The database is up to date.")
    return 0
