"""What the API about offices says when it refuses something, in Russian, Ukrainian and English."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from integration.texts import LANGUAGES


class ApiProblem(StrEnum):
    """Codes of refusals. The comment names the facts that the sentence needs."""

    SIGN_IN = "auth_failed"
    NOT_OUR_PAGE = "not_our_page"
    NOT_ALLOWED = "not_allowed"
    NO_OFFICE = "no_office"  # office
    NO_PART = "no_part"  # part
    NOT_JSON = "not_json"
    NOT_JSON_TYPE = "not_json_type"
    NUMBER = "number"  # name, most
    REVISION_NEEDED = "revision_needed"
    REVISION_UNREADABLE = "revision_unreadable"
    CHANGED_MEANWHILE = "changed_meanwhile"  # who, when
    OTHER_REVISION = "other_revision"
    WRONG_SETTINGS = "wrong_settings"
    ACCOUNT_IN_FILE = "account_in_file"  # id
    PBX_IN_FILE = "pbx_in_file"  # id
    ACCOUNT_OF_OTHER_OFFICE = "account_of_other_office"  # id
    PBX_OF_OTHER_OFFICE = "pbx_of_other_office"  # id
    NOT_THIS_STATE = "not_this_state"  # state
    NOT_KEPT = "not_kept"
    UNDONE = "undone"
    CHANGED_SINCE = "changed_since"
    ONLY_SECRETS = "only_secrets"
    NO_KEY = "no_key"
    KEY_MISTYPED = "key_mistyped"
    KEY_UNKNOWN = "key_unknown"
    KEY_REVOKED = "key_revoked"
    KEY_ENDED = "key_ended"
    KEY_MAKER_OFF = "key_maker_off"
    WRONG_KEYS = "rate_limited"  # seconds
    UNAVAILABLE = "unavailable"


# problem: (ru, uk, en)
_TEXTS: dict[ApiProblem, tuple[str, str, str]] = {
    ApiProblem.SIGN_IN: (
        "Войдите снова. Программа отправляет ключ API: заголовок Authorization, значение Bearer и ключ.",
        "Увійдіть знову. Програма надсилає ключ API: заголовок Authorization, значення Bearer і ключ.",
        "Sign in again. A program sends an API key: the header Authorization, with Bearer and the key.",
    ),
    ApiProblem.NOT_OUR_PAGE: (
        "Запрос отправлен не со страницы Dozvon.",
        "Запит надіслано не зі сторінки Dozvon.",
        "The request was not sent from a page of Dozvon.",
    ),
    ApiProblem.NOT_ALLOWED: (
        "У вас нет права на это действие.",
        "У вас немає права на цю дію.",
        "You may not do this.",
    ),
    ApiProblem.NO_OFFICE: (
        "В базе нет такого офиса: {office}.",
        "У базі немає такого офісу: {office}.",
        "There is no such office in the database: {office}.",
    ),
    ApiProblem.NO_PART: (
        "В офисе этого нет: {part}.",
        "В офісі цього немає: {part}.",
        "The office does not have it: {part}.",
    ),
    ApiProblem.NOT_THIS_STATE: (
        "Сейчас это с обзвоном сделать нельзя. Его состояние: {state}.",
        "Зараз це з обдзвоном зробити не можна. Його стан: {state}.",
        "This cannot be done to the campaign now. Its state: {state}.",
    ),
    ApiProblem.NOT_JSON: (
        "Запрос не прочитан. Нужен объект JSON в UTF-8: ключи без повторов, числа до 64 бит, без символа NUL.",
        "Запит не прочитано. Потрібен об’єкт JSON в UTF-8: ключі без повторів, числа до 64 біт, без символу NUL.",
        "The request cannot be read. Send a JSON object in UTF-8: each key once, numbers of up to 64 bits, no NUL.",
    ),
    ApiProblem.NOT_JSON_TYPE: (
        "Отправьте JSON с заголовком Content-Type: application/json.",
        "Надішліть JSON із заголовком Content-Type: application/json.",
        "Send JSON with the header Content-Type: application/json.",
    ),
    ApiProblem.NUMBER: (
        "Параметр {name}: напишите число от 1 до {most}.",
        "Параметр {name}: напишіть число від 1 до {most}.",
        "Parameter {name}: write a number from 1 to {most}.",
    ),
    ApiProblem.REVISION_NEEDED: (
        "Нет заголовка If-Match. Напишите в нём ревизию, которую вы читали, а для нового офиса — 0.",
        "Немає заголовка If-Match. Напишіть у ньому ревізію, яку ви читали, а для нового офісу — 0.",
        "The header If-Match is missing. Send the revision that you have read, or 0 for a new office.",
    ),
    ApiProblem.REVISION_UNREADABLE: (
        "В заголовке If-Match не ревизия. Напишите её так, как её вернул Dozvon.",
        "У заголовку If-Match не ревізія. Напишіть її так, як її повернув Dozvon.",
        "If-Match holds no revision. Send one as Dozvon has answered it.",
    ),
    ApiProblem.CHANGED_MEANWHILE: (
        "Пока вы работали, эти настройки изменились. Кто изменил: {who}. Когда: {when}. Ничего не сохранено:"
        " посмотрите, что изменилось, и повторите.",
        "Поки ви працювали, ці налаштування змінилися. Хто змінив: {who}. Коли: {when}. Нічого не збережено:"
        " подивіться, що змінилося, і повторіть.",
        "These settings have changed meanwhile. Changed by: {who}. When: {when}. Nothing was saved: look at what has"
        " changed and repeat.",
    ),
    ApiProblem.OTHER_REVISION: (
        "Такой ревизии нет. Ничего не сохранено: прочитайте настройки снова.",
        "Такої ревізії немає. Нічого не збережено: прочитайте налаштування знову.",
        "There is no such revision. Nothing was saved: read the settings again.",
    ),
    ApiProblem.WRONG_SETTINGS: (
        "Ничего не сохранено: часть настроек не подходит.",
        "Нічого не збережено: частина налаштувань не підходить.",
        "Nothing was saved: some settings are wrong.",
    ),
    ApiProblem.ACCOUNT_IN_FILE: (
        "Аккаунт «{id}» описан в файле конфигурации, и файл главнее. Уберите его оттуда.",
        "Акаунт «{id}» описано у файлі конфігурації, і файл головніший. Приберіть його звідти.",
        'The account "{id}" is in the configuration file, which wins. Cut it out there.',
    ),
    ApiProblem.PBX_IN_FILE: (
        "АТС «{id}» описана в файле конфигурации, и файл главнее. Уберите её оттуда.",
        "АТС «{id}» описано у файлі конфігурації, і файл головніший. Приберіть її звідти.",
        'The PBX "{id}" is in the configuration file, which wins. Cut it out there.',
    ),
    ApiProblem.ACCOUNT_OF_OTHER_OFFICE: (
        "Имя аккаунта «{id}» занято другим офисом. Выберите другое.",
        "Ім’я акаунта «{id}» зайняте іншим офісом. Виберіть інше.",
        'Another office has an account "{id}". Choose another id.',
    ),
    ApiProblem.PBX_OF_OTHER_OFFICE: (
        "Имя АТС «{id}» занято другим офисом. Выберите другое.",
        "Ім’я АТС «{id}» зайняте іншим офісом. Виберіть інше.",
        'Another office has a PBX "{id}". Choose another id.',
    ),
    ApiProblem.NOT_KEPT: (
        "Этого изменения уже нет в истории.",
        "Цієї зміни вже немає в історії.",
        "This change is not in the history any more.",
    ),
    ApiProblem.UNDONE: (
        "Это изменение уже отменено.",
        "Цю зміну вже скасовано.",
        "This change is undone already.",
    ),
    ApiProblem.CHANGED_SINCE: (
        "Отменить нельзя: с тех пор это изменили ещё раз.",
        "Скасувати не можна: відтоді це змінили ще раз.",
        "This cannot be undone: the same was changed again since.",
    ),
    ApiProblem.ONLY_SECRETS: (
        "Отменить нельзя: изменились только секреты, а прежних история не хранит. Введите их заново.",
        "Скасувати не можна: змінилися лише секрети, а попередніх історія не зберігає. Введіть їх знову.",
        "This cannot be undone: only secrets were changed, and the history keeps none. Type the former ones again.",
    ),
    ApiProblem.NO_KEY: (
        "Это не ключ API: он начинается с dzv_. Отправьте его так: заголовок Authorization, значение Bearer и ключ.",
        "Це не ключ API: він починається з dzv_. Надішліть його так: заголовок Authorization, значення Bearer і ключ.",
        "This is no API key: one begins with dzv_. Send it in the header Authorization, as Bearer and the key.",
    ),
    ApiProblem.KEY_MISTYPED: (
        "В ключе API опечатка или не хватает знаков. Скопируйте его целиком.",
        "У ключі API помилка або бракує знаків. Скопіюйте його повністю.",
        "The API key has a typo or lacks characters. Copy it whole.",
    ),
    ApiProblem.KEY_UNKNOWN: (
        "Такого ключа API здесь нет. Проверьте, от этого ли он сервера, или создайте новый на странице ключей.",
        "Такого ключа API тут немає. Перевірте, чи він від цього сервера, або створіть новий на сторінці ключів.",
        "There is no such API key here. Check that it is this server’s, or make a new one on the page of keys.",
    ),
    ApiProblem.KEY_REVOKED: (
        "Этот ключ API отозван. Создайте новый на странице ключей.",
        "Цей ключ API відкликано. Створіть новий на сторінці ключів.",
        "This API key was revoked. Make a new one on the page of keys.",
    ),
    ApiProblem.KEY_ENDED: (
        "Срок действия этого ключа API истёк. Создайте новый на странице ключей.",
        "Термін дії цього ключа API минув. Створіть новий на сторінці ключів.",
        "This API key has expired. Make a new one on the page of keys.",
    ),
    ApiProblem.KEY_MAKER_OFF: (
        "Администратор, который создал этот ключ API, отключён. Пусть другой администратор создаст новый ключ.",
        "Адміністратора, який створив цей ключ API, вимкнено. Нехай інший адміністратор створить новий ключ.",
        "The administrator who made this API key is switched off. Have another administrator make a new one.",
    ),
    ApiProblem.WRONG_KEYS: (
        "С этого адреса приходит слишком много неверных ключей API. Повторите через {seconds} с с верным ключом.",
        "З цієї адреси надходить забагато неправильних ключів API. Повторіть через {seconds} с із правильним ключем.",
        "Too many wrong API keys come from this address. Repeat with a right one in {seconds} s.",
    ),
    ApiProblem.UNAVAILABLE: (
        "База сейчас не отвечает. Повторите через минуту.",
        "База зараз не відповідає. Повторіть за хвилину.",
        "The database does not answer right now. Repeat it in a minute.",
    ),
}


def api_problem(problem: ApiProblem, facts: Mapping[str, object], language: str) -> str:
    """One or two whole sentences; `language` of `LANGUAGES`."""
    return _TEXTS[problem][LANGUAGES.index(language)].format(**facts)
