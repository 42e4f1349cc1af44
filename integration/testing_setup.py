"""Fakes of what a setup asks: a PBX that answers from attributes, and a kind of PBX that a page can try. `testing.py`
has the rest, and these too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from integration.domain.calls.call import Call
from integration.domain.connections.abilities import PbxAbilities
from integration.domain.ids import PbxId, Timestamp
from integration.domain.sentences import Words
from integration.errors import DozvonError, NotFound
from integration.ports.findings import Finding
from integration.ports.pbx import DialSample
from integration.ports.pbx_setup import (
    Flavour,
    Preparation,
    RecordingsSuggestion,
    RingOutcome,
    RingResult,
    RouteSetup,
    RouteWishes,
    RouteWriting,
    SeenCall,
    SeenRecording,
    SetupStep,
    Survey,
)

PBX_ABILITIES = PbxAbilities(
    dial=True,
    hang_up=True,
    decline=True,
    recordings=True,
    routes=True,
    lists_extensions=True,
    surveys=True,
    shows_calls=True,
    rings_alone=True,
    writes_routes=True,
)


@dataclass(slots=True)
class FakePbxSetup:
    """
    Implements `ports.pbx_setup.PbxSetup`: answers with what the attributes hold and keeps what it was asked.

    `written` is the office's wishes once they are on the PBX; the next questions raise the errors in `fail_next` one by
    one.
    """

    found: Survey = field(default_factory=lambda: Survey(at=Timestamp(0.0)))
    findings: list[Finding] = field(default_factory=list)
    calls: list[SeenCall] = field(default_factory=list)
    outcomes: dict[str, RingOutcome] = field(default_factory=dict)
    rung: list[str] = field(default_factory=list)
    written: RouteWishes | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    suggestions: list[RecordingsSuggestion] = field(default_factory=list)
    samples: list[DialSample] = field(default_factory=list)
    fail_next: list[DozvonError] = field(default_factory=list)

    async def diagnose(self, samples: Sequence[DialSample] = ()) -> list[Finding]:
        self.samples += samples
        return list(self.findings)

    async def survey(self) -> Survey:
        self._begin()
        return self.found

    async def watch_calls(self, seconds: float) -> AsyncIterator[SeenCall]:
        self._begin()
        for call in self.calls:
            yield call

    async def ring(self, extension: str, *, seconds: float) -> RingOutcome:
        self._begin()
        self.rung.append(extension)
        return self.outcomes.get(extension, RingOutcome(result=RingResult.NO_SUCH_EXTENSION))

    def route_setup(self, wishes: RouteWishes) -> RouteSetup:
        step = SetupStep(says=_ROUTE_STEP(), place="dialplan", text=f"reserve {wishes.reserve}")
        return RouteSetup(include=step.text, line="ask", steps=(step,))

    async def write_route_setup(self, wishes: RouteWishes, *, dry: bool) -> RouteWriting:
        self._begin()
        if not dry:
            self.written = wishes
        return RouteWriting(changes=(_ROUTE_STEP(),), was_done=not dry)

    async def remove_route_setup(self, *, dry: bool) -> RouteWriting:
        self._begin()
        changes = (_ROUTE_STEP(),) if self.written is not None else ()
        if not dry:
            self.written = None
        return RouteWriting(changes=changes, was_done=bool(changes) and not dry)

    async def check_route_setup(self) -> list[Finding]:
        self._begin()
        return list(self.findings)

    async def newest_recordings(self, limit: int) -> list[SeenRecording]:
        self._begin()
        names = sorted(self.files)[:limit]
        return [SeenRecording(name=name, bytes=len(self.files[name]), at=Timestamp(0.0)) for name in names]

    async def suggest_recordings(self, survey: Survey) -> list[RecordingsSuggestion]:
        return list(self.suggestions)

    async def recording(self, file: str, call: Call | None = None) -> AsyncIterator[bytes]:
        self._begin()
        if file not in self.files:
            raise NotFound("There is no such recording.")
        yield self.files[file]

    def _begin(self) -> None:
        if self.fail_next:
            raise self.fail_next.pop(0)


_ROUTE_STEP = Words("route_step", "Шаг.", "Крок.", "A step.")


@dataclass(slots=True)
class FakePbxKind:
    """The parts of `process.adapters.PbxKind` that a setup asks: one `FakePbxSetup` for all trials."""

    flavours: ClassVar[tuple[Flavour, ...]] = (Flavour(key="simple", label="Simple PBX"),)
    abilities: ClassVar[PbxAbilities] = PBX_ABILITIES

    setup: FakePbxSetup = field(default_factory=FakePbxSetup)
    tried: list[Mapping[str, Any]] = field(default_factory=list)

    @staticmethod
    def preparation(options: Mapping[str, Any], *, flavour: str, server_address: str) -> Preparation:
        completed = {"username": "dozvon", "secret": "made", **options, "flavour": flavour}
        step = SetupStep(says=_ROUTE_STEP(), place="users", text=f"permit {server_address}")
        return Preparation(options=completed, steps=(step,))

    def trial(self, pbx_id: PbxId, options: Mapping[str, Any], *, key: str) -> FakePbxSetup:
        self.tried.append(dict(options))
        return self.setup
