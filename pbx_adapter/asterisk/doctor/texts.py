"""What the doctor finds on an Asterisk and what to change, in Russian, Ukrainian and English."""

from __future__ import annotations

from integration.domain.sentences import Words

# ---- connection, login, version --------------------------------------------------------------------------------------

CONNECTED = Words("connected", "Соединение с {where} есть.", "З’єднання з {where} є.", "connected to {where}")
CONNECTED_TLS = Words(
    "connected_tls",
    "Соединение с {where} есть, оно зашифровано (TLS).",
    "З’єднання з {where} є, воно зашифроване (TLS).",
    "connected to {where} over TLS",
)
LOGGED_IN = Words("logged_in", "Вход выполнен: {user}.", "Вхід виконано: {user}.", "logged in as {user}")
LOGIN_REFUSED = Words(
    "login_refused",
    "АТС не принимает имя или пароль. Имя: {user}.",
    "АТС не приймає ім’я або пароль. Ім’я: {user}.",
    "the PBX refuses the user {user} or its secret",
)
WRITE_THE_USER = Words(
    "write_the_user",
    "Запишите в {file}:\n[{section}]\nsecret = тот же, что в настройках Dozvon\npermit = адрес Dozvon/255.255.255.255\n"
    "{rights}\nЗатем выполните: asterisk -rx 'manager reload'",
    "Запишіть у {file}:\n[{section}]\nsecret = той самий, що в налаштуваннях Dozvon\n"
    "permit = адреса Dozvon/255.255.255.255\n{rights}\nПотім виконайте: asterisk -rx 'manager reload'",
    "write into {file}:\n[{section}]\nsecret = the one in Dozvon’s configuration\n"
    "permit = Dozvon’s address/255.255.255.255\n{rights}\nthen run: asterisk -rx 'manager reload'",
)
NO_CONNECTION = Words("no_connection", "{why} ({detail})", "{why} ({detail})", "{why} ({detail})")
OPEN_THE_PORT = Words(
    "open_the_port",
    "Запишите в [general] файла {file}: enabled = yes, bindaddr = 0.0.0.0, port = {port}, а в [{section}]: "
    "permit = адрес "
    "Dozvon. Откройте порт в межсетевом экране и выполните: asterisk -rx 'manager reload'",
    "Запишіть у [general] файлу {file}: enabled = yes, bindaddr = 0.0.0.0, port = {port}, а в [{section}]: "
    "permit = адреса "
    "Dozvon. Відкрийте порт у мережевому екрані й виконайте: asterisk -rx 'manager reload'",
    "write enabled = yes and bindaddr = 0.0.0.0 and port = {port} into [general] of {file}, permit = Dozvon’s address "
    "under [{section}], open the port in the firewall, then run: asterisk -rx 'manager reload'",
)
OPEN_THE_TLS_PORT = Words(
    "open_the_tls_port",
    "Запишите в [general] файла {file}: tlsenable = yes, tlsbindaddr = 0.0.0.0:{port}, а в [{section}]: permit = адрес "
    "Dozvon. Откройте порт в межсетевом экране и выполните: asterisk -rx 'manager reload'",
    "Запишіть у [general] файлу {file}: tlsenable = yes, tlsbindaddr = 0.0.0.0:{port}, а в [{section}]: "
    "permit = адреса "
    "Dozvon. Відкрийте порт у мережевому екрані й виконайте: asterisk -rx 'manager reload'",
    "write tlsenable = yes and tlsbindaddr = 0.0.0.0:{port} into [general] of {file}, permit = Dozvon’s address under "
    "[{section}], open the port in the firewall, then run: asterisk -rx 'manager reload'",
)
NAME_THE_AUTHORITY = Words(
    "name_the_authority",
    "Укажите в tls.ca файл центра сертификации, а для самоподписанного сертификата — сам сертификат.",
    "Укажіть у tls.ca файл центру сертифікації, а для самопідписаного сертифіката — сам сертифікат.",
    "write the authority’s file as tls.ca (for a self-signed certificate: the certificate itself)",
)
TOO_OLD = Words(
    "too_old",
    "АТС слишком старая: Asterisk 11 или старше ({banner}). Её звонки отследить нельзя.",
    "АТС застаріла: Asterisk 11 або старіша ({banner}). Її дзвінки відстежити не можна.",
    "this PBX is too old: Asterisk 11 or older ({banner}); its calls cannot be followed",
)
UPDATE_IT = Words(
    "update_it",
    "Обновите АТС до Asterisk 16 или новее: настройками это не исправить.",
    "Оновіть АТС до Asterisk 16 або новішої: налаштуваннями цього не виправити.",
    "update the PBX to Asterisk 16 or newer: no setting helps",
)
VERSION_IS = Words("version_is", "Версия: {version}.", "Версія: {version}.", "{version}")
OLDER_THAN_TRIED = Words(
    "older_than_tried",
    "Версия старше Asterisk 16: {version}.",
    "Версія старіша за Asterisk 16: {version}.",
    "{version}: older than Asterisk 16",
)
NEWER_THAN_TRIED = Words(
    "newer_than_tried",
    "Версия новее Asterisk 22: {version}.",
    "Версія новіша за Asterisk 22: {version}.",
    "{version}: newer than Asterisk 22",
)
VERSION_UNKNOWN = Words(
    "version_unknown",
    "АТС не называет понятной версии: {version}.",
    "АТС не називає зрозумілої версії: {version}.",
    "{version}: not a version that Dozvon knows",
)
TRIED_WITH = Words(
    "tried_with",
    "Dozvon проверен с Asterisk от 16 до 22. Сделайте пробные звонки, прежде чем включать его для всех.",
    "Dozvon перевірено з Asterisk від 16 до 22. Зробіть пробні дзвінки, перш ніж вмикати його для всіх.",
    "Dozvon is tested with Asterisk 16 to 22: make test calls before you switch it on for everybody",
)
CHECK_FAILED = Words(
    "check_failed",
    "Проверка неожиданно прервалась.",
    "Перевірка несподівано перервалася.",
    "this check failed unexpectedly",
)
SEND_THE_LOG = Words(
    "send_the_log", "Пришлите нам журнал Dozvon.", "Надішліть нам журнал Dozvon.", "send us Dozvon’s log"
)

