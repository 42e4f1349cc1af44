"""`dozvon recover`: the times that people may write, and the output."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integration.__main__ import main
from integration.cli.recover import moment
from integration.errors import ConfigError
from tests.asterisk_records import RECORDS

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CONFIG = """
[server]
data_dir = "{folder}/data"
[[account]]
id = "office"
[account.amocrm]
client_id = "id"
client_secret = "secret"
[account.asterisk]
host = "127.0.0.1"
username = "dozvon"
secret = "secret"
"""
RECORDS_TABLE = """
[account.asterisk.records]
kind = "csv"
cdr = "{folder}/cdr.csv"
cel = "{folder}/cel.csv"
"""


@pytest.mark.parametrize(
    ("text", "ago"),
    [("90m", 5400), ("36h", 129_600), ("7d", 604_800), ("2026-11-22T11:00:00+00:00", 3600)],
)
def test_times_are_read_as_people_write_them(text: str, ago: float) -> None:
    assert moment(text, NOW, "--since") == NOW.timestamp() - ago


@pytest.mark.parametrize("text", ["", "yesterday", "7w", "99999d9", "2026-13-01", "-5d"])
def test_what_is_no_time_is_refused_with_words(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--since .*write 2026-11-22"):
        moment(text, NOW, "--since")


def _configured(folder: Path, *, records: bool) -> str:
    """A configuration with records of one answered call that ended an hour ago."""
    later = int(time.time()) - 3600 - int(json.loads((RECORDS / "answered.truth.json").read_text())[0]["ended"])
    for kind in ("cdr", "cel"):
        rows = (RECORDS / f"answered.{kind}.csv").read_text()
        (folder / f"{kind}.csv").write_text(re.sub(r"\b1795\d{6}\b", lambda m: str(int(m[0]) + later), rows))
    path = folder / "dozvon.toml"
    path.write_text((CONFIG + RECORDS_TABLE * records).format(folder=folder))
    return str(path)


def test_it_prints_what_it_would_do_does_it_once_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["recover", "--config", _configured(tmp_path, records=True), "--since", "2h"]
    assert main([*words, "--dry-run"]) == 0
    planned = capsys.readouterr().out
    assert "1 calls in the records: 1 recovered, 0 corrected, 0 known (nothing was changed)" in planned
    assert re.search(r"recovered +\d{4}-.* inbound +79161234567 +101 +answered +2 s +in-74950000001", planned)
    assert main(words) == 0
    assert "1 recovered, 0 corrected, 0 known\n" in capsys.readouterr().out
    assert main([*words, "--all"]) == 0
    assert "0 recovered, 0 corrected, 1 known\n" in capsys.readouterr().out


def test_without_records_it_says_what_to_add(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recover", "--config", _configured(tmp_path, records=False), "--since", "24h"]) == 2
    assert "add [account.asterisk.records]" in capsys.readouterr().err
    assert main(["recover", "--config", _configured(tmp_path, records=True), "--since", "1m"]) == 2
    assert main(["recover", "--config", _configured(tmp_path, records=True), "--since", "1d", "--account", "x"]) == 2
    assert "there is no such account" in capsys.readouterr().err
