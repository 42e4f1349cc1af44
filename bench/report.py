"""What all benches say in the same way: aims, percentiles and how busy the machine was. Nothing is measured here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any


def aim(what: str, wanted: float, measured: float, unit: str, *, more_is_better: bool) -> dict[str, Any]:
    met = measured >= wanted if more_is_better else measured <= wanted
    return {"what": what, "aim": wanted, "measured": measured, "unit": unit, "met": met}


def machine() -> dict[str, Any]:
    """Call it at the end: with a load above the number of cores, times say little and only ratios hold."""
    return {"load_average": round(os.getloadavg()[0], 1), "cores": os.cpu_count()}


def percentile(ascending: Sequence[float], share: float) -> float:
    return round(ascending[min(int(len(ascending) * share), len(ascending) - 1)], 2)


def resident_mib() -> float:
    """Memory of this process now (Linux: /proc/self/statm)."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - not a file that has a place
        pages = int(file.read().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)
