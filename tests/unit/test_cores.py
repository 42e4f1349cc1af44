"""What is measured apart has a core that nothing else of a run has."""

from __future__ import annotations

import os
import subprocess
import sys

_PROGRAM = """
import os, subprocess, sys
from tests.lab.cores import measure_apart, on_the_measured_core
measured, ours = measure_apart()
child = [sys.executable, "-c", "import os; print(*os.sched_getaffinity(0))"]
apart = subprocess.run(on_the_measured_core(child), capture_output=True, text=True, check=True).stdout.split()
beside = subprocess.run(child, capture_output=True, text=True, check=True).stdout.split()
print(apart == [str(measured)], beside == [str(ours)], measured != ours)
"""


def test_what_is_measured_has_a_core_that_the_others_lack() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        said = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True)
        assert "only one core" in said.stderr
        return
    said = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["True"] * 3
