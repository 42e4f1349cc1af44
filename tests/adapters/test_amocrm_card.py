"""What the card asks amoCRM about a client: few requests, before others, and no trust in filters."""

from __future__ import annotations

from typing import Any, cast

import pytest

from connectors.amocrm.api.library import Library
from connectors.amocrm.api.transport import Transport
from connectors.amocrm.card import ClientCard
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import ManagerId, Timestamp
from integration.errors import Rejected
from integration.ports.crm import NextTask

CONTACT = EntityRef(EntityKind.CONTACT, "55")
DEALS = [EntityRef(EntityKind.DEAL, "9"), EntityRef(EntityKind.DEAL, "8")]


def task(entity_type: str, entity_id: int, due: Any, text: str = "", **more: Any) -> dict[str, Any]:
    return {"text": text, "entity_type": entity_type, "entity_id": entity_id, "complete_till": due, **more}


class Answers:
    """Takes the place of the transport: every list of tasks has the same content, whatever was asked for."""

    def __init__(self, *tasks: dict[str, Any]) -> None:
        self.tasks = list(tasks)
        self.asked: list[dict[str, Any]] = []

    async def request(self, method: str, path: str, *, priority: Priority, query: Any = (), body: Any = None) -> Any:
        self.asked.append({"method": method, "path": path, "priority": priority, "query": list(query)})
        return {"_embedded": {"tasks": self.tasks}} if self.tasks else None


def card(answers: Answers) -> ClientCard:
    transport = cast(Transport, answers)
    return ClientCard(transport, Library(transport))


async def test_a_list_that_ignores_its_filters_shows_nobody_elses_task() -> None:
    answers = Answers(
        task("contacts", 56, 100, "another contact's"),
        task("leads", 55, 100, "a deal's with the same number"),
        task("contacts", 55, 100, "completed", is_completed=True),
        task("leads", 9, 300, "the deal's"),
        task("contacts", 55, 200, "the contact's"),
    )
    assert await card(answers).next_task(CONTACT, DEALS) == NextTask(text="the contact's", due_at=Timestamp(200))


async def test_a_client_costs_one_request_and_their_deals_together_another_before_all_others() -> None:
    answers = Answers()
    assert await card(answers).next_task(CONTACT, []) is None
    assert len(answers.asked) == 1
    await card(answers).next_task(CONTACT, DEALS)
    assert [one["priority"] for one in answers.asked] == [Priority.CARD] * 3
    assert [value for name, value in answers.asked[-1]["query"] if name == "filter[entity_id][]"] == ["8", "9"]


@pytest.mark.parametrize("due", [None, 0, "", "soon", 10**30])
async def test_a_task_without_a_deadline_is_shown_without(due: object) -> None:
    answers = Answers(task("contacts", 55, due, "Позвонить"))
    assert await card(answers).next_task(CONTACT, []) == NextTask(text="Позвонить", due_at=None)


async def test_a_deal_is_made_for_persons_only() -> None:
    with pytest.raises(Rejected, match="contact or a company"):
        await card(Answers()).create_deal("Окна", DEALS[0], ManagerId("1"))
