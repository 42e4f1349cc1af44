"""What a worker process (`worker_process`) may take: it limits itself, before it reads what strangers made."""

from __future__ import annotations

import resource
from contextlib import suppress


def limit_this_process(*, processor_seconds: int, memory: int | None = None) -> None:
    """The system ends this process beyond these. `memory`: bytes of addresses; an allocation beyond it is refused."""
    limits = {resource.RLIMIT_CPU: processor_seconds, resource.RLIMIT_AS: memory}
    for what, most in limits.items():
        if most is not None:
            with suppress(ValueError, OSError):  # the system allows less, or knows no such limit
                resource.setrlimit(what, (most, most))
