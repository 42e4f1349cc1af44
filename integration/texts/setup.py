"""The texts of the wizard, in Russian, Ukrainian and English. A test proves that none is missing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from integration.texts import LANGUAGES
from integration.texts.setup_card import CARD_TEXTS
from integration.texts.setup_lines import LINE_TEXTS

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
    "step_keys": ("Ключи API", "Ключі API", "API keys"),
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
    "https_title": (
        "HTTPS с автоматическим сертификатом",
        "HTTPS з автоматичним сертифікатом",
        "HTTPS with an automatic certificate",
    ),
    "https_by_package": (
        "Выполните на сервере один раз. Команда проверит имя, получит сертификат и сохранит адрес; дальше сертификат"
        " продлевается сам. Если прокси уже работает, просто сохраните адрес выше.",
        "Виконайте на сервері один раз. Команда перевірить ім’я, отримає сертифікат і збереже адресу; далі сертифікат"
        " подовжується сам. Якщо проксі вже працює, просто збережіть адресу вище.",
        "Run this on the server once. It checks the name, gets the certificate and saves the address; from then on the"
        " certificate is renewed automatically. If the proxy already runs, just save the address above.",
    ),
    "https_by_compose": (
        "Выполните в папке с docker-compose.yml. Прокси получит сертификат для этого имени и будет продлевать его сам.",
        "Виконайте в теці з docker-compose.yml. Проксі отримає сертифікат для цього імені й подовжуватиме його сам.",
        "Run this in the folder with docker-compose.yml. The proxy gets the certificate for this name and renews it"
        " automatically.",
    ),
    "https_ports": (
        "Порты 80 и 443 этого сервера должны быть открыты из интернета, а имя — указывать на него. Первый сертификат"
        " приходит за несколько секунд, иногда за минуту.",
        "Порти 80 і 443 цього сервера мають бути відкриті з інтернету, а ім’я — вказувати на нього. Перший сертифікат"
        " надходить за кілька секунд, іноді за хвилину.",
        "Ports 80 and 443 of this server must be reachable from the internet, and the name must point to it. The first"
        " certificate takes some seconds, sometimes a minute.",
    ),
    "proxy_other": ("Свой прокси", "Власний проксі", "Your own proxy"),
    "proxy_trusted": (
        'Чтобы видеть адреса посетителей, в [server] файла настроек нужно trusted_proxies = ["127.0.0.1"].',
        'Щоб бачити адреси відвідувачів, у [server] файлу налаштувань потрібно trusted_proxies = ["127.0.0.1"].',
        'To see visitors’ own addresses, the configuration file needs trusted_proxies = ["127.0.0.1"] in [server].',
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
        "Нужна своя интеграция в вашей CRM. Войдите в CRM как администратор.",
        "Потрібна своя інтеграція у вашій CRM. Увійдіть у CRM як адміністратор.",
        "You need your own integration in your CRM. Sign in to the CRM as an administrator.",
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
    # ---- several telephone systems and CRMs
    "which_connection": ("Подключение", "Підключення", "Connection"),
    "pbxs_connected": ("Подключённые АТС", "Підключені АТС", "Connected PBXs"),
    "pbx_add": ("Добавить ещё одну АТС", "Додати ще одну АТС", "Add another PBX"),
    "pbx_remove": ("Удалить АТС", "Видалити АТС", "Remove the PBX"),
    "pbx_is_last": (
        "Это единственная АТС этой CRM. Сначала добавьте другую или удалите CRM.",
        "Це єдина АТС цієї CRM. Спершу додайте іншу або видаліть CRM.",
        "It is the only PBX of this CRM. Add another one first, or remove the CRM.",
    ),
    "pbx_remove_calls": (
        "Dozvon больше не увидит звонки на этой АТС: {pbx}. Сама АТС работает как раньше.",
        "Dozvon більше не бачитиме дзвінків на цій АТС: {pbx}. Сама АТС працює як раніше.",
        "Dozvon no longer sees the calls on this PBX: {pbx}. The PBX itself works as before.",
    ),
    "pbx_remove_people": (
        "Менеджеры с телефоном на этой АТС не получат карточек и не смогут звонить из CRM.",
        "Менеджери з телефоном на цій АТС не отримуватимуть карток і не зможуть дзвонити з CRM.",
        "Managers whose phone is on this PBX get no cards and cannot call from the CRM.",
    ),
    "pbx_remove_stays": (
        "Прошлые звонки и то, что ещё ждёт записи в CRM, сохранятся.",
        "Минулі дзвінки і те, що ще чекає на запис у CRM, збережуться.",
        "Past calls, and what still waits to be written into the CRM, are kept.",
    ),
    "crms_connected": ("Подключённые CRM", "Підключені CRM", "Connected CRMs"),
    "crm_add": ("Добавить ещё одну CRM", "Додати ще одну CRM", "Add another CRM"),
    "crm_remove": ("Удалить CRM", "Видалити CRM", "Remove the CRM"),
    "crm_is_last": (
        "Это единственная CRM офиса. Её можно выключить на странице «Обзор».",
        "Це єдина CRM офісу. Її можна вимкнути на сторінці «Огляд».",
        "It is the only CRM of the office. It can be switched off on the page Overview.",
    ),
    "calls_of_pbxs": (
        "Звонки каких АТС сюда попадают",
        "Дзвінки яких АТС сюди потрапляють",
        "PBXs whose calls belong here",
    ),
    "crm_remove_calls": (
        "Звонки больше не попадут в эту CRM: {account}. Карточки в ней не появятся.",
        "Дзвінки більше не потраплятимуть у цю CRM: {account}. Картки в ній не з’являтимуться.",
        "Calls are no longer written into this CRM: {account}. No cards appear in it.",
    ),
    "crm_remove_waiting": (
        "То, что ещё не записано в CRM, сохранится и ждёт: после возвращения CRM оно будет записано.",
        "Те, що ще не записано в CRM, збережеться і чекає: після повернення CRM воно буде записане.",
        "What is not written into the CRM yet is kept and waits: it is written once the CRM is back.",
    ),
    "crm_remove_stays": (
        "Прошлые звонки и сотрудники сохранятся в Dozvon. Удаление можно отменить в истории настроек.",
        "Минулі дзвінки і співробітники збережуться в Dozvon. Видалення можна скасувати в історії налаштувань.",
        "Past calls and people stay in Dozvon. The removal can be undone in the history of settings.",
    ),
    "crm_remove_there": (
        "Интеграция и виджет в самой CRM останутся: удалите их там.",
        "Інтеграція та віджет у самій CRM залишаться: видаліть їх там.",
        "The integration and the widget in the CRM itself stay: remove them there.",
    ),
    # ---- lines and rules
    "lines_title": ("Линии и правила", "Лінії та правила", "Lines and rules"),
    "lines_lead": (
        "Правила для всех линий и свои правила там, где линия отличается.",
        "Правила для всіх ліній і свої правила там, де лінія відрізняється.",
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
    "line_is_no_number": (
        "Номер линии состоит из цифр.",
        "Номер лінії складається з цифр.",
        "The number of a line consists of digits.",
    ),
    "line_remove": ("Удалить линию", "Видалити лінію", "Remove the line"),
    "own": ("своё", "своє", "own"),
    "inherited": ("Как у всех линий", "Як у всіх ліній", "As all lines"),
    "reset_field": ("Сделать как у всех линий", "Зробити як у всіх ліній", "Follow all lines"),
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
        "Ответственный за пропущенные звонки новых клиентов",
        "Відповідальний за пропущені дзвінки нових клієнтів",
        "Responsible for missed calls of new clients",
    ),
    "f_outside_responsible": (
        "Ответственный за звонки вне интеграции",
        "Відповідальний за дзвінки поза інтеграцією",
        "Responsible for calls to people outside",
    ),
    "f_reserve": ("Запасной номер", "Запасний номер", "Reserve number"),
    "f_respect_working_day": (
        "Пропускать тех, у кого в CRM не начат рабочий день или перерыв",
        "Пропускати тих, у кого в CRM не розпочато робочий день або перерва",
        "Pass over people whose day in the CRM has not begun or is paused",
    ),
    "f_transfer_changes_responsible": (
        "Передать клиента тому, кому звонок перевели вручную",
        "Передати клієнта тому, кому дзвінок перевели вручну",
        "The client goes to the manager who gets the call by a transfer",
    ),
    "f_new_client": (
        "Что делать с новым клиентом",
        "Що робити з новим клієнтом",
        "What becomes of a new client",
    ),
    "new_client_auto": ("Как принято в CRM", "Як заведено в CRM", "What the CRM itself makes"),
    "new_client_contact": ("Сразу создать контакт", "Одразу створити контакт", "A contact at once"),
    "new_client_deal": ("Создать контакт и сделку", "Створити контакт і угоду", "A contact with a deal"),
    "new_client_lead": ("Создать лид", "Створити лід", "A lead"),
    "f_made_by_hand": (
        "Что создавать вручную из карточки",
        "Що створювати вручну з картки",
        "What is made by hand, from the card",
    ),
    "made_by_hand_contact": ("Контакт", "Контакт", "A contact"),
    "made_by_hand_lead": ("Лид", "Лід", "A lead"),
    "new_client_by_hand": (
        "Создаёт сотрудник из карточки",
        "Створює співробітник із картки",
        "Made by hand, from the card",
    ),
    "new_client_never": ("Не создавать", "Не створювати", "Never made"),
    "f_new_client_of": (
        "Создавать новых клиентов",
        "Створювати нових клієнтів",
        "New clients are made of",
    ),
    "new_client_of_all": ("По всем звонкам", "З усіх дзвінків", "All calls"),
    "new_client_of_inbound": ("Только по входящим", "Лише з вхідних", "Inbound calls only"),
    "new_client_of_outbound": ("Только по исходящим", "Лише з вихідних", "Outbound calls only"),
    "f_never_clients": (
        "Номера, которые не заводить в CRM",
        "Номери, які не заводити в CRM",
        "Numbers that never become clients",
    ),
    "never_clients_hint": (
        "Через запятую: свои мобильные, курьеры, партнёры.",
        "Через кому: свої мобільні, кур’єри, партнери.",
        "Separated by commas: your own mobiles, couriers, partners.",
    ),
    "f_missed_task": ("Задача перезвонить", "Завдання передзвонити", "Task to call back"),
    "f_task_deadline_seconds": ("Срок задачи, мин", "Термін завдання, хв", "Deadline of the task, min"),
    "f_repeat_calls": (
        "Перезванивать пропущенным",
        "Передзвонювати пропущеним",
        "Call back after missed calls",
    ),
    "f_repeat_times": ("Сколько раз перезвонить, 1–5", "Скільки разів передзвонити, 1–5", "Callbacks, 1–5 times"),
    "f_repeat_interval_seconds": (
        "Промежуток между перезвонами, мин",
        "Проміжок між передзвонами, хв",
        "Minutes between callbacks",
    ),
    "f_repeat_hours": (
        "Перезванивать в будни, время клиента",
        "Передзвонювати в будні, час клієнта",
        "Callbacks Monday to Friday, client’s time",
    ),
    "f_repeat_weekend_hours": (
        "Перезванивать в выходные, время клиента",
        "Передзвонювати у вихідні, час клієнта",
        "Callbacks at weekends, client’s time",
    ),
    "f_unknown_lookup_seconds": (
        "Искать незнакомого в CRM, с",
        "Шукати незнайомого в CRM, с",
        "Look a stranger up in the CRM, s",
    ),
    "f_calls_at_once": (
        "Звонков на линии сразу: больше обзвон не начинает (0: без предела)",
        "Дзвінків на лінії одразу: більше обдзвін не починає (0: без межі)",
        "Calls at once on the line, beyond which campaigns begin none (0: no limit)",
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
    "dialling": ("Как офис набирает номера", "Як офіс набирає номери", "How the office dials"),
    "d_area_code": ("Код города", "Код міста", "Area code"),
    "d_local_length": ("Цифр в городском номере", "Цифр у міському номері", "Digits of a local number"),
    "d_trunk_prefix": ("Междугородный префикс", "Міжміський префікс", "Trunk prefix"),
    "d_international_prefix": ("Международный префикс", "Міжнародний префікс", "International prefix"),
    "d_outside_prefix": ("Выход в город", "Вихід у місто", "Outside-line prefix"),
    "d_carrier_prefix": ("Технический префикс оператора", "Технічний префікс оператора", "Carrier’s prefix"),
    "d_click": ("Форма номера для АТС", "Форма номера для АТС", "Form of the number for the PBX"),
    "click_e164": ("С кодом страны: 79161234567", "З кодом країни: 380441234567", "With the country code: 79161234567"),
    "click_national": ("Междугородный: 89161234567", "Міжміський: 0441234567", "National: 89161234567"),
    "click_local": ("Городской, если можно", "Міський, якщо можна", "Local where possible"),
    "example": (
        "Так набирается {what}: {dialled}",
        "Так набирається {what}: {dialled}",
        "This is how {what} is dialled: {dialled}",
    ),
    # ---- people
    "people_title": ("Сотрудники", "Співробітники", "People"),
    "people_lead": (
        "Кому звонить Dozvon и от чьего имени звонок попадает в CRM. Назначьте менеджерам внутренние номера.",
        "Кому дзвонить Dozvon і від чийого імені дзвінок потрапляє в CRM. Призначте менеджерам внутрішні номери.",
        "Which phones Dozvon rings, and under whose name it logs a call. Map managers to extensions.",
    ),
    # ---- routing
    "routing_title": ("Маршрут и записи", "Маршрут і записи", "Routing and recordings"),
    "routing_lead": (
        "АТС спрашивает у Dozvon, чей это клиент. Если Dozvon не ответит, звонок пойдёт по обычной схеме АТС.",
        "АТС питає в Dozvon, чий це клієнт. Якщо Dozvon не відповість, дзвінок піде звичайною схемою АТС.",
        "The PBX asks Dozvon whose client is calling. If Dozvon does not answer, the call follows the PBX’s own route.",
    ),
    "recordings": ("Записи разговоров", "Записи розмов", "Recordings"),
    "newest_recordings": ("Самые новые записи", "Найновіші записи", "Newest recordings"),
    "no_recordings": ("Записей не найдено.", "Записів не знайдено.", "No recordings were found."),
    "include_ready": ("Что добавить в АТС", "Що додати до АТС", "What to add to the PBX"),
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
    "way_back": ("Доходят ли запросы АТС до Dozvon", "Чи доходять запити АТС до Dozvon", "Does the PBX reach Dozvon"),
    "another_place": ("Указать другое место", "Указати інше місце", "Enter another place"),
    "place": ("Папка или адрес", "Папка або адреса", "Folder or address"),
    "place_hint": (
        "Папка с записями, как её видит этот сервер: /mnt/recordings. Или веб-адрес, под которым лежат"
        " файлы: https://pbx.example/recordings",
        "Папка із записами, як її бачить цей сервер: /mnt/recordings. Або вебадреса, за якою лежать файли:"
        " https://pbx.example/recordings",
        "The folder of the recordings as this server sees it: /mnt/recordings. Or the web address of the"
        " files: https://pbx.example/recordings",
    ),
    "place_needed": (
        "Укажите папку, начиная с /, или адрес, начиная с https://",
        "Укажіть папку, починаючи з /, або адресу, починаючи з https://",
        "Enter a folder that begins with /, or an address that begins with https://",
    ),
    "place_on_pbx": ("Та же папка на АТС", "Та сама папка на АТС", "The same folder on the PBX"),
    "place_on_pbx_hint": (
        "Только если путь на АТС другой.",
        "Лише якщо шлях на АТС інший.",
        "Only if the path on the PBX is another one.",
    ),
    "place_user": ("Имя пользователя", "Ім’я користувача", "User name"),
    "place_user_hint": (
        "Только для веб-адреса, если он закрыт паролем.",
        "Лише для вебадреси, якщо її закрито паролем.",
        "Only for a web address that asks for a password.",
    ),
    "place_password": ("Пароль", "Пароль", "Password"),
    "suggested_places": ("Где АТС хранит записи", "Де АТС зберігає записи", "Where the PBX keeps recordings"),
    "use_this": ("Взять эту", "Взяти цю", "Use this one"),
    "play": ("Прослушать", "Прослухати", "Play"),
    "taken_by_next": (
        "будет выбрана с кнопкой «Далее»",
        "буде вибрано з кнопкою «Далі»",
        "taken when you press Next",
    ),
    "in_use": ("используется", "використовується", "in use"),
    # ---- rehearsal
    "rehearsal_title": ("Проба", "Проба", "Rehearsal"),
    "rehearsal_lead": (
        "Dozvon один раз проверит всё, что нужно звонку клиента, прежде чем звонки пойдут по-настоящему.",
        "Dozvon один раз перевірить усе, що потрібно дзвінку клієнта, перш ніж дзвінки підуть по-справжньому.",
        "Dozvon tries once everything that a client’s call needs, before real calls come.",
    ),
    "rehearse": ("Начать пробу", "Почати пробу", "Start the rehearsal"),
    "rehearse_again": ("Повторить пробу", "Повторити пробу", "Rehearse again"),
    "light_crm": ("CRM", "CRM", "CRM"),
    "light_pbx": ("АТС", "АТС", "PBX"),
    "light_card": ("Карточка", "Картка", "Card"),
    "light_phone": ("Телефон", "Телефон", "Phone"),
    "light_feed": ("Звонок в CRM", "Дзвінок у CRM", "Call in the CRM"),
    "light_recording": ("Запись разговора", "Запис розмови", "Recording"),
    "being_tried": ("Проверяется…", "Перевіряється…", "Being tried…"),
    "not_tried_yet": ("Ждёт своей очереди.", "Чекає своєї черги.", "Waits for its turn."),
    "rehearsal_runs": (
        "Проба идёт: снимите трубку, когда телефон зазвонит",
        "Проба триває: зніміть слухавку, коли телефон задзвонить",
        "The rehearsal is under way: pick the phone up when it rings",
    ),
    "what_stays": ("Что осталось после пробы", "Що залишилося після проби", "What stays after the rehearsal"),
    "open_contact": (
        "Открыть тестовый контакт в CRM",
        "Відкрити тестовий контакт у CRM",
        "Open the test contact in the CRM",
    ),
    "ring_lead": (
        "Введите внутренний номер: появится карточка, зазвонит телефон, три секунды разговора запишет АТС, а звонок"
        " попадёт в тестовый контакт. Больше никому Dozvon не звонит, в отчёты проба не входит.",
        "Введіть внутрішній номер: з’явиться картка, задзвонить телефон, три секунди розмови запише АТС, а дзвінок"
        " потрапить у тестовий контакт. Більше нікому Dozvon не дзвонить, у звіти проба не входить.",
        "Enter an extension: the card appears, the phone rings, the PBX records three seconds of talk, and the call"
        " goes into a test contact. Nobody else is rung, and no report counts it.",
    ),
    "extension_needed": (
        "Введите номер телефона, который стоит рядом с вами.",
        "Введіть номер телефону, який стоїть поруч із вами.",
        "Enter the extension of the phone beside you.",
    ),
    "all_lights": (
        "Всё готово: звонки пойдут по-настоящему.",
        "Усе готово: дзвінки підуть по-справжньому.",
        "All is ready for real calls.",
    ),
    "rehearsal_extension": ("Ваш внутренний номер", "Ваш внутрішній номер", "Your extension"),
    "to_step": ("Открыть шаг: {step}", "Відкрити крок: {step}", "Open the step: {step}"),
    "for_whom": ("Для кого включить", "Для кого ввімкнути", "Switch on for"),
    "for_whom_lead": (
        "Можно начать с одного человека. Для остальных Dozvon как будто выключен: без карточек и звонков из CRM, звонки"
        " идут по схеме АТС и в CRM не пишутся.",
        "Можна почати з однієї людини. Для решти Dozvon ніби вимкнено: без карток і дзвінків із CRM, дзвінки йдуть за"
        " схемою АТС і в CRM не пишуться.",
        "You can begin with one person. For the others it is as if Dozvon were off: no cards, no calls from the CRM;"
        " their calls follow the PBX’s own route and are not written into the CRM.",
    ),
    "on_for_all": ("Сейчас включено для всех.", "Зараз увімкнено для всіх.", "It is on for everybody now."),
    "on_for_some": ("Сейчас включено для: {names}", "Зараз увімкнено для: {names}", "It is on now for: {names}"),
    "on_for_nobody": ("Сейчас выключено.", "Зараз вимкнено.", "It is off now."),
    "switch_on_for_me": ("Включить только для: {name}", "Увімкнути лише для: {name}", "Switch on only for: {name}"),
    "switch_on_for_all": ("Включить для всех", "Увімкнути для всіх", "Switch on for everybody"),
    "switch_on_for_chosen": ("Включить для отмеченных", "Увімкнути для позначених", "Switch on for the ticked ones"),
    "choose_managers": ("Выбрать менеджеров", "Вибрати менеджерів", "Choose managers"),
    "choose_somebody": (
        "Отметьте хотя бы одного менеджера.",
        "Позначте хоча б одного менеджера.",
        "Tick at least one manager.",
    ),
    "finish": ("Закончить настройку", "Завершити налаштування", "Finish"),
}


@cache
def setup_texts(language: str) -> Mapping[str, str]:
    """All texts in one language."""
    place = LANGUAGES.index(language)
    return {key: words[place] for texts in (_TEXTS, LINE_TEXTS, CARD_TEXTS) for key, words in texts.items()}
