"""What the doctor finds about this installation, in Russian, Ukrainian and English; adapters bring their own."""

from __future__ import annotations

from integration.domain.sentences import Words

# ---- the checks' names: their codes are part of `dozvon doctor --json`, a release does not rename one ----------------

DATABASE = Words("database", "База данных", "База даних", "Database")
KEY = Words("key", "Ключ", "Ключ", "Key")
BACKUP = Words("backup", "Резервная копия", "Резервна копія", "Backup")
REDIS = Words("redis", "Redis", "Redis", "Redis")
LEFTOVERS = Words("leftovers", "Остатки", "Залишки", "Leftovers")
SWITCH = Words("switch", "Интеграция", "Інтеграція", "Switch")
MET = Words("crm pages", "Страницы CRM", "Сторінки CRM", "CRM pages")
ACCOUNTS = Words("accounts", "Аккаунты", "Акаунти", "Accounts")
PASSWORD = Words("password", "Пароль администратора", "Пароль адміністратора", "Administrator’s password")
ADDRESS = Words("address", "Адрес", "Адреса", "Address")
PROXY = Words("proxy", "Прокси", "Проксі", "Proxy")
CONFIGURATION = Words("configuration", "Файл настроек", "Файл налаштувань", "Configuration")
DATA_FOLDER = Words("data folder", "Папка данных", "Папка даних", "Data folder")

# ---- database and Redis ----------------------------------------------------------------------------------------------

DATABASE_FAILS = Words(
    "database_fails",
    "База данных не работает: {detail}",
    "База даних не працює: {detail}",
    "{detail}",
)
CHECK_THE_DATABASE = Words(
    "check_the_database",
    "Проверьте storage.database и server.data_dir. PostgreSQL: запущен ли он и пускает ли эту роль?",
    "Перевірте storage.database і server.data_dir. PostgreSQL: чи він запущений і чи пускає цю роль?",
    "check storage.database and server.data_dir; for PostgreSQL: is it running, and may this role log in?",
)
READ_THE_DATABASE_LOG = Words(
    "read_the_database_log",
    "Посмотрите журнал базы данных.",
    "Подивіться журнал бази даних.",
    "read the database’s log",
)
SQLITE_CURRENT = Words("sqlite_current", "SQLite, схема актуальна.", "SQLite, схема актуальна.", "SQLite, up to date")
ROLE_ABOVE = Words(
    "role_above",
    "Роль {role} — суперпользователь или имеет BYPASSRLS: PostgreSQL не разделяет для неё аккаунты.",
    "Роль {role} — суперкористувач або має BYPASSRLS: PostgreSQL не розділяє для неї акаунти.",
    "the role {role} is a superuser or has BYPASSRLS: PostgreSQL does not keep accounts apart for it",
)
USE_A_PLAIN_ROLE = Words(
    "use_a_plain_role",
    "Подключайтесь обычной ролью, которой принадлежит база; её создаёт deploy/postgres-role.sql.",
    "Підключайтеся звичайною роллю, якій належить база; її створює deploy/postgres-role.sql.",
    "connect with a plain role that owns the database: deploy/postgres-role.sql makes one",
)
POSTGRES_CURRENT = Words(
    "postgres_current",
    "PostgreSQL, схема актуальна; защита строк действует для роли {role}.",
    "PostgreSQL, схема актуальна; захист рядків діє для ролі {role}.",
    "PostgreSQL, up to date; row-level security holds the role {role}",
)
REDIS_FAILS = Words("redis_fails", "Redis не работает: {detail}", "Redis не працює: {detail}", "{detail}")
CHECK_REDIS = Words(
    "check_redis",
    "Запущен ли он? Верны ли в storage.redis имя, порт и пароль: redis://:password@host:6379/0?",
    "Чи він запущений? Чи правильні в storage.redis ім’я, порт і пароль: redis://:password@host:6379/0?",
    "is it running, and has storage.redis its host, port and password? redis://:password@host:6379/0",
)
REDIS_FORGETS = Words(
    "redis_forgets",
    "Redis сразу потерял новое значение.",
    "Redis одразу втратив нове значення.",
    "Redis lost a new value at once",
)
GIVE_REDIS_MEMORY = Words(
    "give_redis_memory",
    "Дайте ему память: maxmemory в redis.conf.",
    "Дайте йому пам’ять: maxmemory у redis.conf.",
    "give it memory: maxmemory in redis.conf",
)
REDIS_ANSWERS = Words("redis_answers", "Redis отвечает.", "Redis відповідає.", "Redis answers")

# ---- key and backups -------------------------------------------------------------------------------------------------