# ---- rights ----------------------------------------------------------------------------------------------------------

USE_ORIGINATE = Words(
    "use_originate",
    "звонок по клику и проверка телефонов",
    "дзвінок за кліком і перевірка телефонів",
    "click to call and letting a phone ring",
)
USE_CALL = Words(
    "use_call",
    "завершение и перевод звонка из карточки",
    "завершення й переведення дзвінка з картки",
    "hanging up and transfers from the card",
)
USE_REPORTING = Words(
    "use_reporting",
    "поиск идущих звонков после обрыва связи и проверка диалплана",
    "пошук поточних дзвінків після обриву зв’язку й перевірка діалплану",
    "finding calls under way after a lost link, and checks of the dialplan",
)
USE_SYSTEM = Words(
    "use_system",
    "список телефонов и отсев лишних событий",
    "список телефонів і відсіювання зайвих подій",
    "the list of phones, and keeping unneeded events off the network",
)
USE_READ_CALL = Words("use_read_call", "сами звонки", "самі дзвінки", "seeing calls at all")
USE_READ_SYSTEM = Words("use_read_system", "перезапуски АТС", "перезапуски АТС", "noticing restarts of the PBX")
USE_READ_DIALPLAN = Words(
    "use_read_dialplan",
    "имена записей, номера линий и причины, по которым телефон не ответил",
    "імена записів, номери ліній і причини, з яких телефон не відповів",
    "names of recordings, line numbers and why a phone was not reached",
)
USE_READ_USER = Words(
    "use_read_user",
    "проверка связи от АТС к Dozvon",
    "перевірка зв’язку від АТС до Dozvon",
    "this check of the way back",
)
GRANTED = Words(
    "granted",
    "Есть: {use}.",
    "Є: {use}.",
    "granted: {use}",
)
NOT_GRANTED = Words(
    "not_granted",
    "Нет права write = {group} ({use}). Пользователь: {user}. Ему запрещено: {actions}.",
    "Немає права write = {group} ({use}). Користувач: {user}. Йому заборонено: {actions}.",
    "{user} has no write = {group} and may not use {actions}: needed for {use}",
)
ADD_WRITE = Words(
    "add_write",
    "Добавьте {group} в строку write = раздела [{section}] файла {file} и выполните: asterisk -rx 'manager reload'",
    "Додайте {group} у рядок write = розділу [{section}] файлу {file} і виконайте: asterisk -rx 'manager reload'",
    "add {group} to write = under [{section}] in {file}, then: asterisk -rx 'manager reload'",
)
RECEIVED = Words("received", "Приходят: {use}.", "Надходять: {use}.", "they arrive: {use}")
NOT_RECEIVED = Words(
    "not_received",
    "События {group} не приходят ({use}). Пользователь: {user}.",
    "Події {group} не надходять ({use}). Користувач: {user}.",
    "{user} does not receive events of the class {group}: needed for {use}",
)
ADD_READ = Words(
    "add_read",
    "Добавьте {group} в строку read = раздела [{section}] файла {file} и выполните: asterisk -rx 'manager reload'",
    "Додайте {group} у рядок read = розділу [{section}] файлу {file} і виконайте: asterisk -rx 'manager reload'",
    "add {group} to read = under [{section}] in {file}, then: asterisk -rx 'manager reload'",
)
NO_TONES = Words(
    "no_tones",
    "АТС не может донабирать добавочный номер из карточки.",
    "АТС не може донабирати додатковий номер із картки.",
    "the PBX cannot dial an extension as tones from the card",
)
LOAD_SENDDTMF = Words(
    "load_senddtmf",
    "Загрузите модуль app_senddtmf.so (modules.conf) или донабирайте на телефоне.",
    "Завантажте модуль app_senddtmf.so (modules.conf) або донабирайте на телефоні.",
    "load the module app_senddtmf.so (modules.conf), or dial such extensions on the phone",
)
ANY_COMMAND = Words(
    "any_command",
    "Пользователь: {user}. Он может выполнить на АТС любую команду, а Dozvon это не нужно.",
    "Користувач: {user}. Він може виконати на АТС будь-яку команду, а Dozvon це не потрібно.",
    "{user} may run any command on the PBX; Dozvon does not need that",
)
REMOVE_COMMAND = Words(
    "remove_command",
    "Уберите command и all из строки write = раздела [{section}] файла {file}.",
    "Приберіть command і all із рядка write = розділу [{section}] файлу {file}.",
    "remove command and all from write = under [{section}] in {file}",
)
FILTERS_SET = Words(
    "filters_set",
    "Лишние события АТС не присылает.",
    "Зайвих подій АТС не надсилає.",
    "the PBX does not send unneeded events",
)
FILTERS_REFUSED = Words(
    "filters_refused", "АТС не принимает фильтры.", "АТС не приймає фільтрів.", "the PBX refuses filters"
)
DROPPED_HERE = Words(
    "dropped_here",
    "Делать ничего не нужно: Dozvon сам отбрасывает лишние события.",
    "Робити нічого не потрібно: Dozvon сам відкидає зайві події.",
    "nothing: Dozvon drops unneeded events itself",
)

