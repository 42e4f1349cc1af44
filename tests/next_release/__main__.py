"""Runs a command of the future release."""

from __future__ import annotations

import sys

from integration.__main__ import main
from integration.storage import migrate  # noqa: F401 - the package gives the function; the module is beside it
from tests.next_release import CONTRACTED, STEPS

steps = sys.modules["integration.storage.sql.migrate"]
vars(steps).update(HEAD=CONTRACTED, FOLDERS=[*vars(steps)["FOLDERS"], STEPS])
sys.exit(main())
