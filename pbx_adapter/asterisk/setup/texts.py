"""What has to be done on an Asterisk, a FreePBX or a MikoPBX, in Russian, Ukrainian and English."""

from __future__ import annotations

from integration.domain.sentences import Words

# ---- preparation -----------------------------------------------------------------------------------------------------

ADD_THE_BLOCK = Words(
    "add_the_block",
    "Добавьте этот блок в конец файла.",
    "Додайте цей блок у кінець файлу.",
    "Add this block at the end of the file.",
)
GENERAL_OF_MANAGER = Words(
    "general_of_manager",
    "Проверьте, что в разделе [general] того же файла стоят эти строки.",
    "Перевірте, що в розділі [general] того самого файлу є ці рядки.",
    "See that the section [general] of the same file has these lines.",
)
RELOAD_MANAGER = Words(
    "reload_manager",
    "Выполните на АТС команду. Звонки она не прерывает.",
    "Виконайте на АТС команду. Дзвінків вона не перериває.",
    "Run this command on the PBX. It interrupts no call.",
)
OPEN_THE_FIREWALL = Words(
    "open_the_firewall",
    "Откройте порт {port} в межсетевом экране АТС только для адреса {address}.",
    "Відкрийте порт {port} у мережевому екрані АТС лише для адреси {address}.",
    "Let the PBX’s firewall open port {port} for {address} only.",
)
NEEDS_AN_IP = Words(
    "needs_an_ip",
    "Замените в строке permit имя {address} на IP-адрес этого сервера: имён АТС там не понимает.",
    "Замініть у рядку permit ім’я {address} на IP-адресу цього сервера: імен АТС там не розуміє.",
    "Replace the name {address} in the line permit by this server’s IP address: the PBX does not read names there.",
)
MAKE_A_MANAGER = Words(
    "make_a_manager",
    "Создайте пользователя и нажмите Submit, затем Apply Config.",
    "Створіть користувача й натисніть Submit, потім Apply Config.",
    "Make a user, press Submit, then Apply Config.",
)
BIND_THE_MANAGER = Words(
    "bind_the_manager",
    "Если Dozvon работает на другой машине, разрешите АТС принимать соединения не только от себя самой.",
    "Якщо Dozvon працює на іншій машині, дозвольте АТС приймати з’єднання не лише від себе самої.",
    "If Dozvon runs on another machine, let the PBX accept connections from others than itself.",
)
MIKO_FILTER = Words(
    "miko_filter",
    "Создайте сетевой фильтр с адресом этого сервера и разрешите в нём AMI.",
    "Створіть мережевий фільтр з адресою цього сервера й дозвольте в ньому AMI.",
    "Make a network filter with this server’s address, and allow AMI in it.",
)
MIKO_USER = Words(
    "miko_user",
    "Добавьте учётную запись, отметьте права и сохраните.",
    "Додайте обліковий запис, позначте права й збережіть.",
    "Add an account, tick the rights and save.",
)
MIKO_AMI_PAGE = Words("miko_ami_page", "Система → Доступ к AMI", "Система → Доступ до AMI", "System → AMI access")
MIKO_FIREWALL_PAGE = Words(
    "miko_firewall_page",
    "Сеть и Firewall → Сетевой экран",
    "Мережа та Firewall → Мережевий екран",
    "Network and Firewall → Firewall",
)
MIKO_FILES_PAGE = Words(
    "miko_files_page",
    "Система → Кастомизация системных файлов → extensions.conf",
    "Система → Кастомізація системних файлів → extensions.conf",
    "System → System file customization → extensions.conf",
)
USER_NAME = Words("user_name", "Имя пользователя", "Ім’я користувача", "Username")
USER_PASSWORD = Words("user_password", "Пароль", "Пароль", "Password")
NETWORK_FILTER = Words("network_filter", "Сетевой фильтр", "Мережевий фільтр", "Network filter")
THE_FILTER_ABOVE = Words(
    "the_filter_above", "фильтр из первого шага", "фільтр із першого кроку", "the filter of step 1"
)
SUBNET = Words("subnet", "Подсеть", "Підмережа", "Subnet")
READING = Words("reading", "Чтение", "Читання", "Read")
WRITING = Words("writing", "Запись", "Запис", "Write")

