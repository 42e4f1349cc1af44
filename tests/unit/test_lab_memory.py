"""Clusters in memory: what killed test runs left is removed, what others use stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import servers


def test_only_what_dead_test_runs_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "_MEMORY", tmp_path)
    monkeypatch.setattr(servers, "_ROOM", 0)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, used, foreign = (tmp_path / f"dozvon-pg-{each}-x" for each in (ended.pid, os.getpid(), "of-somebody"))
    for folder in (left, used, foreign):
        (folder / "cluster").mkdir(parents=True)
    # A cluster that is being made has a negative number here; a cluster that begins has none yet.
    (used / "cluster" / "postmaster.pid").write_text("-1\n")
    assert servers._memory() == tmp_path
    assert not left.exists()
    assert used.exists()
    assert foreign.exists()
