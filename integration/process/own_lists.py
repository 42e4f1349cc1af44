"""Builds what a process needs for managers' own lists: the desk for the widget, and the dialler."""

from __future__ import annotations

import asyncio

from integration.process.core import Core
from integration.services.click import ClickService
from integration.services.cluster.live_calls import LiveCalls
from integration.services.crm_selections import CrmSelections
from integration.services.own_lists.desk import OwnListDesk
from integration.services.own_lists.dialler import OwnListDialler
from integration.services.presses import Presses


def build_own_lists(core: Core, live_calls: LiveCalls) -> tuple[OwnListDesk, OwnListDialler]:
    storage, wake = core.storage, asyncio.Event()
    clicks = ClickService(core.coordination, core.cards, live_calls, core.clock)
    desk = OwnListDesk(
        lists=storage.own_lists,
        selections=CrmSelections(
            storage.campaigns, storage.entries, storage.phone_book, core.office_of, core.page_news.tell
        ),
        do_not_call=storage.do_not_call,
        presses=Presses(live_calls, core.cards, core.relay if core.is_shared else None),
        hub=core.hub,
        clock=core.clock,
        office_of=core.office_of,
        wake=wake,
    )
    dialler = OwnListDialler(
        desk=desk,
        lists=storage.own_lists,
        journal=storage.attempts,
        calls=storage.calls,
        watches=storage.watches,
        clicks=clicks,
        live_calls=live_calls,
        accounts=core.accounts,
        hub=core.hub,
        clock=core.clock,
        observed=core.own_list_calls,
        wake=wake,
    )
    return desk, dialler
