"""`dozvon init`: a first configuration, into a file or (in a container) to standard output."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.__main__ import main

EXAMPLE = Path(__file__).resolve().parents[2] / "integration" / "dozvon.example.toml"


def test_a_file_that_only_its_owner_reads_is_written_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "dozvon.toml"
    assert main(["init", "-o", str(file)]) == 0
    assert file.read_text("utf-8") == EXAMPLE.read_text("utf-8")
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("filled in")
    assert main(["init", "-o", str(file)]) != 0
    assert "exists already" in capsys.readouterr().err
    assert file.read_text() == "filled in"


def test_a_dash_prints_it_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "-o", "-"]) == 0
    assert capsys.readouterr().out == EXAMPLE.read_text("utf-8")