# ---- clock, calls, people --------------------------------------------------------------------------------------------

CLOCK_AHEAD = Words(
    "clock_ahead",
    "Часы АТС спешат на {seconds} с.",
    "Годинник АТС поспішає на {seconds} с.",
    "the PBX’s clock is {seconds} s ahead of ours",
)
CLOCK_BEHIND = Words(
    "clock_behind",
    "Часы АТС отстают на {seconds} с.",
    "Годинник АТС відстає на {seconds} с.",
    "the PBX’s clock is {seconds} s behind ours",
)
USE_NTP = Words(
    "use_ntp",
    "Пусть обе машины берут время по NTP: timedatectl set-ntp true",
    "Нехай обидві машини беруть час за NTP: timedatectl set-ntp true",
    "let both machines take their time from NTP (timedatectl set-ntp true)",
)
NO_TIME = Words(
    "no_time", "АТС не сообщает своё время.", "АТС не повідомляє свій час.", "the PBX does not send its time"
)
NO_TIME_NEEDED = Words(
    "no_time_needed",
    "Делать ничего не нужно: этой проверки просто не будет.",
    "Робити нічого не потрібно: цієї перевірки просто не буде.",
    "nothing to do: this check is left out",
)
CHANNELS_NOW = Words("channels_now", "Каналов сейчас: {count}.", "Каналів зараз: {count}.", "{count} channels now")
PHONES_HIDDEN = Words(
    "phones_hidden",
    "Dozvon не может прочитать список телефонов.",
    "Dozvon не може прочитати список телефонів.",
    "Dozvon may not read the list of phones",
)
NO_PHONES = Words(
    "no_phones",
    "Ни одно устройство АТС не похоже на телефон сотрудника.",
    "Жоден пристрій АТС не схожий на телефон співробітника.",
    "no endpoint of the PBX looks like an employee’s phone",
)
SET_THE_PATTERN = Words(
    "set_the_pattern",
    "Задайте extension_pattern в настройках Dozvon так, чтобы он подходил к именам ваших устройств.",
    "Задайте extension_pattern у налаштуваннях Dozvon так, щоб він підходив до імен ваших пристроїв.",
    "write extension_pattern in Dozvon’s configuration so that it fits the names of your endpoints",
)
PHONES_FOUND = Words(
    "phones_found",
    "Внутренних номеров: {count}, на связи: {registered}.",
    "Внутрішніх номерів: {count}, на зв’язку: {registered}.",
    "{count} extensions, {registered} of them registered",
)

