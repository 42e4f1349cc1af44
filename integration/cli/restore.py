"""`dozvon restore FILE`: checks a whole backup, then replaces database and recordings by those in it."""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime
from pathlib import Path

from integration import logs
from integration.cli.backup import say, told
from integration.process import config
from integration.process.place import place_of
from integration.storage.backup.restore import restore_backup


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a file that `dozvon backup` wrote")
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml")
    parser.add_argument("--force", action="store_true", help="restore even if there is data already; it is lost")


def run(arguments: argparse.Namespace) -> int:
    """Returns the exit status: 1 if everything was restored but the key of the secrets is missing."""
    settings = config.load(arguments.config)
    logs.set_up("warning", readable=True)
    place = place_of(settings)
    restored = asyncio.run(restore_backup(place, arguments.file, force=arguments.force, say=say))
    made_at = datetime.fromtimestamp(restored.manifest.made_at, UTC)
    print(f"Restored the state of {made_at:%Y-%m-%d %H:%M} UTC: {told(restored.manifest)}, counted and complete.")
    if restored.is_key_here:
        return 0
    print(
        f"Its secrets are encrypted with key {restored.manifest.key_id}, which is not here. Bring that key before the"
        " start: dozvon secrets check"
    )
    return 1
