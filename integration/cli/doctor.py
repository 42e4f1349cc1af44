"""`dozvon doctor`: checks everything that has to work, and says what to change if something does not."""

from __future__ import annotations

import argparse
import asyncio
import json
import textwrap
from dataclasses import asdict
from pathlib import Path

from integration import logs
from integration.ports.findings import Finding, FindingLevel
from integration.process import config
from integration.process.doctor import diagnose

_MARKS = {FindingLevel.OK: "ok     ", FindingLevel.WARNING: "warning", FindingLevel.ERROR: "ERROR  "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Returns the exit status: 1 if a finding is an error, else 0."""
    logs.set_up("error", readable=True)
    settings = config.load(arguments.config)
    found = asyncio.run(diagnose(settings))
    if arguments.json:
        print(json.dumps({key: [asdict(f) for f in rows] for key, rows in found.items()}, ensure_ascii=False, indent=2))
    else:
        for account, rows in found.items():
            print(f"{account}:")
            for finding in rows:
                print(_line(finding))
        if not settings.accounts:
            print("No account is configured: add an [[account]] block to the file.")
    return int(any(f.level is FindingLevel.ERROR for rows in found.values() for f in rows))


def _line(finding: Finding) -> str:
    text = f"  {_MARKS[finding.level]} {finding.check}: {finding.message}"
    remedy = textwrap.indent(finding.remedy, " " * 13).lstrip()
    return f"{text}\n          -> {remedy}" if remedy else text
