"""The questions of a setup to one PBX, where its kind can answer them; the others are refused plainly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from integration.domain.calls.call import Call
from integration.domain.campaigns.needs import NO_CAMPAIGNS, CampaignNeeds
from integration.domain.connections.abilities import PbxAbilities
from integration.errors import Rejected
from integration.ports.findings import Finding
from integration.ports.pbx import DialSample
from integration.ports.pbx_setup import (
    NewPhone,
    PbxSetup,
    PhoneWriting,
    RecordingsSuggestion,
    RingOutcome,
    RouteSetup,
    RouteWishes,
    RouteWriting,
    SeenCall,
    SeenRecording,
    SetupStep,
    Survey,
)

NO_ABILITY = "no_ability"
"""The code of what this kind of PBX cannot do; a page then shows the fields for typing."""


class GuardedSetup:
    """Implements `ports.pbx_setup.PbxSetup`; a kind without an ability is not asked."""

    def __init__(self, abilities: PbxAbilities, setup: PbxSetup) -> None:
        self.abilities = abilities
        self._setup = setup

    async def diagnose(self, samples: Sequence[DialSample] = (), needs: CampaignNeeds = NO_CAMPAIGNS) -> list[Finding]:
        return await self._setup.diagnose(samples, needs)

    async def survey(self) -> Survey:
        _needs(self.abilities.surveys)
        return await self._setup.survey()

    def watch_calls(self, seconds: float, *, listens: Callable[[], None] = lambda: None) -> AsyncIterator[SeenCall]:
        """Raises: Rejected at once, before the first call."""
        _needs(self.abilities.shows_calls)
        return self._setup.watch_calls(seconds, listens=listens)

    async def ring(self, extension: str, *, seconds: float, record_as: str = "") -> RingOutcome:
        _needs(self.abilities.rings_alone)
        return await self._setup.ring(
            extension, seconds=seconds, record_as=record_as if self.abilities.recordings else ""
        )

    def route_setup(self, wishes: RouteWishes) -> RouteSetup:
        _needs(self.abilities.routes)
        return self._setup.route_setup(wishes)

    async def write_route_setup(self, wishes: RouteWishes, *, dry: bool) -> RouteWriting:
        _needs(self.abilities.routes and self.abilities.writes_routes)
        return await self._setup.write_route_setup(wishes, dry=dry)

    async def remove_route_setup(self, *, dry: bool) -> RouteWriting:
        _needs(self.abilities.routes and self.abilities.writes_routes)
        return await self._setup.remove_route_setup(dry=dry)

    async def check_route_setup(self) -> list[Finding]:
        _needs(self.abilities.routes)
        return await self._setup.check_route_setup()

    def phone_setup(self, phones: Sequence[NewPhone]) -> tuple[SetupStep, ...]:
        """Steps for a person: every kind has some."""
        return self._setup.phone_setup(phones)

    async def own_phones(self) -> list[NewPhone]:
        return await self._setup.own_phones() if self.abilities.makes_phones else []

    async def write_phones(self, phones: Sequence[NewPhone], *, dry: bool) -> PhoneWriting:
        _needs(self.abilities.makes_phones)
        return await self._setup.write_phones(phones, dry=dry)

    async def newest_recordings(self, limit: int) -> list[SeenRecording]:
        _needs(self.abilities.recordings)
        return await self._setup.newest_recordings(limit)

    async def suggest_recordings(self, survey: Survey) -> list[RecordingsSuggestion]:
        if not self.abilities.recordings:
            return []
        return await self._setup.suggest_recordings(survey)

    def recording(self, file: str, call: Call | None = None) -> AsyncIterator[bytes]:
        _needs(self.abilities.recordings)
        return self._setup.recording(file, call)

    async def remove_recording(self, file: str) -> bool:
        return await self._setup.remove_recording(file)


def _needs(ability: bool) -> None:
    if not ability:
        raise Rejected("this kind of PBX cannot do that: enter it by hand", code=NO_ABILITY)
