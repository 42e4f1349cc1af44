"""A third-party client, the amocrm-api library, gets from the sandbox what it expects of the real CRM."""

from __future__ import annotations

import asyncio
from typing import Any

import requests
from amocrm.v2 import Contact, User
from amocrm.v2.interaction import BaseInteraction
from amocrm.v2.tokens import TokenManager

from tests.adapters.amocrm_sandbox_kit import ANNA, running_sandbox


class FixedToken(TokenManager):  # type: ignore[misc]
    def __init__(self, token: str) -> None:
        super().__init__()
        self.subdomain = "romashka"
        self.token = token

    def get_access_token(self) -> str:
        return self.token


class SandboxSession(requests.Session):
    """The library's host is fixed to *.amocrm.ru: its requests are sent to the sandbox instead."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        return super().request(method, url.replace("https://romashka.amocrm.ru", self.base), timeout=10, **options)


def use_library() -> tuple[list[str], str, str, int]:
    """Use the library's entities like a synchronous program."""
    users = [user.name for user in User.objects.all()]
    ivan = Contact.objects.get(object_id=9001)
    found = Contact.objects.get(query="9161234567")
    made = Contact(name="Из библиотеки", responsible_user=ANNA)
    made.save()
    return users, ivan.name, found.name, made.id


async def test_users_and_contacts_through_the_library() -> None:
    async with running_sandbox(requests_per_second=1000) as crm:
        session, token = SandboxSession(crm.base), FixedToken(crm.token)
        kept = {}
        for model in (User, Contact):
            interaction: BaseInteraction = model.objects._interaction
            kept[interaction] = (interaction._session, interaction._token_manager)
            interaction._session, interaction._token_manager = session, token
        try:
            users, ivan, found, made = await asyncio.to_thread(use_library)
        finally:
            for interaction, (old_session, old_token) in kept.items():
                interaction._session, interaction._token_manager = old_session, old_token
            session.close()
        assert users[0] == "Анна Орлова"
        assert (ivan, found) == ("Иван Петров", "Иван Петров")
        contact = crm.office.contacts.get(made)
        assert contact is not None
        assert (contact["name"], contact["responsible_user_id"]) == ("Из библиотеки", ANNA)
