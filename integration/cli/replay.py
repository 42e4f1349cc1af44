"""`dozvon replay FILE.jsonl`: prints the calls of a recorded Asterisk stream as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from integration.domain.calls.truth import call_truth
from integration.errors import ConfigError, ProtocolError
from pbx_adapter.asterisk.replay import replay_file
from pbx_adapter.asterisk.tracker.office import DEFAULT_EXTENSION, OfficeShape

HELP = "print the calls of a recorded Asterisk stream as JSON"

_BAD_INPUT = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="the recording: one JSON object per line")
    parser.add_argument(
        "--trunk", action="append", default=[], metavar="NAME", help="an endpoint that is a line to the outside"
    )
    parser.add_argument(
        "--extension", default=DEFAULT_EXTENSION, metavar="REGEX", help="pattern of the names of employees' endpoints"
    )


def run(args: argparse.Namespace) -> int:
    """
    Print `{"calls": [...]}`.

    Returns:
        0, or 2 with a line on stderr if the file is not a recording. If the last line is cut off, stderr names it, and
        the rest is printed.
    """
    try:
        office = OfficeShape.from_words(trunks=args.trunk, extension=args.extension)
        calls = replay_file(args.file, office, lambda text: print(f"{args.file}: {text}", file=sys.stderr))
    except (ProtocolError, ConfigError) as exc:
        print(f"{args.file}: {exc}", file=sys.stderr)
        return _BAD_INPUT
    except OSError as exc:
        print(f"{args.file}: {exc.strerror or exc}", file=sys.stderr)
        return _BAD_INPUT
    # A terminal without UTF-8 may be unable to show a letter of a name, but every terminal can show \uXXXX.
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    json.dump({"calls": [call_truth(call) for call in calls]}, sys.stdout, ensure_ascii=not is_utf8, indent=1)
    print()
    return 0


def main_replay(path: Path) -> int:
    """The command for one file, with default settings of the office."""
    return run(argparse.Namespace(file=path, trunk=[], extension=DEFAULT_EXTENSION))


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(prog="dozvon replay", description=HELP)
    add_arguments(_parser)
    sys.exit(run(_parser.parse_args()))
