"""The common form of all benches' reports: aims, percentiles, and how busy the machine was. Measures nothing itself."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


def aim(what: str, wanted: float, measured: float, unit: str, *, more_is_better: bool) -> dict[str, Any]:
    met = measured >= wanted if more_is_better else measured <= wanted
    return {"what": what, "aim": wanted, "measured": measured, "unit": unit, "met": met}


def machine() -> dict[str, Any]:
    """The machine's load; call it at the end. If it is above the number of cores, only ratios are meaningful."""
    return {"load_average": round(os.getloadavg()[0], 1), "cores": os.cpu_count()}


def processors_busy() -> float:
    """Seconds that the machine's processors have worked for any program, or that a hypervisor took (Linux)."""
    with open("/proc/stat", encoding="ascii") as file:  # noqa: PTH123 - not a file that has a place
        user, nice, system, _idle, _waiting, hard, soft, stolen = map(int, file.readline().split()[1:9])
    return (user + nice + system + hard + soft + stolen) / os.sysconf("SC_CLK_TCK")


def percentile(ascending: Sequence[float], share: float) -> float:
    return round(ascending[min(int(len(ascending) * share), len(ascending) - 1)], 2)


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of this process in MiB. `own`: private memory; `mapped`: pages of files, which the system may reclaim."""

    own: float
    mapped: float


def memory() -> Memory:
    """The present memory (Linux: /proc/self/statm)."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - not a file that has a place
        resident, shared = map(int, file.read().split()[1:3])
    mib = os.sysconf("SC_PAGE_SIZE") / 2**20
    return Memory(own=round((resident - shared) * mib, 1), mapped=round(shared * mib, 1))
