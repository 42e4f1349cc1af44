"""What the list of people says about each manager: the extension, what is wrong, who is away, what is suggested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

from integration.domain.crm.entities import Manager
from integration.domain.ids import ManagerId, Timestamp
from integration.domain.people.absence import Absence
from integration.domain.people.mapping import OF_LEAVERS, PbxUser, Trouble, callable_managers, leavers, troubles
from integration.domain.people.suggestions import Confidence, Suggestion, suggestions, takeable
from integration.domain.settings import Employee
from integration.services.accounts import Account
from integration.services.extensions import Extensions
from integration.web.pages.view import phone_text
from integration.web.people.mapping_form import by_manager, named
from integration.web.people.query import PeopleQuery, Show

TONES = {
    Trouble.UNMAPPED: "warn",
    Trouble.NOT_REGISTERED: "warn",
    Trouble.SECOND_DEVICE: "soft",
}
"""Of the tags; the others are `bad`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A suggestion as the page shows it. `doubt`: empty where there is none."""

    key: str
    extension: str
    reasons: Sequence[str]
    doubt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    tone: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """
    Attributes:
        key: of the extension; empty: none. `phone`: as people read it.
        options: the extensions to choose from, as HTML; None: nothing can be chosen, since the manager has left.
        absence: a sentence; empty: they are here. `can_return`: an administrator may end it.
    """

    manager: Manager
    key: str
    phone: str
    type: str
    options: Markup | None
    notes: Sequence[Note]
    offers: Sequence[Offer]
    absence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """
    Everybody of an account and what is known of them, from the settings that are shown.

    Attributes:
        managers: call targets, and leavers who still have an extension after them.
        found: what is suggested; `sure`: what may be taken without a look.
    """

    account: Account
    employees: Sequence[Employee]
    extensions: Extensions
    managers: Sequence[Manager]
    troubles: Mapping[ManagerId, Sequence[Trouble]]
    absences: Mapping[ManagerId, Absence]
    found: Mapping[ManagerId, Sequence[Suggestion]]
    sure: Mapping[ManagerId, Suggestion]
    phones: Mapping[ManagerId, Employee]
    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, account: Account, employees: Sequence[Employee], extensions: Extensions, now: Timestamp) -> People:
        targets = callable_managers(account.managers.values())
        gone = leavers(account.managers, employees) if account.managers else []
        known = {} if extensions.silent else extensions.users
        phones = by_manager(employees)
        taken = [each.key for each in employees if each.manager]
        numbering = account.settings.numbering
        found = suggestions(targets, extensions.users, mapped=phones, taken=taken, numbering=numbering)
        absences = {each: absence for each in phones if (absence := account.settings.absence_of(each, now)) is not None}
        named_phones: list[Employee | PbxUser] = [*employees, *extensions.users]
        return cls(
            account=account,
            employees=employees,
            extensions=extensions,
            managers=[*targets, *gone],
            troubles=troubles(account.managers, employees, list(known)),
            absences=absences,
            found=found,
            sure=takeable(found),
            phones=phones,
            names={each.key: phone_text(account, each) for each in named_phones},
        )

    @property
    def targets(self) -> int:
        return sum(1 for each in self.managers if each.is_active and each.is_paid)

    @property
    def mapped(self) -> int:
        return sum(1 for each in self.managers if each.is_active and each.is_paid and each.id in self.phones)

    @property
    def counts(self) -> Counter[Trouble]:
        """How many people each trouble concerns."""
        return Counter(each for wrong in self.troubles.values() for each in wrong)

    def shown(self, query: PeopleQuery, form: Mapping[str, str]) -> list[Manager]:
        """Those of a form stay, whatever was chosen for them: what was typed must not vanish."""
        words = query.find.casefold()

        def is_wanted(manager: Manager) -> bool:
            phone = self.phones.get(manager.id)
            known = (manager.name, manager.email or "", phone.extension if phone else "")
            if words and not any(words in each.casefold() for each in known):
                return False
            return f"extension.{manager.id}" in form or self._is_shown(manager, query.show)

        return [each for each in self.managers if is_wanted(each)]

    def _is_shown(self, manager: Manager, show: Show) -> bool:
        wrong = self.troubles.get(manager.id, ())
        match show:
            case Show.UNMAPPED:
                return Trouble.UNMAPPED in wrong
            case Show.PROBLEMS:
                return bool(wrong)
            case Show.ABSENT:
                return manager.id in self.absences
            case Show.INACTIVE:
                return not OF_LEAVERS.isdisjoint(wrong)
        return True


class Options:
    """The extensions to choose from, as HTML: written once, because a page shows hundreds of them for each manager."""

    def __init__(self, account: Account, users: Sequence[PbxUser]) -> None:
        self._account = account
        self._users = {user.key: user for user in users}
        self._plain = [self._option(user) for user in users]
        self._at = {user.key: number for number, user in enumerate(users)}

    def html(self, chosen: str, none_text: str) -> Markup:
        """With the chosen one marked, also if no PBX has it."""
        options = [_option("", none_text, is_chosen=not chosen), *self._plain]
        if chosen:
            marked = self._option(self._users.get(chosen) or named(self._account, chosen), is_chosen=True)
            if chosen in self._at:
                options[self._at[chosen] + 1] = marked
            else:
                options.append(marked)
        return Markup("").join(options)

    def _option(self, user: PbxUser, *, is_chosen: bool = False) -> Markup:
        text = phone_text(self._account, user) + (f" — {user.name}" if user.name else "")
        return _option(user.key, text, is_chosen=is_chosen)


def _option(key: str, text: str, *, is_chosen: bool) -> Markup:
    pattern = '<option value="{}" selected>{}</option>' if is_chosen else '<option value="{}">{}</option>'
    return Markup(pattern).format(key, text)  # noqa: S704  the pattern is ours, and format() escapes the values


def offers(people: People, manager: ManagerId, t: Mapping[str, str]) -> list[Offer]:
    """What is suggested for a manager, the likeliest first."""
    sure = people.sure.get(manager)
    made = []
    for each in people.found.get(manager, ()):
        doubt = "suggestion_weak" if each.confidence is Confidence.WEAK else "suggestion_ambiguous"
        made.append(
            Offer(
                key=each.key,
                extension=people.names.get(each.key, each.key),
                reasons=reasons(each, t),
                doubt="" if each is sure else t[doubt],
            )
        )
    return made


def reasons(suggestion: Suggestion, t: Mapping[str, str]) -> list[str]:
    return [t[f"sign_{sign}"].format(value=value) for sign, value in suggestion.signs]


def notes(people: People, manager: Manager, said: Iterable[str], t: Mapping[str, str]) -> list[Note]:
    """`said`: what is wrong with what was typed."""
    phone = people.phones.get(manager.id)
    found = [Note(tone="soft", text=t["note_also"].format(extension=each)) for each in _more(people, manager.id)]
    found += [Note(tone="bad", text=each) for each in said]
    if phone is not None and phone.key in people.account.named_in_file:
        found.append(Note(tone="soft", text=t["note_in_file"]))
    for each in people.troubles.get(manager.id, ()):
        text = t[f"trouble_{each}"]
        if each is Trouble.SECOND_DEVICE:
            text = t["devices"].format(names=", ".join(_devices(people, phone)))
        found.append(Note(tone=TONES.get(each, "bad"), text=text))
    return found


def absence_text(absence: Absence | None, zone: str, now: Timestamp, t: Mapping[str, str]) -> str:
    """As a tag beside a name; empty: they are here."""
    if absence is None:
        return ""
    if absence.until is None:
        return t[f"absent_by_{absence.by}"]
    return t[f"absent_by_{absence.by}_until"].format(end=end_text(absence.until, zone, now))


def absent_lines(account: Account, now: Timestamp, t: Mapping[str, str]) -> list[tuple[str, str]]:
    """Who is away now, by name: the person with the extension, and until when."""
    found = []
    for manager, phone in by_manager(account.settings.employees).items():
        absence = account.settings.absence_of(manager, now)
        if absence is not None and account.settings.is_active(manager):
            name = account.manager_name(manager) or phone.name or manager
            said = absence_text(absence, account.settings.zone, now, t)
            found.append((f"{name} ({phone_text(account, phone)})", said))
    return sorted(found, key=lambda line: line[0].casefold())


def end_text(until: Timestamp, zone: str, now: Timestamp) -> str:
    """`15:00` today, `01.12 15:00` on another day, `01.12.2027 15:00` in another year; in the office's time."""
    end, today = (datetime.fromtimestamp(each, ZoneInfo(zone)) for each in (until, now))
    if end.date() == today.date():
        return f"{end:%H:%M}"
    return f"{end:%d.%m %H:%M}" if end.year == today.year else f"{end:%d.%m.%Y %H:%M}"


def _more(people: People, manager: ManagerId) -> list[str]:
    """The phones of a manager beside the one that can be chosen: they may sit in the office and the branch."""
    chosen = people.phones.get(manager)
    others = [each for each in people.employees if each.manager == manager and each is not chosen]
    return [phone_text(people.account, each) for each in others]


def _devices(people: People, phone: Employee | None) -> Sequence[str]:
    users = (user for user in people.extensions.users if phone is not None and user.key == phone.key)
    return next((user.devices for user in users), ())


def others_said(said: Mapping[str, Sequence[str]]) -> list[str]:
    """What is wrong with phones that no row of this page shows."""
    return [f"{key}: {sentence}" for key, sentences in said.items() for sentence in sentences]