# ---- trunks ----------------------------------------------------------------------------------------------------------

NO_UNKNOWN_TRUNK = Words("no_unknown_trunk", "Неизвестных транков нет.", "Невідомих транків немає.", "no unknown trunk")
TRUNKS_KNOWN = Words(
    "trunks_known",
    "Транков: {count}, все известны.",
    "Транків: {count}, усі відомі.",
    "{count} trunks, all of them known",
)
TRUNKS_UNKNOWN = Words(
    "trunks_unknown",
    "Похоже на транк, но в trunks не указано, и контекст этого не говорит: {names}. Звонок с него с коротким номером "
    "(до 6 цифр) будет принят за звонок сотрудника.",
    "Схоже на транк, але в trunks не вказано, і контекст цього не каже: {names}. Дзвінок із нього з коротким номером "
    "(до 6 цифр) буде прийнято за дзвінок співробітника.",
    "{names}: looks like a trunk, but neither `trunks` nor its context says so; a call on it with a short "
    "number (up to 6 "
    "digits) is taken for an employee’s",
)
NAME_THE_TRUNKS = Words(
    "name_the_trunks",
    "Запишите в настройки Dozvon: trunks = [{names}] (без телефонов).",
    "Запишіть у налаштування Dozvon: trunks = [{names}] (без телефонів).",
    "write trunks = [{names}] into Dozvon’s configuration (leave out what is a phone)",
)

# ---- dialplan, the way back ------------------------------------------------------------------------------------------

