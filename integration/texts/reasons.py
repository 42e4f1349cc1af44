"""The reasons of a decision as sentences in Russian, Ukrainian and English: `sentence()`."""

from __future__ import annotations

from collections.abc import Mapping

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
        "Менеджер отсутствует: {manager} ({extension}).",
        "Менеджер відсутній: {manager} ({extension}).",
        "Manager {manager} ({extension}) is away.",
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
}


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
    if "manager" in values:
        values["manager"] = (names or {}).get(values["manager"], values["manager"])
    if values.get("kind") in _KINDS:
        values["kind"] = _KINDS[values["kind"]][at]
    return texts[at].format_map(values)
