"""The states of connections as sentences in Russian, Ukrainian and English: `state_sentence()`."""

from __future__ import annotations

from collections import defaultdict

from integration.domain.connections.state import ConnectionState
from integration.texts import LANGUAGES

STATUSES: dict[str, tuple[str, str, str]] = {
    "not_set_up": ("Ещё не подключено.", "Ще не підключено.", "Not set up yet."),
    "setting_up": ("Подключается.", "Підключається.", "Connecting."),
    "ready": ("На связи", "На зв’язку", "Connected"),
    "needs_consent": (
        "Нужно разрешение администратора CRM.",
        "Потрібен дозвіл адміністратора CRM.",
        "An administrator of the CRM has to allow the connection.",
    ),
    "retrying": ("Нет связи.", "Немає зв’язку.", "Not connected."),
    "off": ("Выключено.", "Вимкнено.", "Switched off."),
}
"""By `ConnectionStatus`, for a state without a reason."""

REASONS: dict[str, tuple[str, str, str]] = {
    "change_failed": (
        "Новые настройки применить не удалось.",
        "Нові налаштування застосувати не вдалося.",
        "The new settings could not be applied.",
    ),
    # of a CRM
    "switched_off": (
        "Интеграция выключена: звонки не попадают в CRM.",
        "Інтеграцію вимкнено: дзвінки не потрапляють у CRM.",
        "The integration is switched off: calls are not logged in the CRM.",
    ),
    "crm_not_asked": ("Ещё не опрошена.", "Ще не опитана.", "Not checked yet."),
    "crm_not_connected": (
        "Аккаунт CRM ещё не подключён.",
        "Акаунт CRM ще не підключено.",
        "The CRM account is not connected yet.",
    ),
    "crm_needs_consent": (
        "CRM отозвала доступ. Подключите аккаунт снова.",
        "CRM відкликала доступ. Підключіть акаунт знову.",
        "The CRM has revoked access. Connect the account again.",
    ),
    "crm_unpaid": (
        "Подписка CRM закончилась. После оплаты запись звонков продолжится сама.",
        "Підписка CRM закінчилася. Після оплати запис дзвінків продовжиться сам.",
        "The CRM subscription has ended. Once it is paid, logging continues by itself.",
    ),
    "crm_blocked": (
        "CRM временно блокирует запросы интеграции. Подождите: попытка повторится сама.",
        "CRM тимчасово блокує запити інтеграції. Зачекайте: спроба повториться сама.",
        "The CRM has blocked the integration for a while. Wait: Dozvon tries again by itself.",
    ),
    "crm_slowed": (
        "CRM просит реже отправлять запросы. Звонки попадают в неё с задержкой.",
        "CRM просить рідше надсилати запити. Дзвінки потрапляють до неї із затримкою.",
        "The CRM asks for fewer requests. Calls reach it with a delay.",
    ),
    "crm_away": ("CRM не отвечает.", "CRM не відповідає.", "The CRM does not answer."),
    "crm_refused": (
        "CRM отказывает в доступе. Подключите аккаунт от имени администратора CRM.",
        "CRM відмовляє в доступі. Підключіть акаунт від імені адміністратора CRM.",
        "The CRM refuses access. Connect the account as an administrator of the CRM.",
    ),
    # of a PBX
    "no_account": (
        "Звонки этой АТС не получает ни один аккаунт.",
        "Дзвінків цієї АТС не отримує жоден акаунт.",
        "No account gets the calls of this PBX.",
    ),
    "not_followed": (
        "Этот процесс Dozvon к ней не подключён, и другие о ней не сообщают. Проверьте, работает ли процесс с ролью"
        " pbx.",
        "Цей процес Dozvon до неї не підключений, а інші про неї не повідомляють. Перевірте, чи працює процес із роллю"
        " pbx.",
        "This process of Dozvon is not connected to it, and no other one reports on it. Check that a process with the"
        " role pbx is running.",
    ),
    "address_unknown": (
        "Адрес АТС не найден: {host}. Проверьте имя и DNS.",
        "Адресу АТС не знайдено: {host}. Перевірте ім’я та DNS.",
        "The address of the PBX cannot be found: {host}. Check the name and DNS.",
    ),
    "unreachable": (
        "АТС недоступна по сети: {host}. Проверьте маршрут и VPN.",
        "АТС недоступна мережею: {host}. Перевірте маршрут і VPN.",
        "The PBX cannot be reached over the network: {host}. Check the route and the VPN.",
    ),
    "connection_refused": (
        "АТС отклоняет подключения: {host}, порт {port}. Проверьте порт и доступ к управлению АТС.",
        "АТС відхиляє підключення: {host}, порт {port}. Перевірте порт і доступ до керування АТС.",
        "The PBX refuses connections: {host}, port {port}. Check the port and the PBX’s management access.",
    ),
    "timeout": (
        "АТС не отвечает на подключение: {host}, порт {port}. Проверьте адрес и межсетевой экран.",
        "АТС не відповідає на підключення: {host}, порт {port}. Перевірте адресу й мережевий екран.",
        "The PBX does not answer: {host}, port {port}. Check the address and the firewall.",
    ),
    "tls_untrusted": (
        "Сертификату АТС нельзя доверять: {host}. Проверьте имя в сертификате, его срок и центр сертификации.",
        "Сертифікату АТС не можна довіряти: {host}. Перевірте ім’я в сертифікаті, його термін дії та центр"
        " сертифікації.",
        "The PBX’s certificate cannot be trusted: {host}. Check its name, its dates and its authority.",
    ),
    "tls_failed": (
        "Не удалось установить защищённое соединение (TLS) с АТС: {host}.",
        "Не вдалося встановити захищене з’єднання (TLS) з АТС: {host}.",
        "A secure connection (TLS) to the PBX could not be set up: {host}.",
    ),
    "connection_failed": (
        "Подключиться к АТС не удалось: {host}, порт {port}.",
        "Підключитися до АТС не вдалося: {host}, порт {port}.",
        "The connection to the PBX failed: {host}, port {port}.",
    ),
    "no_greeting": (
        "Соединение установлено, но АТС молчит. Проверьте порт и TLS.",
        "З’єднання встановлено, але АТС мовчить. Перевірте порт і TLS.",
        "The connection is open, but the PBX says nothing. Check the port and TLS.",
    ),
    "not_let_in": (
        "АТС сразу закрывает соединение. Разрешите адрес Dozvon в настройках её пользователя.",
        "АТС одразу закриває з’єднання. Дозвольте адресу Dozvon у налаштуваннях її користувача.",
        "The PBX closes the connection at once. Permit the address of Dozvon for its user there.",
    ),
    "not_a_pbx": (
        "По этому адресу отвечает не АТС. Проверьте адрес и порт.",
        "За цією адресою відповідає не АТС. Перевірте адресу й порт.",
        "What answers at this address is not a PBX. Check the address and the port.",
    ),
    "version_refused": (
        "Версия АТС слишком старая: за её звонками нельзя следить. Обновите АТС.",
        "Версія АТС занадто стара: за її дзвінками не можна стежити. Оновіть АТС.",
        "The version of the PBX is too old: its calls cannot be followed. Update the PBX.",
    ),
    "login_refused": (
        "Вход в АТС отклонён: неверное имя или пароль, или адрес Dozvon не разрешён. Пользователь: {user}.",
        "Вхід до АТС відхилено: неправильне ім’я чи пароль, або адресу Dozvon не дозволено. Користувач: {user}.",
        "The PBX refuses the login: wrong user or password, or the address of Dozvon is not permitted. User: {user}.",
    ),
    "login_unanswered": (
        "АТС не ответила на вход пользователя: {user}.",
        "АТС не відповіла на вхід користувача: {user}.",
        "The PBX did not answer the login of the user: {user}.",
    ),
    "permission_missing": (
        "На связи, но пользователю АТС не хватает прав: {user}. Запрещены запросы: {actions}.",
        "На зв’язку, але користувачу АТС бракує прав: {user}. Заборонені запити: {actions}.",
        "Connected, but the user of the PBX lacks rights: {user}. Refused requests: {actions}.",
    ),
    "state_unanswered": (
        "АТС не сообщила о текущих звонках.",
        "АТС не повідомила про поточні дзвінки.",
        "The PBX did not report the calls in progress.",
    ),
    "link_silent": (
        "АТС перестала отвечать.",
        "АТС перестала відповідати.",
        "The PBX has stopped answering.",
    ),
    "link_closed": (
        "АТС закрыла соединение.",
        "АТС закрила з’єднання.",
        "The PBX closed the connection.",
    ),
    "link_lost": ("Связь с АТС прервалась.", "Зв’язок з АТС перервався.", "The connection to the PBX was lost."),
    "protocol_broken": (
        "АТС прислала то, что не удалось разобрать.",
        "АТС надіслала те, що не вдалося розібрати.",
        "The PBX sent something that cannot be understood.",
    ),
}
"""By `StateReason`: Russian, Ukrainian, English, in the order of `LANGUAGES`."""


def state_sentence(state: ConnectionState, language: str = "ru") -> str:
    """
    Say a state in one sentence: its reason, or its status where it has none.

    Args:
        language: `ru`, `uk` or `en`; any other reads English.

    Returns:
        The bare code for a reason that only another release knows. Never raises. Values are an administrator's: escape
        the sentence where it is shown.
    """
    at = LANGUAGES.index(language) if language in LANGUAGES else LANGUAGES.index("en")
    if state.reason is None:
        return STATUSES[state.status][at]
    texts = REASONS.get(state.reason.code)
    if texts is None:
        return state.reason.code
    return texts[at].format_map(defaultdict(lambda: "—", state.reason.detail))
