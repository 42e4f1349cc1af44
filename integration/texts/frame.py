"""The words of the pages' frame and components, in Russian, Ukrainian and English. `pages.py` has the sections'."""

from __future__ import annotations

# key: (ru, uk, en)
FRAME: dict[str, tuple[str, str, str]] = {
    "skip_to_content": ("К содержанию", "До змісту", "Skip to content"),
    "menu": ("Меню", "Меню", "Menu"),
    "language": ("Язык", "Мова", "Language"),
    "office": ("Офис", "Офіс", "Office"),
    "actions": ("Действия", "Дії", "Actions"),
    "optional": ("необязательно", "необов’язково", "optional"),
    "loading": ("Загружается…", "Завантажується…", "Loading…"),
    "clear_search": ("Очистить поиск", "Очистити пошук", "Clear the search"),
    "cancel": ("Не сейчас", "Не зараз", "Not now"),
    "close": ("Закрыть", "Закрити", "Close"),
    "copy_it": ("Копировать", "Копіювати", "Copy"),
    "copied": ("Скопировано", "Скопійовано", "Copied"),
    "changed_by_another": (
        "Не сохранено: кто-то изменил настройки раньше вас. Показано, как сейчас.",
        "Не збережено: хтось змінив налаштування раніше за вас. Показано, як зараз.",
        "Not saved: somebody changed the settings before you. This is how they are now.",
    ),
    "only_for_banner": (
        "Dozvon пока работает только для выбранных менеджеров",
        "Dozvon поки працює лише для вибраних менеджерів",
        "Dozvon works for chosen managers only",
    ),
    "only_for_nobody": ("Никто не выбран.", "Нікого не вибрано.", "Nobody is chosen."),
    "switch_on_for_all": ("Включить для всех", "Увімкнути для всіх", "Switch on for everybody"),
    "step_done": ("сделано", "зроблено", "done"),
    "step_attention": ("требует внимания", "потребує уваги", "needs attention"),
    "technical_details": ("Технические подробности", "Технічні подробиці", "Technical details"),
    "no_script": (
        "JavaScript в браузере выключен. Всё работает, но страница не обновляется сама.",
        "JavaScript у браузері вимкнено. Усе працює, але сторінка не оновлюється сама.",
        "JavaScript is off in this browser. Everything works, but pages do not change by themselves.",
    ),
    "live_lost": (
        "Нет связи с Dozvon: данные могут отставать. Страница обновится сама.",
        "Немає зв’язку з Dozvon: дані можуть відставати. Сторінка оновиться сама.",
        "No connection to Dozvon: the page may be out of date. It updates by itself.",
    ),
    "off_banner": (
        "Звонки идут по маршруту АТС, не попадают в CRM, менеджеры не видят карточек.",
        "Дзвінки йдуть маршрутом АТС, не потрапляють у CRM, менеджери не бачать карток.",
        "Calls take the PBX’s own route, are not logged in the CRM, and managers see no cards.",
    ),
    "switch_off_title": ("Выключить интеграцию?", "Вимкнути інтеграцію?", "Switch the integration off?"),
    "switch_off_route": (
        "Звонки пойдут по маршруту АТС, а не к ответственному менеджеру.",
        "Дзвінки підуть маршрутом АТС, а не до відповідального менеджера.",
        "Calls will take the PBX’s own route, not go to the responsible manager.",
    ),
    "switch_off_log": (
        "Новые звонки не будут записаны в CRM, и позже их туда уже не добавить.",
        "Нові дзвінки не буде записано в CRM, і пізніше їх туди вже не додати.",
        "New calls will not be logged in the CRM, and cannot be added later.",
    ),
    "switch_off_cards": (
        "Менеджеры не увидят карточек и не смогут звонить из CRM.",
        "Менеджери не побачать карток і не зможуть дзвонити з CRM.",
        "Managers will see no cards and cannot call from the CRM.",
    ),
    "switch_off_back": (
        "Включить её снова можно здесь в любой момент.",
        "Увімкнути її знову можна тут будь-коли.",
        "You can switch it on again here at any time.",
    ),
    "discard_title": ("Отменить доставку?", "Скасувати доставку?", "Discard this delivery?"),
    "discard_what": (
        "В CRM не попадёт: {what}.",
        "У CRM не потрапить: {what}.",
        "The CRM will not get it: {what}.",
    ),
    "discard_back": (
        "Пока запись видна в списке отменённых, её можно доставить снова.",
        "Доки запис видно в списку скасованих, його можна доставити знову.",
        "While it is in the list of discarded ones, it can be delivered again.",
    ),
    "find_calls": ("Поиск звонков", "Пошук дзвінків", "Search the calls"),
    "client_number": ("Номер клиента", "Номер клієнта", "Client’s number"),
    "recording": ("Запись разговора", "Запис розмови", "Recording"),
    "error_code": ("Код ошибки", "Код помилки", "Error code"),
    "notes": ("Примечания", "Примітки", "Notes"),
    "other_pages": ("Другие страницы списка", "Інші сторінки списку", "Other pages of the list"),
}
