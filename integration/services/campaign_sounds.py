"""Brings what a campaign's clients hear to the PBX: a file that somebody uploaded, or a text that a program speaks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from integration.domain.campaigns.greeting import reception, texts
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.campaigns.reception import Reception
from integration.domain.ids import PbxId
from integration.errors import Rejected
from integration.ports.pbx import Pbx
from integration.ports.speech import Speech
from integration.services.telephone_sound import TelephoneSound, to_telephone


@dataclass(frozen=True, slots=True)
class PlacedSound:
    """`name`: for a `Reception`. `wav`: to hear it before anybody is called."""

    name: str
    seconds: float
    wav: bytes


class CampaignSounds:
    def __init__(self, speech: Speech) -> None:
        self._speech = speech

    def speaks(self, language: str) -> bool:
        return language in self._speech.languages

    async def preview(self, text: str, language: str) -> bytes:
        """A WAV as a client's telephone will play it. Raises: Rejected (`no_voice`, `bad_text`), Unavailable."""
        return (await self._spoken(text, language)).wav

    async def of_file(self, pbx: Pbx, file: bytes) -> PlacedSound:
        """
        Raises:
            Rejected: `bad_sound`, `no_sound`, `too_long`: the file; `no_sounds`, `cannot_receive`: the PBX.
            Unavailable: the PBX's folder cannot be written.
        """
        _needs(pbx)
        return await _place(pbx, await asyncio.to_thread(to_telephone, file))

    async def of_text(self, pbx: Pbx, text: str, language: str) -> PlacedSound:
        """Raises: as `of_file`; Rejected `no_voice`, `bad_text`; Unavailable: the program that speaks failed."""
        _needs(pbx)
        return await _place(pbx, await self._spoken(text, language))

    async def _spoken(self, text: str, language: str) -> TelephoneSound:
        return await asyncio.to_thread(to_telephone, await self._speech.speak(text, language))


def _needs(pbx: Pbx) -> None:
    if not pbx.abilities.receives:
        raise Rejected("this kind of PBX plays nothing to a campaign's clients", code="cannot_receive")


async def _place(pbx: Pbx, sound: TelephoneSound) -> PlacedSound:
    return PlacedSound(await pbx.place_sound(sound.wav), sound.seconds, sound.wav)


_MOST_KEPT = 200


class CampaignReceptions:
    """What a PBX does with a campaign's clients who have answered, with its texts spoken and placed there."""

    def __init__(self, sounds: CampaignSounds) -> None:
        self._sounds = sounds
        self._placed: dict[tuple[PbxId, str, str], str] = {}  # PBX, language and text: name

    async def of(self, pbx: Pbx, plan: CampaignPlan, language: str, *, announcement: str = "") -> Reception:
        """
        Speaks each text once for each PBX.

        Args:
            language: of the texts, `ru`, `uk` or `en`.
            announcement: a text, for a client whom nobody takes in time; empty: released without a word.

        Raises: as `CampaignSounds.of_text`: nobody must be called before the texts are there.
        """
        greeting, mode = plan.greeting, plan.mode
        names = {text: await self._name(pbx, text, language) for text in texts(greeting, mode)}
        sorry = await self._name(pbx, announcement.strip(), language) if announcement.strip() else ""
        return reception(greeting, mode, names, announcement=sorry)

    async def _name(self, pbx: Pbx, text: str, language: str) -> str:
        key = (pbx.id, language, text)
        if key not in self._placed:
            self._placed[key] = (await self._sounds.of_text(pbx, text, language)).name
            while len(self._placed) > _MOST_KEPT:
                del self._placed[next(iter(self._placed))]
        return self._placed[key]
