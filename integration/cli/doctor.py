"""`dozvon doctor`: checks everything that has to work, and says what to change if something does not."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import textwrap
from collections.abc import Mapping
from pathlib import Path

from integration import logs
from integration.ports.findings import Finding, FindingLevel
from integration.process import config
from integration.process.doctor import diagnose
from integration.texts import LANGUAGES

_MARKS = {FindingLevel.OK: "ok     ", FindingLevel.WARNING: "warning", FindingLevel.ERROR: "ERROR  "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--language", choices=LANGUAGES, help="of the sentences; by default that of the terminal (LANG)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Returns the exit status: 1 if a finding is an error, else 0."""
    logs.set_up("error", readable=True)
    settings = config.load(arguments.config)
    found = asyncio.run(diagnose(settings))
    language = arguments.language or language_of(os.environ)
    if arguments.json:
        documents = {key: [finding.as_document(language) for finding in rows] for key, rows in found.items()}
        print(json.dumps(documents, ensure_ascii=False, indent=2))
    else:
        for account, rows in found.items():
            print(f"{account}:")
            for finding in rows:
                print(_line(finding, language))
        if not settings.accounts:
            print("No account is configured: add an [[account]] block to the file.")
    return int(any(f.level is FindingLevel.ERROR for rows in found.values() for f in rows))


def language_of(environment: Mapping[str, str]) -> str:
    """The terminal's language by POSIX's variables, if Dozvon speaks it; else English."""
    chosen = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    language = chosen[:2].lower()
    return language if language in LANGUAGES else "en"


def _line(finding: Finding, language: str) -> str:
    check = finding.check if language == "en" else finding.about.say(language)
    text = f"  {_MARKS[finding.level]} {check}: {finding.says.say(language)}"
    advice = finding.advice.say(language) if finding.advice is not None else ""
    remedy = textwrap.indent(advice, " " * 13).lstrip()
    return f"{text}\n          -> {remedy}" if remedy else text