INCLUDE_THERE = Words(
    "include_there",
    "В диалплане есть контексты Dozvon.",
    "У діалплані є контексти Dozvon.",
    "the dialplan has Dozvon’s include",
)
INCLUDE_MISSING = Words(
    "include_missing",
    "В диалплане нет контекстов Dozvon: входящие звонки он не распределяет.",
    "У діалплані немає контекстів Dozvon: вхідних дзвінків він не розподіляє.",
    "the dialplan does not have Dozvon’s include: incoming calls are not routed by Dozvon",
)
ADD_THE_INCLUDE = Words(
    "add_the_include",
    "Положите extensions_dozvon.conf рядом с extensions.conf, добавьте строку #include extensions_dozvon.conf "
    "в {file} и "
    "DOZVON_AGI = {address} в [globals], затем выполните: asterisk -rx 'dialplan reload'",
    "Покладіть extensions_dozvon.conf поруч з extensions.conf, додайте рядок #include extensions_dozvon.conf "
    "у {file} і "
    "DOZVON_AGI = {address} у [globals], потім виконайте: asterisk -rx 'dialplan reload'",
    "copy extensions_dozvon.conf beside extensions.conf, write #include extensions_dozvon.conf into {file} and "
    "DOZVON_AGI = {address} under [globals], then run: asterisk -rx 'dialplan reload'",
)
CAMPAIGNS_READY = Words(
    "campaigns_ready",
    "АТС может принимать клиентов обзвона: ожидание, сообщения, автоответчики.",
    "АТС може приймати клієнтів обдзвону: очікування, повідомлення, автовідповідачі.",
    "the PBX can receive campaigns’ clients: waiting, messages, machines",
)
CAMPAIGNS_CONTENT = Words(
    "campaigns_content",
    "Обзвону хватает того, что есть на АТС. Для сообщений клиентам и распознавания автоответчиков понадобится больше.",
    "Обдзвону вистачає того, що є на АТС. Для повідомлень клієнтам і розпізнавання автовідповідачів "
    "знадобиться більше.",
    "the PBX has what campaigns need; messages to clients or telling machines from people would need more",
)
INCLUDE_OLD = Words(
    "include_old",
    "Контексты Dozvon в диалплане от прежней версии: обзвон «с опережением» и голосовые сообщения не начнутся.",
    "Контексти Dozvon у діалплані від попередньої версії: обдзвін «з випередженням» і голосові повідомлення "
    "не почнуться.",
    "the include in the dialplan is of an older version: predictive and voice campaigns will not begin",
)
RENEW_THE_INCLUDE = Words(
    "renew_the_include",
    "Замените extensions_dozvon.conf на файл этой версии и выполните: asterisk -rx 'dialplan reload'",
    "Замініть extensions_dozvon.conf на файл цієї версії і виконайте: asterisk -rx 'dialplan reload'",
    "replace extensions_dozvon.conf by this version’s file, then run: asterisk -rx 'dialplan reload'",
)
NO_AMD = Words(
    "no_amd",
    "На АТС не загружен модуль app_amd: автоответчики считаются людьми.",
    "На АТС не завантажено модуль app_amd: автовідповідачі вважаються людьми.",
    "the PBX has not loaded app_amd: machines count as people",
)
LOAD_AMD = Words(
    "load_amd",
    "Создайте amd.conf со строкой [general], если его нет, и выполните: asterisk -rx 'module load app_amd.so'",
    "Створіть amd.conf з рядком [general], якщо його немає, і виконайте: asterisk -rx 'module load app_amd.so'",
    "make an amd.conf with the line [general] if there is none, then run: asterisk -rx 'module load app_amd.so'",
)
NO_SOUNDS = Words(
    "no_sounds",
    "Не указана папка для сообщений обзвона.",
    "Не вказано теку для повідомлень обдзвону.",
    "no folder for campaigns’ messages is named",
)
NAME_THE_SOUNDS = Words(
    "name_the_sounds",
    "Укажите в настройке sounds папку, в которую пишет Dozvon и из которой читает АТС.",
    "Укажіть у налаштуванні sounds теку, у яку пише Dozvon і з якої читає АТС.",
    "name a folder in the setting sounds in which Dozvon may write and which the PBX can read",
)
SOUNDS_CLOSED = Words(
    "sounds_closed",
    "Dozvon не может писать в папку {folder}.",
    "Dozvon не може писати в теку {folder}.",
    "Dozvon cannot write into {folder}",
)
OPEN_THE_SOUNDS = Words(
    "open_the_sounds",
    "Создайте папку {folder} и дайте пользователю dozvon право писать в неё, а АТС читать.",
    "Створіть теку {folder} і дайте користувачеві dozvon право писати в неї, а АТС читати.",
    "make the folder {folder}, and let the user dozvon write into it and the PBX read it",
)
OLD_ADDRESS = Words(
    "old_address",
    "АТС обращается к Dozvon по адресу старого вида, который легко угадать.",
    "АТС звертається до Dozvon за адресою старого зразка, яку легко вгадати.",
    "the PBX asks Dozvon at an address of the old form, which is easy to guess",
)
WRITE_THE_ADDRESS = Words(
    "write_the_address",
    "Запишите DOZVON_AGI = {address} в [globals] файла {file} и выполните: asterisk -rx 'dialplan reload'",
    "Запишіть DOZVON_AGI = {address} у [globals] файлу {file} і виконайте: asterisk -rx 'dialplan reload'",
    "write DOZVON_AGI = {address} under [globals] of {file}, then run: asterisk -rx 'dialplan reload'",
)
WAY_BACK_WORKS = Words(
    "way_back_works",
    "АТС обращается к Dozvon по адресу {address}, и Dozvon отвечает.",
    "АТС звертається до Dozvon за адресою {address}, і Dozvon відповідає.",
    "the PBX asks Dozvon at {address}, and Dozvon answers",
)
NO_ADDRESS = Words(
    "no_address", "В диалплане нет DOZVON_AGI.", "У діалплані немає DOZVON_AGI.", "the dialplan has no DOZVON_AGI"
)
NOT_DOZVON = Words(
    "not_dozvon",
    "По адресу {address} отвечает сервер, но не как Dozvon. Верен ли конец адреса? Не назван ли в журнале "
    "Dozvon адрес, "
    "которому отказано (fastagi.allow)?",
    "За адресою {address} відповідає сервер, але не як Dozvon. Чи правильний кінець адреси? Чи не названо в журналі "
    "Dozvon адресу, якій відмовлено (fastagi.allow)?",
    "a server at {address} answers, but not as Dozvon: is the last part of the address right, and does "
    "Dozvon’s log name "
    "an address that it turned away (fastagi.allow)?",
)
SILENT = Words(
    "silent",
    "По адресу {address} сервер есть, но вовремя не отвечает.",
    "За адресою {address} сервер є, але вчасно не відповідає.",
    "a server listens at {address}, but does not answer in time",
)
NOT_REACHED = Words(
    "not_reached",
    "АТС не может соединиться с Dozvon по адресу {address}.",
    "АТС не може з’єднатися з Dozvon за адресою {address}.",
    "the PBX cannot reach Dozvon at {address}",
)
NOT_SAID = Words(
    "not_said",
    "АТС не сообщила, доступен ли ей Dozvon.",
    "АТС не повідомила, чи доступний їй Dozvon.",
    "the PBX did not say whether it reaches Dozvon",
)
MEND_THE_WAY_BACK = Words(
    "mend_the_way_back",
    "Запишите DOZVON_AGI = {address} в [globals] файла {file} и выполните: asterisk -rx 'dialplan reload'. Запустите "
    "Dozvon с адресом в fastagi.host, который доступен с АТС, и откройте порт в межсетевом экране Dozvon.",
    "Запишіть DOZVON_AGI = {address} у [globals] файлу {file} і виконайте: asterisk -rx 'dialplan reload'. Запустіть "
    "Dozvon з адресою у fastagi.host, яка доступна з АТС, і відкрийте порт у мережевому екрані Dozvon.",
    "write DOZVON_AGI = {address} under [globals] of {file}, run: asterisk -rx 'dialplan reload'; start Dozvon with an "
    "address in fastagi.host that the PBX reaches, and open the port in Dozvon’s firewall",
)

