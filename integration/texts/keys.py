"""The texts about API keys. `pages.py` gives them to the pages."""

from __future__ import annotations

# key: (ru, uk, en)
KEYS: dict[str, tuple[str, str, str]] = {
    "api_keys": ("Ключи API", "Ключі API", "API keys"),
    "keys_lead": (
        "С ключом программа работает с настройками офиса через REST. Ключ показывается один раз: Dozvon хранит только"
        " его отпечаток.",
        "Із ключем програма працює з налаштуваннями офісу через REST. Ключ показується один раз: Dozvon зберігає лише"
        " його відбиток.",
        "A program with a key works with the office’s settings over REST. The key is shown once: Dozvon keeps only its"
        " fingerprint.",
    ),
    "keys_and_widget": (
        "Виджету в CRM ключ обычно не нужен: он входит сам, по подписи CRM. Если подключение ещё не закончено,"
        " вставьте ключ в окне настроек виджета: он проверит его и скажет, чего не хватает.",
        "Віджету в CRM ключ зазвичай не потрібен: він входить сам, за підписом CRM. Якщо підключення ще не завершено,"
        " вставте ключ у вікні налаштувань віджета: він перевірить його і скаже, чого бракує.",
        "The widget in the CRM usually needs no key: it signs in by itself, by the CRM’s signature. If the connection"
        " is not finished yet, paste a key in the widget’s settings window: it checks it and says what is missing.",
    ),
    "key_made": ("Новый ключ: {name}", "Новий ключ: {name}", "New key: {name}"),
    "key_made_lead": (
        "Скопируйте его сейчас: больше он не показывается.",
        "Скопіюйте його зараз: більше він не показується.",
        "Copy it now: it is not shown again.",
    ),
    "key_make": ("Создать ключ", "Створити ключ", "Make a key"),
    "key_name": ("Для чего ключ", "Для чого ключ", "What the key is for"),
    "key_name_hint": (
        "Например: выгрузка в отчёты",
        "Наприклад: вивантаження у звіти",
        "For example: export to reports",
    ),
    "key_access": ("Что можно с ключом", "Що можна з ключем", "What the key may do"),
    "key_access_read": ("Читать", "Читати", "Read"),
    "key_access_read_hint": (
        "видеть настройки и их историю",
        "бачити налаштування та їхню історію",
        "see the settings and their history",
    ),
    "key_access_write": ("Читать и менять", "Читати й змінювати", "Read and change"),
    "key_access_write_hint": (
        "ещё и менять подключения, линии и сотрудников",
        "ще й змінювати підключення, лінії та співробітників",
        "also change connections, lines and people",
    ),
    "key_office": ("Где действует", "Де діє", "Where it works"),
    "key_this_office": ("Только в этом офисе", "Лише в цьому офісі", "In this office only"),
    "key_all_offices": ("Во всех офисах", "В усіх офісах", "In all offices"),
    "key_days": ("Сколько действует", "Скільки діє", "How long it works"),
    "key_days_30": ("30 дней", "30 днів", "30 days"),
    "key_days_90": ("90 дней", "90 днів", "90 days"),
    "key_days_365": ("Год", "Рік", "A year"),
    "key_days_none": ("Пока не отозван", "Поки не відкликано", "Until it is revoked"),
    "no_keys": ("Ключей пока нет.", "Ключів поки немає.", "There are no keys yet."),
    "key": ("Ключ", "Ключ", "Key"),
    "key_made_by": ("Кто и когда создал", "Хто й коли створив", "Made by, when"),
    "key_by_file": ("пароль из файла", "пароль із файлу", "the file’s password"),
    "key_used": ("Последнее обращение", "Останнє звернення", "Last use"),
    "key_never_used": ("ещё не было", "ще не було", "never"),
    "key_state": ("Состояние", "Стан", "State"),
    "key_works": ("действует", "діє", "works"),
    "key_works_until": ("действует до {until}", "діє до {until}", "works until {until}"),
    "key_state_key_revoked": ("отозван {when}", "відкликано {when}", "revoked {when}"),
    "key_state_key_revoked_by": (
        "отозван {when}, администратор: {name}",
        "відкликано {when}, адміністратор: {name}",
        "revoked {when} by {name}",
    ),
    "key_state_key_ended": ("истёк {until}", "сплив {until}", "expired {until}"),
    "key_state_key_maker_off": (
        "не действует: автор отключён",
        "не діє: автора вимкнено",
        "does not work: its maker is switched off",
    ),
    "key_revoke_question": ("Отозвать ключ: {name}?", "Відкликати ключ: {name}?", "Revoke the key: {name}?"),
    "key_revoke_consequence": (
        "Программа с этим ключом сразу потеряет доступ. Вернуть ключ нельзя, можно только создать новый.",
        "Програма з цим ключем одразу втратить доступ. Повернути ключ не можна, можна лише створити новий.",
        "The program with this key loses access at once. A key cannot be brought back, only a new one made.",
    ),
    "key_revoked": (
        "Ключ отозван и больше не действует.",
        "Ключ відкликано, він більше не діє.",
        "The key was revoked and no longer works.",
    ),
    "key_already_gone": (
        "Этот ключ уже отозван.",
        "Цей ключ уже відкликано.",
        "This key was revoked already.",
    ),
    "key_too_many": (
        "Действующих ключей уже {most}. Отзовите те, которыми не пользуются.",
        "Ключів, що діють, уже {most}. Відкличте ті, якими не користуються.",
        "There are {most} keys already. Revoke those that are not used.",
    ),
    "key_how_to": ("Как с ним работать", "Як із ним працювати", "How to use it"),
    "key_description": ("Описание API", "Опис API", "Description of the API"),
}
