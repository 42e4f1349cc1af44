"""Why a campaign or an entry is not dialled now, in Russian, Ukrainian and English: `hold_sentence()`."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from integration.domain.campaigns.holds import until_of
from integration.domain.campaigns.model import Outcome
from integration.domain.reasons import Reason
from integration.texts import LANGUAGES

HOLDS: dict[str, tuple[str, str, str]] = {
    # the campaign
    "not_started": (
        "Обзвон ещё не запущен.",
        "Обдзвін ще не запущено.",
        "The campaign has not been started.",
    ),
    "paused": ("Обзвон на паузе.", "Обдзвін на паузі.", "The campaign is paused."),
    "stopped": ("Обзвон остановлен.", "Обдзвін зупинено.", "The campaign is stopped."),
    "finished": (
        "Список пройден до конца.",
        "Список пройдено до кінця.",
        "The whole list has been called.",
    ),
    "no_window": (
        "Ни на один день не задано время для звонков.",
        "На жоден день не задано час для дзвінків.",
        "No day has hours for calls.",
    ),
    "no_voice": (
        "АТС не умеет проигрывать клиентам сообщения: выберите другой способ звонить.",
        "АТС не вміє програвати клієнтам повідомлення: виберіть інший спосіб телефонувати.",
        "The PBX cannot play messages to clients: choose another way to call.",
    ),
    "no_message": (
        "Сообщения для клиентов ещё нет на АТС: что мешает, покажет проверка (dozvon doctor).",
        "Повідомлення для клієнтів ще немає на АТС: що заважає, покаже перевірка (dozvon doctor).",
        "What clients shall hear is not on the PBX yet: the doctor says why (dozvon doctor).",
    ),
    "callbacks_off": (
        "Перезвоны на этой линии выключены.",
        "Передзвони на цій лінії вимкнено.",
        "Callbacks are switched off on this line.",
    ),
    # lines
    "no_lines": (
        "Обзвону не назначена ни одна линия.",
        "Обдзвону не призначено жодної лінії.",
        "The campaign has no line.",
    ),
    "lines_down": ("Линии обзвона недоступны.", "Лінії обдзвону недоступні.", "The campaign’s lines are down."),
    "lines_resting": (
        "Оператор связи отклонил звонки, линия отдыхает до {until}.",
        "Оператор зв’язку відхилив дзвінки, лінія відпочиває до {until}.",
        "The carrier refused calls: the line rests until {until}.",
    ),
    "lines_busy": (
        "Все линии заняты: {busy} из {most}.",
        "Усі лінії зайняті: {busy} з {most}.",
        "All lines are busy: {busy} of {most}.",
    ),
    "campaign_limit": (
        "Достигнут предел одновременных звонков обзвона: {most}.",
        "Досягнуто межі одночасних дзвінків обдзвону: {most}.",
        "The campaign’s limit of calls at once is reached: {most}.",
    ),
    "calls_per_second": (
        "Оператор связи не принимает больше звонков в секунду.",
        "Оператор зв’язку не приймає більше дзвінків за секунду.",
        "The carrier takes no more calls a second.",
    ),
    # employees
    "nobody_works": (
        "Никто из сотрудников обзвона не на связи.",
        "Ніхто зі співробітників обдзвону не на зв’язку.",
        "None of the campaign’s employees is signed in.",
    ),
    "all_paused": (
        "Все сотрудники обзвона на перерыве.",
        "Усі співробітники обдзвону на перерві.",
        "All of the campaign’s employees are on a break.",
    ),
    "all_busy": (
        "Все сотрудники заняты: {busy}.",
        "Усі співробітники зайняті: {busy}.",
        "All employees are busy: {busy}.",
    ),
    "no_card": (
        "Некому показать клиента: ни у кого из свободных сотрудников не открыта страница CRM с карточкой.",
        "Нікому показати клієнта: у жодного з вільних співробітників не відкрито сторінку CRM з карткою.",
        "Nobody can be shown a client: none of the free employees has a page of the CRM with the card open.",
    ),
    "offered": (
        "Сотрудники смотрят клиентов и решают, звонить ли: {shown}.",
        "Співробітники дивляться клієнтів і вирішують, чи телефонувати: {shown}.",
        "Employees look at clients and decide whether to call: {shown}.",
    ),
    "offer_over": (
        "Этого клиента вам больше не показывают.",
        "Цього клієнта вам більше не показують.",
        "This client is not shown to you any more.",
    ),
    # pacing
    "enough_ringing": (
        "Звонков уже достаточно: {ringing}.",
        "Дзвінків уже достатньо: {ringing}.",
        "Enough calls are on their way: {ringing}.",
    ),
    "risk": (
        "Ещё один звонок может не застать свободного сотрудника: риск {risk} %, допустимо {price} %.",
        "Ще один дзвінок може не застати вільного співробітника: ризик {risk} %, допустимо {price} %.",
        "One more call may find nobody free: the risk is {risk} %, {price} % is allowed.",
    ),
    "ceiling": (
        "Доля потерянных звонков {share} % близка к пределу {ceiling} %: по одному звонку на свободного сотрудника.",
        "Частка втрачених дзвінків {share} % близька до межі {ceiling} %: по одному дзвінку на вільного співробітника.",
        "The share of abandoned calls, {share} %, is close to the ceiling of {ceiling} %: one call for each free "
        "employee.",
    ),
    "learning": (
        "Ответов пока мало, {answers} из {wanted}: по одному звонку на свободного сотрудника.",
        "Відповідей поки мало, {answers} з {wanted}: по одному дзвінку на вільного співробітника.",
        "There are few answers yet, {answers} of {wanted}: one call for each free employee.",
    ),
    "team_small": (
        "Для звонков с опережением нужно сотрудников: {wanted}, сейчас {present}: по одному звонку на свободного.",
        "Для дзвінків із випередженням потрібно співробітників: {wanted}, зараз {present}: по одному дзвінку на "
        "вільного.",
        "Dialling ahead needs {wanted} employees, there are {present}: one call for each free employee.",
    ),
    "phones_do_not_answer": (
        "По одному звонку на свободного сотрудника: чтобы звонить с опережением, телефоны должны снимать трубку сами.",
        "По одному дзвінку на вільного співробітника: щоб дзвонити з випередженням, телефони мають відповідати самі.",
        "One call for each free employee: dialling ahead needs phones that answer by themselves.",
    ),
    "no_reception": (
        "По одному звонку на свободного сотрудника: АТС не умеет держать клиента в ожидании.",
        "По одному дзвінку на вільного співробітника: АТС не вміє тримати клієнта в очікуванні.",
        "One call for each free employee: the PBX cannot keep a client waiting.",
    ),
    "no_announcement": (
        "По одному звонку на свободного сотрудника: на АТС нет сообщения для тех, кто не дождался.",
        "По одному дзвінку на вільного співробітника: на АТС немає повідомлення для тих, хто не дочекався.",
        "One call for each free employee: the PBX has no announcement for clients whom nobody takes.",
    ),
    # entries
    "no_entries": ("Звонить больше некому.", "Дзвонити більше нікому.", "Nobody is left to call."),
    "not_due": ("Следующий звонок в {until}.", "Наступний дзвінок о {until}.", "The next call is at {until}."),
    "entry_closed": (
        "Работа с этой записью закончена.",
        "Роботу з цим записом закінчено.",
        "This entry is done.",
    ),
    "entry_taken": ("Этому клиенту уже звонят.", "Цьому клієнту вже дзвонять.", "This client is being called."),
    "do_not_call": (
        "Номер в списке «Не звонить».",
        "Номер у списку «Не дзвонити».",
        "The number is on the do-not-call list.",
    ),
    "no_number_left": (
        "Все номера клиента вычеркнуты.",
        "Усі номери клієнта викреслено.",
        "All numbers of the client are struck out.",
    ),
    "zone_unknown": (
        "Часовой пояс клиента неизвестен.",
        "Часовий пояс клієнта невідомий.",
        "The client’s time zone is unknown.",
    ),
    "window_closed": (
        "У клиента сейчас не время для звонков, следующее начнётся в {until}.",
        "У клієнта зараз не час для дзвінків, наступний почнеться о {until}.",
        "It is not a time for calls where the client is; the next one begins at {until}.",
    ),
    "number_attempts": (
        "Попытки на этот номер исчерпаны: {most}.",
        "Спроби на цей номер вичерпано: {most}.",
        "The attempts at this number are used up: {most}.",
    ),
    "contact_attempts": (
        "Попытки дозвониться клиенту исчерпаны: {most}.",
        "Спроби додзвонитися клієнту вичерпано: {most}.",
        "The attempts at this client are used up: {most}.",
    ),
    "number_day": (
        "Попытки на этот номер за день исчерпаны ({most}), следующая возможна в {until}.",
        "Спроби на цей номер за день вичерпано ({most}), наступна можлива о {until}.",
        "The day’s attempts at this number are used up ({most}); the next is possible at {until}.",
    ),
    "contact_day": (
        "Попытки дозвониться клиенту за день исчерпаны ({most}), следующая возможна в {until}.",
        "Спроби додзвонитися клієнту за день вичерпано ({most}), наступна можлива о {until}.",
        "The day’s attempts at this client are used up ({most}); the next is possible at {until}.",
    ),
    "gap": (
        "Пауза между попытками до {until}.",
        "Пауза між спробами до {until}.",
        "The gap between two attempts lasts until {until}.",
    ),
    "redial": (
        "Повтор в {until}. Итог прошлой попытки: {outcome}.",
        "Повтор о {until}. Підсумок минулої спроби: {outcome}.",
        "The next attempt is at {until}. The last one’s outcome: {outcome}.",
    ),
    "in_use": (
        "На этот номер уже звонят.",
        "На цей номер уже дзвонять.",
        "Another call to this number is on its way.",
    ),
    "talking_now": (
        "Клиент сейчас разговаривает с нами.",
        "Клієнт зараз розмовляє з нами.",
        "The client is talking to us now.",
    ),
    "called_in": (
        "Клиент недавно звонил сам, до {until} его не беспокоят.",
        "Клієнт нещодавно дзвонив сам, до {until} його не турбують.",
        "The client has just called us, and is left in peace until {until}.",
    ),
    "needs_employee": (
        "Прошлый звонок не застал сотрудника: нужен тот, кто уже свободен.",
        "Минулий дзвінок не застав співробітника: потрібен той, хто вже вільний.",
        "The last call found nobody: this one needs an employee who is already free.",
    ),
    "responsible_busy": (
        "Ответственный сейчас занят.",
        "Відповідальний зараз зайнятий.",
        "The responsible employee is busy.",
    ),
    "agreed_with": (
        "До {until} звонок ждёт сотрудника, который обещал перезвонить.",
        "До {until} дзвінок чекає на співробітника, який обіцяв передзвонити.",
        "Until {until} the call waits for the employee who promised it.",
    ),
    "named_away": (
        "Звонить некому: ответственный и те, кто его заменяет, сейчас не на месте.",
        "Дзвонити нікому: відповідального і тих, хто його замінює, зараз немає на місці.",
        "Nobody is there to call: the responsible employee and those who stand in are not at work.",
    ),
    "nobody_named": (
        "У клиента нет ответственного, а в настройках никто не назван ответственным за пропущенные звонки.",
        "У клієнта немає відповідального, а в налаштуваннях нікого не названо відповідальним за пропущені дзвінки.",
        "The client has no responsible employee, and the settings name nobody for missed calls.",
    ),
}

OUTCOMES: dict[str, tuple[str, str, str]] = {
    "talked": ("разговор", "розмова", "talked"),
    "played": ("сообщение прослушано", "повідомлення прослухано", "message played"),
    "busy": ("занято", "зайнято", "busy"),
    "no_answer": ("нет ответа", "немає відповіді", "no answer"),
    "refused": ("отклонён клиентом", "відхилено клієнтом", "declined"),
    "unreachable": ("недоступен", "недоступний", "unreachable"),
    "no_such_number": ("номер не существует", "номер не існує", "no such number"),
    "machine": ("автоответчик", "автовідповідач", "answering machine"),
    "fax": ("факс", "факс", "fax"),
    "silent": ("трубку сняли и положили", "слухавку зняли й поклали", "answered without a word"),
    "abandoned": ("не застал сотрудника", "не застав співробітника", "abandoned"),
    "client_left": ("клиент положил трубку сразу", "клієнт поклав слухавку одразу", "client hung up at once"),
    "trunk_failed": ("сбой линии", "збій лінії", "line failed"),
    "forbidden": ("запрещён оператором связи", "заборонено оператором зв’язку", "forbidden by the carrier"),
    "employee_failed": ("сотрудник не снял трубку", "співробітник не зняв слухавку", "employee did not answer"),
    "cancelled": ("отменён", "скасовано", "cancelled"),
    "not_dialled": ("не набирался", "не набирався", "not dialled"),
    "unknown": ("неизвестно", "невідомо", "unknown"),
}
"""By `Outcome`."""


class _Values(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "—"


def hold_sentence(reason: Reason, language: str = "ru", *, zone: str = "UTC", now: float | None = None) -> str:
    """
    Write a hold as one sentence.

    Args:
        zone: the office's, IANA, for moments. now: a moment of the same day is written without its date.

    Returns:
        The sentence; the bare code if this version does not know it. Never raises.
    """
    texts = HOLDS.get(reason.code)
    if texts is None:
        return reason.code
    at = LANGUAGES.index(language) if language in LANGUAGES else LANGUAGES.index("en")
    values = _Values(reason.detail)
    values.pop("until", None)
    until = until_of(reason)
    if until is not None:
        values["until"] = _moment(until, zone, now)
    if values.get("outcome") in OUTCOMES:
        values["outcome"] = OUTCOMES[values["outcome"]][at]
    return texts[at].format_map(values)


_ANNOUNCEMENT = {
    "ru": "Извините, сейчас все сотрудники заняты. Мы обязательно вам перезвоним.",
    "uk": "Вибачте, зараз усі співробітники зайняті. Ми обов’язково вам передзвонимо.",
    "en": "We are sorry, all of our employees are busy. We will call you back.",
}


def announcement_text(language: str) -> str:
    """What a client hears who was dialled ahead and whom nobody took, where the campaign says nothing else."""
    return _ANNOUNCEMENT.get(language, _ANNOUNCEMENT["en"])


_PRESSED = {
    "ru": "Клиент нажал {key}, чтобы ему не звонили.",
    "uk": "Клієнт натиснув {key}, щоб йому не телефонували.",
    "en": "The client pressed {key} to get no more calls.",
}


def pressed_text(key: str, language: str) -> str:
    """Why a number is not called any more, for the list of those numbers."""
    return _PRESSED.get(language, _PRESSED["en"]).format(key=key)


def outcome_text(outcome: Outcome, language: str = "ru") -> str:
    """What came of an attempt, in a word or two."""
    return OUTCOMES[outcome][LANGUAGES.index(language) if language in LANGUAGES else LANGUAGES.index("en")]


def _moment(at: float, zone: str, now: float | None) -> str:
    try:
        own = ZoneInfo(zone)
        local = datetime.fromtimestamp(at, own)
        is_today = now is not None and datetime.fromtimestamp(now, own).date() == local.date()
    except (ValueError, OSError, OverflowError, LookupError):
        return "—"
    return f"{local:%H:%M}" if is_today else f"{local:%d.%m %H:%M}"
