"""A manager's own list as the widget gets it: whole, or what a change has made different (`widgets/README.md`)."""

from __future__ import annotations

from typing import Any

from integration.domain.campaigns.own_list import Client, OwnList
from integration.domain.crm.entities import PERSON_KINDS
from integration.services.accounts import Account
from integration.services.card import display_number


def whole(account: Account, own: OwnList) -> dict[str, Any]:
    return _message(account, own, own.clients, base=None, order=True, script=True)


def difference(account: Account, before: OwnList, after: OwnList) -> dict[str, Any]:
    """What a page that has `before` needs to have `after`."""
    known = {client.key: client for client in before.clients}
    changed = tuple(client for client in after.clients if known.get(client.key) != client)
    moved = [client.key for client in before.clients] != [client.key for client in after.clients]
    script = before.script != after.script
    return _message(account, after, changed, base=before.revision, order=moved, script=script)


def _message(
    account: Account, own: OwnList, clients: tuple[Client, ...], *, base: int | None, order: bool, script: bool
) -> dict[str, Any]:
    return {
        "type": "own_list",
        "revision": own.revision,
        "base": base,
        "phase": own.phase,
        "due_at": own.due_at if not own.is_calling else None,
        "left_seconds": own.left_seconds,
        "current": own.current,
        "number": display_number(own.number, account.settings.numbering) if own.number else None,
        "leaving": own.leaving,
        "why": own.why,
        "clients": [_client(account, client) for client in clients],
        "order": [client.key for client in own.clients] if order else None,
        "script": own.script if script else None,
    }


def _client(account: Account, client: Client) -> dict[str, Any]:
    numbering = account.settings.numbering
    person = next((ref for ref in client.refs if ref.kind in PERSON_KINDS), None)
    other = next((ref for ref in client.refs if ref != person), None)
    return {
        "key": client.key,
        "name": client.name,
        "comment": client.comment,
        "state": client.state,
        "call": client.call,
        "url": account.crm.entity_url(person) if person is not None else None,
        "comment_url": account.crm.entity_url(other) if other is not None else None,
        "numbers": [
            {"number": display_number(number.e164, numbering), "struck": number.struck} for number in client.numbers
        ],
    }
