"""A PBX as the process that builds it sees it."""

from __future__ import annotations

from typing import Protocol

from integration.ports.pbx import Pbx
from integration.ports.pbx_setup import PbxSetup
from integration.ports.records import CallRecords


class PbxConnection(Pbx, Protocol):
    """Besides the port: the PBX's own records, its figures, and the questions of a setup."""

    @property
    def setup(self) -> PbxSetup:
        """They log in by themselves, also while `run` does not."""

    def records(self) -> CallRecords | None:
        """The PBX's own records of its calls; None if the settings do not say where they are. Raises: ConfigError."""

    def figures(self, now: float) -> dict[str, float]:
        """Figures for `/metrics`, by name; `now` in Unix seconds."""
