"""The form of a campaign's rules: the plan as fields, and the fields as a plan. No routes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeVar

from integration.domain.campaigns.greeting import BOUNDS, LONGEST_TEXT, Greeting, OnMachine
from integration.domain.campaigns.model import Mode, Outcome, Owners
from integration.domain.campaigns.plan import (
    EDITED_OUTCOMES,
    CampaignPlan,
    PlanFault,
    Redial,
    faults,
    used_sounds,
    with_sound,
)
from integration.domain.campaigns.windows import UnknownZone
from integration.services.accounts import Account

Kind = TypeVar("Kind", Mode, Owners, UnknownZone, OnMachine)

_NO_NUMBER = 10**9  # out of every bound, so that the field says so
_WHOLE_NUMBERS = (
    "per_number", "per_contact", "number_per_day", "contact_per_day", "gap_minutes", "ring_seconds",
    "wrap_up_seconds", "priority", "max_calls",
)  # fmt: skip


_WORDS = ("message", "machine_message")
_GREETING = (*_WORDS, "hand_over_to", "on_machine", *BOUNDS)


@dataclass(frozen=True, slots=True)
class Choice:
    """A box of a form."""

    name: str
    text: str
    is_chosen: bool


def read_plan(form: Mapping[str, str], before: CampaignPlan | None = None) -> tuple[CampaignPlan, list[PlanFault]]:
    """
    The plan of a form that was sent, and what is wrong with it. Never raises.

    Args:
        before: its recorded sounds stay: they are chosen on a page of their own; and what a page of an older release
            does not know.
    """
    known = before or CampaignPlan(name="")
    numbers = {name: _whole(form.get(name, "")) for name in _WHOLE_NUMBERS}
    plan = CampaignPlan(
        name=" ".join(form.get("name", "").split()),
        mode=_one_of(Mode, form.get("mode", ""), Mode.PROGRESSIVE),
        lines=_chosen(form, "line."),
        employees=_chosen(form, "employee."),
        groups=_chosen(form, "group."),
        owners=_one_of(Owners, form.get("owners", ""), Owners.RESPONSIBLE_FIRST),
        week=tuple(form.get(f"week_{day}", "").strip()[:120] for day in range(7)),
        holidays=_days(form.get("holidays", "")),
        unknown_zone=_one_of(UnknownZone, form.get("unknown_zone", ""), UnknownZone.SAFE),
        phones_answer=bool(form.get("phones_answer", "")),
        announcement_sound="",
        announcement=form.get("announcement", "").strip(),
        ceiling_percent=_part(form.get("ceiling_percent", "")),
        redial=tuple(_redial(form, outcome) for outcome in EDITED_OUTCOMES),
        greeting=_greeting(form),
        preview_seconds=_whole(form.get("preview_seconds", str(known.preview_seconds))),
        script=form.get("script", known.script).replace("\r\n", "\n").strip(),
        **numbers,
    )
    for what, sound in used_sounds(before).items() if before is not None else ():
        plan = with_sound(plan, what, sound)
    return plan, faults(plan)


def known_only(plan: CampaignPlan, account: Account, before: CampaignPlan | None = None) -> CampaignPlan:
    """The plan without lines, employees and groups that the account does not have, and did not have `before`."""
    people, groups, lines = _known(account)
    kept = before or CampaignPlan(name="")
    return replace(
        plan,
        employees=tuple(each for each in plan.employees if each in people or each in kept.employees),
        groups=tuple(each for each in plan.groups if each in groups or each in kept.groups),
        lines=tuple(each for each in plan.lines if each in lines or each in kept.lines),
    )


def shown(plan: CampaignPlan) -> dict[str, str]:
    """The plan as the values of fields."""
    values = {name: str(getattr(plan, name)) for name in ("name", "mode", "owners", "unknown_zone", *_WHOLE_NUMBERS)}
    values |= {f"week_{day}": text for day, text in enumerate(plan.week)}
    values["ceiling_percent"] = f"{plan.ceiling_percent:g}"
    values["phones_answer"] = "1" if plan.phones_answer else ""
    values["announcement"] = plan.announcement
    values |= {"preview_seconds": str(plan.preview_seconds), "script": plan.script}
    values["holidays"] = ", ".join(map(_written_day, plan.holidays))
    values |= {name: str(getattr(plan.greeting, name)) for name in _GREETING}
    for rule in plan.redial:
        values[f"redial_{rule.outcome}_after"] = str(rule.after_minutes)
        values[f"redial_{rule.outcome}_most"] = str(rule.most)
    return values


def choices(account: Account, plan: CampaignPlan) -> dict[str, Any]:
    """What can be chosen: employees, groups of the CRM, lines; also what was chosen and is gone."""
    people, groups, lines = _known(account)
    return {
        "employees": [
            Choice(f"employee.{key}", f"{name} ({key})" if name else key, key in plan.employees)
            for key, name in _with_gone(people, plan.employees)
        ],
        "groups": [Choice(f"group.{key}", name, key in plan.groups) for key, name in _with_gone(groups, plan.groups)],
        "lines": [Choice(f"line.{key}", text, key in plan.lines) for key, text in _with_gone(lines, plan.lines)],
        "outcomes": EDITED_OUTCOMES,
    }


def _known(account: Account) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Employees, groups of the CRM and lines, by key, with their names."""
    settings = account.settings
    people = {
        each.key: each.name or (account.managers[each.manager].name if each.manager in account.managers else "")
        for each in settings.employees
    }
    groups = {group.key: group.name for manager in account.managers.values() for group in manager.groups}
    lines = {did: f"{did} · {line.source}" if line.source else did for did, line in settings.lines.items()}
    return people, groups, lines


