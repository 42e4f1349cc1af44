"""Fills a sandbox with a plausible Russian office: managers, clients, companies, deals in two pipelines, notes, tasks.

Always the same office. Only the dates follow the clock, so that the page looks in use. The numbers are invented.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from connectors.amocrm.sandbox import fields
from connectors.amocrm.sandbox.account import LOST, WON, Account
from connectors.amocrm.sandbox.api_work import new_task
from connectors.amocrm.sandbox.sandbox import Sandbox
from connectors.amocrm.sandbox.tables import FIRST_GENERATED, Population, Record

DAY = 86_400
ANNA, BORIS, VERA, GRIGORY, DMITRY, ELENA, ZHANNA = range(610077, 610084)

_Person = tuple[int, str, str, str, bool, bool, bool, int]  # id, name, e-mail, phone, admin, free, active, group
_USERS = (
    (ANNA, "Анна Орлова", "orlova@romashka.test", "+79995550101", False, False, True, 1),
    (BORIS, "Борис Климов", "klimov@romashka.test", "+79995550102", False, False, True, 1),
    (VERA, "Вера Соколова", "sokolova@romashka.test", "+79995550103", False, False, True, 1),
    (GRIGORY, "Григорий Белов", "belov@romashka.test", "+79995550104", False, False, True, 2),
    (DMITRY, "Дмитрий Егоров", "egorov@romashka.test", "+79995550105", True, False, True, 0),
    (ELENA, "Елена Жукова", "zhukova@romashka.test", "", False, False, False, 1),
    (ZHANNA, "Жанна Савельева", "savelieva@romashka.test", "", False, True, True, 2),
)

SALES, SERVICE = 5501, 5502
_STAGES = {
    SALES: ("Продажи", ("Первичный контакт", "Переговоры", "Принимают решение", "Согласование договора")),
    SERVICE: ("Сервис", ("Новая заявка", "В работе", "Ждём клиента")),
}
_COLORS = ("#99ccff", "#ffff99", "#ffcc66", "#ffcccc")

# The demonstration calls from these numbers: known clients, each a different case.
DEMO_CLIENTS: tuple[tuple[str, str], ...] = (
    ("Иван Петров", "+79161234567"),  # one open deal, responsible Anna
    ("Мария Кузнецова", "+79261112233"),  # no deal, responsible Boris
    ("Олег Смирнов", "+74955550142"),  # two open deals, number typed in local form
    ("Ольга Николаева", "+79037654321"),  # two contacts with this number
    ("ООО «Вектор»", "+74955550100"),  # a company's number
    ("Сергей Волков", "+79165550177"),  # responsible user is deactivated
    ("Татьяна Крылова", "+79165550188"),  # responsible is a free user, who cannot be called
)

_MEN = ("Алексей", "Андрей", "Виктор", "Денис", "Игорь", "Константин", "Максим", "Никита", "Павел", "Роман", "Юрий")
_WOMEN = ("Алина", "Вероника", "Дарья", "Екатерина", "Инна", "Ксения", "Лариса", "Наталья", "Полина", "Светлана", "Яна")
_SURNAMES = ("Абрамов", "Богданов", "Виноградов", "Герасимов", "Данилов", "Ершов", "Зайцев", "Исаев", "Калинин",
             "Лебедев", "Макаров", "Назаров", "Панов", "Рябов", "Семёнов", "Тихонов", "Усов", "Фомин", "Чернов",
             "Шубин")  # fmt: skip
_FIRMS = ("Альфа", "Базис", "Вымпел", "Гранит", "Дельта", "Заря", "Импульс", "Квант", "Лидер", "Маяк", "Норд", "Орион",
          "Прогресс", "Радуга", "Спектр", "Титан", "Уран", "Феникс", "Эталон", "Юпитер")  # fmt: skip
_TRADES = ("Строй", "Торг", "Сервис", "Мебель", "Логистика")
_GOODS = ("Кухонный гарнитур", "Офисная мебель", "Шкаф-купе", "Поставка кресел", "Ремонт витрин", "Стойка ресепшен")
_POSITIONS = ("Директор", "Закупки", "Бухгалтер", "Администратор", "Снабженец")
_SOURCES = ("Сайт", "Рекомендация", "Выставка", "Авито", "Повторный клиент")
_NOTES = ("Просил перезвонить после обеда", "Отправили коммерческое предложение", "Нужен замер на объекте",
          "Интересует скидка при предоплате", "Договор подписан, ждём оплату")  # fmt: skip
_PHONE_FORMS = ("+7 ({a}) {b}-{c}-{d}", "8 ({a}) {b}-{c}-{d}", "+7{a}{b}{c}{d}", "8{a}{b}{c}{d}", "7{a}{b}{c}{d}")


def seed_office(sandbox: Sandbox) -> None:
    """Make two accounts: the office, and an empty branch that can be chosen on the consent page."""
    account = sandbox.add_account(31_000_000, "Мебельный дом «Ромашка»", "romashka")
    account.groups = {0: "Администрация", 1: "Отдел продаж", 2: "Сервис"}
    _people(account, _USERS)
    _pipelines(account)
    _Office(account).fill()
    if sandbox.settings.contacts:
        account.contacts.population = _population(account, sandbox.settings.contacts)
    branch = sandbox.add_account(31_000_001, "«Ромашка», филиал", "romashka-spb")
    _people(branch, [(620001, "Кирилл Громов", "gromov@romashka.test", "", True, False, True, 0)])
    _pipelines(branch)
    for each in (account, branch):
        each.events.clear()


def _people(account: Account, people: Iterable[_Person]) -> None:
    for id_, name, email, phone, is_admin, is_free, is_active, group in people:
        rights = {"view": "A", "edit": "A", "add": "A", "delete": "D", "export": "D"}
        account.users[id_] = {
            "id": id_,
            "name": name,
            "email": email,
            "lang": "ru",
            "phone_number": phone or None,
            "role": None if is_admin else {"id": 77, "name": "Продажи"},
            "rights": {
                "leads": rights,
                "contacts": rights,
                "companies": rights,
                "tasks": {"edit": "A", "delete": "A"},
                "mail_access": is_admin,
                "catalog_access": True,
                "status_rights": [],
                "is_admin": is_admin,
                "is_free": is_free,
                "is_active": is_active,
                "group_id": group or None,
                "role_id": None if is_admin else 77,
            },
        }


def _pipelines(account: Account) -> None:
    for number, (id_, (name, stages)) in enumerate(_STAGES.items()):
        ordinary = [(id_ * 10 + n, stage, _COLORS[n % 4], 0) for n, stage in enumerate(stages, 1)]
        rows = [(id_ * 10, "Неразобранное", "#c1c1c1", 1), *ordinary]
        rows += [(WON, "Успешно реализовано", "#ccff66", 0), (LOST, "Закрыто и не реализовано", "#d5d8db", 0)]
        account.pipelines[id_] = {
            "id": id_,
            "name": name,
            "sort": number + 1,
            "is_main": number == 0,
            "is_unsorted_on": True,
            "is_archive": False,
            "account_id": account.id,
            "_embedded": {
                "statuses": [
                    {"id": status, "name": stage, "sort": n * 10, "is_editable": kind == 0 and status > LOST,
                     "pipeline_id": id_, "color": color, "type": kind, "account_id": account.id}
                    for n, (status, stage, color, kind) in enumerate(rows, 1)
                ]
            },
        }  # fmt: skip


class _Office:
    """The random part, from a fixed seed. Ids begin with small numbers, so that they are easy to read."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.chance = random.Random(20_261_122)
        self.today = account.moment() // DAY * DAY
        self.last_id = 9_000
        # The special cases are the office's newest records, each newer than the one before.
        self.days = iter(range(24, 0, -1))

    def id(self) -> int:
        self.last_id += 1
        return self.last_id

    def fill(self) -> None:
        self._special_cases()
        self.days = iter(())
        companies = [self._company() for _ in range(60)]
        for number in range(300):
            company = self.chance.choice(companies) if number % 3 else None
            contact = self._contact(*self._name(number), company)
            if number % 5 != 4:
                self._deal(contact, company)

    def _special_cases(self) -> None:
        """The clients of DEMO_CLIENTS, in the same order."""
        ivan = self.person("Иван Петров", "+7 (916) 123-45-67", ANNA)
        self._lead("Кухонный гарнитур для Петрова", ANNA, SALES, 2, 245_000, ivan)
        self.person("Мария Кузнецова", "+7 926 111-22-33", BORIS)
        oleg = self.person("Олег Смирнов", "8 (495) 555-01-42", ANNA)
        self._lead("Шкаф-купе в спальню", ANNA, SALES, 1, 98_000, oleg)
        self._lead("Ремонт витрин", GRIGORY, SERVICE, 2, 32_000, oleg)
        olga = self.person("Ольга Николаева", "+79037654321", VERA)
        self._lead("Стойка ресепшен", VERA, SALES, 3, 156_000, olga)
        self.person("Николаева О. (дубль)", "8 903 765-43-21", BORIS)
        vector = self._organisation("ООО «Вектор»", "+7 (495) 555-01-00", VERA)
        self._lead("Офисная мебель для «Вектора»", VERA, SALES, 4, 1_240_000, None, vector)
        self.person("Сергей Волков", "+7 916 555-01-77", ELENA)
        self.person("Татьяна Крылова", "+7 916 555-01-88", ZHANNA)
        self._note("contacts", ivan["id"], _NOTES[0], ANNA, 2)
        task = {"text": "Перезвонить по замеру", "complete_till": self.today + DAY + 15 * 3600}
        owner = {"entity_id": ivan["id"], "entity_type": "contacts", "responsible_user_id": ANNA}
        new_task(self.account, {**task, **owner}, ANNA)

    def person(
        self, name: str, phone: str, owner: int, company: Record | None = None, extra: Record | None = None
    ) -> Record:
        first, _, last = name.partition(" ")
        values = {"name": name, "first_name": first, "last_name": last, **self._times(owner)}
        values["company_id"] = company["id"] if company else None
        values["custom_fields_values"] = self._fields(
            "contacts", [fields.phone_field(phone), *([extra] if extra else [])]
        )
        return self.account.create("contacts", values, owner, id_=self.id())

    def _organisation(self, name: str, phone: str, owner: int) -> Record:
        values = {"name": name, **self._times(owner)}
        values["custom_fields_values"] = self._fields("companies", [fields.phone_field(phone)])
        return self.account.create("companies", values, owner, id_=self.id())

    def _fields(self, kind: str, items: list[Record]) -> list[Record] | None:
        return self.account.check_fields(kind, items, None)[0]

    def _times(self, owner: int) -> Record:
        days = next(self.days, 0) or self.chance.randrange(30, 700)
        at = self.today - days * DAY + self.chance.randrange(8 * 3600, 18 * 3600)
        return {"created_at": at, "updated_at": at + self.chance.randrange(6 * 3600), "responsible_user_id": owner}

    def _name(self, number: int) -> tuple[str, str]:
        surname = self.chance.choice(_SURNAMES)
        if number % 2:
            return self.chance.choice(_MEN) + " " + surname, self._phone()
        return self.chance.choice(_WOMEN) + " " + surname + "а", self._phone()

    def _phone(self, area: str = "") -> str:
        digits = f"{self.chance.randrange(10**7):07d}"
        area = area or self.chance.choice(("903", "905", "915", "925", "977"))
        return self.chance.choice(_PHONE_FORMS).format(a=area, b=digits[:3], c=digits[3:5], d=digits[5:])

    def _company(self) -> Record:
        name = f"ООО «{self.chance.choice(_FIRMS)}{self.chance.choice(_TRADES)}»"
        return self._organisation(name, self._phone("495"), self.chance.choice((ANNA, BORIS, VERA, GRIGORY)))

    def _contact(self, name: str, phone: str, company: Record | None) -> Record:
        owner = self.chance.choice((ANNA, ANNA, BORIS, BORIS, VERA, GRIGORY))
        extra: Record = {"field_id": 79, "values": [{"value": self.chance.choice(_SOURCES)}]}
        if company:
            extra = {"field_code": "POSITION", "values": [{"value": self.chance.choice(_POSITIONS)}]}
        return self.person(name, phone, owner, company, extra)

    def _deal(self, contact: Record, company: Record | None) -> None:
        pipeline = SERVICE if self.chance.random() < 0.3 else SALES
        step = (
            self.chance.choice((1, 2, 3, WON, LOST))
            if pipeline == SERVICE
            else self.chance.choice((1, 2, 3, 4, WON, LOST))
        )
        price = self.chance.randrange(12, 480) * 1000
        owner = contact["responsible_user_id"]
        name = f"{self.chance.choice(_GOODS)}, {contact['last_name']}"
        lead = self._lead(name, owner, pipeline, step, price, contact, company)
        if self.chance.random() < 0.3:
            self._note("leads", lead["id"], self.chance.choice(_NOTES), owner, self.chance.randrange(1, 40))

    def _lead(
        self,
        name: str,
        owner: int,
        pipeline: int,
        step: int,
        price: int,
        contact: Record | None,
        company: Record | None = None,
    ) -> Record:
        """`step`: the number of the stage, or 142 or 143."""
        times = self._times(owner)
        stage = step if step in (WON, LOST) else pipeline * 10 + step
        values = {"name": name, "price": price, "pipeline_id": pipeline, "status_id": stage, **times}
        values["closed_at"] = times["updated_at"] if step in (WON, LOST) else None
        values |= {"contacts": [contact["id"]] if contact else [], "company_id": company["id"] if company else None}
        return self.account.create("leads", values, owner, id_=self.id())

    def _note(self, kind: str, id_: int, text: str, by: int, days_ago: int) -> None:
        at = self.today - days_ago * DAY + 11 * 3600
        self.account.add_note(
            kind, id_, {"note_type": "common", "params": {"text": text}, "created_at": at, "created_by": by}, by
        )


