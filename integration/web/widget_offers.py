"""What an employee presses under a client whom a preview campaign shows, as the WebSocket brings it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.domain.ids import AccountId, CampaignId, EntryId, ManagerId
from integration.services.click import Refused
from integration.services.offers import Decided, OfferPress, own_language

_ACTIONS = {each.value for each in Decided}
_LONGEST_CAMPAIGN = 100
_MOST_ENTRY = 2**53  # a browser counts no further


def offer_press(account: AccountId, manager: ManagerId, message: Mapping[str, Any]) -> OfferPress:
    """The button, and the client whom the page of this manager showed. Raises: Refused if it is none."""
    action, campaign, entry = message.get("action"), message.get("campaign"), message.get("entry")
    if not isinstance(action, str) or action not in _ACTIONS:
        raise Refused("bad_request", "action: a button of the card")
    if not isinstance(campaign, str) or not 0 < len(campaign) <= _LONGEST_CAMPAIGN:
        raise Refused("bad_request", "campaign: the campaign that shows the client")
    if entry is not None and (not isinstance(entry, int) or isinstance(entry, bool) or not 0 < entry < _MOST_ENTRY):
        raise Refused("bad_request", "entry: the client who is shown")
    return OfferPress(
        account=account,
        manager=manager,
        campaign=CampaignId(campaign),
        action=Decided(action),
        entry=None if entry is None else EntryId(entry),
        language=own_language(message.get("language")),
    )