# ---- numbers that clicks dial ----------------------------------------------------------------------------------------

NUMBER_TAKEN = Words(
    "number_taken",
    "Контекст {context} принимает {number}.",
    "Контекст {context} приймає {number}.",
    "{context} takes {number}",
)
NUMBER_NOT_TAKEN = Words(
    "number_not_taken",
    "В контексте {context} нет правила для {number}: по клику на такой номер звонок не пойдёт.",
    "У контексті {context} немає правила для {number}: за кліком на такий номер дзвінок не піде.",
    "no extension of {context} takes {number}: a click on such a number dials nothing",
)
DIAL_OTHERWISE = Words(
    "dial_otherwise",
    "Запишите {advice} в [account.dial]: {context} принимает {number}.",
    "Запишіть {advice} у [account.dial]: {context} приймає {number}.",
    "write {advice} under [account.dial]: {context} takes {number}",
)
GIVE_A_ROUTE = Words(
    "give_a_route",
    "Добавьте в {context} исходящий маршрут для таких номеров или задайте в [account.dial] настроек Dozvon, "
    "как набирает "
    "офис (click, trunk_prefix, outside_prefix).",
    "Додайте в {context} вихідний маршрут для таких номерів або задайте в [account.dial] налаштувань Dozvon, "
    "як набирає "
    "офіс (click, trunk_prefix, outside_prefix).",
    "give {context} an outgoing route for such numbers, or set how the office dials under [account.dial] of Dozvon’s "
    "configuration (click, trunk_prefix, outside_prefix)",
)

# ---- recordings ------------------------------------------------------------------------------------------------------

