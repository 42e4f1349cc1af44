"""Brings what a campaign's clients hear to the PBX: a recorded sound, or a text that a program speaks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from integration.domain.campaigns.greeting import Words, heard, reception
from integration.domain.campaigns.plan import CampaignPlan, words_of
from integration.domain.campaigns.reception import Reception
from integration.domain.ids import AccountId, CampaignId, PbxId
from integration.errors import NotFound, Rejected
from integration.ports.campaign_sounds import RecordedSounds
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

    async def of_text(self, pbx: Pbx, text: str, language: str) -> PlacedSound:
        """
        Raises:
            Rejected: `no_voice`, `bad_text`: the text; `no_sounds`, `cannot_receive`: the PBX.
            Unavailable: the program that speaks failed, or the PBX's folder cannot be written.
        """
        needs_reception(pbx)
        sound = await self._spoken(text, language)
        return PlacedSound(await pbx.place_sound(sound.wav), sound.seconds, sound.wav)

    async def _spoken(self, text: str, language: str) -> TelephoneSound:
        return await asyncio.to_thread(to_telephone, await self._speech.speak(text, language))


def needs_reception(pbx: Pbx) -> None:
    """Raises: Rejected (`cannot_receive`)."""
    if not pbx.abilities.receives:
        raise Rejected("this kind of PBX plays nothing to a campaign's clients", code="cannot_receive")


_MOST_KEPT = 200


class CampaignReceptions:
    """What a PBX does with a campaign's clients who have answered, with all that they hear placed there."""

    def __init__(self, sounds: CampaignSounds, recorded: RecordedSounds) -> None:
        self._sounds = sounds
        self._recorded = recorded
        self._placed: dict[tuple[PbxId, str, Words], str] = {}  # PBX, language and words: name

    async def of(
        self,
        pbx: Pbx,
        plan: CampaignPlan,
        language: str,
        *,
        account: AccountId,
        campaign: CampaignId,
        usual_announcement: str = "",
    ) -> Reception:
        """
        Places each sound once on each PBX.

        Args:
            language: of the texts, `ru`, `uk` or `en`.
            usual_announcement: a text for a client whom nobody takes in time, where the plan has no words for it;
                empty: released without a word.

        Raises: as `CampaignSounds.of_text`; NotFound: a recorded sound is gone. Nobody must be called before all of it
            is there.
        """
        sorry = words_of(plan, "announcement") or Words(usual_announcement.strip())
        wanted = (*heard(plan.greeting, plan.mode), *([sorry] if sorry else []))
        names = {words: await self._name(pbx, words, language, account, campaign) for words in wanted}
        return reception(plan.greeting, plan.mode, names, announcement=names.get(sorry, ""))

    async def _name(self, pbx: Pbx, words: Words, language: str, account: AccountId, campaign: CampaignId) -> str:
        key = (pbx.id, language, words)
        if key not in self._placed:
            self._placed[key] = await self._place(pbx, words, language, account, campaign)
            while len(self._placed) > _MOST_KEPT:
                del self._placed[next(iter(self._placed))]
        return self._placed[key]

    async def _place(self, pbx: Pbx, words: Words, language: str, account: AccountId, campaign: CampaignId) -> str:
        if not words.sound:
            return (await self._sounds.of_text(pbx, words.text, language)).name
        needs_reception(pbx)
        wav = await self._recorded.wav(account, campaign, words.sound)
        if wav is None:
            raise NotFound("a recorded sound of this campaign is gone")
        return await pbx.place_sound(wav)
