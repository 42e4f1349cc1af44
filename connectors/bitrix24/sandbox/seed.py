"""Fills a sandbox with a plausible portal: employees in departments, clients, leads, deals, a working day that runs.

Always the same portal. Only the dates follow the clock. The numbers are invented.
"""

from __future__ import annotations

import random

from connectors.bitrix24.sandbox.crm_kinds import COMPANY, CONTACT, DEAL, DEAL_STAGES, KINDS, LEAD, Record
from connectors.bitrix24.sandbox.portal import Author, Portal
from connectors.bitrix24.sandbox.sandbox import Sandbox

DAY = 86_400
ADMIN, ANNA, BORIS, VERA, GRIGORY, LEFT = 1, 14, 15, 16, 17, 18
SALES, SERVICE = 3, 5
FIRST_GENERATED = 1_000_000

# id, name, surname, e-mail, extension, mobile, department, state of the working day
_USERS = (
    (ADMIN, "Дмитрий", "Егоров", "egorov@acme.test", "100", "+79995550105", 1, "OPENED"),
    (ANNA, "Анна", "Орлова", "orlova@acme.test", "101", "+79995550101", SALES, "OPENED"),
    (BORIS, "Борис", "Климов", "klimov@acme.test", "102", "+79995550102", SALES, "PAUSED"),
    (VERA, "Вера", "Соколова", "sokolova@acme.test", "103", "+79995550103", SALES, "CLOSED"),
    (GRIGORY, "Григорий", "Белов", "belov@acme.test", "", "+79995550104", SERVICE, "OPENED"),
    (LEFT, "Елена", "Жукова", "zhukova@acme.test", "105", "", SALES, "CLOSED"),
)
_POSITIONS = {ADMIN: "Директор", ANNA: "Руководитель отдела продаж", GRIGORY: "Инженер сервиса"}

# The cases of the demonstration and of tests: known clients, each different.
DEMO_CLIENTS: tuple[tuple[str, str], ...] = (
    ("Иван Петров", "+79161234567"),  # one open deal, responsible Anna
    ("Мария Кузнецова", "+79261112233"),  # no deal, responsible Boris, whose day is paused
    ("Олег Смирнов", "+74955550142"),  # two open deals, number typed in local form
    ("Ольга Николаева", "+79037654321"),  # two contacts and a lead with this number
    ("ООО «Вектор»", "+74955550100"),  # a company's number
    ("Сергей Волков", "+79165550177"),  # responsible user was dismissed
)

_MEN = ("Алексей", "Андрей", "Виктор", "Денис", "Игорь", "Максим", "Никита", "Павел", "Роман", "Юрий")
_SURNAMES = (
    "Абрамов",
    "Богданов",
    "Виноградов",
    "Герасимов",
    "Данилов",
    "Ершов",
    "Зайцев",
    "Исаев",
    "Калинин",
    "Шубин",
)
_GOODS = ("Кухонный гарнитур", "Офисная мебель", "Шкаф-купе", "Поставка кресел", "Ремонт витрин", "Стойка ресепшен")
_FIRMS = ("Альфа-Строй", "Базис", "Гранит", "Дельта-Торг", "Маяк", "Норд", "Орион", "Спектр")


def seed_portal(sandbox: Sandbox) -> None:
    """Make two portals: one with an office, and a small one that has only its administrator."""
    portal = sandbox.add_portal("acme", "ООО «Ромашка»")
    _departments(portal)
    _people(portal)
    _Office(portal).fill()
    for index in range(sandbox.settings.contacts):
        generate(portal, index)
    branch = sandbox.add_portal("acme-spb", "«Ромашка», филиал")
    branch.departments[1] = {"ID": 1, "NAME": "«Ромашка», филиал", "SORT": 500, "PARENT": 0, "UF_HEAD": ADMIN}
    branch.users[ADMIN] = _user(branch, ADMIN, "Кирилл", "Громов", "gromov@acme.test", "100", "", 1, "CLOSED")
    branch.users[ADMIN]["IS_ADMIN"] = True


def _departments(portal: Portal) -> None:
    rows = ((1, portal.title, 0, ADMIN), (SALES, "Отдел продаж", 1, ANNA), (SERVICE, "Сервис", 1, GRIGORY))
    for id_, name, parent, head in rows:
        portal.departments[id_] = {"ID": id_, "NAME": name, "SORT": 500, "PARENT": parent, "UF_HEAD": head}


def _people(portal: Portal) -> None:
    for row in _USERS:
        portal.users[row[0]] = _user(portal, *row)
    portal.users[ADMIN]["IS_ADMIN"] = True
    portal.users[LEFT]["ACTIVE"] = False


def _user(
    portal: Portal,
    id_: int,
    name: str,
    surname: str,
    email: str,
    extension: str,
    mobile: str,
    department: int,
    day: str,
) -> Record:
    now = portal.now()
    is_begun = day != "CLOSED"
    return {
        "ID": id_,
        "ACTIVE": True,
        "NAME": name,
        "LAST_NAME": surname,
        "EMAIL": email,
        "WORK_PHONE": "",
        "PERSONAL_PHONE": "",
        "PERSONAL_MOBILE": mobile,
        "WORK_POSITION": _POSITIONS.get(id_, "Менеджер"),
        "UF_DEPARTMENT": [department],
        "UF_PHONE_INNER": extension,
        "TIME_ZONE": "Europe/Moscow",
        "IS_ONLINE": "Y" if is_begun else "N",
        "USER_TYPE": "employee",
        "SEEN_AT": now - 60 if is_begun else now - DAY,
        "REGISTERED_AT": now - 400 * DAY,
        "IS_ADMIN": False,
        "DAY": {
            "STATUS": day,
            "START": now - 3 * 3600 if is_begun else None,
            "FINISH": None,
            "LEAKS": 0.0,
            "PAUSED_AT": now - 600,
        },
    }


