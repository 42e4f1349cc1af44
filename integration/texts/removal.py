"""Texts of the pages about what managers met in the CRM, and about removing an account, in three languages."""

from __future__ import annotations

# key: (ru, uk, en)
REMOVAL: dict[str, tuple[str, str, str]] = {
    "met_in_crm": ("Замечено в CRM", "Помічено в CRM", "Met in the CRM"),
    "met_by": ("Последним видел: {by}, {when}", "Останнім бачив: {by}, {when}", "Last seen by: {by}, {when}"),
    "seen_no_extension": (
        "Менеджер без внутреннего номера: {detail}. Карточек и звонков из CRM у него нет.",
        "Менеджер без внутрішнього номера: {detail}. Карток і дзвінків із CRM у нього немає.",
        "A manager without an extension: {detail}. They get no cards and cannot call from the CRM.",
    ),
    "seen_switched_off": (
        "Менеджеры открывают CRM, а интеграция выключена.",
        "Менеджери відкривають CRM, а інтеграцію вимкнено.",
        "Managers open the CRM while the integration is off.",
    ),
    "seen_other_telephony": (
        "В CRM работает ещё один виджет телефонии: {detail}. Звонок может записаться дважды, а клик по номеру — уйти "
        "не туда. Оставьте один.",
        "У CRM працює ще один віджет телефонії: {detail}. Дзвінок може записатися двічі, а клік по номеру — піти не "
        "туди. Залиште один.",
        "Another telephony widget works in the CRM: {detail}. A call may be logged twice, and a click may go the wrong "
        "way. Keep one of them.",
    ),
    "seen_disconnected": (
        "Интеграцию отключили в CRM. Звонки ждут записи до 14 дней. Подключите CRM снова: они дойдут. Если интеграция "
        "больше не нужна, выключите её или удалите аккаунт.",
        "Інтеграцію вимкнули в CRM. Дзвінки чекають на запис до 14 днів. Підключіть CRM знову: вони дійдуть. Якщо "
        "інтеграція більше не потрібна, вимкніть її або видаліть акаунт.",
        "The integration was switched off in the CRM. Calls wait up to 14 days to be written. Connect the CRM again: "
        "they are delivered. If the integration is not needed any more, switch it off or remove the account.",
    ),
    "remove": ("Удалить аккаунт", "Видалити акаунт", "Remove the account"),
    "remove_title": ("Удалить аккаунт: {name}", "Видалити акаунт: {name}", "Remove the account: {name}"),
    "remove_route": (
        "Звонки пойдут по собственному маршруту АТС. Карточки и клик по номеру перестанут работать.",
        "Дзвінки підуть власним маршрутом АТС. Картки й клік по номеру перестануть працювати.",
        "Calls take the PBX’s own route. Cards and click-to-call stop working.",
    ),
    "remove_webhooks": (
        "Dozvon удалит из CRM свои вебхуки и свой доступ к ней.",
        "Dozvon видалить із CRM свої вебхуки та свій доступ до неї.",
        "Dozvon removes its webhooks from the CRM, and its access to it.",
    ),
    "remove_widget": (
        "Виджет в CRM остаётся, пока его не удалит администратор CRM в списке интеграций.",
        "Віджет у CRM залишається, поки його не видалить адміністратор CRM у списку інтеграцій.",
        "The widget stays in the CRM until its administrator removes it from the list of integrations.",
    ),
    "remove_stays": (
        "Остаются: контакты, звонки и задачи в CRM, журнал звонков и записи разговоров в Dozvon.",
        "Залишаються: контакти, дзвінки й завдання в CRM, журнал дзвінків і записи розмов у Dozvon.",
        "What stays: contacts, calls and tasks in the CRM, the journal of calls and the recordings in Dozvon.",
    ),
    "remove_back": (
        "Аккаунт можно вернуть со всеми настройками; доступ к CRM нужно будет разрешить снова.",
        "Акаунт можна повернути з усіма налаштуваннями; доступ до CRM треба буде дозволити знову.",
        "The account can be brought back with all its settings; access to the CRM has to be allowed again.",
    ),
    "remove_refused": ("Аккаунт не удалён", "Акаунт не видалено", "The account was not removed"),
    "remove_in_file": (
        "Этот аккаунт задан в файле конфигурации. Удалите его блок [[account]] из файла.",
        "Цей акаунт задано у файлі конфігурації. Видаліть його блок [[account]] із файлу.",
        "This account is in the configuration file. Remove its block [[account]] from the file.",
    ),
    "remove_is_needed": (
        "АТС этого аккаунта нужна другим аккаунтам. Сначала передайте её им или уберите у них.",
        "АТС цього акаунта потрібна іншим акаунтам. Спочатку передайте її їм або приберіть у них.",
        "Other accounts need this account’s PBX. Give it to one of them first, or take it away from them.",
    ),
    "remove_changed": (
        "Настройки только что изменил кто-то другой. Откройте страницу снова.",
        "Налаштування щойно змінив хтось інший. Відкрийте сторінку знову.",
        "Somebody else has just changed the settings. Open the page again.",
    ),
    "removed_title": ("Аккаунт удалён", "Акаунт видалено", "The account was removed"),
    "removed_webhooks_removed": (
        "Вебхуки в CRM удалены.",
        "Вебхуки в CRM видалено.",
        "The webhooks in the CRM are removed.",
    ),
    "removed_webhooks_none": (
        "Вебхуков в CRM не было.",
        "Вебхуків у CRM не було.",
        "There were no webhooks in the CRM.",
    ),
    "removed_webhooks_left": (
        "Вебхуки в CRM удалить не удалось: CRM не ответила или не разрешила. Она отключит их сама; удалить их можно и "
        "в её настройках.",
        "Вебхуки в CRM видалити не вдалося: CRM не відповіла або не дозволила. Вона вимкне їх сама; видалити їх можна "
        "й у її налаштуваннях.",
        "The webhooks in the CRM could not be removed: it did not answer, or did not allow it. It switches them off by "
        "itself; they can also be removed in its settings.",
    ),
    "removed_undo": (
        "Вернуть аккаунт можно на сервере командой:",
        "Повернути акаунт можна на сервері командою:",
        "A command on the server brings it back:",
    ),
}