# ---- route setup -----------------------------------------------------------------------------------------------------

SAVE_THE_INCLUDE = Words(
    "save_the_include",
    "Сохраните этот текст в новый файл.",
    "Збережіть цей текст у новий файл.",
    "Save this text as a new file.",
)
ADD_THE_INCLUDE = Words(
    "add_the_include",
    "Добавьте строку в конец файла.",
    "Додайте рядок у кінець файлу.",
    "Add this line at the end of the file.",
)
ADD_THE_LINE = Words(
    "add_the_line",
    "Вставьте эту строку сразу после первой строки (exten => …,1,…) каждого маршрута, по которому приходят звонки "
    "снаружи. Контексты: {contexts}.",
    "Вставте цей рядок одразу після першого рядка (exten => …,1,…) кожного маршруту, яким надходять дзвінки ззовні. "
    "Контексти: {contexts}.",
    "Put this line right after the first line (exten => …,1,…) of each route by which calls from outside enter. "
    "Contexts: {contexts}.",
)
THE_INCOMING_ONES = Words("the_incoming_ones", "входящие", "вхідні", "the incoming ones")
RELOAD_DIALPLAN = Words(
    "reload_dialplan",
    "Выполните на АТС команду. Идущие звонки она не прерывает.",
    "Виконайте на АТС команду. Поточних дзвінків вона не перериває.",
    "Run this command on the PBX. It interrupts no call.",
)
FREEPBX_DESTINATION = Words(
    "freepbx_destination",
    "Создайте назначение. В поле Destination выберите то, куда входящий маршрут ведёт сейчас.",
    "Створіть призначення. У полі Destination виберіть те, куди вхідний маршрут веде зараз.",
    "Make a destination. As Destination choose where the inbound route goes now.",
)
AS_NOW = Words("as_now", "куда маршрут ведёт сейчас", "куди маршрут веде зараз", "where the route goes now")
FREEPBX_ROUTE = Words(
    "freepbx_route",
    "Направьте входящий маршрут в это назначение и нажмите Submit, затем Apply Config.",
    "Спрямуйте вхідний маршрут у це призначення й натисніть Submit, потім Apply Config.",
    "Let the inbound route go to this destination, press Submit, then Apply Config.",
)
MIKO_APPEND = Words(
    "miko_append",
    "Выберите режим «Добавить в конец файла», вставьте этот текст и сохраните.",
    "Виберіть режим «Додати в кінець файлу», вставте цей текст і збережіть.",
    "Choose the mode “Add to end of file”, paste this text and save.",
)
MIKO_NAMES = Words(
    "miko_names",
    "Замените PROVIDER-ID на его идентификатор: он виден в имени транка.",
    "Замініть PROVIDER-ID на його ідентифікатор: його видно в імені транка.",
    "Replace PROVIDER-ID by the provider’s id, which is part of the trunk’s name.",
)

