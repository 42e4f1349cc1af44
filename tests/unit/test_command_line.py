"""The command `dozvon` itself, before its commands."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("command", "more"), [("number", 10), ("sandbox", 0)])
def test_a_command_beside_a_serving_process_gives_way(command: str, more: int) -> None:
    """On two cores `dozvon apply` would delay the cards of everybody."""
    code = "import os; from integration.__main__ import main\ntry: main()\nexcept SystemExit: print(os.nice(0))"
    asked = subprocess.run([sys.executable, "-c", code, command, "--help"], capture_output=True, text=True, check=True)
    assert int(asked.stdout.split()[-1]) == min(os.nice(0) + more, 19)
