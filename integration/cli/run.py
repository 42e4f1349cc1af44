"""`dozvon run`: runs the middleware until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from integration import logs
from integration.process import config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml; the environment overrides it")


def run(arguments: argparse.Namespace) -> int:
    settings = config.load(arguments.config)
    from integration.process.running import run_until_stopped

    logs.set_up(settings.log_level, readable=sys.stderr.isatty())
    asyncio.run(run_until_stopped(settings, lambda: config.load(arguments.config), _say))
    return 0


def _say(text: str) -> None:
    print(text, flush=True)
