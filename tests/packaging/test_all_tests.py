"""`make test` gives a few failed tests a second run, alone: a failure stays one, and what passes then is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/all_tests.py"

_PASSES = "def test_passes(): pass\n"
_FAILS = "def test_fails(): assert False\n"


def _unsteady(times: int) -> str:
    """So many tests that pass in their second run only."""
    return f"""
import pytest
from pathlib import Path

@pytest.mark.parametrize("number", range({times}))
def test_unsteady(number):
    ran = Path(f"ran{{number}}")
    is_second = ran.exists()
    ran.touch()
    assert is_second
"""


def run(folder: Path, *tests: str, arguments: tuple[str, ...] = ()) -> tuple[int, str]:
    """The exit code and what was printed, of these files with tests."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    for number, text in enumerate(tests):
        (folder / f"test_{number}.py").write_text(text)
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, str(SCRIPT), *arguments]
    ran = subprocess.run(command, cwd=folder, env=outside, capture_output=True, text=True, check=False, timeout=120)
    return ran.returncode, ran.stdout


def unsteady_in(folder: Path) -> list[str]:
    file = folder / "test-results/unsteady.txt"
    return file.read_text().splitlines() if file.exists() else []


@pytest.mark.parametrize("arguments", [(), ("-n", "2", "--dist", "loadgroup")])
def test_what_passes_alone_is_named_and_kept(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code, said = run(tmp_path, _PASSES, _unsteady(2), arguments=arguments)
    named = ["test_1.py::test_unsteady[0]", "test_1.py::test_unsteady[1]"]
    assert code == 0
    assert said.splitlines()[-3:] == [
        "unsteady, to be mended (they failed above and passed alone):", *(f"  {each}" for each in named)
    ]  # fmt: skip
    assert unsteady_in(tmp_path) == named


def test_what_fails_twice_is_a_failure(tmp_path: Path) -> None:
    code, said = run(tmp_path, _PASSES, _FAILS, _unsteady(1))
    assert code == 1
    assert "2 failed: once more, alone" in said
    assert said.splitlines()[-1].startswith("1 failed, 1 passed")
    assert unsteady_in(tmp_path) == []


def test_many_failures_are_no_bad_luck(tmp_path: Path) -> None:
    code, said = run(tmp_path, _unsteady(6))
    assert code == 1
    assert "once more" not in said


def test_only_what_failed_in_this_run_runs_again(tmp_path: Path) -> None:
    assert run(tmp_path, _FAILS)[0] == 1
    code, _ = run(tmp_path, _PASSES, _unsteady(1))
    assert code == 0
    assert unsteady_in(tmp_path) == ["test_1.py::test_unsteady[0]"]


def test_a_run_that_cannot_begin_is_a_failure(tmp_path: Path) -> None:
    assert run(tmp_path, _PASSES, arguments=("--no-such-option",))[0] == 4
    assert run(tmp_path, "import nothing_of_this_name\n")[0] != 0
    assert run(tmp_path, "")[0] == 5  # no tests


def test_all_pass(tmp_path: Path) -> None:
    code, said = run(tmp_path, _PASSES)
    assert (code, unsteady_in(tmp_path)) == (0, [])
    assert "unsteady" not in said
