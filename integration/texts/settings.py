"""The sentence beside a wrong setting's field, in Russian, Ukrainian and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto

from integration.texts import LANGUAGES


@dataclass(frozen=True, slots=True)
class KindProblem:
    """
    What can be wrong with a setting of one kind of CRM or PBX only. The kind has its own words for it.

    Attributes:
        code: one word, unique in its kind.
    """

    code: str
    ru: str
    uk: str
    en: str


class Problem(StrEnum):
    """What can be wrong with one setting. The comment names the facts that its sentence needs."""

    UNKNOWN_KEY = auto()  # known
    UNKNOWN_KEY_NEAR = auto()  # near
    NEEDED = auto()
    TABLE = auto()
    TEXT = auto()
    FLAG = auto()
    WHOLE_NUMBER = auto()
    NUMBER = auto()
    SECONDS = auto()  # least, most
    LOOKUP_SECONDS = auto()
    CALLS_A_MINUTE = auto()  # least, most
    CALLS_AT_ONCE = auto()  # least, most
    DAY_HOURS = auto()  # value
    ONE_OF = auto()  # value, words
    TOO_LONG = auto()  # length, most
    ONE_LINE = auto()
    ID = auto()  # value
    TWICE = auto()  # value
    LISTED_TWICE = auto()  # value
    LIST = auto()  # example
    LIST_TOO_LONG = auto()  # length, most
    EMPTY_TEXT = auto()
    NO_SUCH_PBX = auto()  # value
    PBX_OF_ANOTHER_OFFICE = auto()  # value, office, own
    OWN_ADDRESS = auto()  # value
    OF_ADDRESS = auto()  # value, own
    OF_SERVER = auto()
    OF_OWNER = auto()
    KIND = auto()  # value
    COUNTRY = auto()  # value
    COUNTRY_NEAR = auto()  # value, near
    TIME_ZONE = auto()  # value
    MOMENT = auto()
    LOCAL_LENGTH = auto()
    AREA_CODE = auto()
    AREA_CODE_FOR_LENGTH = auto()  # length
    AREA_CODE_FOR_CLICK = auto()
    TRUNK_PREFIX = auto()
    INTERNATIONAL_PREFIX = auto()
    PREFIX = auto()  # example
    GROUP = auto()
    LINE = auto()  # value
    TELEPHONE = auto()  # value
    SAME_LINE = auto()  # other
    EXTENSION = auto()  # most
    PHONE_PBX = auto()  # value, known
    LISTEN = auto()  # value
    WEB_ADDRESS = auto()
    NETWORKS = auto()
    NETWORK = auto()  # value
    ROLES = auto()
    ROLES_ALONE = auto()
    COUNT = auto()  # least, most
    HOURS = auto()  # least, most
    TWO_KEYS = auto()
    PORT = auto()  # usual
    BETWEEN = auto()  # least, most
    PATTERN = auto()  # detail, example
    WORD = auto()
    WHOLE_PATH = auto()
    NOT_BOTH = auto()  # first, second
    KNOWN_KIND = auto()  # value, known
    TOO_DEEP = auto()  # most
    TOO_MANY = auto()  # count, most
    TOO_LARGE = auto()  # most
    UNREADABLE = auto()
    HUGE_NUMBER = auto()
    UNFIT = auto()


# problem: (ru, uk, en). Text to type into the file has the file's quotation marks.
_TEXTS: dict[Problem, tuple[str, str, str]] = {
    Problem.UNKNOWN_KEY: (
        "Такой настройки нет; здесь есть: {known}.",
        "Такого налаштування немає; тут є: {known}.",
        "No such setting; known here: {known}.",
    ),
    Problem.UNKNOWN_KEY_NEAR: (
        "Такой настройки нет. Возможно, имелась в виду «{near}».",
        "Такого налаштування немає. Можливо, малося на увазі «{near}».",
        'No such setting; probably "{near}" was meant.',
    ),
    Problem.NEEDED: (
        "Без этой настройки не обойтись: заполните её.",
        "Без цього налаштування не обійтися: заповніть його.",
        "This setting is needed.",
    ),
    Problem.TABLE: (
        "Здесь должна быть таблица.",
        "Тут має бути таблиця.",
        "Write a table.",
    ),
    Problem.TEXT: (
        "Напишите текст в кавычках.",
        "Напишіть текст у лапках.",
        "Write a text in quotes.",
    ),
    Problem.FLAG: (
        "Напишите true или false.",
        "Напишіть true або false.",
        "Write true or false.",
    ),
    Problem.WHOLE_NUMBER: (
        "Напишите целое число.",
        "Напишіть ціле число.",
        "Write a whole number.",
    ),
    Problem.NUMBER: (
        "Напишите число.",
        "Напишіть число.",
        "Write a number.",
    ),
    Problem.LIST: (
        "Напишите список в квадратных скобках: {example}.",
        "Напишіть список у квадратних дужках: {example}.",
        "Write a list in square brackets: {example}.",
    ),
    Problem.LISTED_TWICE: (
        "«{value}» стоит в списке дважды. Уберите лишнее.",
        "«{value}» стоїть у списку двічі. Приберіть зайве.",
        '"{value}" is in the list twice; remove one.',
    ),
    Problem.LIST_TOO_LONG: (
        "В списке значений: {length}, а можно не больше {most}.",
        "У списку значень: {length}, а можна не більше {most}.",
        "The list has {length} entries, the maximum is {most}.",
    ),
    Problem.EMPTY_TEXT: (
        "В списке есть пустое значение. Уберите его или напишите текст.",
        "У списку є порожнє значення. Приберіть його або напишіть текст.",
        "The list has an empty entry. Remove it, or write a text.",
    ),
    Problem.NO_SUCH_PBX: (
        "АТС «{value}» нет: опишите её в блоке [[pbx]] или исправьте имя.",
        "АТС «{value}» немає: опишіть її в блоці [[pbx]] або виправте ім’я.",
        'There is no PBX "{value}": describe it in a block [[pbx]], or correct the name.',
    ),
    Problem.PBX_OF_ANOTHER_OFFICE: (
        "АТС «{value}» принадлежит офису «{office}», а этот аккаунт — офису «{own}». Укажите для обоих один office.",
        "АТС «{value}» належить офісу «{office}», а цей акаунт — офісу «{own}». Укажіть для обох той самий office.",
        'The PBX "{value}" belongs to the office "{office}", this account to "{own}". Write the same office for both.',
    ),
    Problem.SECONDS: (
        "Напишите от {least} до {most} секунд.",
        "Напишіть від {least} до {most} секунд.",
        "Write {least} to {most} seconds.",
    ),
    Problem.LOOKUP_SECONDS: (
        "Напишите от 0 до 1 секунды: всё это время звонящий слышит тишину.",
        "Напишіть від 0 до 1 секунди: весь цей час абонент чує тишу.",
        "Write 0 to 1 second; the caller hears silence during that time.",
    ),
    Problem.DAY_HOURS: (
        "«{value}» — не часы дня. Напишите, например, 09:00-20:00; пусто: не звонить.",
        "«{value}» — не години дня. Напишіть, наприклад, 09:00-20:00; порожньо: не дзвонити.",
        "“{value}” is no hours of a day. Write 09:00-20:00, for example; empty: no calls.",
    ),
    Problem.CALLS_A_MINUTE: (
        "Напишите от {least} до {most} звонков в минуту.",
        "Напишіть від {least} до {most} дзвінків на хвилину.",
        "Write {least} to {most} calls a minute.",
    ),
    Problem.CALLS_AT_ONCE: (
        "Напишите от {least} до {most} звонков сразу; 0 значит без предела.",
        "Напишіть від {least} до {most} дзвінків одразу; 0 означає без межі.",
        "Write {least} to {most} calls at once; 0 means no limit.",
    ),
    Problem.ONE_OF: (
        "«{value}» не подходит. Напишите одно из: {words}.",
        "«{value}» не підходить. Напишіть одне з: {words}.",
        '"{value}" is not one of {words}.',
    ),
    Problem.TOO_LONG: (
        "Слишком длинно. Знаков: {length}, а можно не больше {most}.",
        "Задовго. Знаків: {length}, а можна не більше {most}.",
        "Too long: it has {length} characters, the maximum is {most}.",
    ),
    Problem.ONE_LINE: (
        "Напишите в одну строку, без управляющих символов.",
        "Напишіть в один рядок, без керувальних символів.",
        "Write it in one line, without control characters.",
    ),
    Problem.ID: (
        "«{value}» не годится. Напишите от 1 до 40 знаков: a–z, 0–9 и «-».",
        "«{value}» не годиться. Напишіть від 1 до 40 знаків: a–z, 0–9 і «-».",
        '"{value}" is not a valid id; write 1 to 40 characters: a-z, 0-9 and "-".',
    ),
    Problem.TWICE: (
        "«{value}» уже занято. Выберите другое.",
        "«{value}» уже зайнято. Виберіть інше.",
        '"{value}" is used twice.',
    ),
    Problem.OWN_ADDRESS: (
        "«{value}» — начало одного из адресов самого Dozvon. Выберите другое.",
        "«{value}» — початок однієї з адрес самого Dozvon. Виберіть інше.",
        '"{value}" begins one of Dozvon’s own addresses; write another id.',
    ),
    Problem.OF_SERVER: (
        "Это настройка самого сервера. Изменить её может администратор с доступом ко всем офисам.",
        "Це налаштування самого сервера. Змінити його може адміністратор із доступом до всіх офісів.",
        "This is a setting of the server itself. An administrator of all offices can change it.",
    ),
    Problem.OF_OWNER: (
        "Эту настройку может изменить только владелец.",
        "Це налаштування може змінити лише власник.",
        "Only an owner can change this setting.",
    ),
    Problem.OF_ADDRESS: (
        "Здесь «{value}», а в адресе запроса — «{own}». Напишите «{own}» или уберите.",
        "Тут «{value}», а в адресі запиту — «{own}». Напишіть «{own}» або приберіть.",
        'This says "{value}", the address of the request says "{own}". Write "{own}", or leave it out.',
    ),
    Problem.KIND: (
        "«{value}» не может быть названием системы. Напишите строчные латинские буквы и цифры.",
        "«{value}» не може бути назвою системи. Напишіть малі латинські літери й цифри.",
        '"{value}" cannot be the name of a system; write a-z, 0-9 and "_".',
    ),
    Problem.COUNTRY: (
        "Плана нумерации «{value}» нет. Напишите две буквы, например RU, UA или KZ.",
        "Плану нумерації «{value}» немає. Напишіть дві літери, наприклад UA, KZ або RU.",
        'There is no numbering plan "{value}": write two letters, for example "RU", "UA" or "KZ".',
    ),
    Problem.COUNTRY_NEAR: (
        "Плана нумерации «{value}» нет. Напишите {near}.",
        "Плану нумерації «{value}» немає. Напишіть {near}.",
        'There is no numbering plan "{value}": write "{near}".',
    ),
    Problem.TIME_ZONE: (
        "Часового пояса «{value}» нет. Напишите, например, Europe/Moscow.",
        "Часового поясу «{value}» немає. Напишіть, наприклад, Europe/Kyiv.",
        '"{value}" is not a time zone; write for example "Europe/Moscow".',
    ),
    Problem.MOMENT: (
        "Напишите момент с часовым поясом, например 2026-12-01T15:00:00+03:00.",
        "Напишіть момент із часовим поясом, наприклад 2026-12-01T15:00:00+02:00.",
        "Write a moment with its time zone, such as 2026-12-01T15:00:00+03:00.",
    ),
    Problem.LOCAL_LENGTH: (
        "Напишите, сколько цифр в номере своего города: от 3 до 10.",
        "Напишіть, скільки цифр у номері свого міста: від 3 до 10.",
        "Write how many digits a number of your town has, 3 to 10.",
    ),
    Problem.AREA_CODE: (
        'Напишите код города без префикса выхода на межгород, в кавычках, например "495".',
        'Напишіть код міста без міжміського префікса, у лапках, наприклад "44".',
        'Write an area code without the trunk prefix, in quotes, for example "495".',
    ),
    Problem.AREA_CODE_FOR_LENGTH: (
        "Напишите код города, который стоит перед номером (цифр в номере: {length}).",
        "Напишіть код міста, який стоїть перед номером (цифр у номері: {length}).",
        "Write the area code that belongs before a number of {length} digits.",
    ),
    Problem.AREA_CODE_FOR_CLICK: (
        'Напишите код города: звонок по клику ("local") набирает номера своего города без него.',
        'Напишіть код міста: дзвінок за кліком ("local") набирає номери свого міста без нього.',
        'Write the area code: a click ("local") dials the numbers of your town without it.',
    ),
    Problem.TRUNK_PREFIX: (
        'Напишите цифры в кавычках, например "8", или "", если префикса нет.',
        'Напишіть цифри в лапках, наприклад "0", або "", якщо префікса немає.',
        'Write digits in quotes, for example "8", or "" for none.',
    ),
    Problem.INTERNATIONAL_PREFIX: (
        'Напишите цифры в кавычках, например "810".',
        'Напишіть цифри в лапках, наприклад "00".',
        'Write digits in quotes, for example "810".',
    ),
    Problem.PREFIX: (
        'Напишите цифры, * и # в кавычках, например "{example}".',
        'Напишіть цифри, * і # у лапках, наприклад "{example}".',
        'Write digits, * and # in quotes, for example "{example}".',
    ),
    Problem.GROUP: (
        "Напишите внутренний номер группы: звонок без ответа уходит в неё.",
        "Напишіть внутрішній номер групи: дзвінок без відповіді йде до неї.",
        'Write the extension of the group, because after_no_answer is "group".',
    ),
    Problem.LINE: (
        "«{value}» — не номер. Напишите номер линии так, как его показывает АТС.",
        "«{value}» — не номер. Напишіть номер лінії так, як його показує АТС.",
        '"{value}" is not a number; write the number of the line as the PBX shows it.',
    ),
    Problem.TELEPHONE: (
        "«{value}» — не один телефонный номер. Напишите каждый номер отдельно, с кодом города или страны.",
        "«{value}» — не один телефонний номер. Напишіть кожен номер окремо, з кодом міста або країни.",
        '"{value}" is not one telephone number; write each number by itself, with its area or country code.',
    ),
    Problem.SAME_LINE: (
        "Это та же линия, что «{other}». Оставьте одну из них.",
        "Це та сама лінія, що «{other}». Залиште одну з них.",
        'This is the same line as "{other}"; remove one of them.',
    ),
    Problem.EXTENSION: (
        "Напишите внутренний номер: от 1 до {most} знаков в одну строку.",
        "Напишіть внутрішній номер: від 1 до {most} знаків в один рядок.",
        "Write an extension, 1 to {most} characters in one line.",
    ),
    Problem.PHONE_PBX: (
        "АТС «{value}» не указана в pbxs этого аккаунта. Его АТС: {known}.",
        "АТС «{value}» не вказано в pbxs цього акаунта. Його АТС: {known}.",
        'The PBX "{value}" is not named in pbxs of this account. Its PBXs: {known}.',
    ),
    Problem.LISTEN: (
        'По адресу «{value}» слушать нельзя. Напишите, например, "127.0.0.1:8080".',
        'На адресі «{value}» слухати не можна. Напишіть, наприклад, "127.0.0.1:8080".',
        '"{value}" is not an address to listen at; write for example "127.0.0.1:8080".',
    ),
    Problem.WEB_ADDRESS: (
        'Напишите адрес, который открывают в браузере, например "https://calls.example.com".',
        'Напишіть адресу, яку відкривають у браузері, наприклад "https://calls.example.com".',
        'Write the address that browsers open, for example "https://calls.example.com".',
    ),
    Problem.NETWORKS: (
        'Напишите список адресов, например ["127.0.0.1"].',
        'Напишіть список адрес, наприклад ["127.0.0.1"].',
        'Write a list of addresses, for example ["127.0.0.1"].',
    ),
    Problem.NETWORK: (
        "«{value}» — не адрес и не сеть вида 10.0.0.0/24.",
        "«{value}» — не адреса й не мережа на зразок 10.0.0.0/24.",
        '"{value}" is neither an address nor a network like 10.0.0.0/24.',
    ),
    Problem.ROLES: (
        'Напишите одно или несколько из: "web", "pbx", "worker".',
        'Напишіть одне або кілька з: "web", "pbx", "worker".',
        'Write one or more of "web", "pbx", "worker".',
    ),
    Problem.ROLES_ALONE: (
        "Если процесс делает не всё, нужны storage.redis и другие процессы.",
        "Якщо процес робить не все, потрібні storage.redis та інші процеси.",
        "A process that does not do everything needs storage.redis and other processes.",
    ),
    Problem.COUNT: (
        "Напишите целое число от {least} до {most}.",
        "Напишіть ціле число від {least} до {most}.",
        "Write a whole number from {least} to {most}.",
    ),
    Problem.HOURS: (
        "Напишите количество часов от {least} до {most}, например 24.",
        "Напишіть кількість годин від {least} до {most}, наприклад 24.",
        "Write a number of hours from {least} to {most}, for example 24.",
    ),
    Problem.TWO_KEYS: (
        "Уберите: ключ уже задан в DOZVON_KEY.",
        "Приберіть: ключ уже задано в DOZVON_KEY.",
        "Remove it: DOZVON_KEY already sets the key.",
    ),
    Problem.PORT: (
        "Напишите номер порта, обычно {usual}.",
        "Напишіть номер порту, зазвичай {usual}.",
        "Write a port number, usually {usual}.",
    ),
    Problem.BETWEEN: (
        "Напишите число от {least} до {most}.",
        "Напишіть число від {least} до {most}.",
        "Write a number from {least} to {most}.",
    ),
    Problem.PATTERN: (
        "Это не регулярное выражение ({detail}). Напишите, например, «{example}».",
        "Це не регулярний вираз ({detail}). Напишіть, наприклад, «{example}».",
        "This is no regular expression ({detail}). Write for example '{example}'.",
    ),
    Problem.WORD: (
        "Напишите имя из латинских букв, цифр и знаков «_», «.», «-».",
        "Напишіть ім’я з латинських літер, цифр і знаків «_», «.», «-».",
        'Write a name of letters, digits, "_", "." and "-".',
    ),
    Problem.WHOLE_PATH: (
        "Напишите полный путь, начиная с «/».",
        "Напишіть повний шлях, починаючи з «/».",
        'Write the whole path, beginning with "/".',
    ),
    Problem.NOT_BOTH: (
        "Оставьте что-то одно: {first} или {second}.",
        "Залиште щось одне: {first} або {second}.",
        "Write either {first} or {second}, not both.",
    ),
    Problem.KNOWN_KIND: (
        "Dozvon не знает системы «{value}». Напишите одно из: {known}.",
        "Dozvon не знає системи «{value}». Напишіть одне з: {known}.",
        '"{value}" is not known; known is {known}.',
    ),
    Problem.TOO_DEEP: (
        "Слишком глубокая вложенность: уровней таблиц и списков может быть не больше {most}.",
        "Надто глибока вкладеність: рівнів таблиць і списків може бути не більше {most}.",
        "Nested too deeply: tables and lists may have at most {most} levels.",
    ),
    Problem.TOO_MANY: (
        "Слишком много. Записей: {count}, а можно не больше {most}.",
        "Забагато. Записів: {count}, а можна не більше {most}.",
        "Too many: there are {count} entries, the maximum is {most}.",
    ),
    Problem.TOO_LARGE: (
        "Документ слишком большой: значений больше {most}.",
        "Документ завеликий: значень більше {most}.",
        "The document is too large: it has more than {most} values.",
    ),
    Problem.UNREADABLE: (
        "Здесь есть символ, который нельзя сохранить. Напишите заново.",
        "Тут є символ, який не можна зберегти. Напишіть заново.",
        "One of its characters cannot be stored; write it again.",
    ),
    Problem.HUGE_NUMBER: (
        "Слишком большое число.",
        "Завелике число.",
        "The number is too large.",
    ),
    Problem.UNFIT: (
        "Это значение здесь не подходит.",
        "Це значення тут не підходить.",
        "This value does not fit here.",
    ),
}


def setting_problem(problem: Problem | KindProblem, facts: Mapping[str, object], language: str) -> str:
    """
    The sentence about a problem.

    Args:
        facts: the facts that the sentence needs (`Problem`), with texts from outside shortened.
        language: one of `LANGUAGES`.
    """
    words = (problem.ru, problem.uk, problem.en) if isinstance(problem, KindProblem) else _TEXTS[problem]
    return words[LANGUAGES.index(language)].format(**facts)
