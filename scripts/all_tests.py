"""Runs pytest with the arguments given; the few tests that failed run once more, alone, and it says which are unsteady.

    python scripts/all_tests.py -n 4 --dist loadgroup

A test that fails beside three others on a busy machine and passes alone is unsteady: it has a fault, or what it tests
has, but it says nothing about the change at hand. It is named at the end, with what it said above, and kept in
`test-results/unsteady.txt` for whoever mends it. What fails twice is a failure, and so is every failure of a run in
which more than a few failed: that is no bad luck.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

MOST = 5
_SOME_FAILED = 1  # of pytest's exit codes; the others are no verdict about single tests
_FAILED = Path(".pytest_cache/v/cache/lastfailed")
_UNSTEADY = Path("test-results/unsteady.txt")


def main(arguments: list[str]) -> int:
    """Returns: what a shell gets. pytest runs in the working folder."""
    pytest = [sys.executable, "-m", "pytest", "-q"]
    _FAILED.unlink(missing_ok=True)  # only what fails now counts
    _UNSTEADY.unlink(missing_ok=True)
    code = subprocess.run([*pytest, *arguments], check=False).returncode
    if code != _SOME_FAILED:
        return code
    failed = sorted(json.loads(_FAILED.read_text()))
    if not 0 < len(failed) <= MOST:
        return code
    print(f"\n{len(failed)} failed: once more, alone", flush=True)
    # Without what would share them out: a later option counts.
    if subprocess.run([*pytest, *arguments, "-n", "0", "--last-failed"], check=False).returncode:
        return code
    _UNSTEADY.parent.mkdir(exist_ok=True)
    _UNSTEADY.write_text("".join(f"{each}\n" for each in failed))
    print("\nunsteady, to be mended (they failed above and passed alone):", *failed, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