NO_PLACE = Words(
    "no_place",
    "Место записей не указано: звонки сохраняются без записей.",
    "Місце записів не вказано: дзвінки зберігаються без записів.",
    "recordings is not configured: calls are logged without recordings",
)
NAME_THE_PLACE = Words(
    "name_the_place",
    'Запишите для этой АТС recordings = {{ path = "{path}" }} (или url = "https://...").',
    'Запишіть для цієї АТС recordings = {{ path = "{path}" }} (або url = "https://...").',
    'write recordings = {{ path = "{path}" }} (or url = "https://...") for this PBX',
)
NO_FOLDER = Words("no_folder", "Нет папки {folder}.", "Немає папки {folder}.", "there is no folder {folder}")
MOUNT_IT = Words(
    "mount_it",
    "Смонтируйте папку monitor АТС в {folder} или исправьте recordings.path.",
    "Змонтуйте папку monitor АТС у {folder} або виправте recordings.path.",
    "mount the PBX’s monitor folder at {folder}, or correct recordings.path",
)
FOLDER_CLOSED = Words(
    "folder_closed",
    "Dozvon не может прочитать {folder}.",
    "Dozvon не може прочитати {folder}.",
    "Dozvon may not read {folder}",
)
OPEN_THE_FOLDER = Words(
    "open_the_folder",
    "Разрешите пользователю Dozvon чтение: setfacl -R -m u:dozvon:rX -d -m u:dozvon:rX {folder}",
    "Дозвольте користувачу Dozvon читання: setfacl -R -m u:dozvon:rX -d -m u:dozvon:rX {folder}",
    "let Dozvon’s user read it: setfacl -R -m u:dozvon:rX -d -m u:dozvon:rX {folder}",
)
FOLDER_EMPTY = Words(
    "folder_empty",
    "Папка {folder} читается, записей в ней ещё нет.",
    "Папка {folder} читається, записів у ній ще немає.",
    "{folder} can be read; it has no recording yet",
)
FILE_CLOSED = Words(
    "file_closed",
    "Dozvon не может прочитать самую новую запись.",
    "Dozvon не може прочитати найновіший запис.",
    "Dozvon may not read the newest recording",
)
OPEN_NEW_FILES = Words(
    "open_new_files",
    "Разрешите пользователю Dozvon читать и новые файлы: setfacl -R -m u:dozvon:rX -d -m u:dozvon:rX {folder}",
    "Дозвольте користувачу Dozvon читати й нові файли: setfacl -R -m u:dozvon:rX -d -m u:dozvon:rX {folder}",
    "let Dozvon’s user read new files too: setfacl -R -m u:dozvon:rX -d -m u:dozvon:rX {folder}",
)
FOLDER_STALE = Words(
    "folder_stale",
    "С последней записи прошло дней: {days}.",
    "Від останнього запису минуло днів: {days}.",
    "the newest recording is {days} days old",
)
IS_IT_RECORDED = Words(
    "is_it_recorded",
    "Проверьте, что линии записываются и что это та самая папка.",
    "Перевірте, що лінії записуються і що це саме та папка.",
    "check that the lines are recorded, and that this is the folder in use",
)
FOLDER_FRESH = Words(
    "folder_fresh",
    "Папка читается: {folder}. С последней записи прошло часов: {hours}.",
    "Папка читається: {folder}. Від останнього запису минуло годин: {hours}.",
    "{folder} can be read; the newest recording is {hours} hours old",
)
WEB_SILENT = Words(
    "web_silent",
    "Веб-сервер с записями не отвечает: {detail}.",
    "Вебсервер із записами не відповідає: {detail}.",
    "the web server does not answer: {detail}",
)
CORRECT_THE_URL = Words(
    "correct_the_url",
    "Исправьте recordings.url; веб-сервер должен быть доступен с машины Dozvon.",
    "Виправте recordings.url; вебсервер має бути доступний з машини Dozvon.",
    "correct recordings.url, and let the web server listen where Dozvon reaches it",
)
WEB_REFUSES = Words(
    "web_refuses",
    "Веб-сервер не принимает имя и пароль.",
    "Вебсервер не приймає ім’я та пароль.",
    "the web server refuses our name and password",
)
WRITE_THE_PASSWORD = Words(
    "write_the_password",
    "Укажите recordings.username и recordings.password.",
    "Укажіть recordings.username і recordings.password.",
    "write recordings.username and recordings.password",
)
WEB_FAILS = Words(
    "web_fails", "Веб-сервер отвечает {status}.", "Вебсервер відповідає {status}.", "the web server answers {status}"
)
READ_ITS_LOG = Words(
    "read_its_log",
    "Посмотрите журнал веб-сервера.",
    "Подивіться журнал вебсервера.",
    "read the web server’s log",
)
WEB_ANSWERS = Words(
    "web_answers",
    "Веб-сервер отвечает ({status}).",
    "Вебсервер відповідає ({status}).",
    "the web server answers {status}",
)