WRITES_FILE = Words(
    "writes_file", "Новый файл на АТС: {file}.", "Новий файл на АТС: {file}.", "A new file on the PBX: {file}."
)
REPLACES_FILE = Words(
    "replaces_file",
    "Файл Dozvon на АТС будет записан заново: {file}.",
    "Файл Dozvon на АТС буде записано заново: {file}.",
    "Dozvon’s file on the PBX is written again: {file}.",
)
INCLUDES_IT = Words(
    "includes_it",
    "Новая строка в файле {file}: {line}",
    "Новий рядок у файлі {file}: {line}",
    "A new line in {file}: {line}",
)
LETS_CALLS_PASS = Words(
    "lets_calls_pass",
    "В файле Dozvon останутся пустые контексты, которые пропускают звонки дальше: {file}.",
    "У файлі Dozvon залишаться порожні контексти, які пропускають дзвінки далі: {file}.",
    "Dozvon’s file keeps empty contexts that let calls pass: {file}.",
)
TAKE_THE_LINE_OUT = Words(
    "take_the_line_out",
    "Уберите из входящих контекстов строку {line}, а из файла {file} — строку {include}. До этого звонки идут как без "
    "Dozvon.",
    "Приберіть із вхідних контекстів рядок {line}, а з файлу {file} — рядок {include}. До цього дзвінки йдуть як без "
    "Dozvon.",
    "Take the line {line} out of the incoming contexts, and {include} out of {file}. Until then calls go as without "
    "Dozvon.",
)
RELOADS = Words("reloads", "АТС перечитает диалплан.", "АТС перечитає діалплан.", "The PBX reads its dialplan again.")
NO_CONFIG_RIGHT = Words(
    "no_config_right",
    "Dozvon не может записать файл: нет права write = config. Пользователь: {user}.",
    "Dozvon не може записати файл: немає права write = config. Користувач: {user}.",
    "Dozvon may not write the file: {user} has no write = config",
)
DO_IT_BY_HAND = Words(
    "do_it_by_hand",
    "Сделайте это вручную по шагам на странице или добавьте config в строку write = раздела [{section}] файла {file}.",
    "Зробіть це вручну за кроками на сторінці або додайте config у рядок write = розділу [{section}] файлу {file}.",
    "do it by hand, by the steps on the page, or add config to write = under [{section}] in {file}",
)
FOREIGN_CONTEXT = Words(
    "foreign_context",
    "На АТС уже есть контекст с таким именем, и писал его не этот Dozvon: {names}.",
    "На АТС уже є контекст із таким іменем, і писав його не цей Dozvon: {names}.",
    "the PBX has contexts of these names that this Dozvon did not write: {names}",
)
REMOVE_THE_FOREIGN = Words(
    "remove_the_foreign",
    "Уберите их из диалплана (раньше файл подключали вручную) или оставьте как есть и сделайте шаги вручную.",
    "Приберіть їх із діалплану (раніше файл підключали вручну) або залиште як є й зробіть кроки вручну.",
    "take them out of the dialplan (the file was included by hand before), or leave them and do the steps by hand",
)
NOT_WRITABLE_HERE = Words(
    "not_writable_here",
    "В эту АТС диалплан записать нельзя: {product} сама создаёт свои файлы.",
    "У цю АТС діалплан записати не можна: {product} сама створює свої файли.",
    "the dialplan of this PBX cannot be written: {product} makes its files itself",
)
FOLLOW_THE_STEPS = Words(
    "follow_the_steps",
    "Сделайте шаги на странице.",
    "Зробіть кроки на сторінці.",
    "do the steps on the page",
)
PBX_REFUSED = Words(
    "pbx_refused",
    "АТС отказалась записать файл {file}: {detail}",
    "АТС відмовилася записати файл {file}: {detail}",
    "the PBX refused to write {file}: {detail}",
)
NOTHING_TO_REMOVE = Words(
    "nothing_to_remove",
    "Файла, который записал Dozvon, на АТС нет.",
    "Файлу, який записав Dozvon, на АТС немає.",
    "the PBX has no file that Dozvon wrote",
)

# ---- survey ----------------------------------------------------------------------------------------------------------

MAY_NOT_ASK = Words(
    "may_not_ask",
    "Этих запросов АТС не разрешает: {actions}. Пользователь: {user}.",
    "Цих запитів АТС не дозволяє: {actions}. Користувач: {user}.",
    "{user} may not ask the PBX for {actions}",
)
DID_NOT_ANSWER = Words(
    "did_not_answer",
    "АТС не ответила вовремя: {actions}.",
    "АТС не відповіла вчасно: {actions}.",
    "the PBX did not answer in time: {actions}",
)
TRY_AGAIN = Words(
    "try_again",
    "Повторите, когда на АТС меньше нагрузки.",
    "Повторіть, коли на АТС менше навантаження.",
    "try again when the PBX has less to do",
)
NO_SIP = Words(
    "no_sip",
    "На АТС не загружен ни chan_pjsip, ни chan_sip: телефоны и транки SIP не видны.",
    "На АТС не завантажено ні chan_pjsip, ні chan_sip: телефони й транки SIP не видно.",
    "the PBX has loaded neither chan_pjsip nor chan_sip: SIP phones and trunks cannot be seen",
)
LOAD_SIP = Words(
    "load_sip",
    "Загрузите модуль в modules.conf или введите номера и транки вручную.",
    "Завантажте модуль у modules.conf або введіть номери й транки вручну.",
    "load the module in modules.conf, or enter extensions and trunks by hand",
)
ONLY_THE_FIRST = Words(
    "only_the_first",
    "Показаны не все: на АТС больше, чем Dozvon читает за раз. Прочитано: {count}, {actions}.",
    "Показано не все: на АТС більше, ніж Dozvon читає за раз. Прочитано: {count}, {actions}.",
    "not everything is shown: the PBX has more than is read at once ({count}, {actions})",
)
ENTER_THE_REST = Words(
    "enter_the_rest",
    "Недостающее введите вручную.",
    "Решту введіть вручну.",
    "enter what is missing by hand",
)

