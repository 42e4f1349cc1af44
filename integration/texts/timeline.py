"""What happened in a call, as sentences in Russian, Ukrainian and English. `web/pages/timeline.py` chooses them."""

from __future__ import annotations

from collections import defaultdict

from integration.texts import LANGUAGES

# key: (ru, uk, en)
TIMELINE: dict[str, tuple[str, str, str]] = {
    "started_inbound": (
        "Входящий звонок: {caller} → {called}",
        "Вхідний дзвінок: {caller} → {called}",
        "Incoming call: {caller} → {called}",
    ),
    "started_outbound": (
        "Исходящий звонок: {caller} → {called}",
        "Вихідний дзвінок: {caller} → {called}",
        "Outgoing call: {caller} → {called}",
    ),
    "started_internal": (
        "Внутренний звонок: {caller} → {called}",
        "Внутрішній дзвінок: {caller} → {called}",
        "Internal call: {caller} → {called}",
    ),
    "started_click": (
        "Звонок из CRM: {caller} → {called}",
        "Дзвінок із CRM: {caller} → {called}",
        "Call from the CRM: {caller} → {called}",
    ),
    "joined_late": (
        "Звонок уже шёл, когда Dozvon подключился к АТС",
        "Дзвінок уже тривав, коли Dozvon підключився до АТС",
        "The call was already in progress when Dozvon connected to the PBX",
    ),
    "in_queue": ("Звонок в очереди: {queue}", "Дзвінок у черзі: {queue}", "The call is in the queue: {queue}"),
    "offered": ("Звонит телефон: {who}", "Дзвонить телефон: {who}", "Ringing: {who}"),
    "offered_queue": (
        "Очередь {queue}, звонит телефон: {who}",
        "Черга {queue}, дзвонить телефон: {who}",
        "Queue {queue}, ringing: {who}",
    ),
    "offered_external": (
        "Набран внешний номер: {who}",
        "Набрано зовнішній номер: {who}",
        "Outside number dialled: {who}",
    ),
    "offered_conference": ("Конференция: {who}", "Конференція: {who}", "Conference: {who}"),
    "answered": ("Ответ: {who}", "Відповідь: {who}", "Answered: {who}"),
    "talking": ("Разговор с клиентом: {who}", "Розмова з клієнтом: {who}", "Talking to the client: {who}"),
    "talking_internal": ("Разговор: {who}", "Розмова: {who}", "Talking: {who}"),
    "leg_over_answered": ("Разговор закончен: {who}", "Розмову завершено: {who}", "Has left the call: {who}"),
    "leg_over_noanswer": ("Нет ответа: {who}", "Немає відповіді: {who}", "No answer: {who}"),
    "leg_over_busy": ("Занято: {who}", "Зайнято: {who}", "Busy: {who}"),
    "leg_over_rejected": ("Звонок отклонён: {who}", "Дзвінок відхилено: {who}", "Declined: {who}"),
    "leg_over_cancelled": (
        "Телефон больше не звонит: {who}",
        "Телефон більше не дзвонить: {who}",
        "No longer ringing: {who}",
    ),
    "leg_over_picked_up_elsewhere": (
        "Ответили на другом телефоне; больше не звонит: {who}",
        "Відповіли на іншому телефоні; більше не дзвонить: {who}",
        "Answered on another phone; no longer ringing: {who}",
    ),
    "leg_over_forwarded": ("Переадресация, телефон: {who}", "Переадресація, телефон: {who}", "Forwarded by: {who}"),
    "leg_over_failed": ("Не дозвонились: {who}", "Не додзвонилися: {who}", "Could not be reached: {who}"),
    "leg_over_unavailable": ("Телефон не в сети: {who}", "Телефон не в мережі: {who}", "Phone offline: {who}"),
    "released": ("Клиент ждёт соединения", "Клієнт чекає на з’єднання", "The client waits to be connected"),
    "held": ("Клиент на удержании", "Клієнт на утриманні", "The client is on hold"),
    "unheld": ("Клиент снова в разговоре", "Клієнт знову в розмові", "The client is off hold"),
    "transfer_blind": ("Перевод: {from_} → {to}", "Переведення: {from_} → {to}", "Transfer: {from_} → {to}"),
    "transfer_attended": (
        "Перевод после консультации: {from_} → {to}",
        "Переведення після консультації: {from_} → {to}",
        "Transfer after a consultation: {from_} → {to}",
    ),
    "transfer_park": ("Звонок на парковке: {from_}", "Дзвінок на паркуванні: {from_}", "Parked by: {from_}"),
    "transferred_answered": ("Перевод состоялся", "Переведення відбулося", "The transfer was answered"),
    "transferred_completed": ("Перевод состоялся", "Переведення відбулося", "The transfer is complete"),
    "transferred_noanswer": (
        "Перевод остался без ответа",
        "Переведення залишилося без відповіді",
        "The transfer was not answered",
    ),
    "transferred_busy": ("Перевод не удался: занято", "Переведення не вдалося: зайнято", "The transfer failed: busy"),
    "transferred_failed": ("Перевод не удался", "Переведення не вдалося", "The transfer failed"),
    "transferred_aborted": ("Перевод отменён", "Переведення скасовано", "The transfer was cancelled"),
    "transferred_returned": ("Звонок вернулся", "Дзвінок повернувся", "The call came back"),
    "merged": (
        "Консультация стала частью звонка клиента",
        "Консультація стала частиною дзвінка клієнта",
        "The consultation became part of the client’s call",
    ),
    "recording": ("Началась запись разговора", "Почався запис розмови", "The recording has started"),
    "waiting_for_employee": (
        "Клиент ответил и ждёт сотрудника",
        "Клієнт відповів і чекає на співробітника",
        "The client has answered and waits for an employee",
    ),
    "judged_person": ("Ответил человек", "Відповіла людина", "A person answered"),
    "judged_machine": ("Ответил автоответчик", "Відповів автовідповідач", "A machine answered"),
    "judged_not_sure": (
        "Неясно, человек ответил или автоответчик",
        "Неясно, людина відповіла чи автовідповідач",
        "Not sure whether a person or a machine answered",
    ),
    "message_started": (
        "Клиенту звучит сообщение",
        "Клієнтові звучить повідомлення",
        "A message plays to the client",
    ),
    "message_played": (
        "Сообщение прозвучало до конца",
        "Повідомлення прозвучало до кінця",
        "The message was played to its end",
    ),
    "message_left": (
        "Сообщение оставлено на автоответчике",
        "Повідомлення залишено на автовідповідачі",
        "A message was left on the machine",
    ),
    "key_pressed": (
        "Клиент нажал клавишу {digit}",
        "Клієнт натиснув клавішу {digit}",
        "The client pressed the key {digit}",
    ),
    "turned_away": (
        "Свободного сотрудника не нашлось, клиент отпущен",
        "Вільного співробітника не знайшлося, клієнта відпущено",
        "No employee was free; the client was released",
    ),
    "press_declined": ("Отклонено в карточке: {who}", "Відхилено в картці: {who}", "Declined in the card: {who}"),
    "press_hung_up": ("Завершено в карточке: {who}", "Завершено в картці: {who}", "Ended in the card: {who}"),
    "client_chosen": (
        "Выбрана карточка клиента: {name}. Выбрал сотрудник: {by}",
        "Вибрано картку клієнта: {name}. Вибрав співробітник: {by}",
        "The client’s card was chosen: {name}. Chosen by: {by}",
    ),
    "ended_caller": ("Звонок завершил звонивший", "Дзвінок завершив той, хто дзвонив", "The caller hung up"),
    "ended_callee": (
        "Звонок завершил тот, кому звонили",
        "Дзвінок завершив той, кому дзвонили",
        "The called party hung up",
    ),
    "ended_system": ("Звонок завершила АТС", "Дзвінок завершила АТС", "The PBX ended the call"),
    "ended_unseen": (
        "Звонок завершился, пока не было связи с АТС",
        "Дзвінок завершився, поки не було зв’язку з АТС",
        "The call ended while the PBX was not connected",
    ),
}
VIA: dict[str, tuple[str, str, str]] = {
    "direct": ("напрямую", "напряму", "directly"),
    "queue": ("очередь {queue}", "черга {queue}", "queue {queue}"),
    "transfer": ("перевод", "переведення", "transfer"),
    "consultation": ("консультация", "консультація", "consultation"),
    "pickup": ("перехват", "перехоплення", "pickup"),
    "forward": ("переадресация", "переадресація", "forwarding"),
    "fallback": ("на внешний номер", "на зовнішній номер", "to an outside number"),
    "click": ("звонок из CRM", "дзвінок із CRM", "call from the CRM"),
    "parking": ("парковка", "паркування", "parking"),
    "parking-return": ("возврат с парковки", "повернення з паркування", "back from parking"),
}
"""By `Via`: how a call came to a phone."""


def happened(key: str, language: str, **values: str) -> str:
    """A sentence without a full stop. A value that an older release did not store becomes a dash."""
    return TIMELINE[key][_column(language)].format_map(defaultdict(lambda: "—", values))


def way(via: str, queue: str | None, language: str) -> str:
    """How a call came to a phone; the bare code if this release does not know it."""
    words = VIA.get(via)
    return words[_column(language)].format(queue=queue or "—") if words else via


def _column(language: str) -> int:
    return LANGUAGES.index(language) if language in LANGUAGES else LANGUAGES.index("en")