class _Office:
    """The seeded objects. Their ids are small, so that they are easy to read."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._chance = random.Random(20_261_129)

    def fill(self) -> None:
        ivan = self._contact("Иван", "Петров", ANNA, "+79161234567", "+74951234567")
        self._deal("Кухонный гарнитур", ANNA, "PREPARATION", [ivan], 185_000)
        self._contact("Мария", "Кузнецова", BORIS, "+79261112233")
        oleg = self._contact("Олег", "Смирнов", ANNA, "8 (495) 555-01-42")
        self._deal("Офисная мебель", ANNA, "NEW", [oleg], 92_000)
        self._deal("Стойка ресепшен", BORIS, "EXECUTING", [oleg, ivan], 64_000)
        self._contact("Ольга", "Николаева", VERA, "+79037654321")
        self._contact("Ольга", "Николаева (бухгалтерия)", BORIS, "+79037654321")
        self._lead("Заявка с сайта", "Ольга", VERA, "+79037654321")
        vector = self._company("ООО «Вектор»", ANNA, "+74955550100")
        self._deal("Поставка кресел", ANNA, "FINAL_INVOICE", [], 310_000, company=vector)
        self._contact("Сергей", "Волков", LEFT, "+79165550177")
        for index in range(24):
            owner = self._chance.choice((ANNA, BORIS, VERA))
            number = f"+7916{5_560_000 + index * 37:07}"
            contact = self._contact(self._chance.choice(_MEN), self._chance.choice(_SURNAMES), owner, number)
            stage = self._chance.choice(tuple(DEAL_STAGES))
            if index % 2 == 0:
                amount = self._chance.randrange(20, 400) * 1000
                self._deal(self._chance.choice(_GOODS), owner, stage, [contact], amount)
        for index, firm in enumerate(_FIRMS):
            self._company(f"ООО «{firm}»", self._chance.choice((ANNA, BORIS)), f"+7495{5_560_200 + index:07}")
        for index in range(6):
            number = f"+7926{4_440_000 + index * 91:07}"
            self._lead("Звонок по рекламе", self._chance.choice(_MEN), self._chance.choice((ANNA, VERA)), number)
        self._back_date()

    def _contact(self, name: str, surname: str, owner: int, *numbers: str) -> int:
        types = ("MOBILE", "WORK")
        values = {"NAME": name, "LAST_NAME": surname, "ASSIGNED_BY_ID": owner, "SOURCE_ID": "CALL"}
        values["FM"] = [_phone(number, types[index % 2]) for index, number in enumerate(numbers)]
        return self._create(CONTACT, values, owner)

    def _company(self, title: str, owner: int, number: str) -> int:
        values = {"TITLE": title, "ASSIGNED_BY_ID": owner, "FM": [_phone(number, "WORK")]}
        return self._create(COMPANY, values, owner)

    def _lead(self, title: str, name: str, owner: int, number: str) -> int:
        values = {"TITLE": title, "NAME": name, "ASSIGNED_BY_ID": owner, "SOURCE_ID": "WEB"}
        values["FM"] = [_phone(number, "MOBILE")]
        return self._create(LEAD, values, owner)

    def _deal(self, title: str, owner: int, stage: str, contacts: list[int], amount: int, *, company: int = 0) -> int:
        values = {"TITLE": title, "ASSIGNED_BY_ID": owner, "STAGE_ID": stage, "CONTACT_IDS": contacts}
        values |= {"OPPORTUNITY": float(amount), "COMPANY_ID": company or None, "SOURCE_ID": "CALL"}
        return self._create(DEAL, values, owner)

    def _create(self, kind: int, values: Record, owner: int) -> int:
        return int(self._portal.create(KINDS[kind], values, Author(user_id=owner))["ID"])

    def _back_date(self) -> None:
        """Spread the creation over the last weeks."""
        for kind in KINDS.values():
            records = list(self._portal.tables[kind.id])
            for index, record in enumerate(records):
                at = self._portal.now() - (len(records) - index) * DAY / 2
                self._portal.tables[kind.id].put({**record, "DATE_CREATE": at, "DATE_MODIFY": at})


def _phone(number: str, value_type: str) -> Record:
    return {"TYPE_ID": "PHONE", "VALUE_TYPE": value_type, "VALUE": number}


def generate(portal: Portal, index: int) -> None:
    """One contact more: straight into the table, because nobody needs an event for it."""
    at = portal.now() - 30 * DAY
    kind = KINDS[CONTACT]
    record: Record = dict.fromkeys(kind.fields)
    record |= {
        "ID": FIRST_GENERATED + index,
        "NAME": _MEN[index % len(_MEN)],
        "LAST_NAME": f"{_SURNAMES[index // len(_MEN) % len(_SURNAMES)]} {index}",
        "DATE_CREATE": at,
        "DATE_MODIFY": at,
        "CREATED_BY_ID": ADMIN,
        "MODIFY_BY_ID": ADMIN,
        "ASSIGNED_BY_ID": (ANNA, BORIS, VERA)[index % 3],
        "OPENED": "Y",
        "FM": [{"ID": FIRST_GENERATED + index, **_phone(f"+7900{index:07}", "WORK")}],
    }
    portal.tables[kind.id].put(record)
    portal.sequence = max(portal.sequence, FIRST_GENERATED + index)
