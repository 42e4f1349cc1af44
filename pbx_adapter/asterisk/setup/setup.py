"""`AsteriskSetup` implements the port `PbxSetup`: each question logs in by itself, so none needs a running link."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import aiohttp

from integration.domain.calls.call import Call
from integration.domain.campaigns.needs import NO_CAMPAIGNS, CampaignNeeds
from integration.domain.ids import Timestamp
from integration.errors import NotFound, Rejected
from integration.ports.findings import Finding, FindingLevel
from integration.ports.pbx import DialSample
from integration.ports.pbx_setup import (
    NewPhone,
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
from integration.ports.records import CallRecords
from pbx_adapter.asterisk import recordings
from pbx_adapter.asterisk.ami.client import AmiCounters, AmiSession, Timing, connected
from pbx_adapter.asterisk.doctor import checks
from pbx_adapter.asterisk.doctor import recordings as recordings_check
from pbx_adapter.asterisk.doctor.check_texts import WAY_BACK
from pbx_adapter.asterisk.doctor.rights import rights
from pbx_adapter.asterisk.doctor.way_back import dialplan
from pbx_adapter.asterisk.newest_recordings import newest_files
from pbx_adapter.asterisk.records.check import check
from pbx_adapter.asterisk.settings import AsteriskSettings
from pbx_adapter.asterisk.setup import phone_making, ringing, route_text, route_writing, watching
from pbx_adapter.asterisk.setup import survey as surveying

_MOST_RECORDINGS = 100


class AsteriskSetup:
    """The questions of a setup to one Asterisk, by its settings."""

    def __init__(
        self,
        settings: AsteriskSettings,
        *,
        session: aiohttp.ClientSession,
        records: Callable[[], CallRecords | None],
        timing: Timing | None = None,
    ) -> None:
        """`session` looks at recordings behind a web address; it stays the caller's."""
        self.settings = settings
        self._web = session
        self._records = records
        self._timing = timing or Timing()

    async def diagnose(self, samples: Sequence[DialSample] = (), needs: CampaignNeeds = NO_CAMPAIGNS) -> list[Finding]:
        found = await checks.diagnose(self.settings, self._web, samples=samples, needs=needs, timing=self._timing)
        return found + await check(self._records, Timestamp(time.time()))

    async def survey(self) -> Survey:
        return await surveying.survey(self.settings, timing=self._timing)

    def watch_calls(self, seconds: float, *, listens: Callable[[], None] = lambda: None) -> AsyncIterator[SeenCall]:
        return watching.watch(self.settings, seconds, timing=self._timing, listens=listens)

    async def ring(self, extension: str, *, seconds: float, record_as: str = "") -> RingOutcome:
        return await ringing.ring(self.settings, extension, seconds, timing=self._timing, record_as=record_as)

    def route_setup(self, wishes: RouteWishes) -> RouteSetup:
        return route_text.route_setup(self.settings, wishes)

    async def write_route_setup(self, wishes: RouteWishes, *, dry: bool) -> RouteWriting:
        async with self._session() as session:
            return await route_writing.write_route_setup(session, self.settings, wishes, dry=dry)

    async def remove_route_setup(self, *, dry: bool) -> RouteWriting:
        async with self._session() as session:
            return await route_writing.remove_route_setup(session, self.settings, dry=dry)

    async def check_route_setup(self) -> list[Finding]:
        """With the rights that are missing for the check, where it could not be made."""
        async with self._session() as session:
            found = await dialplan(session, self.settings)
            if any(each.level is FindingLevel.ERROR or each.check == WAY_BACK.code for each in found):
                return found
            lacking = [each for each in await rights(session, self.settings) if each.level is FindingLevel.ERROR]
            return [*lacking, *found]

    def phone_setup(self, phones: Sequence[NewPhone]) -> tuple[SetupStep, ...]:
        return phone_making.phone_setup(self.settings, phones)

    async def own_phones(self) -> list[NewPhone]:
        async with self._session() as session:
            return await phone_making.own_phones(session)

    async def write_phones(self, phones: Sequence[NewPhone], *, dry: bool) -> PhoneWriting:
        async with self._session() as session:
            return await phone_making.write_phones(session, self.settings, phones, dry=dry)

    def _session(self) -> contextlib.AbstractAsyncContextManager[AmiSession]:
        return connected(self.settings, wanted=None, timing=self._timing, counters=AmiCounters())

    async def newest_recordings(self, limit: int) -> list[SeenRecording]:
        place = self.settings.recordings
        if place.path:
            folder = Path(place.path)
            if not await asyncio.to_thread(folder.is_dir):
                raise NotFound(f"there is no folder {folder}", code="no_recordings")
            return await asyncio.to_thread(newest_files, folder, max(1, min(limit, _MOST_RECORDINGS)))
        if place.url:
            raise Rejected("a web server does not list its recordings: make a call, and play it", code="no_listing")
        raise NotFound("no place for recordings is configured", code="no_recordings")

    async def suggest_recordings(self, survey: Survey) -> list[RecordingsSuggestion]:
        found = await asyncio.to_thread(_suggestions, survey, self.settings)
        place = self.settings.recordings
        if place.url is None:
            return found
        options = {"url": place.url} | ({"username": place.username} if place.username else {})
        finding = await recordings_check.recordings(self.settings, self._web)
        return [RecordingsSuggestion(options=options, finding=finding), *found]

    def recording(self, file: str, call: Call | None = None) -> AsyncIterator[bytes]:
        return recordings.fetch(file, self.settings.recordings, self._web, call)

    async def remove_recording(self, file: str) -> bool:
        place = self.settings.recordings.path
        return place is not None and await asyncio.to_thread(_is_removed, Path(place), file)


def _is_removed(folder: Path, file: str) -> bool:
    if not ringing.is_own_recording(file):
        return False
    try:
        (folder / file).unlink()
    except OSError:  # not there, or only readable here
        return False
    return True


def _suggestions(survey: Survey, settings: AsteriskSettings) -> list[RecordingsSuggestion]:
    """The PBX's folders where this machine has the same: they are on one machine, or it is mounted."""
    own = settings.recordings.path
    pairs = [(own, settings.recordings.pbx_path)] if own else []
    pairs += [(path, path) for path in survey.recordings if path != own]
    found = []
    for path, pbx_path in pairs:
        newest = next(iter(newest_files(Path(path), 1)), None)
        options = {"path": path, "pbx_path": pbx_path}
        found.append(RecordingsSuggestion(options=options, finding=recordings_check.folder(Path(path)), newest=newest))
    order = {"ok": 0, "warning": 1, "error": 2}
    return sorted(found, key=lambda each: (each.newest is None, order[each.finding.level]))
