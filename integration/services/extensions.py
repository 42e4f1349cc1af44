"""The extensions of an account's PBXs as the PBXs tell them, kept for a few seconds: pages read themselves again while
calls go on, and a PBX needs a question for each of hundreds of phones."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from integration.domain.ids import PbxId, Timestamp
from integration.domain.people.mapping import PbxUser
from integration.errors import DozvonError
from integration.ports.clock import Clock
from integration.ports.pbx import Pbx, PbxEmployee
from integration.services.accounts import Account

_KEPT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Extensions:
    """
    Attributes:
        users: of all PBXs, by key; those of a silent PBX as far as they are mapped.
        silent: the PBXs that do not answer.
    """

    users: Sequence[PbxUser]
    silent: Sequence[PbxId]


@dataclass(frozen=True, slots=True)
class _Kept:
    at: Timestamp
    answer: Sequence[PbxEmployee] | DozvonError


class KnownExtensions:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[PbxId, _Kept] = {}
        self._asking: dict[PbxId, asyncio.Lock] = {}

    def forget(self, account: Account) -> None:
        """The next reader asks the PBXs: something there has just changed, or somebody wants to know it now."""
        for pbx in account.pbxs:
            self._kept.pop(pbx, None)

    async def of(self, account: Account) -> Extensions:
        """Never raises. The only PBX of an account needs no name."""
        users: dict[str, PbxUser] = {}
        silent: list[PbxId] = []
        mobiles = {each.key: each.mobile for each in account.settings.employees if each.mobile}
        for number, (key, pbx) in enumerate(account.pbxs.items()):
            named = None if number == 0 else key
            mapped = (each for each in account.settings.employees if account.pbx_of(each) == key)
            found = [PbxUser(each.extension, each.name, named) for each in mapped]
            if pbx.abilities.lists_extensions:
                answer = await self._ask(key, pbx)
                if isinstance(answer, DozvonError):
                    silent.append(key)
                else:
                    found = [_user(each, named, mobiles) for each in answer]
            users |= {user.key: user for user in found}
        return Extensions(sorted(users.values(), key=lambda user: user.key), silent)

    async def _ask(self, key: PbxId, pbx: Pbx) -> Sequence[PbxEmployee] | DozvonError:
        async with self._asking.setdefault(key, asyncio.Lock()):
            kept = self._kept.get(key)
            if kept is not None and 0 <= self._clock.now() - kept.at < _KEPT_SECONDS:
                return kept.answer
            answer: Sequence[PbxEmployee] | DozvonError
            try:
                answer = await pbx.employees()
            except DozvonError as exc:
                return exc  # not kept: the link may be up again
            self._kept[key] = _Kept(self._clock.now(), answer)
            return answer


def _user(told: PbxEmployee, pbx: PbxId | None, mobiles: Mapping[str, str]) -> PbxUser:
    key = told.extension if pbx is None else f"{pbx}/{told.extension}"
    return PbxUser(
        told.extension,
        told.name,
        pbx,
        email=told.email,
        mobile=mobiles.get(key, ""),
        is_registered=told.is_registered,
        devices=told.devices,
    )
