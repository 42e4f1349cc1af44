"""A PostgreSQL for the benches: the one that DOZVON_BENCH_POSTGRES names, or a private one in a checkout."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_CHECKOUT = Path(__file__).parents[1]
VARIABLE = "DOZVON_BENCH_POSTGRES"


@contextmanager
def postgres() -> Iterator[str | None]:
    """The address of an empty database; None if there is none. A private server does not wait for the disk."""
    if VARIABLE in os.environ:
        yield os.environ[VARIABLE]
        return
    if str(_CHECKOUT) not in sys.path:
        # The installed package lacks the tests, and cacofonisk installs another package `tests`.
        sys.path.insert(0, str(_CHECKOUT))
    try:
        from tests.lab.asterisk import LabMissingError
        from tests.lab.servers import create_database, postgres_server
    except ImportError:  # installed without the tests
        yield None
        return
    with ExitStack() as stack:
        try:
            url: str | None = create_database(stack.enter_context(postgres_server()), "bench")
        except LabMissingError:
            url = None
        yield url
