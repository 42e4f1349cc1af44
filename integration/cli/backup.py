"""`dozvon backup FILE`: writes database and recordings into one file, even while the service runs."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from integration import logs
from integration.clock import SystemClock
from integration.process import config
from integration.process.place import place_of
from integration.storage.backup.archive import Manifest
from integration.storage.backup.making import write_backup


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the file to write, for example dozvon.tar.gz")
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml")
    parser.add_argument("--with-key", action="store_true", help="put the key of the secrets into the file too")


def run(arguments: argparse.Namespace) -> int:
    settings = config.load(arguments.config)
    logs.set_up("warning", readable=True)
    manifest = asyncio.run(
        write_backup(place_of(settings), arguments.file, clock=SystemClock(), say=say, with_key=arguments.with_key)
    )
    print(f"Wrote {arguments.file}: {told(manifest)}.")
    if manifest.recordings_missing:
        print(f"{manifest.recordings_missing} recordings are not on the disk any more; the backup does not have them.")
    if arguments.with_key:
        print("The key is in it: anybody with this file can read the tokens of your CRM.")
    elif manifest.key_id:
        print(
            f"The secrets in it are encrypted with key {manifest.key_id}, which is not in it: keep the key elsewhere."
        )
    return 0


def told(manifest: Manifest) -> str:
    rows = sum(manifest.tables.values())
    return f"{rows} rows in {len(manifest.tables)} tables, {manifest.recordings} recordings"


def say(line: str) -> None:
    """Print progress to standard error: it is not part of the output."""
    print(line, file=sys.stderr, flush=True)
