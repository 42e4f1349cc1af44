"""What an administrator enters and copies to connect a Bitrix24 portal. Source: b24-rest-docs, "Local applications"."""

from __future__ import annotations

from connectors.bitrix24.checks import SCOPES
from integration.domain.sentences import Words
from integration.ports.crm_setup import ConsentBy, CrmKey, CrmSetup, CrmVariant, CrmWay

_SCOPES = ", ".join(SCOPES)

_APPLICATION = (
    Words(
        "bitrix24.create_application",
        "Откройте в портале «Разработчикам → Другое → Локальное приложение». Нужны права администратора.",
        "Відкрийте в порталі «Розробникам → Інше → Локальний застосунок». Потрібні права адміністратора.",
        "In the portal open “Developer resources → Other → Local application”. You need an administrator’s rights.",
    ),
    Words(
        "bitrix24.paste_addresses",
        "Выберите «Серверное» и вставьте адрес ниже в оба поля: путь обработчика и путь первоначальной установки. "
        "«Использует только API» не отмечайте.",
        "Виберіть «Серверний» і вставте адресу нижче в обидва поля: шлях обробника та шлях початкового встановлення. "
        "«Використовує лише API» не позначайте.",
        "Choose “Server” and paste the address below into both fields: the handler’s path and the path of the initial "
        "installation. Do not tick “Uses API only”.",
    ),
    Words(
        "bitrix24.choose_scopes",
        f"Назовите пункт меню Dozvon и отметьте права: {_SCOPES}. Сохраните.",
        f"Назвіть пункт меню Dozvon і позначте права: {_SCOPES}. Збережіть.",
        f"Name the menu item Dozvon and tick the permissions: {_SCOPES}. Save.",
    ),
    Words(
        "bitrix24.copy_keys",
        "Скопируйте сюда код приложения (client_id) и ключ приложения (client_secret).",
        "Скопіюйте сюди код застосунку (client_id) і ключ застосунку (client_secret).",
        "Copy the application ID (client_id) and the application key (client_secret) to here.",
    ),
)
_OPEN = Words(
    "bitrix24.open_application",
    "Нажмите в карточке приложения «Переустановить» или откройте Dozvon в меню портала: приложение подключится само.",
    "Натисніть у картці застосунку «Перевстановити» або відкрийте Dozvon у меню порталу: застосунок підключиться сам.",
    "Press “Reinstall” in the application’s card, or open Dozvon in the portal’s menu: the application connects by "
    "itself.",
)
_WEBHOOK = (
    Words(
        "bitrix24.create_webhook",
        "Откройте в портале «Разработчикам → Другое → Входящий вебхук».",
        "Відкрийте в порталі «Розробникам → Інше → Вхідний вебхук».",
        "In the portal open “Developer resources → Other → Inbound webhook”.",
    ),
    Words(
        "bitrix24.scopes_of_webhook",
        "Отметьте права crm, user_basic, department, im, timeman, сохраните и скопируйте адрес сюда.",
        "Позначте права crm, user_basic, department, im, timeman, збережіть і скопіюйте адресу сюди.",
        "Tick the permissions crm, user_basic, department, im, timeman, save, and copy the address to here.",
    ),
    Words(
        "bitrix24.webhook_does_less",
        "Через вебхук не будет карточек звонков, клика по номеру и записей в истории звонков. Выбирайте его, только "
        "если приложение добавить нельзя.",
        "Через вебхук не буде карток дзвінків, кліку по номеру та записів в історії дзвінків. Вибирайте його, лише "
        "якщо застосунок додати не можна.",
        "A webhook gives no call cards, no clicks on numbers and no recordings in the call history. Choose it only "
        "where no application can be added.",
    ),
)
_KEYS = (
    CrmKey(
        option="client_id",
        label=Words("bitrix24.client_id", "Код приложения", "Код застосунку", "Application ID (client_id)"),
    ),
    CrmKey(
        option="client_secret",
        label=Words("bitrix24.client_secret", "Ключ приложения", "Ключ застосунку", "Application key (client_secret)"),
        is_secret=True,
    ),
)
_OAUTH_URL = CrmKey(
    option="oauth_url",
    label=Words(
        "bitrix24.oauth_url", "Адрес сервера авторизации", "Адреса сервера авторизації", "Address of the OAuth server"
    ),
)
_API_SCRIPT_URL = CrmKey(
    option="api_script_url",
    label=Words(
        "bitrix24.api_script_url",
        "Адрес скрипта для страниц в портале",
        "Адреса скрипта для сторінок у порталі",
        "Address of the script for pages in the portal",
    ),
)
_WEBHOOK_URL = CrmKey(
    option="webhook_url",
    label=Words("bitrix24.webhook_url", "Адрес вебхука", "Адреса вебхука", "Address of the webhook"),
    is_secret=True,
)

_BY_WEBHOOK = CrmWay(steps=_WEBHOOK, keys=(_WEBHOOK_URL,), consent=ConsentBy.KEYS, redirect=False, disconnect=False)

SETUP = CrmSetup(
    variants=(
        CrmVariant(
            key="bitrix24",
            label=Words("bitrix24.name", "Битрикс24", "Бітрікс24", "Bitrix24"),
            hint=Words(
                "bitrix24.by_application",
                "Приложение: карточки звонков, клики, записи",
                "Застосунок: картки дзвінків, кліки, записи",
                "An application: call cards, clicks, recordings",
            ),
            console="https://helpdesk.bitrix24.com/open/5450127/",
        ),
        CrmVariant(
            key="bitrix24_webhook",
            label=Words("bitrix24.name_webhook", "Битрикс24: вебхук", "Бітрікс24: вебхук", "Bitrix24: webhook"),
            hint=Words(
                "bitrix24.by_webhook",
                "Если приложение добавить нельзя: умеет меньше",
                "Якщо застосунок додати не можна: вміє менше",
                "Where no application may be added: does less",
            ),
            console="https://helpdesk.bitrix24.com/open/12357038/",
            way=_BY_WEBHOOK,
        ),
    ),
    way=CrmWay(
        steps=_APPLICATION,
        keys=_KEYS,
        consent=ConsentBy.INSTALLING,
        disconnect=False,
        after_keys=_OPEN,
    ),
    advanced=(_OAUTH_URL, _API_SCRIPT_URL),
)
