"""`dozvon number`: how a text is read, as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from integration.__main__ import main

CASES = json.loads((Path(__file__).parent.parent / "fixtures/numbers/numbers.json").read_text("utf-8"))
FILE = """
[[account]]
id = "acme"
country = "RU"
dial = { area_code = "495" }
[account.amocrm]
client_id = "x"
client_secret = "y"
[account.asterisk]
host = "127.0.0.1"
username = "dozvon"
secret = "z"
"""


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main(["number", *arguments]) == 0
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"])
def test_foreign_input(case: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    answer = asked(capsys, case["text"], "--country", case["country"])
    assert answer == {"numbers": case["numbers"], "extension": case["extension"]}


@pytest.mark.parametrize("text", ["", " ", "\x00", "\udcff\udcfe", "\n", "٣" * 500, "9" * 20_000, "🙂", "нет номера"])
def test_a_text_without_a_number_has_none(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, text) == {"numbers": [], "extension": None}


def test_the_country_may_be_written_small_and_russia_is_meant_without_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, "067 123 45 67", "--country", "ua")["numbers"] == ["+380671234567"]
    assert asked(capsys, "8 916 123-45-67")["numbers"] == ["+79161234567"]


def test_the_offices_own_rules_come_from_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "dozvon.toml"
    file.write_text(FILE)
    assert asked(capsys, "123-45-67")["numbers"] == []
    assert asked(capsys, "123-45-67", "--config", str(file))["numbers"] == ["+74951234567"]
    assert asked(capsys, "123-45-67", "--config", str(file), "--country", "UA")["numbers"] == []


def test_what_is_no_country_is_told_with_what_was_probably_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["number", "020 7183 8750", "--country", "UK"]) == 2
    assert 'there is no numbering plan "UK": write "GB"' in capsys.readouterr().err


def test_an_account_that_the_file_does_not_have_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "dozvon.toml"
    file.write_text(FILE)
    assert main(["number", "1", "--config", str(file), "--account", "other"]) == 2
    assert "--account: write one of acme" in capsys.readouterr().err
