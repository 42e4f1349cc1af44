"""A core for what is measured, where the machine has two: in an office, phones, PBX and CRM are other machines."""

from __future__ import annotations

import os
from collections.abc import Sequence

_apart: list[str] = []


def measure_apart() -> tuple[int, int]:
    """
    From now on this process has a core of its own, and what is begun with `on_the_measured_core` has another one.

    Returns: the measured core, and this process's.
    Raises: OSError: there is one core only.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise OSError("there is only one core: nothing can be measured apart from the rest")
    measured, ours = cores[0], cores[1]
    os.sched_setaffinity(0, {ours})
    _apart[:] = ["taskset", "-c", str(measured)]
    return measured, ours


def on_the_measured_core(command: Sequence[str]) -> list[str]:
    """The command; on the measured core after `measure_apart`."""
    return [*_apart, *command]
