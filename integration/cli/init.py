"""`dozvon init`: writes a first configuration file that explains every key."""

from __future__ import annotations

import argparse
from importlib.resources import files
from pathlib import Path

from integration.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, default=Path("dozvon.toml"), metavar="FILE", help="- prints it")


def run(arguments: argparse.Namespace) -> int:
    """Write the file, never over an existing one. Raises: ConfigError."""
    text = files("integration").joinpath("dozvon.example.toml").read_text("utf-8")
    if str(arguments.output) == "-":
        print(text, end="")
        return 0
    try:
        with arguments.output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as exc:
        raise ConfigError(f"{arguments.output} exists already; name another file with --output") from exc
    except OSError as exc:
        raise ConfigError(f"{arguments.output} cannot be written: {exc}") from exc
    arguments.output.chmod(0o600)
    print(f"Wrote {arguments.output}. Fill in what is marked, then: dozvon doctor --config {arguments.output}")
    return 0