KEY_UNREADABLE = Words("key_unreadable", "Ключ не читается: {detail}", "Ключ не читається: {detail}", "{detail}")
RESTORE_THE_KEY_FILE = Words(
    "restore_the_key_file",
    "Верните файл из своей копии или исправьте его содержимое.",
    "Поверніть файл зі своєї копії або виправте його вміст.",
    "restore the file from your copy, or correct its content",
)
KEY_TO_BE_MADE = Words(
    "key_to_be_made",
    "Файл {file} создаст первый запуск.",
    "Файл {file} створить перший запуск.",
    "the first start makes {file}",
)
KEY_MISSING = Words("key_missing", "Нет файла {file}.", "Немає файлу {file}.", "{file} does not exist")
RESTORE_THE_KEY = Words(
    "restore_the_key",
    "Верните его из своей копии (в резервных копиях его нет). Если он потерян: dozvon secrets forget",
    "Поверніть його зі своєї копії (у резервних копіях його немає). Якщо його втрачено: dozvon secrets forget",
    "restore it from your copy (backups do not contain it); if it is lost: dozvon secrets forget",
)
KEY_OPEN = Words(
    "key_open", "Файл {file} могут читать другие.", "Файл {file} можуть читати інші.", "others may read {file}"
)
RUN = Words("run", "Выполните: {command}", "Виконайте: {command}", "{command}")
KEY_DOES_NOT_FIT = Words(
    "key_does_not_fit",
    "Ключ не подходит к сохранённым секретам: {detail}",
    "Ключ не підходить до збережених секретів: {detail}",
    "{detail}",
)
RESTORE_THE_NAMED_KEY = Words(
    "restore_the_named_key",
    "Верните ключ, который называет база; то же показывает dozvon secrets check.",
    "Поверніть ключ, який називає база; те саме показує dozvon secrets check.",
    "restore the key that the database names; dozvon secrets check shows the same",
)
KEY_FITS = Words(
    "key_fits",
    "Ключ {file} открывает все сохранённые секреты: {count}.",
    "Ключ {file} відкриває всі збережені секрети: {count}.",
    "{file} opens all {count} stored secrets",
)
BACKUPS_UNREADABLE = Words(
    "backups_unreadable",
    "Папка {folder} не читается: {detail}",
    "Папка {folder} не читається: {detail}",
    "{folder} cannot be read: {detail}",
)
OPEN_THE_BACKUPS = Words(
    "open_the_backups",
    "Разрешите пользователю Dozvon читать её и писать в неё.",
    "Дозвольте користувачу Dozvon читати її та писати в неї.",
    "let Dozvon’s user read and write it",
)
NO_BACKUP = Words(
    "no_backup",
    "В папке {folder} ещё нет резервной копии.",
    "У папці {folder} ще немає резервної копії.",
    "{folder} has no backup yet",
)
WAIT_FOR_BACKUP = Words(
    "wait_for_backup",
    "Её сделает работающая служба. Иначе ищите в журнале «scheduled backup failed» и проверьте, работает ли процесс с "
    "ролью worker.",
    "Її зробить служба, що працює. Інакше шукайте в журналі «scheduled backup failed» і перевірте, чи працює процес із "
    "роллю worker.",
    'the running service makes one; look for "scheduled backup failed" in the log, and whether a process with the role '
    "worker runs",
)
BACKUP_LATE = Words(
    "backup_late",
    "Ищите в журнале «scheduled backup failed» и проверьте, работает ли процесс с ролью worker.",
    "Шукайте в журналі «scheduled backup failed» і перевірте, чи працює процес із роллю worker.",
    'look for "scheduled backup failed" in the log, and whether a process with the role worker runs',
)
BACKUP_AGE = Words(
    "backup_age",
    "Папка {folder}. С последней копии прошло часов: {hours}, копия нужна каждые {every} ч.",
    "Папка {folder}. Від останньої копії минуло годин: {hours}, копія потрібна кожні {every} год.",
    "the newest in {folder} is {hours} hours old; one is due every {every}",
)

# ---- accounts --------------------------------------------------------------------------------------------------------

