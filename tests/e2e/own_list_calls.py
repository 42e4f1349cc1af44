"""Twelve clients whom a manager's own list calls by itself, in any CRM: real Chromium, sandbox CRM, real Asterisk.

What the panel does is S4's ("Обзвон по контактам и сделкам"): the order of the cards, three seconds before the next
number of a client, ten before the next client, numbers that failed struck out, and an entry in the CRM for every call.
Each CRM has a file of its own, because the timers take three minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from playwright.async_api import expect

from tests.e2e.crm_page import PATIENCE_MS, PersonPage
from tests.e2e.house import Client, CrmHouse
from tests.lab.sip_call import SipCall

BUSY, UNREACHABLE, NO_SUCH = 486, 480, 404
TALKS = None
# Twelve clients: what the carrier says to each of their numbers, in the order of the card.
CARDS: tuple[tuple[int | None, ...], ...] = (
    (BUSY, TALKS),
    (TALKS,),
    (UNREACHABLE, BUSY),
    (NO_SUCH, UNREACHABLE, TALKS),
    (TALKS, BUSY),
    (BUSY,),
    (TALKS,),
    (UNREACHABLE, TALKS),
    (TALKS,),
    (BUSY, BUSY),
    (TALKS,),
    (TALKS,),
)
WROTE = "Просит счёт"


def number_of(client: int, place: int) -> str:
    return f"7916200{client:02}{place:02}"


@dataclass
class Carrier:
    """What clients' phones do, and when each was dialled."""

    house: CrmHouse
    dialled: list[str] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    def works(self) -> None:
        async def takes(call: SipCall) -> None:
            self.dialled.append(call.called)
            self.at.append(self.house.office.clock())
            client, place = int(call.called[-4:-2]), int(call.called[-2:])
            code = CARDS[client][place]
            if code is not None:
                call.reject(code, "No")
                return
            await call.answer()

        self.house.office.carrier.does(takes)


def twelve_clients(house: CrmHouse) -> list[Client]:
    """Contacts of Anna's, the last one made first: lists of CRMs begin with the newest."""
    made = [
        house.add_contact(
            f"Клиент {client:02}", house.people.anna, *(number_of(client, at) for at in range(len(codes)))
        )
        for client, codes in reversed(list(enumerate(CARDS)))
    ]
    return made[::-1]


async def all_are_called(house: CrmHouse, anna: PersonPage, clients: Sequence[Client]) -> None:
    """The panel calls them alone; Anna ends each talk, and writes a note in the first one."""
    carrier, panel = Carrier(house), anna.panel
    carrier.works()
    house.office.phone("101").answers(after_seconds=0.1)
    await anna.lists(clients)
    await expect(panel.locator("li.client")).to_have_count(len(clients), timeout=PATIENCE_MS)
    await panel.get_by_role("button", name="Начать обзвон").click()
    for talk in range(sum(TALKS in codes for codes in CARDS)):  # each talk is short, and ended by the manager
        await expect(panel.locator(".bar .now")).to_contain_text("Разговор", timeout=60_000)
        if talk == 0:
            await panel.get_by_label("Заметка к звонку").fill(WROTE)
            await anna.shares_the_note(WROTE)
            await anna.picture(f"own-list-talk-{type(house).__name__}")
        await anna.card.get_by_role("button", name="Завершить").click(timeout=PATIENCE_MS)
        await expect(panel.locator(".bar .now")).not_to_contain_text("Разговор", timeout=PATIENCE_MS)
    await expect(panel.locator(".bar .now")).to_contain_text("Обзвон закончен", timeout=60_000)
    await anna.picture(f"own-list-finished-{type(house).__name__}")
    wanted = [number_of(client, place) for client, codes in enumerate(CARDS) for place in range(_tried(codes))]
    assert carrier.dialled == wanted
    check_timers(carrier, wanted)
    struck = await panel.locator("s").all_text_contents()
    assert len(struck) == sum(code is not TALKS for codes in CARDS for code in codes[: _tried(codes)])
    await expect(panel.locator("li.client.reached")).to_have_count(9)
    await expect(panel.locator("li.client.not_reached")).to_have_count(3)
    await check_records(house, clients, wanted)


def _tried(codes: tuple[int | None, ...]) -> int:
    return codes.index(TALKS) + 1 if TALKS in codes else len(codes)


def check_timers(carrier: Carrier, wanted: list[str]) -> None:
    """Between the numbers of one client 3 seconds pass and a moment, between clients 10."""
    for before, after, begun, earlier in zip(wanted, wanted[1:], carrier.at[1:], carrier.at, strict=False):
        gap = begun - earlier
        if before[-4:-2] == after[-4:-2]:
            assert 2.9 < gap < 9.9, (before, after, gap)  # on a busy machine a moment is long
        else:
            assert gap > 9.9, (before, after, gap)


async def check_records(house: CrmHouse, clients: Sequence[Client], wanted: list[str]) -> None:
    """Each call is in its client's feed with its outcome, once, and the note in the feed of whom it is about."""
    calls = await house.calls_once(len(wanted), recorded=False)
    assert sorted(call.number for call in calls) == sorted(wanted)
    for call in calls:
        client, place = int(call.number[-4:-2]), int(call.number[-2:])
        assert (call.client, call.direction, call.manager) == (clients[client], "out", house.people.anna), call
        assert (not call.why_not) == (CARDS[client][place] is TALKS), call
    noted = [client for client in clients if any(WROTE in text for text, _ in house.texts(client))]
    assert noted == [clients[0]], "what was written in the panel"
