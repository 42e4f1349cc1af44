"""Fakes of what a setup asks: a PBX that answers from attributes, and a kind of PBX that a page can try. `testing.py`
has the rest, and these too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from integration.domain.administrators import AdministratorId
from integration.domain.calls.call import Call
from integration.domain.campaigns.needs import NO_CAMPAIGNS, CampaignNeeds
from integration.domain.connections.abilities import PbxAbilities
from integration.domain.ids import AccountId, PbxId, Timestamp
from integration.domain.sentences import Words
from integration.domain.setup import Step
from integration.errors import DozvonError, NotFound
from integration.ports.findings import Finding
from integration.ports.pbx import DialSample
from integration.ports.pbx_setup import (
    Flavour,
    NewPhone,
    PhoneWriting,
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
from integration.ports.setups import Answers, SetupState

PBX_ABILITIES = PbxAbilities(
    dial=True,
    receives=True,
    hang_up=True,
    decline=True,
    recordings=True,
    routes=True,
    lists_extensions=True,
    surveys=True,
    shows_calls=True,
    rings_alone=True,
    writes_routes=True,
    makes_phones=True,
)


_PHONE_STEP = Words("phone_step", "Заведите телефоны.", "Заведіть телефони.", "Make the phones.")


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
    later: asyncio.Queue[SeenCall] | None = None  # calls that begin while somebody watches; None: the watch ends
    reached: asyncio.Event | None = None  # before it a watch is on its way to the PBX, and sees nothing
    outcomes: dict[str, RingOutcome] = field(default_factory=dict)
    rung: list[str] = field(default_factory=list)
    written: RouteWishes | None = None
    phones: dict[str, NewPhone] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    keeps_files: bool = False
    suggestions: list[RecordingsSuggestion] = field(default_factory=list)
    samples: list[DialSample] = field(default_factory=list)
    needs: CampaignNeeds = NO_CAMPAIGNS
    fail_next: list[DozvonError] = field(default_factory=list)

    async def diagnose(self, samples: Sequence[DialSample] = (), needs: CampaignNeeds = NO_CAMPAIGNS) -> list[Finding]:
        self.samples += samples
        self.needs = needs
        return list(self.findings)

    async def survey(self) -> Survey:
        self._begin()
        return self.found

    async def watch_calls(
        self, seconds: float, *, listens: Callable[[], None] = lambda: None
    ) -> AsyncIterator[SeenCall]:
        self._begin()
        if self.reached is not None:
            await self.reached.wait()
        listens()
        for call in self.calls:
            yield call
        while self.later is not None:
            yield await self.later.get()

    async def ring(self, extension: str, *, seconds: float, record_as: str = "") -> RingOutcome:
        self._begin()
        self.rung.append(extension)
        outcome = self.outcomes.get(extension, RingOutcome(result=RingResult.NO_SUCH_EXTENSION))
        if outcome.is_recorded and record_as:
            self.files[record_as] = b"RIFF" + bytes(48_000)
        return outcome

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

    def phone_setup(self, phones: Sequence[NewPhone]) -> tuple[SetupStep, ...]:
        return (SetupStep(says=_PHONE_STEP(), place="phones", text="\n".join(each.extension for each in phones)),)

    async def own_phones(self) -> list[NewPhone]:
        self._begin()
        return [NewPhone(extension=each.extension, name=each.name) for each in self.phones.values()]

    async def write_phones(self, phones: Sequence[NewPhone], *, dry: bool) -> PhoneWriting:
        self._begin()
        if not dry:
            self.phones |= {each.extension: each for each in phones}
        return PhoneWriting(changes=(_PHONE_STEP(),), was_done=not dry)

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

    async def remove_recording(self, file: str) -> bool:
        return self.keeps_files is False and self.files.pop(file, None) is not None

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


@dataclass(slots=True)
class FakeSetupStore:
    """Implements `ports.setups.SetupStore` in memory; `changed` is set by every change."""

    states: dict[AccountId, SetupState] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def all(self) -> list[SetupState]:
        return [self.states[office] for office in sorted(self.states)]

    async def get(self, account: AccountId) -> SetupState | None:
        return self.states.get(account)

    async def begin(self, account: AccountId, state: SetupState, *, by: AdministratorId | None = None) -> bool:
        return self.states.setdefault(account, state) is state

    async def change(self, account: AccountId, change: Callable[[SetupState], SetupState]) -> SetupState | None:
        if account not in self.states:
            return None
        self.states[account] = change(self.states[account])
        self.changed.set()
        return self.states[account]

    async def keep(self, account: AccountId, step: Step, answers: Answers | None) -> None:
        def kept(state: SetupState) -> SetupState:
            others = {key: value for key, value in state.answers.items() if key != step}
            return replace(state, answers=others if answers is None else {**others, step: answers})

        await self.change(account, kept)

    async def finish(self, account: AccountId, step: Step) -> None:
        await self.change(account, lambda state: replace(state, done={**state.done, step: Timestamp(0.0)}))

    async def remove(self, account: AccountId) -> None:
        self.states.pop(account, None)

    async def until(self, account: AccountId, is_so: Callable[[SetupState], bool]) -> SetupState:
        """Wait until the state of an office is like this. Raises: TimeoutError."""
        async with asyncio.timeout(10):
            while not is_so(self.states[account]):
                self.changed.clear()
                await self.changed.wait()
        return self.states[account]
