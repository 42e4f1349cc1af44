"""The texts of the administrator's pages, in Russian, Ukrainian and English. A test proves that none is missing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from integration.texts import LANGUAGES
from integration.texts.call_notes import CALL_NOTES
from integration.texts.callbacks import CALLBACKS
from integration.texts.campaign_sounds import CAMPAIGN_SOUNDS
from integration.texts.campaigns import CAMPAIGNS
from integration.texts.crm_entry import CRM_ENTRY
from integration.texts.crm_lists import CRM_LISTS
from integration.texts.forecasts import FORECASTS
from integration.texts.frame import FRAME
from integration.texts.keys import KEYS
from integration.texts.list_files import LIST_FILES
from integration.texts.people import PEOPLE
from integration.texts.removal import REMOVAL
from integration.texts.sign_in import SIGN_IN
from integration.texts.style_page import STYLE_PAGE

# key: (ru, uk, en)
_TEXTS: dict[str, tuple[str, str, str]] = {
    "sections": ("Разделы", "Розділи", "Sections"),
    "setup": ("Настройка", "Налаштування", "Setup"),
    "overview": ("Обзор", "Огляд", "Overview"),
    "calls": ("Звонки", "Дзвінки", "Calls"),
    "delivery": ("Доставка в CRM", "Доставка в CRM", "CRM delivery"),
    "people": ("Сотрудники", "Співробітники", "People"),
    "changes": ("История изменений", "Історія змін", "Changes"),
    "what_if": ("Проверка маршрута", "Перевірка маршруту", "Route check"),
    "sign_in": ("Войти", "Увійти", "Sign in"),
    "sign_out": ("Выйти", "Вийти", "Sign out"),
    "sign_out_everywhere": ("Выйти везде", "Вийти всюди", "Sign out everywhere"),
    "password": ("Пароль администратора", "Пароль адміністратора", "Administrator’s password"),
    "wrong_password": ("Неверный пароль.", "Неправильний пароль.", "Wrong password."),
    "to_the_start": ("На главную", "На головну", "To the start page"),
    "undo": ("Отменить", "Скасувати", "Undo"),
    "accounts": ("Подключённые CRM", "Підключені CRM", "Connected CRMs"),
    "no_accounts": (
        "Пока ничего не подключено. Начните в разделе «Настройка».",
        "Поки що нічого не підключено. Почніть у розділі «Налаштування».",
        "Nothing is connected yet. Begin at Setup.",
    ),
    "integration_on": ("Интеграция включена", "Інтеграцію ввімкнено", "The integration is on"),
    "integration_off": ("Интеграция выключена", "Інтеграцію вимкнено", "The integration is off"),
    "switch_on": ("Включить интеграцию", "Увімкнути інтеграцію", "Switch the integration on"),
    "switch_off": ("Выключить интеграцию", "Вимкнути інтеграцію", "Switch the integration off"),
    "switched_on": ("Интеграция включена.", "Інтеграцію ввімкнено.", "The integration is on."),
    "switched_off": (
        "Интеграция выключена: звонки идут по маршруту АТС и не попадают в CRM.",
        "Інтеграцію вимкнено: дзвінки йдуть маршрутом АТС і не потрапляють у CRM.",
        "The integration is off: calls take the PBX’s own route and are not logged.",
    ),
    "crm": ("CRM", "CRM", "CRM"),
    "pbx": ("АТС", "АТС", "PBX"),
    "connect_crm": ("Подключить аккаунт CRM", "Підключити акаунт CRM", "Connect the CRM account"),
    "next_try_in": (
        "Следующая попытка: через {seconds} с, в {when}",
        "Наступна спроба: через {seconds} с, о {when}",
        "Next try: in {seconds} s, at {when}",
    ),
    "next_try_at": ("Следующая попытка: {when}", "Наступна спроба: {when}", "Next try: {when}"),
    "since_when": ("С {when}", "З {when}", "Since {when}"),
    "not_running": ("Не запущено", "Не запущено", "Not running"),
    "consent_held": (
        "{crm}: подключение разрешено. Откройте страницу Dozvon и подтвердите его там.",
        "{crm}: підключення дозволено. Відкрийте сторінку Dozvon і підтвердьте його там.",
        "{crm} has allowed the connection. Confirm it on Dozvon’s page.",
    ),
    "consent_failed": (
        "Аккаунт CRM не подключён.",
        "Акаунт CRM не підключено.",
        "The CRM account was not connected.",
    ),
    "consent_waits": (
        "Разрешение получено от {host}. Подключить этот аккаунт?",
        "Дозвіл отримано від {host}. Підключити цей акаунт?",
        "{host} has allowed the connection. Connect this account?",
    ),
    "consent_confirm": ("Подключить", "Підключити", "Connect"),
    "consent_gone": (
        "Это разрешение больше не действует. Подключите аккаунт кнопкой на этой странице.",
        "Цей дозвіл більше не діє. Підключіть акаунт кнопкою на цій сторінці.",
        "This permission is no longer valid. Connect the account with the button on this page.",
    ),
    "consent_by_installing": (
        "В этой CRM доступ даёт установка приложения: откройте его в CRM как администратор.",
        "У цій CRM доступ дає встановлення застосунку: відкрийте його в CRM як адміністратор.",
        "In this CRM the installation of the application gives access: open it there as an administrator.",
    ),
    "crm_connected": (
        "Аккаунт CRM подключён. Назначьте менеджерам внутренние номера.",
        "Акаунт CRM підключено. Призначте менеджерам внутрішні номери.",
        "The CRM account is connected. Now map managers to extensions.",
    ),
    "kept_calls": (
        "Ожидают доставки в CRM: {count}. Ничего не потеряно.",
        "Очікують доставки в CRM: {count}. Нічого не втрачено.",
        "Waiting for the CRM: {count}. Nothing is lost.",
    ),
    "live_calls": ("Разговоров сейчас", "Розмов зараз", "Calls right now"),
    "phone_book": ("Телефонная книга", "Телефонна книга", "Phone book"),
    "importing": ("Идёт загрузка: {count}", "Триває завантаження: {count}", "Importing: {count}"),
    "kept_by_webhooks": (
        "Обновляется по уведомлениям CRM",
        "Оновлюється за сповіщеннями CRM",
        "Kept up to date by the CRM’s webhooks",
    ),
    "kept_by_polling": ("Обновляется опросом CRM", "Оновлюється опитуванням CRM", "Kept up to date by polling the CRM"),
    "kept_elsewhere": (
        "Обновляется другим процессом, либо CRM ещё не подключена",
        "Оновлюється іншим процесом, або CRM ще не підключено",
        "Kept up to date by another process, or the CRM is not connected yet",
    ),
    "read_anew": ("Обновить из CRM", "Оновити з CRM", "Reload phone book"),
    "reading_anew": (
        "Телефонная книга будет целиком перечитана из CRM. Звонки и карточки это не задержит.",
        "Телефонну книгу буде повністю перечитано з CRM. Дзвінки й картки це не затримає.",
        "The phone book is being reloaded from the CRM. Calls and cards are not delayed.",
    ),
    "waiting_and_dead": ("ждут / не доставлены", "чекають / не доставлені", "waiting / undelivered"),
    "look": ("посмотреть", "переглянути", "view"),
    "last_calls": ("Последние звонки", "Останні дзвінки", "Latest calls"),
    "when": ("Когда", "Коли", "When"),
    "direction": ("Направление", "Напрямок", "Direction"),
    "client": ("Клиент", "Клієнт", "Client"),
    "employee": ("Сотрудник", "Співробітник", "Employee"),
    "result": ("Итог", "Підсумок", "Result"),
    "wait": ("Ожидание", "Очікування", "Wait"),
    "talk": ("Разговор", "Розмова", "Talk"),
    "details": ("Подробно", "Докладно", "Details"),
    "no_calls": (
        "Звонков пока нет. Позвоните на любую линию, и звонок появится здесь.",
        "Дзвінків поки що немає. Зателефонуйте на будь-яку лінію, і дзвінок з’явиться тут.",
        "No calls yet. Call any line and the call appears here.",
    ),
    "no_calls_found": (
        "С таким номером звонков нет. Проверьте номер или очистите поиск, чтобы увидеть все звонки.",
        "Із таким номером дзвінків немає. Перевірте номер або очистіть пошук, щоб побачити всі дзвінки.",
        "No calls match this number. Check it, or clear the search to see all calls.",
    ),
    "no_older_calls": ("Более ранних звонков нет.", "Раніших дзвінків немає.", "There are no older calls."),
    "hidden_number": ("Номер скрыт", "Номер приховано", "Number withheld"),
    "recovered": ("восстановлен", "відновлено", "recovered"),
    "recovered_hint": (
        "Восстановлен по журналу АТС",
        "Відновлено за журналом АТС",
        "Recovered from the PBX’s records",
    ),
    "live": ("идёт сейчас", "триває зараз", "in progress"),
    "number": ("Номер", "Номер", "Number"),
    "find": ("Найти", "Знайти", "Find"),
    "older": ("Более ранние →", "Раніші →", "Older →"),
    "direction_inbound": ("Входящий", "Вхідний", "Inbound"),
    "direction_outbound": ("Исходящий", "Вихідний", "Outbound"),
    "direction_internal": ("Внутренний", "Внутрішній", "Internal"),
    "disposition_answered": ("Состоялся", "Відбувся", "Answered"),
    "disposition_missed": ("Пропущен", "Пропущено", "Missed"),
    "disposition_busy": ("Занято", "Зайнято", "Busy"),
    "disposition_failed": ("Не дозвонились", "Не додзвонилися", "Failed"),
    "disposition_cancelled": ("Отменён", "Скасовано", "Cancelled"),
    "disposition_noanswer": ("Нет ответа", "Немає відповіді", "No answer"),
    "failure_agent_noanswer": (
        "Клиенту не звонили: сотрудник не ответил на свой телефон",
        "Клієнту не телефонували: співробітник не відповів на свій телефон",
        "The client was not called: the employee did not pick up",
    ),
    "failure_agent_busy": (
        "Клиенту не звонили: телефон сотрудника был занят",
        "Клієнту не телефонували: телефон співробітника був зайнятий",
        "The client was not called: the employee’s phone was busy",
    ),
    "failure_agent_rejected": (
        "Клиенту не звонили: сотрудник отклонил звонок на своём телефоне",
        "Клієнту не телефонували: співробітник відхилив дзвінок на своєму телефоні",
        "The client was not called: the employee declined the call on their phone",
    ),
    "failure_agent_cancelled": (
        "Клиенту не звонили: звонок отменили, пока звонил телефон сотрудника",
        "Клієнту не телефонували: дзвінок скасували, поки дзвонив телефон співробітника",
        "The client was not called: the call was cancelled while the employee’s phone rang",
    ),
    "failure_agent_unavailable": (
        "Клиенту не звонили: телефон сотрудника не в сети",
        "Клієнту не телефонували: телефон співробітника не в мережі",
        "The client was not called: the employee’s phone is offline",
    ),
    "failure_agent_failed": (
        "Клиенту не звонили: на телефон сотрудника не дозвонились",
        "Клієнту не телефонували: на телефон співробітника не додзвонилися",
        "The client was not called: the employee’s phone could not be reached",
    ),
    "leg_answered": ("ответил", "відповів", "answered"),
    "leg_noanswer": ("не ответил", "не відповів", "no answer"),
    "leg_busy": ("занят", "зайнятий", "busy"),
    "leg_rejected": ("отклонил", "відхилив", "rejected"),
    "leg_cancelled": ("отменено", "скасовано", "cancelled"),
    "leg_picked_up_elsewhere": ("перехвачен", "перехоплено", "picked up elsewhere"),
    "leg_forwarded": ("переадресован", "переадресовано", "forwarded"),
    "leg_failed": ("ошибка", "помилка", "failed"),
    "leg_unavailable": ("не в сети", "не в мережі", "unavailable"),
    "facts": ("Звонок", "Дзвінок", "The call"),
    "line": ("Линия", "Лінія", "Line"),
    "hung_up_by": ("Кто завершил", "Хто завершив", "Hung up by"),
    "by_caller": ("звонивший", "той, хто дзвонив", "the caller"),
    "by_callee": ("тот, кому звонили", "той, кому дзвонили", "the called party"),
    "by_system": ("АТС", "АТС", "the PBX"),
    "call_id": ("ID звонка", "ID дзвінка", "Call ID"),
    "why_route": ("Почему такой маршрут", "Чому такий маршрут", "Why this route"),
    "why_responsible": ("Почему такой ответственный", "Чому такий відповідальний", "Why this manager"),
    "not_asked": (
        "АТС не спрашивала маршрут для этого звонка.",
        "АТС не запитувала маршрут для цього дзвінка.",
        "The PBX did not ask for a route for this call.",
    ),
    "not_logged_yet": ("В CRM ещё не записан.", "У CRM ще не записано.", "Not in the CRM yet."),
    "logged_after_the_end": (
        "Запишется в CRM после окончания звонка.",
        "Запишеться в CRM після закінчення дзвінка.",
        "Will be written to the CRM when the call is over.",
    ),
    "log_discarded": (
        "В CRM не записан: доставка отменена администратором.",
        "У CRM не записано: доставку скасував адміністратор.",
        "Not in the CRM: an administrator discarded the delivery.",
    ),
    "log_expired": (
        "В CRM не записан: доставка устарела.",
        "У CRM не записано: доставка застаріла.",
        "Not in the CRM: the delivery has expired.",
    ),
    "logged": ("Записан в CRM.", "Записано в CRM.", "Logged in the CRM."),
    "nothing_to_deliver": (
        "Для этого звонка доставлять нечего.",
        "Для цього дзвінка доставляти нічого.",
        "There is nothing to deliver for this call.",
    ),
    "not_logged_at_all": (
        "В CRM не записан: доставка остановлена.",
        "У CRM не записано: доставку зупинено.",
        "Not in the CRM: delivery has stopped.",
    ),
    "never_logged": (
        "В CRM не записывается: внутренний звонок, скрытый номер, клиента не набирали, линия или интеграция выключена.",
        "У CRM не записується: внутрішній дзвінок, прихований номер, клієнта не набирали, лінію або інтеграцію"
        " вимкнено.",
        "Not written to the CRM: an internal call, a withheld number, a client who was never dialled, or a line or an"
        " integration that is off.",
    ),
    "open_in_crm": ("Открыть в CRM", "Відкрити в CRM", "Open in the CRM"),
    "press_declined": ("Отклонено в карточке", "Відхилено в картці", "Declined in the card"),
    "press_hung_up": ("Завершено в карточке", "Завершено в картці", "Ended in the card"),
    "seconds": ("с", "с", "s"),
    "legs": ("Кому звонили", "Кому дзвонили", "Who was rung"),
    "to_whom": ("Кому", "Кому", "To"),
    "via": ("Как", "Як", "How"),
    "nobody_rang": ("Ни один телефон не звонил.", "Жоден телефон не дзвонив.", "No phone rang."),
    "timeline": ("Ход звонка", "Перебіг дзвінка", "Timeline"),
    "delivery_lead": (
        "Каждый звонок доставляется в CRM один раз. То, что CRM отклонила, ждёт здесь вашего решения.",
        "Кожен дзвінок доставляється в CRM один раз. Те, що CRM відхилила, чекає тут на ваше рішення.",
        "Every call is delivered to the CRM once. Deliveries that the CRM refused stay here until you decide.",
    ),
    "dead_letters": ("Не доставлены", "Не доставлені", "Undelivered"),
    "waiting_items": ("В очереди", "У черзі", "Waiting"),
    "discarded_items": ("Отменены вами", "Скасовані вами", "Discarded by you"),
    "none_dead": (
        "Здесь пусто: сбоев доставки нет.",
        "Тут порожньо: збоїв доставки немає.",
        "Nothing here: no delivery has failed.",
    ),
    "none_waiting": (
        "Здесь пусто: доставки ничего не ждёт.",
        "Тут порожньо: доставки нічого не чекає.",
        "Nothing here: nothing waits for delivery.",
    ),
    "queued": ("Поставлено", "Поставлено", "Queued"),
    "what": ("Что", "Що", "What"),
    "state": ("Состояние", "Стан", "State"),
    "attempts": ("Попыток", "Спроб", "Attempts"),
    "last_error": ("Последняя ошибка", "Остання помилка", "Last error"),
    "retry": ("Повторить", "Повторити", "Retry"),
    "discard": ("Отменить доставку", "Скасувати доставку", "Discard"),
    "retried": ("Поставлено в очередь снова.", "Поставлено в чергу знову.", "Queued again."),
    "discarded": ("Доставка отменена.", "Доставку скасовано.", "Discarded."),
    "already_gone": (
        "Состояние этой записи уже изменилось.",
        "Стан цього запису вже змінився.",
        "This entry has already changed.",
    ),
    "intent_log_call": ("Звонок в CRM", "Дзвінок у CRM", "Call in the CRM"),
    "intent_fetch_recording": ("Запись разговора", "Запис розмови", "Recording"),
    "intent_close_task": ("Закрытие задачи", "Закриття завдання", "Completed task"),
    "intent_create_task": ("Задача перезвонить", "Завдання передзвонити", "Task to call back"),
    "intent_change_responsible": ("Смена ответственного", "Зміна відповідального", "New responsible"),
    "intent_write_note": ("Заметка к звонку", "Нотатка до дзвінка", "Note on the call"),
    "intent_plan_task": ("Следующий шаг", "Наступний крок", "Next step"),
    "intent_register_call": ("Начало звонка в CRM", "Початок дзвінка в CRM", "Start of the call in the CRM"),
    "intent_show_cards": ("Карточка звонка в CRM", "Картка дзвінка в CRM", "Call card in the CRM"),
    "intent_attach_recording": ("Запись разговора в CRM", "Запис розмови в CRM", "Recording in the CRM"),
    "intent_notify_crm": ("Уведомление в CRM", "Сповіщення в CRM", "Popup in the CRM"),
    "outbox_waiting": ("ждёт", "чекає", "waiting"),
    "outbox_done": ("сделано", "зроблено", "done"),
    "outbox_dead": ("не доставлено", "не доставлено", "undelivered"),
    "outbox_discarded": ("отменено", "скасовано", "discarded"),
    "outbox_expired": ("устарело", "застаріло", "expired"),
    "shown_of": (
        "Показаны: {first}–{last} из {total}",
        "Показано: {first}–{last} з {total}",
        "{first}–{last} of {total}",
    ),
    "previous_page": ("← Назад", "← Назад", "← Previous"),
    "next_page": ("Дальше →", "Далі →", "Next →"),
    "newest_only": (
        "Показаны последние: {count}.",
        "Показано останні: {count}.",
        "The latest {count} are shown.",
    ),
    "save": ("Сохранить", "Зберегти", "Save"),
    "saved": ("Сохранено.", "Збережено.", "Saved."),
    "changed_meanwhile": (
        "Настройки уже изменены. Ваш выбор остался на экране, но ещё не сохранён: проверьте его и сохраните снова.",
        "Налаштування вже змінено. Ваш вибір залишився на екрані, але ще не збережений: перевірте його"
        " і збережіть знову.",
        "Somebody has changed these settings. Your choices are still on the screen, but not saved: check them and"
        " save again.",
    ),
    "switched_meanwhile": (
        "Переключатель уже изменён. Ничего не сохранено: проверьте его и решите снова.",
        "Перемикач уже змінено. Нічого не збережено: перевірте його і вирішіть знову.",
        "Somebody has changed the switch. Nothing was saved: check it and decide again.",
    ),
    "changes_lead": (
        "Кто и когда менял настройки. Изменение можно отменить, пока то же самое не изменили снова.",
        "Хто й коли змінював налаштування. Зміну можна скасувати, доки те саме не змінили знову.",
        "Who changed the settings, and when. A change can be undone until the same settings are changed again.",
    ),
    "who": ("Кто", "Хто", "Who"),
    "what_changed": ("Что изменено", "Що змінено", "What changed"),
    "no_changes": (
        "Здесь пусто: настройки ещё никто не менял.",
        "Тут порожньо: налаштувань ще ніхто не змінював.",
        "Nothing here: nobody has changed the settings yet.",
    ),
    "undone": ("Изменение отменено.", "Зміну скасовано.", "The change was undone."),
    "is_undone": ("отменено", "скасовано", "undone"),
    "undoes": ("Отмена изменения: {when}", "Скасування зміни: {when}", "Undoes the change: {when}"),
    "undo_of": ("Отменить: {what}", "Скасувати: {what}", "Undo: {what}"),
    "undo_refused": (
        "Отменить нельзя: с тех пор это изменили ещё раз.",
        "Скасувати не можна: відтоді це змінили ще раз.",
        "This cannot be undone: the same settings have changed again since.",
    ),
    "undone_already": (
        "Это изменение уже отменено.",
        "Цю зміну вже скасовано.",
        "This change has been undone already.",
    ),
    "change_not_kept": (
        "Этого изменения уже нет в истории.",
        "Цієї зміни вже немає в історії.",
        "This change is not in the history any more.",
    ),
    "what_if_lead": (
        "Введите номер и линию. Dozvon покажет решение и его причины, но звонить не будет.",
        "Введіть номер і лінію. Dozvon покаже рішення і його причини, але телефонувати не буде.",
        "Enter a number and a line. Dozvon shows the decision and its reasons, and calls nobody.",
    ),
    "caller_number": ("Номер звонящего", "Номер того, хто дзвонить", "Caller’s number"),
    "number_needed": (
        "Напишите номер, с которого звонят, например +7 916 123-45-67.",
        "Напишіть номер, з якого телефонують, наприклад +380 67 123-45-67.",
        "Write the number of the caller, for example +7 916 123-45-67.",
    ),
    "number_hidden": ("Номер скрыт", "Номер приховано", "The number is withheld"),
    "line_needed": (
        "Напишите номер линии цифрами, как его показывает АТС.",
        "Напишіть номер лінії цифрами, як його показує АТС.",
        "Write the number of the line in digits, as the PBX shows it.",
    ),
    "line_hint": (
        "Пусто: линия без своих настроек",
        "Порожньо: лінія без власних налаштувань",
        "Empty: a line without its own settings",
    ),
    "try_it": ("Проверить", "Перевірити", "Check"),
    "why": ("Почему", "Чому", "Why"),
    "outcome_responsible": ("К ответственному", "До відповідального", "To the responsible manager"),
    "outcome_route": ("По маршруту АТС", "Маршрутом АТС", "The PBX’s own route"),
    "outcome_reserve": ("На резервный номер", "На резервний номер", "To the reserve number"),
    "step_notice": ("уведомление", "повідомлення", "notice"),
    "step_ring": ("{target}, {seconds} с", "{target}, {seconds} с", "{target} for {seconds} s"),
    "step_group": ("группа {target}", "група {target}", "group {target}"),
    "step_mobile": ("мобильный {target}", "мобільний {target}", "mobile {target}"),
    "step_voicemail": ("голосовая почта", "голосова пошта", "voicemail"),
    "step_continue": ("дальше по маршруту", "далі за маршрутом", "then the PBX’s route"),
    "step_reserve": ("резервный номер", "резервний номер", "reserve number"),
}


@cache
def texts(language: str) -> Mapping[str, str]:
    """All texts of one language; English for a language without texts."""
    column = LANGUAGES.index(language) if language in LANGUAGES else LANGUAGES.index("en")
    every = (
        _TEXTS
        | CAMPAIGN_SOUNDS
        | FRAME
        | PEOPLE
        | STYLE_PAGE
        | SIGN_IN
        | CALL_NOTES
        | REMOVAL
        | KEYS
        | CRM_ENTRY
        | CALLBACKS
        | FORECASTS
        | CAMPAIGNS
        | LIST_FILES
        | CRM_LISTS
    )
    return {key: values[column] for key, values in every.items()}