# ---- network ---------------------------------------------------------------------------------------------------------

AMI_ENCRYPTED = Words(
    "ami_encrypted",
    "Соединение с АТС зашифровано.",
    "З’єднання з АТС зашифроване.",
    "the manager connection is encrypted",
)
AMI_NEAR = Words(
    "ami_near",
    "АТС на этой машине или в её сети.",
    "АТС на цій машині або в її мережі.",
    "the PBX is on this machine or in its network",
)
AMI_FAR = Words(
    "ami_far",
    "Соединение с {host} идёт через чужую сеть открытым текстом: по пути можно прочитать все номера и "
    "отправить команды.",
    "З’єднання з {host} іде через чужу мережу відкритим текстом: дорогою можна прочитати всі номери й "
    "надіслати команди.",
    "the manager connection to {host} leaves this network in plain text: anybody on the way can read every number and "
    "send commands",
)
ENCRYPT_AMI = Words(
    "encrypt_ami",
    "Запишите в [general] файла manager.conf: tlsenable = yes, tlsbindaddr = 0.0.0.0:5039 и tlscertfile = "
    "сертификат, а в "
    'настройки Dozvon: tls = {{ ca = "/etc/dozvon/pbx-ca.pem" }}. Или проложите соединение через VPN.',
    "Запишіть у [general] файлу manager.conf: tlsenable = yes, tlsbindaddr = 0.0.0.0:5039 і tlscertfile = "
    "сертифікат, а в "
    'налаштування Dozvon: tls = {{ ca = "/etc/dozvon/pbx-ca.pem" }}. Або прокладіть з’єднання через VPN.',
    "write tlsenable = yes, tlsbindaddr = 0.0.0.0:5039 and tlscertfile = a certificate into [general] of manager.conf, "
    'and tls = {{ ca = "/etc/dozvon/pbx-ca.pem" }} into Dozvon’s configuration; or let a VPN carry it',
)
AGI_LISTENS = Words(
    "agi_listens",
    "FastAGI слушает на {host}.",
    "FastAGI слухає на {host}.",
    "FastAGI listens at {host}",
)
AGI_IN_CONTAINER = Words(
    "agi_in_container",
    "FastAGI слушает на адресах этого контейнера.",
    "FastAGI слухає на адресах цього контейнера.",
    "FastAGI listens at the addresses of this container",
)
AGI_EVERYWHERE = Words(
    "agi_everywhere",
    "FastAGI слушает на всех адресах машины. Ответы получит только {asks}, но соединиться может кто угодно.",
    "FastAGI слухає на всіх адресах машини. Відповіді отримає лише {asks}, але з’єднатися може будь-хто.",
    "FastAGI listens on all addresses of this machine; only {asks} may ask, but strangers can connect",
)
BIND_AGI = Words(
    "bind_agi",
    'Запишите fastagi.host = "{own}" и откройте порт {port} в межсетевом экране только для АТС.',
    'Запишіть fastagi.host = "{own}" і відкрийте порт {port} у мережевому екрані лише для АТС.',
    'write fastagi.host = "{own}", and let the firewall open port {port} only to the PBX',
)
REACHED_ADDRESS = Words(
    "reached_address", "адрес, доступный с АТС", "адреса, доступна з АТС", "the address that the PBX reaches"
)

# ---- the PBX’s own records -------------------------------------------------------------------------------------------

RECORDS_UNREAD = Words(
    "records_unread",
    "Журнал звонков АТС не читается: {detail}",
    "Журнал дзвінків АТС не читається: {detail}",
    "{detail}",
)
RECORDS_EMPTY = Words(
    "records_empty",
    "Журнал звонков АТС читается, но за последние сутки в нём нет звонков.",
    "Журнал дзвінків АТС читається, але за останню добу в ньому немає дзвінків.",
    "the PBX’s records can be read, but have no call of the last day",
)
RECORDS_READ = Words(
    "records_read",
    "В журнале звонков АТС за последние сутки звонков: {count}.",
    "У журналі дзвінків АТС за останню добу дзвінків: {count}.",
    "{count} calls of the last day are in the records",
)
SEE_RECOVERY = Words(
    "see_recovery",
    "Как настроить: docs/howto/recover-missed-calls.md",
    "Як налаштувати: docs/howto/recover-missed-calls.md",
    "see docs/howto/recover-missed-calls.md",
)
