"""What can be wrong with a setting of Asterisk only, in Russian, Ukrainian and English."""

from __future__ import annotations

from integration.texts.settings import KindProblem

HOST = KindProblem(
    "host",
    "Напишите адрес АТС, например 192.168.1.10.",
    "Напишіть адресу АТС, наприклад 192.168.1.10.",
    "Write the address of the PBX, for example 192.168.1.10.",
)
USERNAME = KindProblem(
    "username",
    "Напишите имя из квадратных скобок в manager.conf.",
    "Напишіть ім’я з квадратних дужок у manager.conf.",
    "Write the name in brackets in manager.conf.",
)
SECRET = KindProblem(
    "secret",
    "Напишите пароль (secret) этого пользователя из manager.conf.",
    "Напишіть пароль (secret) цього користувача з manager.conf.",
    "Write the secret of that user in manager.conf.",
)
TLS = KindProblem(
    "tls",
    'Напишите true, false или {{ ca = "/etc/dozvon/ca.pem", verify = true }}.',
    'Напишіть true, false або {{ ca = "/etc/dozvon/ca.pem", verify = true }}.',
    'Write true, false or {{ ca = "/etc/dozvon/ca.pem", verify = true }}.',
)
RECORDINGS_URL = KindProblem(
    "recordings_url",
    "Напишите адрес, который начинается с http:// или https://.",
    "Напишіть адресу, що починається з http:// або https://.",
    "Write an address that begins with http:// or https://.",
)
AGI_PUBLIC = KindProblem(
    "agi_public",
    "Напишите адрес, по которому АТС видит Dozvon, например 10.0.0.2:4573.",
    "Напишіть адресу, за якою АТС бачить Dozvon, наприклад 10.0.0.2:4573.",
    "Write the address at which the PBX reaches Dozvon, for example 10.0.0.2:4573.",
)
AGI_PATH = KindProblem(
    "agi_path",
    "Напишите от 16 до 64 знаков A–Z, a–z, 0–9, «_», «.» и «-», которые никто не угадает.",
    "Напишіть від 16 до 64 знаків A–Z, a–z, 0–9, «_», «.» і «-», яких ніхто не вгадає.",
    "Write 16 to 64 of A-Z, a-z, 0-9, _ . and -, which nobody can guess.",
)
CHANNEL = KindProblem(
    "channel",
    "Напишите PJSIP/{{extension}}, а для FreePBX — Local/{{extension}}@from-internal.",
    "Напишіть PJSIP/{{extension}}, а для FreePBX — Local/{{extension}}@from-internal.",
    "Write PJSIP/{{extension}}, or Local/{{extension}}@from-internal for FreePBX.",
)
RECORDS_WHERE = KindProblem(
    "records_where",
    "Напишите, где лежат записи о звонках: cdr, cel или оба.",
    "Напишіть, де лежать записи про дзвінки: cdr, cel або обидва.",
    "Write cdr, cel or both: where the records are.",
)
RECORDS_URL = KindProblem(
    "records_url",
    "Напишите, где таблицы: {kind}://user:password@host/asteriskcdrdb.",
    "Напишіть, де таблиці: {kind}://user:password@host/asteriskcdrdb.",
    "Write where the tables are: {kind}://user:password@host/asteriskcdrdb.",
)
RECORDS_TABLE = KindProblem(
    "records_table",
    "Это не имя таблицы. Напишите буквы, цифры, «_» и не больше одной точки.",
    "Це не ім’я таблиці. Напишіть літери, цифри, «_» і не більше однієї крапки.",
    "This is not a table name: write letters, digits, _ and at most one dot.",
)
RECORDS_COLUMN = KindProblem(
    "records_column",
    "Не хватает столбцов: {columns}. Без них звонки не различить.",
    "Бракує стовпців: {columns}. Без них дзвінки не розрізнити.",
    "These columns are missing: {columns}. Without them calls cannot be told apart.",
)
RECORDS_DRIVER = KindProblem(
    "records_driver",
    "На этой машине нет драйвера для {kind}. Установите его: pip install dozvon[{kind}].",
    "На цій машині немає драйвера для {kind}. Установіть його: pip install dozvon[{kind}].",
    "The driver for {kind} is not installed. Install it: pip install dozvon[{kind}].",
)
