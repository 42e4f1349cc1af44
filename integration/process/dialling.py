"""Builds what a process needs to dial campaigns and callbacks."""

from __future__ import annotations

from integration.process.core import Core
from integration.services.callbacks import Callbacks
from integration.services.campaign_sounds import CampaignReceptions, CampaignSounds
from integration.services.cluster.live_calls import LiveCalls
from integration.services.dialling.dialler import Dialler
from integration.services.dialling.floor import Sources
from integration.services.dialling.journals import Journals
from integration.services.extensions import KnownExtensions
from integration.speech.espeak import EspeakSpeech


def build_dialler(core: Core, live_calls: LiveCalls) -> Dialler:
    storage = core.storage
    sources = Sources(
        calls=storage.calls,
        live_calls=live_calls,
        attempts=storage.attempts,
        do_not_call=storage.do_not_call,
        phone_book=storage.phone_book,
        own_lists=storage.own_lists,
        extensions=KnownExtensions(core.clock),
        days=core.working_days.of,
        office_of=core.office_of,
        accounts_of=core.accounts_of,
        clock=core.clock,
        receptions=CampaignReceptions(CampaignSounds(EspeakSpeech()), core.storage.campaign_sounds),
        watches=storage.watches,
        offers=core.offers,
    )
    journals = Journals(
        campaigns=storage.campaigns,
        entries=storage.entries,
        attempts=storage.attempts,
        dialling=storage.dialling,
        callbacks=storage.callbacks,
    )
    return Dialler(core.accounts, sources, journals, core.page_news, storage.leases, core.process)


def build_callbacks(core: Core) -> Callbacks:
    return Callbacks(
        callbacks=core.storage.callbacks,
        calls=core.storage.calls,
        phone_book=core.storage.phone_book,
        office_of=core.office_of,
        tell=core.page_news.tell,
    )
