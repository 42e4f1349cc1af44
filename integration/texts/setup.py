"""The texts of the wizard, in Russian, Ukrainian and English. A test proves that none is missing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from integration.texts import LANGUAGES

# key: (ru, uk, en)
_TEXTS: dict[str, tuple[str, str, str]] = {
    "setup": ("Настройка", "Налаштування", "Setup"),
    "offices": ("Офисы", "Офіси", "Offices"),
    "add_office": ("Добавить офис", "Додати офіс", "Add an office"),
    "in_file": (
        "Эти офисы заданы в файле настроек и меняются там. Команда dozvon apply переносит их в базу.",
        "Ці офіси задано у файлі налаштувань, і змінюються вони там. Команда dozvon apply переносить їх у базу.",
        "These offices are set in the configuration file and changed there. dozvon apply moves them into the database.",
    ),
    "go_on": ("Продолжить настройку", "Продовжити налаштування", "Continue"),
    "new_title": ("Добро пожаловать", "Ласкаво просимо", "Welcome"),
    "new_lead": (
        "Через полчаса звонок клиента зазвонит у ответственного менеджера, а карточка и запись будут в CRM."
        " Всё, что вы введёте, сохраняется сразу: к настройке можно вернуться в любой момент.",
        "За пів години дзвінок клієнта задзвонить у відповідального менеджера, а картка й запис будуть у CRM."
        " Усе, що ви введете, зберігається одразу: до налаштування можна повернутися будь-коли.",
        "In half an hour a client’s call will ring at the responsible manager, with the card and the recording in the"
        " CRM. Everything you enter is saved at once: you can come back at any time.",
    ),
    "next": ("Далее", "Далі", "Next"),
    "back": ("Назад", "Назад", "Back"),
    "save": ("Сохранить", "Зберегти", "Save"),
    "check": ("Проверить", "Перевірити", "Check"),
    "check_again": ("Проверить ещё раз", "Перевірити ще раз", "Check again"),
    "steps": ("Шаги настройки", "Кроки налаштування", "Steps of the setup"),
    "step_office": ("Офис", "Офіс", "Office"),
    "step_address": ("Адрес", "Адреса", "Address"),
    "step_pbx": ("АТС", "АТС", "PBX"),
    "step_crm": ("CRM", "CRM", "CRM"),
    "step_lines": ("Линии и правила", "Лінії та правила", "Lines and rules"),
    "step_people": ("Сотрудники", "Співробітники", "People"),
    "step_routing": ("Маршрут и записи", "Маршрут і записи", "Routing and recordings"),
    "step_rehearsal": ("Проба", "Проба", "Rehearsal"),
    "mark_open": ("не закончено", "не завершено", "not finished"),
    "kept": (
        "Показано то, что было введено и ещё не сохранено.",
        "Показано те, що було введено і ще не збережено.",
        "This is what was typed and not saved yet.",
    ),
    "drop_kept": ("Отбросить", "Відкинути", "Discard"),
    "changed_meanwhile": (
        "Пока страница была открыта, настройки изменились. Изменил: {who}. Проверьте поля и сохраните ещё раз.",
        "Поки сторінку було відкрито, налаштування змінилися. Змінив: {who}. Перевірте поля і збережіть ще раз.",
        "The settings changed while this page was open. Changed by: {who}. Check the fields and save again.",
    ),
    "wrong_fields": (
        "Не сохранено: исправьте отмеченные поля.",
        "Не збережено: виправте позначені поля.",
        "Not saved: correct the marked fields.",
    ),
    # ---- office
    "office_title": ("Офис", "Офіс", "Office"),
    "office_lead": (
        "Страна нужна, чтобы правильно читать номера, часовой пояс — чтобы время на страницах"
        " совпадало с часами на стене.",
        "Країна потрібна, щоб правильно читати номери, часовий пояс — щоб час на сторінках"
        " збігався з годинником на стіні.",
        "The country tells how numbers are read; the time zone makes times on pages match the clock on the wall.",
    ),
    "name": ("Название офиса", "Назва офісу", "Name of the office"),
    "name_hint": (
        "Например: Окна Плюс, отдел продаж",
        "Наприклад: Вікна Плюс, відділ продажів",
        "For example: Windows Plus, sales",
    ),
    "country": ("Страна", "Країна", "Country"),
    "language": ("Язык текстов в CRM", "Мова текстів у CRM", "Language of texts in the CRM"),
    "time_zone": ("Часовой пояс", "Часовий пояс", "Time zone"),
    "time_zone_of_country": ("По стране", "За країною", "The country’s"),
    "language_ru": ("Русский", "Русский", "Русский"),
    "language_uk": ("Українська", "Українська", "Українська"),
    "language_en": ("English", "English", "English"),
    "country_RU": ("Россия", "Росія", "Russia"),
    "country_UA": ("Украина", "Україна", "Ukraine"),
    "country_BY": ("Беларусь", "Білорусь", "Belarus"),
    "country_KZ": ("Казахстан", "Казахстан", "Kazakhstan"),
    "country_UZ": ("Узбекистан", "Узбекистан", "Uzbekistan"),
    "country_KG": ("Кыргызстан", "Киргизстан", "Kyrgyzstan"),
    "country_AM": ("Армения", "Вірменія", "Armenia"),
    "country_AZ": ("Азербайджан", "Азербайджан", "Azerbaijan"),
    "country_GE": ("Грузия", "Грузія", "Georgia"),
    "country_MD": ("Молдова", "Молдова", "Moldova"),
    # ---- address
    "address_title": ("Адрес Dozvon", "Адреса Dozvon", "Dozvon’s address"),
    "address_lead": (
        "CRM и браузеры менеджеров обращаются к Dozvon по имени с https. Имя указывает на этот сервер, сертификат"
        " получает прокси перед Dozvon.",
        "CRM і браузери менеджерів звертаються до Dozvon за іменем з https. Ім’я вказує на цей сервер, сертифікат"
        " отримує проксі перед Dozvon.",
        "The CRM and managers’ browsers reach Dozvon under an https name. The name points to this server; a proxy in"
        " front of Dozvon gets the certificate.",
    ),
    "public_url": ("Адрес для браузеров и CRM", "Адреса для браузерів і CRM", "Address for browsers and the CRM"),
    "public_url_hint": (
        "Например: https://calls.example.ru",
        "Наприклад: https://calls.example.com.ua",
        "For example: https://calls.example.com",
    ),
    "address_in_file": (
        "Адрес задан в файле настроек (server.public_url) и меняется там.",
        "Адресу задано у файлі налаштувань (server.public_url), і змінюється вона там.",
        "The address is set in the configuration file (server.public_url) and is changed there.",
    ),
    "proxy_ready": (
        "Готовая настройка прокси. Caddy получает и продлевает сертификат сам.",
        "Готове налаштування проксі. Caddy отримує і подовжує сертифікат сам.",
        "Ready configuration of the proxy. Caddy gets and renews the certificate by itself.",
    ),
    "address_restarts": (
        "После сохранения Dozvon переключится на новый адрес: страница на мгновение станет недоступна.",
        "Після збереження Dozvon перейде на нову адресу: сторінка на мить стане недоступною.",
        "After saving, Dozvon changes to the new address: the page is away for a moment.",
    ),
    "moved_title": ("Адрес сохранён", "Адресу збережено", "The address is saved"),
    "moved_lead": (
        "Через несколько секунд Dozvon отвечает по новому адресу. Откройте его и войдите снова.",
        "За кілька секунд Dozvon відповідає за новою адресою. Відкрийте її та увійдіть знову.",
        "In a few seconds Dozvon answers at the new address. Open it and sign in again.",
    ),
    "later": ("Пропустить пока", "Пропустити поки", "Skip for now"),
    "wrong_url": (
        "Нужен адрес вида https://calls.example.ru, без пути после имени.",
        "Потрібна адреса на кшталт https://calls.example.com.ua, без шляху після імені.",
        "Write an address like https://calls.example.com, with nothing after the name.",
    ),
    "url_fails": (
        "По этому адресу Dozvon не отвечает: смотрите проверку ниже.",
        "За цією адресою Dozvon не відповідає: дивіться перевірку нижче.",
        "Dozvon does not answer at this address: see the check below.",
    ),
    "insist": (
        "Всё равно сохранить. С этого сервера адрес может быть недоступен, хотя снаружи он работает."
        " Если он неверен, войти можно будет только после команды dozvon address --forget.",
        "Усе одно зберегти. З цього сервера адреса може бути недоступна, хоча ззовні вона працює."
        " Якщо вона неправильна, увійти можна буде лише після команди dozvon address --forget.",
        "Save it anyway. This server may not reach the address although it works from outside."
        " If it is wrong, nobody can sign in before the command dozvon address --forget.",
    ),
    "about_name": ("Имя", "Ім’я", "Name"),
    "about_certificate": ("Сертификат", "Сертифікат", "Certificate"),
    "about_dozvon": ("Dozvon", "Dozvon", "Dozvon"),
    "a_name_found": (
        "Имя {host} найдено: {addresses}.",
        "Ім’я {host} знайдено: {addresses}.",
        "The name {host} is known: {addresses}.",
    ),
    "a_name_unknown": ("Имя {host} не найдено.", "Ім’я {host} не знайдено.", "The name {host} is not known."),
    "a_name_unknown_remedy": (
        "Создайте у регистратора имени запись A с внешним IP этого сервера. Она видна через несколько минут.",
        "Створіть у реєстратора імені запис A із зовнішнім IP цього сервера. Його видно за кілька хвилин.",
        "Add an A record with this server’s public IP at the name’s registrar. It is seen after some minutes.",
    ),
    "a_only_inside": (
        "Имя {host} указывает на внутренний адрес: {addresses}.",
        "Ім’я {host} вказує на внутрішню адресу: {addresses}.",
        "The name {host} points to an inside address: {addresses}.",
    ),
    "a_only_inside_remedy": (
        "CRM обращается к Dozvon из интернета: ей нужен внешний адрес. Без него изменения в CRM видны с задержкой.",
        "CRM звертається до Dozvon з інтернету: їй потрібна зовнішня адреса. Без неї зміни в CRM видно із затримкою.",
        "The CRM reaches Dozvon from the internet, so it needs a public address. Without one, changes in the CRM"
        " come late.",
    ),
    "a_not_reached": (
        "Нет соединения с {host}, порт {port}: {detail}.",
        "Немає з’єднання з {host}, порт {port}: {detail}.",
        "No connection to {host}, port {port}: {detail}.",
    ),
    "a_not_reached_remedy": (
        "Запустите прокси и откройте порт в сетевом экране.",
        "Запустіть проксі та відкрийте порт у мережевому екрані.",
        "Start the proxy, and open the port in the firewall.",
    ),
    "a_certificate_good": (
        "Сертификат действует до {until}.",
        "Сертифікат діє до {until}.",
        "The certificate is valid until {until}.",
    ),
    "a_certificate_ends": (
        "Сертификат кончается {until}.",
        "Сертифікат закінчується {until}.",
        "The certificate ends on {until}.",
    ),
    "a_certificate_ends_remedy": (
        "Проверьте, продлевает ли его прокси.",
        "Перевірте, чи подовжує його проксі.",
        "Check whether the proxy renews it.",
    ),
    "a_certificate_bad": (
        "Сертификату не доверяет браузер: {detail}.",
        "Сертифікату не довіряє браузер: {detail}.",
        "Browsers do not trust the certificate: {detail}.",
    ),
    "a_certificate_bad_remedy": (
        "Получите сертификат для этого имени: Caddy делает это сам.",
        "Отримайте сертифікат для цього імені: Caddy робить це сам.",
        "Get a certificate for this name: Caddy does it by itself.",
    ),
    "a_no_tls": ("Адрес без https.", "Адреса без https.", "The address is without https."),
    "a_no_tls_remedy": (
        "Для пробы на своей машине этого достаточно. CRM и браузеры менеджеров требуют https.",
        "Для проби на своїй машині цього достатньо. CRM і браузери менеджерів вимагають https.",
        "Enough for a trial on one’s own machine. The CRM and managers’ browsers require https.",
    ),
    "a_we_answer": ("Отвечает этот Dozvon.", "Відповідає цей Dozvon.", "This Dozvon answers."),
    "a_another_answers": (
        "Отвечает другая программа (статус {status}).",
        "Відповідає інша програма (статус {status}).",
        "Another program answers (status {status}).",
    ),
    "a_another_answers_remedy": (
        "Направьте прокси на Dozvon: готовая настройка внизу страницы.",
        "Спрямуйте проксі на Dozvon: готове налаштування внизу сторінки.",
        "Point the proxy to Dozvon: the ready configuration is below.",
    ),
    "a_no_answer": ("Ответа нет: {detail}.", "Відповіді немає: {detail}.", "No answer: {detail}."),
    # ---- PBX
    "pbx_title": ("Подключение АТС", "Підключення АТС", "Connect the PBX"),
    "pbx_lead": (
        "Dozvon входит в АТС по AMI: видит звонки, набирает номера и спрашивает, что где настроено. Сами звонки через"
        " Dozvon не идут.",
        "Dozvon входить в АТС через AMI: бачить дзвінки, набирає номери і питає, що де налаштовано. Самі дзвінки через"
        " Dozvon не йдуть.",
        "Dozvon logs in to the PBX over AMI: it sees calls, dials numbers, and asks what is set up. The calls"
        " themselves do not pass through Dozvon.",
    ),
    "flavour": ("Какая у вас АТС", "Яка у вас АТС", "Your PBX"),
    "pbx_host": ("Адрес АТС", "Адреса АТС", "Address of the PBX"),
    "pbx_host_hint": (
        "Имя или IP, например 192.168.1.10",
        "Ім’я або IP, наприклад 192.168.1.10",
        "Name or IP, for example 192.168.1.10",
    ),
    "pbx_port": ("Порт AMI", "Порт AMI", "AMI port"),
    "pbx_user": ("Имя пользователя AMI", "Ім’я користувача AMI", "AMI user"),
    "pbx_secret": ("Пароль AMI", "Пароль AMI", "AMI secret"),
    "pbx_secret_made": (
        "Пусто — Dozvon придумает пароль сам и покажет его в готовом блоке.",
        "Порожньо — Dozvon вигадає пароль сам і покаже його в готовому блоці.",
        "Leave it empty and Dozvon makes one and shows it in the ready block.",
    ),
    "secret_kept": (
        "Сохранён. Введите новый, чтобы заменить.",
        "Збережено. Введіть новий, щоб замінити.",
        "Saved. Enter a new one to replace it.",
    ),
    "trunks": ("Внешние линии (транки)", "Зовнішні лінії (транки)", "Trunks"),
    "trunks_hint": (
        "По ним звонки идут в город и из города. Отмечены предложенные.",
        "Ними дзвінки йдуть у місто і з міста. Позначено запропоновані.",
        "Calls to and from outside pass through them. The suggested ones are ticked.",
    ),
    "on_the_pbx": ("Что сделать в АТС", "Що зробити в АТС", "What to do on the PBX"),
    "checked": ("Что проверено", "Що перевірено", "What was checked"),
    "nothing_checked": ("Ещё не проверено.", "Ще не перевірено.", "Not checked yet."),
    "all_well": ("Всё в порядке.", "Усе гаразд.", "Everything is fine."),
    "extensions_found": (
        "Найдено внутренних номеров: {count}.",
        "Знайдено внутрішніх номерів: {count}.",
        "Extensions found: {count}.",
    ),
    "no_trunks": ("Транков не найдено.", "Транків не знайдено.", "No trunks were found."),
    # ---- CRM
    "crm_title": ("Подключение CRM", "Підключення CRM", "Connect the CRM"),
    "crm_lead": (
        "Нужна своя интеграция в вашей CRM: она даёт два ключа. Войдите в CRM как администратор.",
        "Потрібна своя інтеграція у вашій CRM: вона дає два ключі. Увійдіть у CRM як адміністратор.",
        "You need an integration of your own in your CRM: it gives two keys. Sign in to the CRM as an administrator.",
    ),
    "which_crm": ("Ваша CRM", "Ваша CRM", "Your CRM"),
    "in_the_crm": ("Что сделать в CRM", "Що зробити в CRM", "What to do in the CRM"),
    "open_console": ("Открыть в новой вкладке", "Відкрити в новій вкладці", "Open in a new tab"),
    "redirect_address": ("Адрес перенаправления", "Адреса перенаправлення", "Redirect address"),
    "disconnect_address": (
        "Адрес для сообщения об отключении",
        "Адреса для повідомлення про вимкнення",
        "Address for the notice of disconnection",
    ),
    "keys_title": ("Ключи", "Ключі", "Keys"),
    "advanced": ("Для тестового стенда", "Для тестового стенда", "For a test stand"),
    "consent": ("Разрешение", "Дозвіл", "Consent"),
    "give_consent": ("Разрешить в CRM", "Дозволити в CRM", "Allow in the CRM"),
    "consent_lead": (
        "CRM откроется, спросит, в каком аккаунте дать доступ, и вернёт вас сюда.",
        "CRM відкриється, спитає, в якому акаунті дати доступ, і поверне вас сюди.",
        "The CRM opens, asks in which account to allow access, and brings you back here.",
    ),
    "installed_without_tokens": (
        "Интеграция установлена, но доступ не подтверждён здесь.",
        "Інтеграцію встановлено, але доступ тут не підтверджено.",
        "The integration is installed, but access was not confirmed here.",
    ),
    "connected": ("Подключено", "Підключено", "Connected"),
    "widget": ("Виджет", "Віджет", "Widget"),
    "download_widget": ("Скачать виджет", "Завантажити віджет", "Download the widget"),
    "widget_spoke": (
        "Виджет установлен: он вышел на связь.",
        "Віджет встановлено: він вийшов на зв’язок.",
        "The widget is installed: it has connected.",
    ),
    "widget_silent": (
        "Виджет ещё не выходил на связь. Откройте CRM в новой вкладке.",
        "Віджет ще не виходив на зв’язок. Відкрийте CRM у новій вкладці.",
        "The widget has not connected yet. Open the CRM in a new tab.",
    ),
    "no_widget": ("Виджет нельзя собрать.", "Віджет не можна зібрати.", "The widget cannot be built."),
    # ---- lines and rules
    "lines_title": ("Линии и правила", "Лінії та правила", "Lines and rules"),
    "lines_lead": (
        "Правила для всех линий, и свои правила там, где линия отличается.",
        "Правила для всіх ліній, і свої правила там, де лінія відрізняється.",
        "Rules for all lines, and own rules where a line differs.",
    ),
    "all_lines": ("Все линии", "Усі лінії", "All lines"),
    "line_new": ("Добавить линию", "Додати лінію", "Add a line"),
    "line_number": ("Номер линии", "Номер лінії", "Number of the line"),
    "line_number_hint": (
        "Как его показывает АТС, например 74950000001",
        "Як його показує АТС, наприклад 380440000001",
        "As the PBX shows it, for example 74950000001",
    ),
    "line_exists": ("Такая линия уже есть.", "Така лінія вже є.", "There is such a line already."),
    "line_remove": ("Удалить линию", "Видалити лінію", "Remove the line"),
    "own": ("Своё значение", "Своє значення", "Own value"),
    "inherited": ("Как у всех линий", "Як у всіх ліній", "As all lines"),
    "reset_line": ("Сбросить к общим правилам", "Скинути до спільних правил", "Reset to the rules of all lines"),
    "f_source": ("Название линии", "Назва лінії", "Name of the line"),
    "f_process": ("Обрабатывать звонки", "Обробляти дзвінки", "Process the calls"),
    "f_card": ("Карточка клиента", "Картка клієнта", "Client’s card"),
    "f_to_responsible": ("Сначала ответственному", "Спочатку відповідальному", "To the responsible first"),
    "f_responsible_seconds": ("Звонить ответственному, с", "Дзвонити відповідальному, с", "Ring the responsible, s"),
    "f_notice_before": (
        "Сообщение перед соединением (файл)",
        "Повідомлення перед з’єднанням (файл)",
        "Notice before connecting (sound)",
    ),
    "f_notice_no_answer": (
        "Сообщение, если не ответил (файл)",
        "Повідомлення, якщо не відповів (файл)",
        "Notice when nobody answered (sound)",
    ),
    "f_after_no_answer": (
        "Если ответственный не ответил",
        "Якщо відповідальний не відповів",
        "If the responsible does not answer",
    ),
    "f_group": ("Номер группы", "Номер групи", "Number of the group"),
    "f_missed_responsible": (
        "Ответственный за пропущенные от новых",
        "Відповідальний за пропущені від нових",
        "Responsible for missed calls of new clients",
    ),
    "f_outside_responsible": (
        "Ответственный за звонки вне интеграции",
        "Відповідальний за дзвінки поза інтеграцією",
        "Responsible for calls to people outside",
    ),
    "f_reserve": ("Запасной номер", "Запасний номер", "Reserve number"),
    "f_missed_task": ("Задача перезвонить", "Завдання передзвонити", "Task to call back"),
    "f_task_deadline_seconds": ("Срок задачи, мин", "Термін завдання, хв", "Deadline of the task, min"),
    "f_unknown_lookup_seconds": (
        "Искать незнакомого в CRM, с",
        "Шукати незнайомого в CRM, с",
        "Look a stranger up in the CRM, s",
    ),
    "f_default_responsible": (
        "Ответственный, если правила никого не назвали",
        "Відповідальний, якщо правила нікого не назвали",
        "Responsible if no rule names anybody",
    ),
    "f_log_to": ("Куда писать звонок", "Куди писати дзвінок", "Where a call is logged"),
    "card_never": ("Не показывать", "Не показувати", "Never"),
    "card_ringing": ("Когда звонит", "Коли дзвонить", "While it rings"),
    "card_answer": ("Когда ответили", "Коли відповіли", "After the answer"),
    "after_route": ("Дальше по схеме АТС", "Далі за схемою АТС", "On through the PBX"),
    "after_mobile": ("На мобильный ответственного", "На мобільний відповідального", "To the responsible’s mobile"),
    "after_voicemail": ("На голосовую почту", "На голосову пошту", "To voicemail"),
    "after_group": ("На группу", "На групу", "To a group"),
    "log_person": ("В контакт или компанию", "У контакт або компанію", "To the contact or company"),
    "log_deal": ("В единственную открытую сделку", "У єдину відкриту угоду", "To the only open deal"),
    "nobody": ("Никто", "Ніхто", "Nobody"),
    "yes": ("Да", "Так", "Yes"),
    "no": ("Нет", "Ні", "No"),
    "dialling": ("Как офис набирает", "Як офіс набирає", "How the office dials"),
    "d_area_code": ("Код города", "Код міста", "Area code"),
    "d_local_length": ("Цифр в городском номере", "Цифр у міському номері", "Digits of a local number"),
    "d_trunk_prefix": ("Междугородный префикс", "Міжміський префікс", "Trunk prefix"),
    "d_international_prefix": ("Международный префикс", "Міжнародний префікс", "International prefix"),
    "d_outside_prefix": ("Выход в город", "Вихід у місто", "Outside-line prefix"),
    "d_carrier_prefix": ("Технический префикс оператора", "Технічний префікс оператора", "Carrier’s prefix"),
    "d_click": ("Форма номера для АТС", "Форма номера для АТС", "Form of the number for the PBX"),
    "click_e164": ("С кодом страны: 79161234567", "З кодом країни: 380441234567", "With the country code: 79161234567"),
    "click_national": ("По-междугородному: 89161234567", "Міжміський: 0441234567", "National: 89161234567"),
    "click_local": ("Городской, если можно", "Міський, якщо можна", "Local where possible"),
    "example": (
        "Так набирается {what}: {dialled}",
        "Так набирається {what}: {dialled}",
        "This is how {what} is dialled: {dialled}",
    ),
    # ---- people
    "people_title": ("Сотрудники", "Співробітники", "People"),
    "people_lead": (
        "Кому звонить Dozvon и от чьего имени звонок попадает в CRM. Сопоставьте менеджеров и внутренние номера.",
        "Кому дзвонить Dozvon і від чийого імені дзвінок потрапляє в CRM. Зіставте менеджерів і внутрішні номери.",
        "Whom Dozvon rings, and under whose name a call is logged. Map managers to extensions.",
    ),
    "people_count": (
        "Сопоставлено менеджеров: {mapped} из {all}",
        "Зіставлено менеджерів: {mapped} з {all}",
        "Managers with an extension: {mapped} of {all}",
    ),
    "suggestions": ("Предлагаем сопоставить", "Пропонуємо зіставити", "Suggested"),
    "take_suggestions": ("Взять все: {count}", "Взяти всі: {count}", "Take all: {count}"),
    "open_people": ("Открыть список сотрудников", "Відкрити список співробітників", "Open the list of people"),
    # ---- routing
    "routing_title": ("Маршрут и записи", "Маршрут і записи", "Routing and recordings"),
    "routing_lead": (
        "АТС спрашивает Dozvon, кому звонит клиент. Если Dozvon не ответит, звонок пойдёт по обычной схеме АТС.",
        "АТС питає Dozvon, кому дзвонить клієнт. Якщо Dozvon не відповість, дзвінок піде звичайною схемою АТС.",
        "The PBX asks Dozvon whose client is calling. If Dozvon does not answer, the call follows the PBX’s own route.",
    ),
    "recordings": ("Записи разговоров", "Записи розмов", "Recordings"),
    "newest_recordings": ("Самые новые записи", "Найновіші записи", "Newest recordings"),
    "no_recordings": ("Записей не найдено.", "Записів не знайдено.", "No recordings were found."),
    "include_ready": ("Что добавить в АТС", "Що додати в АТС", "What to add to the PBX"),
    "show_text": ("Показать текст", "Показати текст", "Show the text"),
    "write_it": ("Записать в АТС", "Записати в АТС", "Write it into the PBX"),
    "write_would": (
        "Dozvon изменит в АТС (копия прежнего сохранится):",
        "Dozvon змінить в АТС (копія попереднього збережеться):",
        "Dozvon would change on the PBX (a copy of what was there is kept):",
    ),
    "write_now": ("Изменить", "Змінити", "Change it"),
    "written": ("Записано в АТС.", "Записано в АТС.", "Written into the PBX."),
    "remove_it": ("Убрать из АТС", "Прибрати з АТС", "Take it out of the PBX"),
    "left_to_do": ("Осталось сделать:", "Залишилося зробити:", "Left to do:"),
    "way_back": ("Дозванивается ли АТС до Dozvon", "Чи достукується АТС до Dozvon", "Does the PBX reach Dozvon"),
    "suggested_places": ("Где АТС хранит записи", "Де АТС зберігає записи", "Where the PBX keeps recordings"),
    "use_this": ("Взять эту", "Взяти цю", "Use this one"),
    "play": ("Прослушать", "Прослухати", "Play"),
    "in_use": ("используется", "використовується", "in use"),
    # ---- rehearsal
    "rehearsal_title": ("Проба", "Проба", "Rehearsal"),
    "rehearsal_lead": (
        "Dozvon проверит всё по порядку, прежде чем звонки пойдут по-настоящему.",
        "Dozvon перевірить усе по черзі, перш ніж дзвінки підуть насправді.",
        "Dozvon checks everything in order before real calls come.",
    ),
    "rehearse": ("Начать пробу", "Почати пробу", "Start the rehearsal"),
    "light_crm": ("CRM", "CRM", "CRM"),
    "light_pbx": ("АТС", "АТС", "PBX"),
    "light_route": ("Маршрут", "Маршрут", "Route"),
    "light_phone": ("Телефон", "Телефон", "Phone"),
    "light_card": ("Карточка", "Картка", "Card"),
    "light_recordings": ("Записи", "Записи", "Recordings"),
    "light_people": ("Сотрудники", "Співробітники", "People"),
    "crm_ready": ("CRM подключена.", "CRM підключено.", "The CRM is connected."),
    "pbx_ready": ("АТС на связи.", "АТС на зв’язку.", "The PBX is connected."),
    "card_shown": (
        "Карточка показана в CRM менеджера {name}.",
        "Картку показано в CRM менеджера {name}.",
        "The card was shown in the CRM of {name}.",
    ),
    "card_nowhere": (
        "У менеджера {name} не открыта CRM: карточку показать негде.",
        "У менеджера {name} не відкрита CRM: картку показати ніде.",
        "{name} has no open CRM page: there is nowhere to show the card.",
    ),
    "card_nobody": (
        "Номеру {extension} не назначен менеджер: карточку показать некому.",
        "Номеру {extension} не призначено менеджера: картку показати нікому.",
        "No manager has the extension {extension}: there is nobody to show a card to.",
    ),
    "recordings_found": (
        "Новая запись найдена: {name}.",
        "Новий запис знайдено: {name}.",
        "The newest recording was found: {name}.",
    ),
    "people_mapped": (
        "Менеджеров с номером: {count}.",
        "Менеджерів із номером: {count}.",
        "Managers with an extension: {count}.",
    ),
    "nobody_mapped": (
        "Ни у кого из менеджеров нет номера.",
        "У жодного менеджера немає номера.",
        "No manager has an extension.",
    ),
    "to_step": ("Откройте шаг: {step}.", "Відкрийте крок: {step}.", "Open the step: {step}."),
    "ring_lead": (
        "Введите свой внутренний номер: телефон зазвонит, а карточка появится в открытой CRM.",
        "Введіть свій внутрішній номер: телефон задзвонить, а картка з’явиться у відкритій CRM.",
        "Enter your extension: the phone rings, and the card appears in the open CRM.",
    ),
    "all_lights": (
        "Всё готово: звонки пойдут по-настоящему.",
        "Усе готово: дзвінки підуть насправді.",
        "All is ready for real calls.",
    ),
    "rehearsal_extension": ("Ваш внутренний номер", "Ваш внутрішній номер", "Your extension"),
    "finish": ("Закончить настройку", "Завершити налаштування", "Finish"),
}


@cache
def setup_texts(language: str) -> Mapping[str, str]:
    """All texts in one language."""
    place = LANGUAGES.index(language)
    return {key: words[place] for key, words in _TEXTS.items()}