REMOVED_WITH_WORK = Words(
    "removed_with_work",
    "Удалён аккаунт: {account}. Ждут доставки: {waiting}, отменено: {dead}.",
    "Видалено акаунт: {account}. Чекають на доставку: {waiting}, скасовано: {dead}.",
    "{account} was removed: {waiting} deliveries wait, {dead} were given up",
)
BRING_IT_BACK = Words(
    "bring_it_back",
    "Верните аккаунт или выполните: dozvon leftovers --delete {id}",
    "Поверніть акаунт або виконайте: dozvon leftovers --delete {id}",
    "bring the account back, or: dozvon leftovers --delete {id}",
)
SWITCHED_OFF = Words(
    "switched_off",
    "Аккаунт выключен: его звонки не сохраняются в CRM.",
    "Акаунт вимкнено: його дзвінки не зберігаються в CRM.",
    "the account is switched off: its calls are not logged",
)
SWITCH_IT_ON = Words(
    "switch_it_on",
    "Включите его на странице аккаунта или оставьте так.",
    "Увімкніть його на сторінці акаунта або залиште так.",
    "switch it on on the account’s page, or let it be",
)
MET_NO_EXTENSION = Words(
    "met_no_extension",
    "Менеджер без внутреннего номера открыл CRM: {who}, {when}",
    "Менеджер без внутрішнього номера відкрив CRM: {who}, {when}",
    "a manager without an extension opened the CRM: {who}, {when}",
)
MAP_THE_MANAGER = Words(
    "map_the_manager",
    "Назначьте номер на странице «Сотрудники».",
    "Призначте номер на сторінці «Співробітники».",
    "give them an extension on the page People",
)
MET_OTHER_TELEPHONY = Words(
    "met_other_telephony",
    "В CRM работает ещё один виджет телефонии: {what}. Видел: {who}, {when}",
    "У CRM працює ще один віджет телефонії: {what}. Бачив: {who}, {when}",
    "another telephony widget works in the CRM: {what}; seen by {who}, {when}",
)
KEEP_ONE_TELEPHONY = Words(
    "keep_one_telephony",
    "Оставьте один: иначе звонок запишется дважды, а клик по номеру может уйти не туда.",
    "Залиште один: інакше дзвінок запишеться двічі, а клік по номеру може піти не туди.",
    "keep one: otherwise a call is logged twice, and a click may go the wrong way",
)
MET_DISCONNECTED = Words(
    "met_disconnected",
    "Интеграцию отключили в CRM: {when}",
    "Інтеграцію вимкнули в CRM: {when}",
    "the integration was switched off in the CRM: {when}",
)
CONNECT_AGAIN = Words(
    "connect_again",
    "Подключите CRM снова на странице «Обзор»: ожидающие звонки дойдут.",
    "Підключіть CRM знову на сторінці «Огляд»: дзвінки, що чекають, дійдуть.",
    "connect the CRM again on the page Overview: the calls that wait are delivered",
)
NOBODY_USES_IT = Words(
    "nobody_uses_it",
    "Её звонки не получает ни один аккаунт.",
    "Її дзвінків не отримує жоден акаунт.",
    "no account gets its calls",
)
NAME_THE_PBX = Words(
    "name_the_pbx",
    'Назовите её в "pbxs" аккаунта или уберите из файла.',
    'Назвіть її в "pbxs" акаунта або приберіть із файлу.',
    'name it in "pbxs" of an account, or remove it from the file',
)
USED_BY = Words("used_by", "{accounts}", "{accounts}", "{accounts}")

# ---- exposure --------------------------------------------------------------------------------------------------------

