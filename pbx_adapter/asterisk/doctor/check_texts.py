"""The names of the doctor's checks of an Asterisk, in Russian, Ukrainian and English.

The codes are the names in `dozvon doctor --json`, with their facts: a release does not rename one.
"""

from __future__ import annotations

from integration.domain.sentences import Words

DOCTOR = Words("doctor", "Проверка", "Перевірка", "Doctor")
CONNECTION = Words("connection", "Соединение", "З’єднання", "Connection")
LOGIN = Words("login", "Вход", "Вхід", "Login")
VERSION = Words("version", "Версия", "Версія", "Version")
RIGHT = Words("permission {group}", "Право {group}", "Право {group}", "Permission {group}")
EVENTS = Words("events {group}", "События {group}", "Події {group}", "Events {group}")
COMMAND = Words("permission command", "Право command", "Право command", "Permission command")
TONES = Words("tones", "Тональный набор", "Тональний набір", "Tones")
FILTER = Words("event filter", "Фильтр событий", "Фільтр подій", "Event filter")
CLOCK = Words("clock", "Часы", "Годинник", "Clock")
CALLS = Words("calls", "Звонки", "Дзвінки", "Calls")
EMPLOYEES = Words("employees", "Внутренние номера", "Внутрішні номери", "Employees")
TRUNKS = Words("trunks", "Транки", "Транки", "Trunks")
DIALPLAN = Words("dialplan", "Диалплан", "Діалплан", "Dialplan")
WAY_BACK = Words("way back", "Связь от АТС к Dozvon", "Зв’язок від АТС до Dozvon", "Way back")
NUMBERS = Words("numbers dialled: {what}", "Набор номеров: {what}", "Набір номерів: {what}", "Numbers dialled: {what}")
CAMPAIGNS = Words("campaigns", "Обзвон", "Обдзвін", "Campaigns")
RECORDINGS = Words("recordings", "Записи разговоров", "Записи розмов", "Recordings")
AMI_NETWORK = Words("AMI network", "Сеть AMI", "Мережа AMI", "AMI network")
AGI_NETWORK = Words("FastAGI network", "Сеть FastAGI", "Мережа FastAGI", "FastAGI network")
RECORDS = Words("records", "Журнал звонков АТС", "Журнал дзвінків АТС", "Records")
MODULES = Words("modules", "Модули", "Модулі", "Modules")
CONTEXTS = Words("contexts", "Контексты", "Контексти", "Contexts")
