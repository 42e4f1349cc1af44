"""Modules that documents and docstrings name exist: after a move, nobody is sent to an empty room."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TRACKED = [
    name
    for name in subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    if (ROOT / name).is_file()
]
NAMED = re.compile(r"`((?:[\w-]+/)*\w+\.(?:py|ts|mjs))\b")
HISTORY = ("CHANGELOG.md", "changes/", "docs/results/", "docs/plan.md")


def test_every_module_that_a_text_names_exists() -> None:
    texts = [name for name in TRACKED if name.endswith((".py", ".md")) and not name.startswith(HISTORY)]
    if not texts:
        pytest.fail("git lists no files here")
    known = {f"/{name}" for name in TRACKED}
    lost = []
    for text in texts:
        for number, line in enumerate((ROOT / text).read_text("utf-8").splitlines(), 1):
            for named in NAMED.findall(line):
                if not any(name.endswith(f"/{named}") for name in known):
                    lost.append(f"{text}:{number}: {named}")
    assert lost == []
