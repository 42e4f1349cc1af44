"""A manager's own list by the widget's API: everybody has one, and reaches no other."""

from __future__ import annotations

import pytest

from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import ManagerId
from tests.adapters.test_consents import OFFICE, running
from tests.adapters.test_crm_entry import Stage, stage

__all__ = ["running", "stage"]

ADD, SCRIPT = "/api/widget/own-list/entries", "/api/widget/own-list/script"


def manager_of(stage: Stage) -> ManagerId:
    return next(key for key, each in stage.account.managers.items() if not each.is_admin)


async def test_a_manager_who_administers_nothing_has_a_list_that_nobody_else_sees(stage: Stage) -> None:
    ref = EntityRef(EntityKind.CONTACT, "990001")
    person = Person(ref=ref, name="Анна", responsible=None, phones=("89161234567",), updated_at=1)
    storage, manager = stage.dozvon.core.storage, manager_of(stage)
    await storage.phone_book.put_persons(OFFICE, [person], numbering=stage.account.settings.numbering)
    body = {"entities": [{"kind": "contact", "id": "990001"}, {"kind": "contact", "id": "990002"}], "manager": "1"}
    status, said = await stage.send(ADD, stage.token(user=manager, is_admin=False), body)
    assert (status, said) == (201, {"added": 1, "left_out": {"not_found": 1}})
    own = await storage.own_lists.get(OFFICE, manager)
    assert [(client.name, client.numbers[0].e164) for client in own.clients] == [("Анна", "+79161234567")]
    for other in stage.account.managers:
        if other != manager:
            assert (await storage.own_lists.get(OFFICE, other)).clients == ()


@pytest.mark.parametrize("entities", [None, [], "x", [1], [{"kind": "task", "id": "1"}], [{"kind": "contact"}],
                                      [{"kind": ["contact"], "id": "1"}], [{"kind": "contact", "id": "\0"}],
                                      [{"kind": "contact", "id": "1"}] * 501])  # fmt: skip
async def test_what_is_no_selection_is_refused(stage: Stage, entities: object) -> None:
    status, said = await stage.send(ADD, stage.token(), {"entities": entities})
    assert (status, said["error"]["code"]) == (400, "bad_request")


@pytest.mark.parametrize("script", [None, 5, ["x"], "я" * 10_001, "\ud800"])
async def test_what_is_no_script_is_refused(stage: Stage, script: object) -> None:
    status, said = await stage.send(SCRIPT, stage.token(), {"script": script})
    assert (status, said["error"]["code"]) == (400, "bad_request")


@pytest.mark.parametrize("path", [ADD, SCRIPT])
async def test_without_a_token_of_the_crm_nothing_happens(stage: Stage, path: str) -> None:
    status, said = await stage.send(path, "no token", {"script": "x", "entities": [{"kind": "contact", "id": "1"}]})
    assert (status, said["error"]["code"]) == (401, "auth_failed")