# ---- phones of new employees -----------------------------------------------------------------------------------------

SAVE_PHONES = Words(
    "save_phones",
    "Добавьте эти телефоны в конец файла. Секреты показаны один раз.",
    "Додайте ці телефони в кінець файлу. Секрети показано один раз.",
    "Add these phones at the end of the file. The secrets are shown once.",
)
RELOAD_PHONES = Words(
    "reload_phones",
    "Выполните на АТС команду. Идущие звонки она не прерывает.",
    "Виконайте на АТС команду. Поточних дзвінків вона не перериває.",
    "Run this command on the PBX. It interrupts no call.",
)
FREEPBX_PHONE = Words(
    "freepbx_phone",
    "Создайте номер и нажмите Submit. После последнего нажмите Apply Config.",
    "Створіть номер і натисніть Submit. Після останнього натисніть Apply Config.",
    "Make the extension and press Submit; after the last one press Apply Config.",
)
MIKO_PHONE = Words(
    "miko_phone",
    "Добавьте сотрудника и сохраните.",
    "Додайте співробітника й збережіть.",
    "Add the employee and save.",
)
MIKO_PEOPLE_PAGE = Words(
    "miko_people_page", "Телефония → Сотрудники", "Телефонія → Співробітники", "Telephony → Extensions"
)
MIKO_PHONE_NAME = Words("miko_phone_name", "ФИО", "ПІБ", "Full name")
MIKO_PHONE_NUMBER = Words("miko_phone_number", "Внутренний номер", "Внутрішній номер", "Extension")
MIKO_PHONE_SECRET = Words("miko_phone_secret", "Пароль SIP", "Пароль SIP", "SIP password")
PHONES_WRITTEN = Words(
    "phones_written",
    "Телефоны на АТС: {extensions}.",
    "Телефони на АТС: {extensions}.",
    "Phones on the PBX: {extensions}.",
)
READS_PHONES = Words(
    "reads_phones",
    "АТС перечитает телефоны. Идущие звонки это не прерывает.",
    "АТС перечитає телефони. Поточних дзвінків це не перериває.",
    "The PBX reads its phones again. It interrupts no call.",
)
FOREIGN_PHONES = Words(
    "foreign_phones",
    "Эти номера на АТС завёл не Dozvon, поэтому он их не трогает: {extensions}.",
    "Ці номери на АТС створив не Dozvon, тому він їх не чіпає: {extensions}.",
    "somebody else made these extensions on the PBX, so Dozvon leaves them alone: {extensions}",
)
CHOOSE_OTHERS = Words(
    "choose_others",
    "Выберите для новых сотрудников другие номера.",
    "Виберіть для нових співробітників інші номери.",
    "choose other extensions for the new employees",
)
PHONES_NOT_LOADED = Words(
    "phones_not_loaded",
    "Файл записан, но АТС его не читает: {file}.",
    "Файл записано, але АТС його не читає: {file}.",
    "the file is written, but the PBX does not read it: {file}",
)
LOAD_THE_WIZARD = Words(
    "load_the_wizard",
    "Включите на АТС модуль {module} или добавьте в файл {file} строку {line}, потом попробуйте снова.",
    "Увімкніть на АТС модуль {module} або додайте у файл {file} рядок {line}, потім спробуйте знову.",
    "load the module {module} on the PBX, or add the line {line} to {file}, and try again",
)
