"""Recorded streams of real Asterisks, replayed and compared with what the phones at both ends saw."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from integration.cli.replay import main_replay
from tests.unit.trace_compare import TRACES, differences

ALL_TRACES = sorted(TRACES.glob("*.jsonl"))


@pytest.mark.parametrize("trace", ALL_TRACES, ids=lambda path: path.stem)
def test_the_calls_of_a_trace_are_what_really_happened(trace: Path) -> None:
    assert differences(trace) == []


def test_there_are_traces() -> None:
    assert len(ALL_TRACES) >= 22


def test_the_command_prints_the_calls_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main_replay(TRACES / "inbound_answered.jsonl") == 0
    told = json.loads(capsys.readouterr().out)
    assert [call["uniqueid"] for call in told["calls"]] == ["1795320200.0"]


def test_an_empty_file_holds_no_calls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "empty.jsonl"
    file.write_bytes(b"")
    assert main_replay(file) == 0
    assert json.loads(capsys.readouterr().out) == {"calls": []}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b'{"t": 0, "link": "up"}\nnonsense\n', "line 2: not JSON"),
        (b"[1, 2]\n", "line 1: not an object"),
        (b'{"t": "soon", "link": "up"}\n', 'line 1: "t" is not a number'),
        (b'{"t": NaN, "link": "up"}\n', 'line 1: "t" is not a number'),
        (b'{"t": 1, "link": "sideways"}\n', 'line 1: "link"'),
        (b'{"t": 1, "event": 5}\n', 'line 1: "event" is not an object'),
        (b'{"t": 1, "event": {"Event": ["a", 1]}}\n', "neither a text nor a list of texts"),
        (b'{"t": 1, "evnt": {}}\n', "line 1: none of"),
        (b'{"t": 1, "event": {"Event": "\xff"}}\n', "line 1: not JSON"),
        (b"[" * 100_000, "line 1: not JSON"),
    ],
)
def test_what_is_no_recording_is_named_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, complaint: str
) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_bytes(content)
    assert main_replay(file) == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("cut", [1, 2, 40, 200])
def test_a_recording_whose_last_line_is_cut_is_read_and_the_line_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], cut: int
) -> None:
    file = tmp_path / "cut.jsonl"
    whole = (TRACES / "inbound_answered.jsonl").read_bytes().rstrip(b"\n")
    file.write_bytes(whole[:-cut])
    assert main_replay(file) == 0
    printed = capsys.readouterr()
    assert [call["uniqueid"] for call in json.loads(printed.out)["calls"]] == ["1795320200.0"]
    assert f"line {len(whole.splitlines())}: not JSON" in printed.err
    assert "left out" in printed.err


def test_a_line_in_the_middle_that_is_cut_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_bytes(b'{"t": 0, "link": "up"}\n{"t": 1, "ev\n\n{"t": 2, "link": "down"}\n')
    assert main_replay(file) == 2
    assert "line 2: not JSON" in capsys.readouterr().err


def _half_a_pair(folder: Path) -> Path:
    """JSON can contain text that UTF-8 cannot encode: printing a caller with it ended in a traceback."""
    file = folder / "half.jsonl"
    text = (TRACES / "inbound_answered.jsonl").read_text(encoding="utf-8")
    file.write_text(text.replace("79161234567", "\\ud800"), encoding="utf-8")
    return file


def test_half_a_surrogate_pair_is_printed_as_no_character(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main_replay(_half_a_pair(tmp_path)) == 0
    told = json.loads(capsysbinary.readouterr().out.decode())
    assert [call["caller"] for call in told["calls"]] == ["\N{REPLACEMENT CHARACTER}"]


def test_a_terminal_without_utf_8_gets_the_same_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(printed, encoding="latin-1", write_through=True))
    assert main_replay(_half_a_pair(tmp_path)) == 0
    assert b'"caller": "\\ufffd"' in printed.getvalue()


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main_replay(tmp_path / "gone.jsonl") == 2
    assert "gone.jsonl" in capsys.readouterr().err