def _population(account: Account, count: int) -> Population:
    """Contacts for measurements: number +7 900 and the index in seven digits; managers are responsible in turn."""
    owners = (ANNA, BORIS, VERA, GRIGORY)
    at = account.moment() // DAY * DAY - 800 * DAY

    def make(index: int) -> Record:
        return {
            "id": FIRST_GENERATED + index,
            "name": f"Клиент {index:07d}",
            "first_name": "Клиент",
            "last_name": f"{index:07d}",
            "responsible_user_id": owners[index % 4],
            "group_id": 0,
            "created_by": owners[index % 4],
            "updated_by": owners[index % 4],
            "created_at": at,
            "updated_at": at,
            "is_deleted": False,
            "closest_task_at": None,
            "account_id": account.id,
            "custom_fields_values": [
                {
                    "field_id": 71,
                    "field_name": "Телефон",
                    "field_code": "PHONE",
                    "field_type": "multitext",
                    "values": [{"value": f"+7900{index:07d}", "enum_id": 101, "enum_code": "WORK"}],
                }
            ],
            "company_id": None,
            "tags": [],
            "hidden": False,
        }

    def find(tail: str) -> int | None:
        index = int(tail[-7:])
        return index if index < count and f"+7900{index:07d}".endswith(tail) else None

    return Population(count, make, find, at)
