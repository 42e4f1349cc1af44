"""The reasons of a decision as sentences in Russian, Ukrainian and English: `sentence()`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from integration.domain.reasons import Reason
from integration.texts import LANGUAGES

TEXTS: dict[str, tuple[str, str, str]] = {
    # whose the call is
    "owned_by_click": (
        "Звонок начат из этой CRM.",
        "Дзвінок розпочато з цієї CRM.",
        "The call was started from this CRM.",
    ),
    "owned_by_line": (
        "Линия {line} назначена этому аккаунту.",
        "Лінію {line} призначено цьому акаунту.",
        "The line {line} is assigned to this account.",
    ),
    "owned_by_caller": (
        "Звонил сотрудник этого аккаунта: {extension}.",
        "Дзвонив співробітник цього акаунта: {extension}.",
        "An employee of this account called: {extension}.",
    ),
    "owned_by_talk": (
        "Разговаривал сотрудник этого аккаунта: {extension}.",
        "Розмовляв співробітник цього акаунта: {extension}.",
        "An employee of this account talked: {extension}.",
    ),
    "owned_by_ringing": (
        "Звонок поступал сотруднику этого аккаунта: {extension}.",
        "Дзвінок надходив співробітнику цього акаунта: {extension}.",
        "The phone of an employee of this account rang: {extension}.",
    ),
    "owned_by_first": (
        "Ни одно правило не назвало владельца звонка: он записан в первый аккаунт этой АТС.",
        "Жодне правило не назвало власника дзвінка: його записано до першого акаунта цієї АТС.",
        "No rule names an owner: the call goes to the first account of this PBX.",
    ),
    "routed_by": (
        "Звонящего знает другой аккаунт на этой АТС, он и выбрал маршрут: {account}.",
        "Того, хто дзвонить, знає інший акаунт на цій АТС, він і вибрав маршрут: {account}.",
        "Another account on this PBX knows the caller and chose the route: {account}.",
    ),
    # the account and the line
    "integration_off": (
        "Интеграция выключена.",
        "Інтеграцію вимкнено.",
        "The integration is switched off.",
    ),
    "off_for_manager": (
        "Dozvon пока включён не для всех, ответственный не выбран: {manager}.",
        "Dozvon поки увімкнено не для всіх, відповідального не вибрано: {manager}.",
        "Dozvon is not on for everybody yet, and the responsible is not chosen: {manager}.",
    ),
    "line_own": (
        "Действуют собственные настройки линии {line}.",
        "Діють власні налаштування лінії {line}.",
        "Line {line} has its own settings.",
    ),
    "line_default": (
        "Для линии {line} действуют настройки для всех номеров.",
        "Для лінії {line} діють налаштування для всіх номерів.",
        "The settings for all lines apply to line {line}.",
    ),
    "line_not_processed": (
        "Обработка звонков отключена для линии {line}.",
        "Обробку дзвінків вимкнено для лінії {line}.",
        "Calls of line {line} are not processed.",
    ),
    "to_responsible_off": (
        "Перевод на ответственного менеджера отключён.",
        "Переведення на відповідального менеджера вимкнено.",
        "Calls do not go to the responsible manager on this line.",
    ),
    # the number
    "caller_hidden": ("Номер скрыт.", "Номер приховано.", "The number is hidden."),
    "caller_internal": (
        "{number} — внутренний номер сотрудника, не клиент.",
        "{number} — внутрішній номер співробітника, не клієнт.",
        "{number} is an employee’s extension, not a client.",
    ),
    "caller_bare_digits": (
        "{number} — короткий, местный или несуществующий номер: клиента по нему не ищут.",
        "{number} — короткий, місцевий або неіснуючий номер: клієнта за ним не шукають.",
        "{number} is a short, local or impossible number: no client is looked up.",
    ),
    "caller_not_a_number": (
        "«{number}» не похоже на телефонный номер.",
        "«{number}» не схоже на телефонний номер.",
        "“{number}” is not a telephone number.",
    ),
    "caller_local_form": (
        "Номер {number} прочитан как {e164}.",
        "Номер {number} прочитано як {e164}.",
        "The number {number} was read as {e164}.",
    ),
    # the caller
    "caller_unknown": (
        "Номера нет в телефонной книге.",
        "Номера немає в телефонній книзі.",
        "The number is not in the phone book.",
    ),
    "phone_book_empty": (
        "Телефонная книга ещё не заполнена из CRM.",
        "Телефонну книгу ще не заповнено з CRM.",
        "The phone book has not been filled from the CRM yet.",
    ),
    "crm_asked": (
        "Найден прямым запросом в CRM за {seconds} с.",
        "Знайдено прямим запитом до CRM за {seconds} с.",
        "Found by searching the CRM, in {seconds} s.",
    ),
    "crm_does_not_know": (
        "CRM опрошена за {seconds} с: номера нет и там.",
        "CRM опитано за {seconds} с: номера немає й там.",
        "The CRM does not have the number either (asked in {seconds} s).",
    ),
    "crm_too_slow": (
        "CRM не ответила за {seconds} с.",
        "CRM не відповіла за {seconds} с.",
        "The CRM did not answer within {seconds} s.",
    ),
    "crm_failed": (
        "Запрос в CRM не удался.",
        "Запит до CRM не вдався.",
        "The request to the CRM failed.",
    ),
    "person_found": (
        "Номер принадлежит: {name} ({kind} {id}).",
        "Номер належить: {name} ({kind} {id}).",
        "The number belongs to {name} ({kind} {id}).",
    ),
    "person_deleted": (
        "Удалено в CRM: {kind} {id} с этим номером.",
        "Видалено в CRM: {kind} {id} із цим номером.",
        "The {kind} {id} with this number was deleted.",
    ),
    "company_only": (
        "Номер указан только у компании.",
        "Номер вказано лише в компанії.",
        "Only a company has this number.",
    ),
    "several_persons": (
        "Номер есть в нескольких карточках ({count}); выбрана: {name}.",
        "Номер є в кількох картках ({count}); обрано: {name}.",
        "Several cards ({count}) have this number; chosen: {name}.",
    ),
    "client_chosen": (
        "Карточку выбрал во время звонка сотрудник: {extension}.",
        "Картку вибрав під час дзвінка співробітник: {extension}.",
        "Chosen during the call by {extension}.",
    ),
    "chosen_is_gone": (
        "В карточке, которую выбрал сотрудник ({extension}), этого номера больше нет.",
        "У картці, яку вибрав співробітник ({extension}), цього номера більше немає.",
        "The card that {extension} chose no longer has this number.",
    ),
    # the responsible manager
    "responsible_of_deal": (
        "Ответственный за открытую сделку «{name}»: {manager}.",
        "Відповідальний за відкриту угоду «{name}»: {manager}.",
        "Responsible for the open deal “{name}”: {manager}.",
    ),
    "responsible_of_person": (
        "Ответственный за клиента «{name}»: {manager}.",
        "Відповідальний за клієнта «{name}»: {manager}.",
        "Responsible for {name}: {manager}.",
    ),
    "no_responsible": (
        "Клиент без ответственного: {name}.",
        "Клієнт без відповідального: {name}.",
        "{name} has no responsible manager.",
    ),
    "manager_inactive": (
        "Менеджер отключён в CRM: {manager}.",
        "Менеджера вимкнено в CRM: {manager}.",
        "Manager {manager} is not active in the CRM.",
    ),
    "manager_without_extension": (
        "Внутренний номер не назначен: {manager}.",
        "Внутрішній номер не призначено: {manager}.",
        "Manager {manager} has no extension.",
    ),
    "manager_absent": (
        "Отмечен отсутствующим: {manager} ({extension}).",
        "Позначено як відсутнього: {manager} ({extension}).",
        "Marked as away: {manager} ({extension}).",
    ),
    "day_not_begun": (
        "Рабочий день в CRM не начат или уже закончен: {manager}.",
        "Робочий день у CRM не розпочато або вже закінчено: {manager}.",
        "The working day in the CRM has not begun or is over: {manager}.",
    ),
    "day_paused": (
        "В CRM отмечен перерыв: {manager}.",
        "У CRM позначено перерву: {manager}.",
        "On a break, says the CRM: {manager}.",
    ),
    "nobody_to_ring": (
        "Позвонить некому: звонок идёт по маршруту АТС.",
        "Подзвонити нікому: дзвінок іде за маршрутом АТС.",
        "There is nobody to ring: the call takes the PBX’s own route.",
    ),
    # the plan
    "ring_responsible": (
        "Звонок на {extension} ({manager}), {seconds} с.",
        "Дзвінок на {extension} ({manager}), {seconds} с.",
        "Ring {manager} at {extension} for {seconds} s.",
    ),
    "then_route": (
        "Без ответа — дальше по маршруту АТС.",
        "Без відповіді — далі за маршрутом АТС.",
        "Without an answer: the PBX’s own route.",
    ),
    "then_mobile": (
        "Без ответа — на мобильный сотрудника.",
        "Без відповіді — на мобільний співробітника.",
        "Without an answer: to the employee’s mobile.",
    ),
    "then_voicemail": (
        "Без ответа — в голосовую почту сотрудника.",
        "Без відповіді — у голосову пошту співробітника.",
        "Without an answer: to the employee’s voicemail.",
    ),
    "then_group": (
        "Без ответа — в группу {group}.",
        "Без відповіді — у групу {group}.",
        "Without an answer: to group {group}.",
    ),
    "no_mobile": (
        "Мобильный номер сотрудника не указан.",
        "Мобільний номер співробітника не вказано.",
        "The employee’s mobile is not set.",
    ),
    "no_group": (
        "Группа для линии не указана.",
        "Групу для лінії не вказано.",
        "The line has no group.",
    ),
    # Dozvon itself
    "not_configured": (
        "Для этой АТС нет настроек аккаунта.",
        "Для цієї АТС немає налаштувань акаунта.",
        "The account of this PBX has no settings.",
    ),
    "storage_failed": (
        "Хранилище Dozvon не ответило.",
        "Сховище Dozvon не відповіло.",
        "Dozvon’s storage did not answer.",
    ),
    "too_slow": (
        "Решение не найдено за {seconds} с.",
        "Рішення не знайдено за {seconds} с.",
        "No decision within {seconds} s.",
    ),
    # attribution
    "internal_call": ("Внутренний звонок.", "Внутрішній дзвінок.", "An internal call."),
    "target_deal": (
        "Записан в единственную открытую сделку «{name}» ({id}).",
        "Записано в єдину відкриту угоду «{name}» ({id}).",
        "Logged into the only open deal “{name}” ({id}).",
    ),
    "target_person": (
        "Записан в карточку: {name} ({kind} {id}).",
        "Записано в картку: {name} ({kind} {id}).",
        "Logged into the card of {name} ({kind} {id}).",
    ),
    "target_several_deals": (
        "Открытых сделок несколько ({count}), поэтому выбрана карточка клиента.",
        "Відкритих угод кілька ({count}), тому обрано картку клієнта.",
        "There are several open deals ({count}), so the client’s card was chosen.",
    ),
    "target_inbox": (
        "Записан в «Неразобранное».",
        "Записано в «Нерозібране».",
        "Logged into the inbox of leads.",
    ),
    "no_inbox": (
        "В CRM нет «Неразобранного» для таких звонков.",
        "У CRM немає «Нерозібраного» для таких дзвінків.",
        "The CRM has no inbox of leads for such calls.",
    ),
    "contact_created": (
        "Для нового номера создан {kind}: {name} ({id}).",
        "Для нового номера створено {kind}: {name} ({id}).",
        "For the new number a {kind} was created: {name} ({id}).",
    ),
    "call_bound": (
        "CRM привязала звонок по номеру: {kind} ({id}).",
        "CRM прив’язала дзвінок за номером: {kind} ({id}).",
        "The CRM bound the call by its number: {kind} ({id}).",
    ),
    "client_not_in_crm": (
        "В CRM никого нет с этим номером: звонок виден только в её статистике звонков.",
        "У CRM нікого немає з цим номером: дзвінок видно лише в її статистиці дзвінків.",
        "Nobody in the CRM has this number: the call is only in its call statistics.",
    ),
    "new_client_at_once": (
        "По правилу линии нового клиента сразу заводят в CRM.",
        "За правилом лінії нового клієнта одразу заводять у CRM.",
        "By the line’s rule a new client is put into the CRM at once.",
    ),
    "new_client_by_hand": (
        "Новых клиентов этих звонков создают вручную, из карточки.",
        "Нових клієнтів цих дзвінків створюють вручну, з картки.",
        "New clients of these calls are made by hand, from the card.",
    ),
    "new_client_never": (
        "Новых клиентов на этой линии не создают.",
        "Нових клієнтів на цій лінії не створюють.",
        "No new clients are made on this line.",
    ),
    "number_never_client": (
        "Номер в списке тех, кого не заводят в CRM: {number}.",
        "Номер у списку тих, кого не заводять у CRM: {number}.",
        "The number is on the list of those who never become clients: {number}.",
    ),
    "joined_entry": (
        "Добавлен к записи, которая ждала в «Неразобранном»: этот номер уже звонил.",
        "Додано до запису, який чекав у «Нерозібраному»: цей номер уже телефонував.",
        "Added to the entry that waited in the inbox of leads: this number had called before.",
    ),
    "answered_by": ("Ответил {extension}.", "Відповів {extension}.", "Answered by {extension}."),
    "had_client_last": (
        "Последним с клиентом говорил {extension}.",
        "Останнім із клієнтом говорив {extension}.",
        "{extension} was the last to speak to the client.",
    ),
    "responsible_of_extension": (
        "Номер {extension} назначен: {manager}.",
        "Номер {extension} призначено: {manager}.",
        "Extension {extension} belongs to {manager}.",
    ),
    "forwarded_by": (
        "{extension} переадресовал звонок на {number}.",
        "{extension} переадресував дзвінок на {number}.",
        "{extension} forwarded the call to {number}.",
    ),
    "called_by": ("Звонил {extension}.", "Дзвонив {extension}.", "{extension} called."),
    "rang_at": (
        "Звонили лично: {extension}.",
        "Дзвонили особисто: {extension}.",
        "The call rang directly at {extension}.",
    ),
    "rang_at_responsible": (
        "Звонили лично ответственному ({extension}).",
        "Дзвонили особисто відповідальному ({extension}).",
        "The call rang directly at the responsible manager ({extension}).",
    ),
    "rang_at_group": (
        "Звонили группе {group}, никому лично.",
        "Дзвонили групі {group}, нікому особисто.",
        "The call rang at group {group}, not at one person.",
    ),
    "rang_at_nobody": (
        "Звонок не дошёл ни до кого из сотрудников.",
        "Дзвінок не дійшов до жодного зі співробітників.",
        "The call reached no employee.",
    ),
    "outside_integration": (
        "{extension} не участвует в интеграции.",
        "{extension} не бере участі в інтеграції.",
        "{extension} is outside the integration.",
    ),
    "outside_responsible": (
        "Ответственный за сотрудников вне интеграции: {manager}.",
        "Відповідальний за співробітників поза інтеграцією: {manager}.",
        "Responsible for employees outside the integration: {manager}.",
    ),
    "missed_responsible": (
        "Ответственный за пропущенные звонки линии {line}: {manager}.",
        "Відповідальний за пропущені дзвінки лінії {line}: {manager}.",
        "Responsible for missed calls of line {line}: {manager}.",
    ),
    "default_responsible": (
        "Ответственный по умолчанию: {manager}.",
        "Відповідальний за замовчуванням: {manager}.",
        "Responsible by default: {manager}.",
    ),
    "line_responsible": (
        "Менеджер отключён; ответственный за линию {line}: {manager}.",
        "Менеджера вимкнено; відповідальний за лінію {line}: {manager}.",
        "The manager is inactive; responsible for line {line}: {manager}.",
    ),
    "manager_refused": (
        "CRM не принимает ответственного: {manager}.",
        "CRM не приймає відповідального: {manager}.",
        "The CRM does not accept this responsible manager: {manager}.",
    ),
    "nobody_responsible": (
        "Ответственный не определён.",
        "Відповідального не визначено.",
        "No responsible manager was found.",
    ),
}
"""By `ReasonCode`: Russian, Ukrainian, English, in the order of `LANGUAGES`."""

_KINDS = {
    "contact": ("контакт", "контакт", "contact"),
    "company": ("компания", "компанія", "company"),
    "lead": ("лид", "лід", "lead"),
}


_WITH_AN_END: dict[str, tuple[str, str, str]] = {
    "manager_absent": (
        "Отмечен отсутствующим: {manager} ({extension}), до {end}.",
        "Позначено як відсутнього: {manager} ({extension}), до {end}.",
        "Marked as away: {manager} ({extension}), until {end}.",
    ),
}
"""For reasons with the values `until`, `now` and `zone`."""


class _Values(dict[str, str]):
    """Values of a stored reason. A value that an older version did not store becomes a dash."""

    def __missing__(self, key: str) -> str:
        return "—"


def sentence(reason: Reason, language: str = "ru", *, names: Mapping[str, str] | None = None) -> str:
    """
    Write a reason as one sentence.

    Args:
        language: `ru`, `uk` or `en`; English for any other.
        names: managers' names by id; an id without a name is shown itself.

    Returns:
        The sentence; the bare code if this version does not know it. Never raises. Values come from a CRM and from
        callers: escape the sentence for the page.
    """
    texts = TEXTS.get(reason.code)
    if texts is None:
        return reason.code
    at = LANGUAGES.index(language) if language in LANGUAGES else LANGUAGES.index("en")
    values = _Values(reason.detail)
    if reason.code in _WITH_AN_END and (end := _end(reason.detail)):
        texts = _WITH_AN_END[reason.code]
        values["end"] = end
    if "manager" in values:
        values["manager"] = (names or {}).get(values["manager"], values["manager"])
    if values.get("kind") in _KINDS:
        values["kind"] = _KINDS[values["kind"]][at]
    return texts[at].format_map(values)


def _end(detail: Mapping[str, str]) -> str:
    """`15:00`, on another day `01.12 15:00`, in the office's time; empty if there is none."""
    try:
        zone = ZoneInfo(detail["zone"])
        until, now = (datetime.fromtimestamp(int(detail[key]), zone) for key in ("until", "now"))
    except (KeyError, ValueError, OSError, OverflowError):
        return ""
    return f"{until:%H:%M}" if until.date() == now.date() else f"{until:%d.%m %H:%M}"
