"""The sentences of a rehearsal, in Russian, Ukrainian and English: each part's result, and what to do."""

from __future__ import annotations

from integration.domain.sentences import Words

CRM_READY = Words("crm_ready", "CRM подключена.", "CRM підключено.", "The CRM is connected.")
MEND_CRM = Words(
    "mend_crm", "Откройте шаг «CRM» и подключите её.", "Відкрийте крок «CRM» і підключіть її.", "Open the step CRM."
)
PBX_READY = Words(
    "pbx_ready",
    "АТС на связи и дозванивается до Dozvon.",
    "АТС на зв’язку і достукується до Dozvon.",
    "The PBX is connected and reaches Dozvon.",
)
MEND_PBX = Words("mend_pbx", "Откройте шаг «АТС».", "Відкрийте крок «АТС».", "Open the step PBX.")
MEND_ROUTE = Words(
    "mend_route",
    "Откройте шаг «Маршрут и записи».",
    "Відкрийте крок «Маршрут і записи».",
    "Open the step Routing and recordings.",
)
PBX_FIRST = Words(
    "pbx_first", "Не проверено: сначала АТС.", "Не перевірено: спершу АТС.", "Not tried: the PBX comes first."
)
CRM_FIRST = Words(
    "crm_first", "Не проверено: сначала CRM.", "Не перевірено: спершу CRM.", "Not tried: the CRM comes first."
)
PHONE_AGAIN = Words(
    "phone_again",
    "Проверьте, что телефон включён и зарегистрирован на АТС, и начните пробу ещё раз.",
    "Перевірте, що телефон увімкнено і зареєстровано на АТС, і почніть пробу ще раз.",
    "Check that the phone is on and registered on the PBX, and start again.",
)
PICK_UP = Words(
    "pick_up",
    "Начните пробу ещё раз и снимите трубку: тогда проверится и запись.",
    "Почніть пробу ще раз і зніміть слухавку: тоді перевіриться і запис.",
    "Start again and pick the phone up: then the recording is tried, too.",
)
CUT = Words(
    "cut",
    "Проба прервалась: Dozvon перезапускался.",
    "Проба перервалася: Dozvon перезапускався.",
    "The rehearsal was cut: Dozvon was restarted.",
)
START_AGAIN = Words("start_again", "Начните пробу ещё раз.", "Почніть пробу ще раз.", "Start the rehearsal again.")
CARD_SHOWN = Words(
    "card_shown",
    "Карточка показана в CRM. Менеджер: {name}.",
    "Картку показано в CRM. Менеджер: {name}.",
    "The card was shown in the CRM of: {name}.",
)
CARD_NOWHERE = Words(
    "card_nowhere",
    "Нет открытой страницы CRM с виджетом. Менеджер: {name}.",
    "Немає відкритої сторінки CRM з віджетом. Менеджер: {name}.",
    "No CRM page with the widget is open. Manager: {name}.",
)
OPEN_CRM = Words(
    "open_crm",
    "Пусть менеджер откроет CRM в браузере (виджет установлен на шаге «CRM»), и начните пробу ещё раз.",
    "Нехай менеджер відкриє CRM у браузері (віджет встановлено на кроці «CRM»), і почніть пробу ще раз.",
    "Let the manager open the CRM in a browser (the widget is installed in the step CRM), and start again.",
)
CARD_NOBODY = Words(
    "card_nobody",
    "Внутренний номер {extension} не назначен ни одному менеджеру.",
    "Внутрішній номер {extension} не призначено жодному менеджеру.",
    "The extension {extension} belongs to no manager.",
)
MEND_PEOPLE = Words(
    "mend_people",
    "Откройте шаг «Сотрудники» и назначьте номер.",
    "Відкрийте крок «Співробітники» і призначте номер.",
    "Open the step People and map the extension.",
)
WRITTEN = Words(
    "written",
    "Звонок записан в тестовый контакт: {name}.",
    "Дзвінок записано в тестовий контакт: {name}.",
    "The call was written into the test contact: {name}.",
)
NOT_WRITTEN = Words(
    "not_written",
    "Звонок не записан в CRM: {detail}",
    "Дзвінок не записано в CRM: {detail}",
    "The call was not written into the CRM: {detail}",
)
NO_CONSENT = Words(
    "no_consent",
    "доступ не дан или отозван.",
    "доступ не надано або відкликано.",
    "access is not given, or was withdrawn.",
)
NOT_PAID = Words(
    "not_paid", "подписка CRM закончилась.", "підписка CRM закінчилася.", "the CRM’s subscription has ended."
)
CRM_SILENT = Words("crm_silent", "CRM не отвечает.", "CRM не відповідає.", "the CRM does not answer.")
NUMBER_TAKEN = Words(
    "number_taken",
    "В CRM уже есть клиент с пробным номером {number}: {name}.",
    "У CRM вже є клієнт із пробним номером {number}: {name}.",
    "The CRM has a client with the test number {number} already: {name}.",
)
CHECK_RIGHTS = Words(
    "check_rights",
    "Проверьте на шаге «CRM», что доступ дан администратором CRM.",
    "Перевірте на кроці «CRM», що доступ дав адміністратор CRM.",
    "Check in the step CRM that an administrator of the CRM gave the consent.",
)
RENAME_CLIENT = Words(
    "rename_client",
    "Уберите этот номер у клиента или назовите контакт «{name}».",
    "Приберіть цей номер у клієнта або назвіть контакт «{name}».",
    "Remove this number from the client, or call the contact “{name}”.",
)
RECORDED = Words(
    "recorded",
    "Запись разговора найдена и прочитана: {kib} КБ.",
    "Запис розмови знайдено і прочитано: {kib} КБ.",
    "The recording of the talk was found and read: {kib} KB.",
)
NEWEST = Words(
    "newest",
    "Этот разговор АТС не записала. Самая новая запись: {name}.",
    "Цю розмову АТС не записала. Найновіший запис: {name}.",
    "The PBX did not record this talk. The newest recording: {name}.",
)
NO_RECORDING = Words(
    "no_recording",
    "Запись разговора не найдена: {detail}",
    "Запис розмови не знайдено: {detail}",
    "The recording of the talk was not found: {detail}",
)
NO_FILE = Words(
    "no_file",
    "АТС записала {file}, но в месте записей этого файла нет. Проверьте папку и её путь на АТС.",
    "АТС записала {file}, але в місці записів цього файлу немає. Перевірте папку та її шлях на АТС.",
    "The PBX recorded {file}, but the place of recordings does not have this file. Check the folder and its path on the"
    " PBX.",
)
NO_PLACE = Words(
    "no_place",
    "Не указано, где АТС хранит записи.",
    "Не вказано, де АТС зберігає записи.",
    "It is not set where the PBX keeps its recordings.",
)
NONE_THERE = Words("none_there", "там пусто.", "там порожньо.", "nothing is there.")
NO_TALK = Words(
    "no_talk",
    "Разговора не было, записывать было нечего.",
    "Розмови не було, записувати було нічого.",
    "There was no talk to record.",
)
CONTACT_STAYS = Words(
    "contact_stays",
    "Тестовый контакт остался в CRM: её API не удаляет контакты. Следующая проба возьмёт его же.",
    "Тестовий контакт залишився в CRM: її API не видаляє контакти. Наступна проба візьме його ж.",
    "The test contact stays in the CRM, whose API cannot delete contacts. The next rehearsal uses it again.",
)
FILE_STAYS = Words(
    "file_stays",
    "Запись пробы осталась на АТС: {file}. Её можно удалить.",
    "Запис проби залишився на АТС: {file}. Його можна видалити.",
    "The recording of the rehearsal stays on the PBX: {file}. It may be deleted.",
)
CONTACT_NAME = Words(
    "contact_name", "Проба Dozvon (можно удалить)", "Проба Dozvon (можна видалити)", "Dozvon test (may be deleted)"
)
CALL_TEXT = Words(
    "call_text",
    "Проба Dozvon: настоящего звонка не было",
    "Проба Dozvon: справжнього дзвінка не було",
    "A rehearsal of Dozvon: nobody called",
)
