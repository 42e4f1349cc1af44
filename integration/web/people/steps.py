"""What a button of the list of people asks for, and what it changes in the choice that is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from integration.domain.ids import ManagerId, Timestamp
from integration.domain.people.absence import LONGEST_SECONDS
from integration.domain.people.mapping import OF_LEAVERS
from integration.web.people.mapping_form import Wanted
from integration.web.people.query import PeopleQuery
from integration.web.people.rows import People


@dataclass(frozen=True, slots=True)
class Step:
    """
    As the button sends it: `do=take:610077:101`, `do=ring:101`, `do=absent`.

    Attributes:
        name: `save`, `take`, `free`, `absent`, `present` or `ring`.
        managers: those whom it concerns.
        key: of an extension, for `ring` and a suggestion that is taken alone.
        until: when an absence ends; None: until further notice.
    """

    name: str
    managers: frozenset[ManagerId] = frozenset()
    key: str = ""
    until: Timestamp | None = None


class Refused(Exception):
    """A sentence for the page; nothing is stored."""


def step_of(people: People, form: Mapping[str, str], now: Timestamp, t: Mapping[str, str]) -> Step:
    """What cannot be read saves the form. Raises: Refused."""
    name, _, rest = form.get("do", "save").partition(":")
    match name:
        case "take" if rest:
            manager, _, key = rest.partition(":")
            return Step("take", frozenset({ManagerId(manager)}), key)
        case "take-all":
            return Step("take", frozenset(people.sure))
        case "ring":
            return Step("ring", key=rest)
        case "free-leavers":
            left = (who for who, wrong in people.troubles.items() if not OF_LEAVERS.isdisjoint(wrong))
            return Step("free", frozenset(left))
        case "take" | "free" | "absent" | "present":
            managers = frozenset({ManagerId(rest)}) if rest else _picked(people, form)
            if not managers:
                raise Refused(t["nobody_chosen"])
            if name != "take" and managers.isdisjoint(people.phones):
                raise Refused(t["none_has_extension"])
            return Step(name, managers, until=_until(people, form, now, t) if name == "absent" else None)
    return Step("save")


def choose(people: People, wanted: Wanted, step: Step, t: Mapping[str, str]) -> None:
    """Carry out a step that takes or removes extensions, in `wanted`. Raises: Refused."""
    if step.name == "free":
        for manager in step.managers & wanted.keys():
            wanted[manager] = ""
    if step.name != "take":
        return
    if step.key:
        [manager] = step.managers
        if manager not in wanted or step.key not in {user.key for user in people.extensions.users}:
            raise Refused(t["nothing_to_take"])
        wanted[manager] = step.key
        return
    taken = {key for key in wanted.values() if key}
    found = {who: people.sure[who].key for who in step.managers & people.sure.keys() if not wanted.get(who)}
    free = {who: key for who, key in found.items() if key not in taken}
    if not free:
        raise Refused(t["nothing_to_take"])
    wanted |= free


def _picked(people: People, form: Mapping[str, str]) -> frozenset[ManagerId]:
    if form.get("scope") == "all":
        return frozenset(each.id for each in people.shown(PeopleQuery.of(form), {}))
    return frozenset(each.id for each in people.managers if f"pick.{each.id}" in form)


def _until(people: People, form: Mapping[str, str], now: Timestamp, t: Mapping[str, str]) -> Timestamp | None:
    """In the office's time. Raises: Refused."""
    text = form.get("absent_until", "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text[:40])
        until = Timestamp(moment.replace(tzinfo=ZoneInfo(people.account.settings.zone)).timestamp())
    except (ValueError, OverflowError, OSError) as exc:
        raise Refused(t["no_such_moment"]) from exc
    if not 0 < until - now <= LONGEST_SECONDS:
        raise Refused(t["no_such_moment"])
    return until