NO_PASSWORD = Words(
    "no_password",
    "В конфигурации его нет: администраторы входят со своими.",
    "У конфігурації його немає: адміністратори входять зі своїми.",
    "none in the configuration: administrators sign in with their own",
)
ADMINISTRATORS = Words("administrators", "Администраторы", "Адміністратори", "Administrators")
ADMINISTRATORS_ARE_THERE = Words(
    "administrators_are_there",
    "Они входят со своими паролями.",
    "Вони входять зі своїми паролями.",
    "they sign in with their own passwords",
)
ONE_PASSWORD_FOR_ALL = Words(
    "one_password_for_all",
    "Все входят с одним паролем из конфигурации.",
    "Усі входять з одним паролем із конфігурації.",
    "all who sign in share the password of the configuration",
)
INVITE_AN_OWNER = Words(
    "invite_an_owner",
    "Откройте страницу «Администраторы» и пригласите владельца, затем уберите server.admin_password.",
    "Відкрийте сторінку «Адміністратори» і запросіть власника, потім приберіть server.admin_password.",
    "open Administrators on the pages and invite an owner; then remove server.admin_password",
)
NOBODY_SIGNS_IN = Words(
    "nobody_signs_in",
    "Войти пока не может никто.",
    "Увійти поки не може ніхто.",
    "nobody can sign in yet",
)
RUN_SETUP_CODE = Words(
    "run_setup_code",
    "Выполните dozvon setup-code и откройте напечатанный адрес.",
    "Виконайте dozvon setup-code і відкрийте надруковану адресу.",
    "run `dozvon setup-code` and open what it prints",
)
MAKE_A_HASH = Words(
    "make_a_hash",
    "Выполните dozvon password и запишите хеш в server.admin_password.",
    "Виконайте dozvon password і запишіть хеш у server.admin_password.",
    "run `dozvon password` and write its hash into server.admin_password",
)
PASSWORD_HASHED = Words(
    "password_hashed", "Хранится как хеш argon2.", "Зберігається як хеш argon2.", "stored as an argon2 hash"
)
PASSWORD_WEAK = Words(
    "password_weak",
    "Пароль администратора слабый: {weakness}.",
    "Пароль адміністратора слабкий: {weakness}.",
    "the administrator’s password {weakness}",
)
PASSWORD_SHORT = Words(
    "password_short",
    "в нём знаков {count}, а нужно не меньше {least}",
    "у ньому знаків {count}, а потрібно щонайменше {least}",
    "has {count} characters; the minimum is {least}",
)
PASSWORD_MONOTONOUS = Words(
    "password_monotonous",
    "разных знаков в нём всего {count}",
    "різних знаків у ньому лише {count}",
    "has only {count} different characters",
)
PASSWORD_NUMBER = Words("password_number", "это число", "це число", "is a number")
PASSWORD_OBVIOUS = Words(
    "password_obvious",
    "это известное слово с небольшим дополнением",
    "це відоме слово з невеликим доповненням",
    "is a well-known word with little added",
)
PASSWORD_PLAIN = Words(
    "password_plain",
    "Пароль администратора хранится открытым текстом: {place}.",
    "Пароль адміністратора зберігається відкритим текстом: {place}.",
    "the administrator’s password is stored in plain text: {place}",
)
IN_THE_ENVIRONMENT = Words("in_the_environment", "в переменных окружения", "у змінних середовища", "in the environment")
ADDRESS_IS = Words("address_is", "{address}", "{address}", "{address}")
ADDRESS_PLAIN = Words(
    "address_plain",
    "Адрес {address} — обычный http: пароли и звонки могут прочитать другие, и виджет не загрузится.",
    "Адреса {address} — звичайний http: паролі та дзвінки можуть прочитати інші, і віджет не завантажиться.",
    "{address} is plain http: others can read passwords and calls, and the widget does not load",
)
PUT_A_PROXY = Words(
    "put_a_proxy",
    "Включите https: «Настройка», экран «Адрес» показывает, как это сделать на этом сервере.",
    "Увімкніть https: «Налаштування», екран «Адреса» показує, як це зробити на цьому сервері.",
    "switch https on: Setup, Address on the pages shows how on this server",
)
PROXY_UNTRUSTED = Words(
    "proxy_untrusted",
    "Для https на этой машине нужен прокси, но ни одному нет доверия: все посетители считаются одним адресом.",
    "Для https на цій машині потрібен проксі, але жодному немає довіри: усі відвідувачі вважаються однією адресою.",
    "https needs a proxy on this machine, but none is trusted: all visitors count as one address",
)
TRUST_THE_PROXY = Words(
    "trust_the_proxy",
    'Запишите server.trusted_proxies = ["127.0.0.1"], а прокси пусть присылает X-Forwarded-For.',
    'Запишіть server.trusted_proxies = ["127.0.0.1"], а проксі нехай надсилає X-Forwarded-For.',
    'write server.trusted_proxies = ["127.0.0.1"] and let the proxy send X-Forwarded-For',
)
FILE_OPEN = Words(
    "file_open",
    "В файле {file} секреты, а права на него {mode}: другие могут прочитать или изменить его.",
    "У файлі {file} секрети, а права на нього {mode}: інші можуть прочитати або змінити його.",
    "{file} contains secrets and has mode {mode}: others may read or change it",
)
FILE_CLOSED = Words(
    "file_closed", "Файл {file} закрыт для других.", "Файл {file} закритий для інших.", "{file} is closed to others"
)
DATA_OPEN = Words(
    "data_open",
    "В папке {folder} звонки и записи, а права на неё {mode}: другие могут их прочитать.",
    "У папці {folder} дзвінки й записи, а права на неї {mode}: інші можуть їх прочитати.",
    "{folder} contains calls and recordings and has mode {mode}: others may read it",
)

# ---- numbers that the doctor tries -----------------------------------------------------------------------------------

A_MOBILE = Words("a mobile", "мобильный", "мобільний", "a mobile")
OWN_TOWN = Words("the own town", "свой город", "своє місто", "the own town")
