"""What managers meet in the CRM's pages and an administrator should know: kept with who met it last, and when.

Widgets report it (`web/widget_sightings.py`); the overview and the doctor show what still counts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from integration.domain.ids import AccountId, ManagerId
from integration.domain.people.names import without_direction
from integration.errors import Unavailable
from integration.ports.clock import Clock
from integration.ports.coordination import Coordination
from integration.ports.sightings import Seen, Sighting, Sightings
from integration.services.accounts import Account
from integration.services.click import Refused

_APART_SECONDS = 600.0  # between two reports of one manager about one thing
_COUNTS_SECONDS = 2 * 86_400.0  # what nobody has seen since is over
_MOST_NAMES = 10
_LONGEST_NAME = 100


class PageSightings:
    def __init__(
        self, store: Sightings, coordination: Coordination, clock: Clock, changed: Callable[[AccountId], None]
    ) -> None:
        """`changed`: wakes administrators' pages."""
        self._store = store
        self._coordination = coordination
        self._clock = clock
        self._changed = changed

    async def opened(self, account: Account, manager: ManagerId) -> None:
        """A manager has opened the CRM with our widget. Never raises: the page works without."""
        met = []
        if not account.settings.enabled:
            met.append((Sighting.SWITCHED_OFF, ""))
        elif account.settings.is_on_for(manager) and account.phone_of(manager) is None:
            met.append((Sighting.NO_EXTENSION, manager))
        with contextlib.suppress(Unavailable):
            for what, detail in met:
                await self._report(account.id, what, [detail], manager)

    async def other_telephony(self, account: Account, manager: ManagerId, names: Sequence[str]) -> None:
        """The other telephony widgets in this manager's pages; none: there are none any more. Raises: Unavailable."""
        kept = [" ".join(without_direction(name).split())[:_LONGEST_NAME] for name in names[:_MOST_NAMES]]
        kept = sorted({name for name in kept if name})
        known = {seen.detail for seen in await self._store.of(account.id) if seen.what is Sighting.OTHER_TELEPHONY}
        if not kept and not known:
            return
        is_news = set(kept) != known
        await self._report(account.id, Sighting.OTHER_TELEPHONY, kept, manager, replaces=True, is_news=is_news)

    async def present(self, account: Account) -> list[Seen]:
        """What still counts, newest first. Raises: Unavailable."""
        now = self._clock.now()
        return [
            seen
            for seen in await self._store.of(account.id)
            if (seen.what is Sighting.DISCONNECTED or now - seen.at < _COUNTS_SECONDS) and _still_counts(account, seen)
        ]

    async def _report(
        self,
        account: AccountId,
        what: Sighting,
        details: Sequence[str],
        manager: ManagerId,
        *,
        replaces: bool = False,
        is_news: bool = False,
    ) -> None:
        key = f"sighting:{account}:{what}:{manager}"
        if not await self._coordination.once(key, ttl_seconds=_APART_SECONDS) and not is_news:
            return
        await self._store.report(account, what, details, manager=manager, replaces=replaces)
        self._changed(account)


def names_reported(value: object) -> list[str]:
    """The names of widgets in a report. Raises: Refused."""
    if not isinstance(value, list) or len(value) > 100 or not all(isinstance(each, str) for each in value):
        raise Refused("bad_request", "other_telephony: a list of names")
    return [each[:1000] for each in value]


def _still_counts(account: Account, seen: Seen) -> bool:
    match seen.what:
        case Sighting.NO_EXTENSION:
            manager = ManagerId(seen.detail)
            return account.phone_of(manager) is None and account.settings.is_active(manager)
        case Sighting.SWITCHED_OFF:
            return not account.settings.enabled
    return True
