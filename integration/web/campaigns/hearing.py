"""Lets a person hear what a campaign's clients will hear, before anybody is called."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.campaigns.plan import CampaignPlan, words_of
from integration.errors import DozvonError, Rejected
from integration.texts.dialling import announcement_text
from integration.texts.pages import texts
from integration.web.campaigns.desk import CAMPAIGN_IN_PATH, CampaignDesk
from integration.web.language import language_of
from integration.web.permissions import needs

HEARD = ("announcement", "message", "machine_message")


class HearingPages:
    def __init__(self, desk: CampaignDesk) -> None:
        self._desk = desk

    def routes(self) -> list[web.AbstractRouteDef]:
        path = f"/admin/{{account}}/campaigns/{CAMPAIGN_IN_PATH}/hear/{{what:{'|'.join(HEARD)}}}"
        return [*needs(Permission.SEE_CAMPAIGNS, web.get(path, self.hear))]

    async def hear(self, request: web.Request) -> web.Response:
        """The text of the campaign's rules as a WAV, or the recording in its place; 404 if there is none, 503 with a
        sentence if it cannot be spoken."""
        account, campaign = await self._desk.campaign(request)
        what = request.match_info["what"]
        if sound := words_of(campaign.plan, what).sound:
            recorded = await self._desk.recorded.wav(account.id, campaign.id, sound)
            if recorded is None:
                raise web.HTTPNotFound
            return _wav(recorded)
        text = _text(campaign.plan, what, account.settings.language)
        if not text:
            raise web.HTTPNotFound
        t = texts(language_of(request))
        try:
            wav = await self._desk.sounds.preview(text, account.settings.language)
        except DozvonError as exc:
            raise web.HTTPServiceUnavailable(text=_why(exc, t)) from exc
        return _wav(wav)


def _wav(sound: bytes) -> web.Response:
    return web.Response(body=sound, content_type="audio/wav", headers={"Cache-Control": "no-store"})


def _text(plan: CampaignPlan, what: str, language: str) -> str:
    """Without an announcement of its own a campaign says the usual one."""
    if what == "announcement":
        return plan.announcement.strip() or announcement_text(language)
    return str(getattr(plan.greeting, what)).strip()


def _why(exc: DozvonError, t: Mapping[str, str]) -> str:
    is_missing = isinstance(exc, Rejected) and exc.code == "no_voice"
    return t["camp_nothing_speaks"] if is_missing else t["camp_not_spoken"]
