"""Recorded sounds of a campaign: upload, hear as a telephone plays it, choose where it is played, delete."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.campaigns.plan import SPOKEN, faults, used_sounds, with_sound, words_of
from integration.errors import Rejected
from integration.ports.campaign_sounds import RecordedSound, SoundKept
from integration.ports.campaigns import StoredCampaign
from integration.services.accounts import Account
from integration.services.uploaded_sounds import LARGEST_FILE
from integration.texts.pages import texts
from integration.web.campaigns.desk import CAMPAIGN_IN_PATH, SECTION, CampaignDesk, path_of
from integration.web.forms import read_file, read_form
from integration.web.language import language_of
from integration.web.pages.view import moment
from integration.web.permissions import needs

_SOUND = "{sound:[0-9a-f]{24}}"
_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundRow:
    """`where`: what it is played as, in words; empty: it is not used."""

    id: str
    name: str
    length: str
    added: str
    by: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRow:
    """One of `SPOKEN`. `sound`: the recording that is played there; empty: none."""

    what: str
    title: str
    kind: str
    shown: str
    sound: str


class SoundPages:
    def __init__(self, desk: CampaignDesk) -> None:
        self._desk = desk

    def routes(self) -> list[web.AbstractRouteDef]:
        base = f"/admin/{{account}}/campaigns/{CAMPAIGN_IN_PATH}/sounds"
        return [
            *needs(Permission.SEE_CAMPAIGNS, web.get(base, self.show), web.get(f"{base}/{_SOUND}", self.hear)),
            *needs(Permission.CHANGE_CAMPAIGNS, web.post(base, self.upload), is_upload=True),
            *needs(
                Permission.CHANGE_CAMPAIGNS,
                web.post(f"{base}/speak", self.speak),
                web.post(f"{base}/{_SOUND}/use", self.use),
                web.post(f"{base}/{_SOUND}/delete", self.delete),
            ),
        ]

    async def show(self, request: web.Request) -> web.Response:
        account, campaign = await self._desk.campaign(request)
        return await self._page(request, account, campaign)

    async def hear(self, request: web.Request) -> web.Response:
        account, campaign = await self._desk.campaign(request)
        wav = await self._desk.recorded.wav(account.id, campaign.id, request.match_info["sound"])
        if wav is None:
            raise web.HTTPNotFound
        return web.Response(body=wav, content_type="audio/wav", headers={"Cache-Control": "private, max-age=3600"})

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """The same file twice is one sound, whose name and moment are those of the first time."""
        account, campaign = await self._desk.campaign(request)
        t = texts(language_of(request))
        try:
            name, content = await read_file(request, LARGEST_FILE)
            if not content:
                return await self._page(request, account, campaign, wrong=t["sound_trouble_missing"])
            sound = await self._desk.uploaded.converted(content)
        except web.HTTPRequestEntityTooLarge:
            return await self._page(request, account, campaign, wrong=t["sound_trouble_too_large"])
        except Rejected as exc:
            return await self._page(request, account, campaign, wrong=t[f"sound_trouble_{exc.code}"])
        recorded = RecordedSound(
            id=hashlib.sha256(sound.wav).hexdigest()[:24],
            name=" ".join(name.split())[:_LONGEST_NAME] or t["sound_is_recording"],
            seconds=sound.seconds,
            added_at=self._desk.clock.now(),
            added_by=self._desk.who(request, account),
        )
        kept = await self._desk.recorded.put(account.id, campaign.id, recorded, sound.wav)
        if kept is SoundKept.GONE:
            raise web.HTTPNotFound
        said = "sound_added" if kept is SoundKept.DONE else "sound_too_many"
        raise await self._told(request, account, campaign, said)

    async def use(self, request: web.Request) -> web.StreamResponse:
        account, campaign = await self._desk.campaign(request)
        what, sound = _what(await read_form(request)), request.match_info["sound"]
        known = {each.id for each in await self._desk.recorded.all(account.id, campaign.id)}
        if sound not in known:
            raise await self._told(request, account, campaign, "sound_gone")
        raise await self._changed(request, account, campaign, what, sound, "sound_used")

    async def speak(self, request: web.Request) -> web.StreamResponse:
        account, campaign = await self._desk.campaign(request)
        what = _what(await read_form(request))
        if any(fault.code == "no_words" for fault in faults(with_sound(campaign.plan, what, ""))):
            raise await self._told(request, account, campaign, "sound_words_needed")
        raise await self._changed(request, account, campaign, what, "", "sound_spoken")

    async def delete(self, request: web.Request) -> web.StreamResponse:
        account, campaign = await self._desk.campaign(request)
        sound = request.match_info["sound"]
        if sound in used_sounds(campaign.plan).values():
            raise await self._told(request, account, campaign, "sound_in_use")
        done = await self._desk.recorded.remove(account.id, campaign.id, sound)
        raise await self._told(request, account, campaign, "sound_deleted" if done else "sound_gone")

    # ---- pieces

    async def _changed(
        self, request: web.Request, account: Account, campaign: StoredCampaign, what: str, sound: str, said: str
    ) -> web.HTTPException:
        """A change of the rules like any other: it is in the history and can be undone."""
        plan = with_sound(campaign.plan, what, sound)
        if plan != campaign.plan:
            by = self._desk.who(request, account)
            done = await self._desk.campaigns.change(account.id, campaign.id, plan, seen=campaign.revision, by=by)
            said = said if done is not None else "camp_conflict"
            self._desk.tell(account.id)
        return await self._told(request, account, campaign, said)

    async def _told(
        self, request: web.Request, account: Account, campaign: StoredCampaign, key: str
    ) -> web.HTTPException:
        return await self._desk.shell.told(request, path_of(account, campaign.id, "/sounds"), key)

    async def _page(
        self, request: web.Request, account: Account, campaign: StoredCampaign, *, wrong: str = ""
    ) -> web.Response:
        t = texts(language_of(request))
        sounds = await self._desk.recorded.all(account.id, campaign.id)
        names = {each.id: each.name for each in sounds}
        used = used_sounds(campaign.plan)
        return await self._desk.shell.page(
            request,
            "campaign_sounds.html",
            account=account,
            section=SECTION,
            base=path_of(account),
            campaign=campaign,
            here=path_of(account, campaign.id, "/sounds"),
            wrong=wrong,
            places=[_place(campaign, what, names, t) for what in SPOKEN],
            choices=[(what, t[f"sound_of_{what}"]) for what in SPOKEN],
            sounds=[
                SoundRow(
                    id=each.id,
                    name=each.name,
                    length=t["sound_seconds"].format(n=f"{each.seconds:.0f}"),
                    added=moment(each.added_at, account),
                    by=each.added_by,
                    where=", ".join(t[f"sound_of_{what}"] for what, sound in used.items() if sound == each.id),
                )
                for each in sounds
            ],
        )


def _what(form: Mapping[str, str]) -> str:
    if form.get("what") not in SPOKEN:
        raise web.HTTPBadRequest
    return form["what"]


def _place(campaign: StoredCampaign, what: str, names: Mapping[str, str], t: Mapping[str, str]) -> PlaceRow:
    words = words_of(campaign.plan, what)
    if words.sound:
        kind, shown = t["sound_is_recording"], names.get(words.sound, t["sound_gone"])
    elif words.text:
        kind, shown = t["sound_is_text"], words.text
    else:
        kind, shown = (t["sound_is_text"], t["sound_usual"]) if what == "announcement" else (t["sound_is_nothing"], "")
    return PlaceRow(what=what, title=t[f"sound_of_{what}"], kind=kind, shown=shown, sound=words.sound)