def _with_gone(known: Mapping[str, str], chosen: Iterable[str]) -> list[tuple[str, str]]:
    everything = {**known, **{key: key for key in chosen if key not in known}}
    return sorted(everything.items(), key=lambda pair: (pair[1].casefold(), pair[0]))


def _redial(form: Mapping[str, str], outcome: Outcome) -> Redial:
    after, most = form.get(f"redial_{outcome}_after", ""), form.get(f"redial_{outcome}_most", "")
    return Redial(outcome=outcome, after_minutes=_whole(after), most=_whole(most))


def _greeting(form: Mapping[str, str]) -> Greeting:
    """A form without a field comes from a page of an older release: the usual value."""
    words = {name: form.get(name, "").replace("\r\n", "\n").strip()[: 2 * LONGEST_TEXT] for name in _WORDS}
    usual = Greeting()
    numbers = {name: _whole(form.get(name, str(getattr(usual, name)))) for name in BOUNDS}
    return Greeting(
        message=words["message"],
        machine_message=words["machine_message"],
        hand_over_to=form.get("hand_over_to", "").strip()[:80],
        on_machine=_one_of(OnMachine, form.get("on_machine", ""), OnMachine.NOT_ASKED),
        rounds=numbers["rounds"],
        machine_speech_ms=numbers["machine_speech_ms"],
        person_pause_ms=numbers["person_pause_ms"],
        machine_words=numbers["machine_words"],
        silence_level=numbers["silence_level"],
    )


def _chosen(form: Mapping[str, str], prefix: str) -> tuple[str, ...]:
    found = sorted(name.removeprefix(prefix) for name, value in form.items() if name.startswith(prefix) and value)
    return tuple(name for name in found if 0 < len(name) <= 120)[:2000]


def _one_of(kind: type[Kind], text: str, usual: Kind) -> Kind:
    try:
        return kind(text)
    except ValueError:
        return usual


def _whole(text: str) -> int:
    cleaned = text.strip()
    return int(cleaned) if re.fullmatch(r"-?[0-9]{1,6}", cleaned) else _NO_NUMBER


def _part(text: str) -> float:
    cleaned = text.strip().rstrip("%").replace(",", ".")
    found = float(cleaned) if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", cleaned) else math.inf
    return found if math.isfinite(found) else float(_NO_NUMBER)


def _days(text: str) -> tuple[str, ...]:
    """`31.12.2026` as `2026-12-31`; what is no day stays as it is, so that the field can say so."""
    found = []
    for part in re.split(r"[,;\s]+", text[:5000]):
        if not part:
            continue
        day = re.fullmatch(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", part)
        found.append(f"{day[3]}-{int(day[2]):02}-{int(day[1]):02}" if day else part)
    return tuple(dict.fromkeys(found))


def _written_day(text: str) -> str:
    try:
        return f"{date.fromisoformat(text):%d.%m.%Y}"
    except ValueError:
        return text
