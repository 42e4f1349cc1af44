"""The texts about who signs in: first owner, invitations, administrators. `pages.py` gives them to the pages."""

from __future__ import annotations

# key: (ru, uk, en)
SIGN_IN: dict[str, tuple[str, str, str]] = {
    # ---- signing in
    "login": ("Логин или e-mail", "Логін або e-mail", "Login or e-mail"),
    "your_password": ("Пароль", "Пароль", "Password"),
    "login_optional": (
        "Оставьте пустым, если входите с паролем из файла конфигурации.",
        "Залиште порожнім, якщо входите з паролем із файлу конфігурації.",
        "Leave empty to sign in with the password of the configuration file.",
    ),
    "wrong_login": (
        "Неверный логин или пароль.",
        "Неправильний логін або пароль.",
        "Wrong login or password.",
    ),
    "password_lost": (
        "Забыли пароль? Выполните на сервере: dozvon setup-code",
        "Забули пароль? Виконайте на сервері: dozvon setup-code",
        "Lost your password? Run on the server: dozvon setup-code",
    ),
    "nobody_yet": (
        "Пока никто не может войти: администратора ещё нет.",
        "Поки що ніхто не може увійти: адміністратора ще немає.",
        "Nobody can sign in yet: there is no administrator.",
    ),
    "show_password": ("Показать", "Показати", "Show"),
    "hide_password": ("Скрыть", "Приховати", "Hide"),
    "password_hint": (
        "Не меньше {shortest} знаков. Хорошо подходят три-четыре случайных слова.",
        "Щонайменше {shortest} знаків. Добре підходять три-чотири випадкові слова.",
        "At least {shortest} characters. Three or four random words work well.",
    ),
    "password_needs_more": (
        "Слишком коротко. Не хватает знаков: {count}.",
        "Закоротко. Бракує знаків: {count}.",
        "Too short. Characters still needed: {count}.",
    ),
    "password_is_enough": (
        "Длины достаточно. Ещё надёжнее — фраза из нескольких слов.",
        "Довжини достатньо. Ще надійніше — фраза з кількох слів.",
        "Long enough. A phrase of several words is even stronger.",
    ),
    "password_is_good": (
        "Длинный пароль: его трудно подобрать.",
        "Довгий пароль: його важко підібрати.",
        "A long password: hard to guess.",
    ),
    # ---- what cannot be used
    "name_missing": ("Напишите имя.", "Напишіть ім’я.", "Write a name."),
    "name_long": (
        "Имя длиннее {name} знаков. Сократите его.",
        "Ім’я довше за {name} знаків. Скоротіть його.",
        "The name is longer than {name} characters. Shorten it.",
    ),
    "name_invisible": (
        "В имени есть невидимые знаки. Наберите его заново.",
        "В імені є невидимі знаки. Наберіть його ще раз.",
        "The name has invisible characters. Type it again.",
    ),
    "login_missing": (
        "Напишите логин или e-mail.",
        "Напишіть логін або e-mail.",
        "Write a login or an e-mail address.",
    ),
    "login_long": (
        "Логин длиннее {login} знаков. Сократите его.",
        "Логін довший за {login} знаків. Скоротіть його.",
        "The login is longer than {login} characters. Shorten it.",
    ),
    "login_invisible": (
        "В логине есть невидимые знаки. Наберите его заново.",
        "У логіні є невидимі знаки. Наберіть його ще раз.",
        "The login has invisible characters. Type it again.",
    ),
    "login_taken": (
        "Этот логин занят: он есть у администратора или в приглашении.",
        "Цей логін зайнятий: він є в адміністратора або в запрошенні.",
        "This login is taken by an administrator or an invitation.",
    ),
    "password_short": (
        "Пароль короче {shortest} знаков. Сделайте его длиннее.",
        "Пароль коротший за {shortest} знаків. Зробіть його довшим.",
        "The password is shorter than {shortest} characters. Make it longer.",
    ),
    "password_long": (
        "Пароль длиннее {longest} знаков. Сократите его.",
        "Пароль довший за {longest} знаків. Скоротіть його.",
        "The password is longer than {longest} characters. Shorten it.",
    ),
    "password_few_different": (
        "В пароле слишком мало разных знаков. Придумайте другой.",
        "У паролі замало різних знаків. Вигадайте інший.",
        "The password has too few different characters. Choose another one.",
    ),
    "password_number": (
        "Пароль из одних цифр легко подобрать. Добавьте слова.",
        "Пароль із самих цифр легко підібрати. Додайте слова.",
        "A password of digits only is easy to guess. Add words.",
    ),
    "password_obvious": (
        "Это известный пароль с небольшой добавкой. Придумайте другой.",
        "Це відомий пароль із невеликим додатком. Вигадайте інший.",
        "This is a well-known password with little added. Choose another one.",
    ),
    "password_own_name": (
        "Пароль почти совпадает с именем или логином. Придумайте другой.",
        "Пароль майже збігається з ім’ям або логіном. Вигадайте інший.",
        "The password is almost the name or the login. Choose another one.",
    ),
    "wrong_present_password": (
        "Неверный текущий пароль. Ничего не изменено.",
        "Неправильний поточний пароль. Нічого не змінено.",
        "Wrong present password. Nothing was changed.",
    ),
    # ---- the first owner
    "setup_title": ("Начало работы", "Початок роботи", "Set up Dozvon"),
    "setup_lead": (
        "Создайте владельца: он настраивает Dozvon и приглашает других администраторов.",
        "Створіть власника: він налаштовує Dozvon і запрошує інших адміністраторів.",
        "Create the owner, who sets up Dozvon and invites other administrators.",
    ),
    "setup_lead_again": (
        "Создайте ещё одного владельца или задайте новый пароль тому, кто не может войти.",
        "Створіть ще одного власника або задайте новий пароль тому, хто не може увійти.",
        "Create another owner, or set a new password for somebody who cannot sign in.",
    ),
    "setup_who": ("Кому нужен доступ", "Кому потрібен доступ", "Who needs access"),
    "setup_new_owner": ("Новый владелец", "Новий власник", "A new owner"),
    "setup_new_password_for": (
        "Новый пароль: {name} ({login})",
        "Новий пароль: {name} ({login})",
        "New password: {name} ({login})",
    ),
    "setup_who_hint": (
        "Имя и логин нужны только новому владельцу.",
        "Ім’я та логін потрібні лише новому власнику.",
        "Name and login are needed for a new owner only.",
    ),
    "your_name": ("Ваше имя", "Ваше ім’я", "Your name"),
    "your_name_hint": (
        "Его увидят в истории изменений.",
        "Його побачать в історії змін.",
        "Others see it in the history of changes.",
    ),
    "login_hint": (
        "С ним входят. Заглавные и строчные буквы не различаются.",
        "З ним входять. Великі й малі літери не розрізняються.",
        "Used to sign in. Capital and small letters are the same.",
    ),
    "new_password": ("Новый пароль", "Новий пароль", "New password"),
    "go_on": ("Дальше", "Далі", "Continue"),
    "setup_code_wrong": (
        "Этот код больше не действует: он использован, заменён новым или устарел.",
        "Цей код більше не діє: його використано, замінено новим або він застарів.",
        "This code is no longer valid: it was used, replaced or is too old.",
    ),
    "setup_where": (
        "Нужен адрес с одноразовым кодом. Dozvon печатает его при запуске, пока войти не может никто, а новый выдаёт"
        " команда на сервере:",
        "Потрібна адреса з одноразовим кодом. Dozvon друкує її під час запуску, поки увійти не може ніхто, а нову видає"
        " команда на сервері:",
        "You need the address with a one-time code. Dozvon prints it at its start while nobody can sign in, and a"
        " command on the server prints a new one:",
    ),
    "setup_places": (
        "docker compose logs          # контейнер: адрес в журнале\n"
        "journalctl -u dozvon         # служба: адрес в журнале\n"
        "dozvon setup-code            # новый адрес; с --config, если есть файл",
        "docker compose logs          # контейнер: адреса в журналі\n"
        "journalctl -u dozvon         # служба: адреса в журналі\n"
        "dozvon setup-code            # нова адреса; з --config, якщо є файл",
        "docker compose logs          # container: the address is in the log\n"
        "journalctl -u dozvon         # service: the address is in the log\n"
        "dozvon setup-code            # a new address; with --config if there is a file",
    ),
    # ---- invitations
    "invitation_title": ("Приглашение", "Запрошення", "Invitation"),
    "invitation_lead": (
        "Вас приглашает {name}. Задайте пароль, и вы войдёте.",
        "Вас запрошує {name}. Задайте пароль, і ви увійдете.",
        "{name} invites you. Set a password and you are signed in.",
    ),
    "invitation_lead_nameless": (
        "Вас приглашают в Dozvon. Задайте пароль, и вы войдёте.",
        "Вас запрошують до Dozvon. Задайте пароль, і ви увійдете.",
        "You are invited to Dozvon. Set a password and you are signed in.",
    ),
    "invitation_gone": (
        "Это приглашение больше не действует: оно принято, отозвано, заменено новым или устарело. Попросите владельца"
        " выдать новую ссылку.",
        "Це запрошення більше не діє: його прийнято, відкликано, замінено новим або воно застаріло. Попросіть власника"
        " видати нове посилання.",
        "This invitation is no longer valid: it was accepted, revoked, replaced or is too old. Ask the owner for a new"
        " link.",
    ),
    "invite": ("Пригласить", "Запросити", "Invite"),
    "invite_lead": (
        "Dozvon не отправляет писем. Он покажет ссылку, передайте её сами.",
        "Dozvon не надсилає листів. Він покаже посилання, передайте його самі.",
        "Dozvon sends no mail. It shows a link for you to pass on.",
    ),
    "make_invitation": ("Создать приглашение", "Створити запрошення", "Create the invitation"),
    "invitation_link": ("Ссылка: {name}", "Посилання: {name}", "Link: {name}"),
    "invitation_link_lead": (
        "Действует {hours} ч и один раз. Скопируйте её сейчас: больше она не показывается.",
        "Діє {hours} год і один раз. Скопіюйте його зараз: більше воно не показується.",
        "Valid for {hours} hours, once. Copy it now: it is not shown again.",
    ),
    "link": ("Ссылка", "Посилання", "Link"),
    "waiting_invitations": ("Ждут ответа", "Чекають на відповідь", "Waiting invitations"),
    "valid_until": ("Действует до", "Діє до", "Valid until"),
    "new_link": ("Новая ссылка", "Нове посилання", "New link"),
    "revoke": ("Отозвать", "Відкликати", "Revoke"),
    "invitation_revoked": (
        "Приглашение отозвано: ссылка больше не действует.",
        "Запрошення відкликано: посилання більше не діє.",
        "The invitation was revoked: its link no longer works.",
    ),
    "invitation_already_gone": (
        "Этого приглашения уже нет: оно принято, отозвано или устарело.",
        "Цього запрошення вже немає: його прийнято, відкликано або воно застаріло.",
        "This invitation is gone: it was accepted, revoked or is too old.",
    ),
    # ---- administrators
    "administrators": ("Администраторы", "Адміністратори", "Administrators"),
    "administrators_lead": (
        "У каждого свой логин и пароль. В истории изменений стоит имя.",
        "У кожного свій логін і пароль. В історії змін стоїть ім’я.",
        "Each has their own login and password. The history of changes shows the name.",
    ),
    "who_signs_in": ("Кто может войти", "Хто може увійти", "Who can sign in"),
    "no_administrators": (
        "Пока никого, кроме пароля из файла конфигурации. Пригласите себя как владельца.",
        "Поки що нікого, крім пароля з файлу конфігурації. Запросіть себе як власника.",
        "Nobody but the configuration file’s password. Invite yourself as an owner.",
    ),
    "person_name": ("Имя", "Ім’я", "Name"),
    "role": ("Роль", "Роль", "Role"),
    "role_owner": ("Владелец", "Власник", "Owner"),
    "role_administrator": ("Администратор", "Адміністратор", "Administrator"),
    "role_supervisor": ("Супервизор", "Супервізор", "Supervisor"),
    "role_supervisor_may": (
        "видит звонки и ведёт обзвоны",
        "бачить дзвінки й веде обдзвони",
        "sees calls and runs campaigns",
    ),
    "role_owner_may": (
        "может всё, в том числе управлять администраторами",
        "може все, зокрема керувати адміністраторами",
        "may do everything, including managing administrators",
    ),
    "role_administrator_may": (
        "может всё, кроме управления администраторами",
        "може все, крім керування адміністраторами",
        "may do everything except managing administrators",
    ),
    "offices": ("Офисы", "Офіси", "Offices"),
    "offices_of": ("Какие офисы видит", "Які офіси бачить", "Which offices they see"),
    "all_offices": ("Все офисы", "Усі офіси", "All offices"),
    "all_offices_hint": (
        "и те, которые появятся позже, и настройки самого сервера",
        "і ті, які з’являться пізніше, і налаштування самого сервера",
        "also those to come, and the settings of the server itself",
    ),
    "some_offices": ("Только отмеченные", "Лише позначені", "Only the ticked ones"),
    "some_offices_hint": (
        "и те, которые создаст сам; о других офисах ничего не узнает",
        "і ті, які створить сам; про інші офіси нічого не дізнається",
        "and those they set up themselves; they learn nothing of other offices",
    ),
    "set_offices": ("Изменить офисы", "Змінити офіси", "Change offices"),
    "offices_set": ("Список офисов изменён.", "Список офісів змінено.", "The list of offices was changed."),
    "owner_of_all": (
        "Владелец видит все офисы. Чтобы ограничить их, сначала смените роль.",
        "Власник бачить усі офіси. Щоб обмежити їх, спочатку змініть роль.",
        "An owner sees all offices. Change the role first to limit them.",
    ),
    "last_seen": ("Последний раз", "Востаннє", "Last seen"),
    "never_seen": ("ещё не было", "ще не було", "never"),
    "member_since": ("Добавлен", "Додано", "Added"),
    "access": ("Доступ", "Доступ", "Access"),
    "is_on": ("включён", "увімкнено", "on"),
    "is_off": ("выключен", "вимкнено", "off"),
    "thats_you": ("это вы", "це ви", "you"),
    "action": ("Действие", "Дія", "Action"),
    "set_role": ("Изменить роль", "Змінити роль", "Change role"),
    "role_set": ("Роль изменена.", "Роль змінено.", "The role was changed."),
    "last_owner": (
        "Это последний владелец с доступом. Сначала дайте роль владельца ещё кому-нибудь.",
        "Це останній власник із доступом. Спочатку надайте роль власника ще комусь.",
        "This is the last owner with access. Make somebody else an owner first.",
    ),
    "degrade": ("Изменить роль", "Змінити роль", "Change role"),
    "degrade_question": (
        "Больше не владелец: {name}?",
        "Більше не власник: {name}?",
        "No longer an owner: {name}?",
    ),
    "degrade_consequence": (
        "Приглашать, выключать и менять роли сможет только другой владелец.",
        "Запрошувати, вимикати й змінювати ролі зможе лише інший власник.",
        "Only another owner can then invite, switch off and change roles.",
    ),
    "switch_off_administrator": ("Выключить доступ", "Вимкнути доступ", "Switch access off"),
    "switch_off_administrator_question": (
        "Выключить доступ: {name}?",
        "Вимкнути доступ: {name}?",
        "Switch access off: {name}?",
    ),
    "switch_off_administrator_consequence": (
        "Все сеансы завершатся сразу, войти больше не получится. История изменений останется.",
        "Усі сеанси завершаться одразу, увійти більше не вийде. Історія змін залишиться.",
        "All sessions end at once and signing in stops working. The history of changes stays.",
    ),
    "switch_on_administrator": ("Включить доступ", "Увімкнути доступ", "Switch access on"),
    "switch_on_administrator_consequence": (
        "Войти снова можно будет с прежним паролем.",
        "Увійти знову можна буде з попереднім паролем.",
        "Signing in works again, with the same password.",
    ),
    "administrator_on": ("Доступ включён.", "Доступ увімкнено.", "Access is on."),
    "administrator_off": (
        "Доступ выключен, сеансы завершены.",
        "Доступ вимкнено, сеанси завершено.",
        "Access is off, the sessions have ended.",
    ),
    # ---- sessions
    "sessions": ("Сеансы", "Сеанси", "Sessions"),
    "no_sessions": ("Сейчас сеансов нет.", "Зараз сеансів немає.", "No sessions right now."),
    "browser": ("Браузер", "Браузер", "Browser"),
    "browser_unknown": ("Неизвестный браузер", "Невідомий браузер", "Unknown browser"),
    "this_browser": ("этот браузер", "цей браузер", "this browser"),
    "address": ("Адрес", "Адреса", "Address"),
    "session_since": ("Вход", "Вхід", "Signed in"),
    "session_used": ("Последнее действие", "Остання дія", "Last use"),
    "end_session": ("Завершить", "Завершити", "End"),
    "session_ended": ("Сеанс завершён.", "Сеанс завершено.", "The session has ended."),
    "sessions_ended": ("Сеансы завершены.", "Сеанси завершено.", "The sessions have ended."),
    "end_all_sessions": ("Завершить все сеансы", "Завершити всі сеанси", "End all sessions"),
    "end_all_sessions_question": (
        "Завершить все сеансы: {name}?",
        "Завершити всі сеанси: {name}?",
        "End all sessions: {name}?",
    ),
    "end_all_sessions_consequence": (
        "На всех устройствах придётся войти снова. Несохранённое в открытых страницах пропадёт.",
        "На всіх пристроях доведеться увійти знову. Незбережене на відкритих сторінках зникне.",
        "Every device has to sign in again. What open pages have not saved is lost.",
    ),
    "end_others": ("Завершить остальные сеансы", "Завершити решту сеансів", "End the other sessions"),
    "end_others_question": (
        "Завершить остальные сеансы?",
        "Завершити решту сеансів?",
        "End the other sessions?",
    ),
    "end_others_consequence": (
        "На других устройствах придётся войти снова. Этот браузер останется.",
        "На інших пристроях доведеться увійти знову. Цей браузер залишиться.",
        "Other devices have to sign in again. This browser stays signed in.",
    ),
    # ---- the configuration file's password
    "file_password": (
        "Пароль из файла конфигурации",
        "Пароль із файлу конфігурації",
        "The configuration file’s password",
    ),
    "file_password_is_there": (
        "С ним входят без логина и могут всё. В истории изменений вместо имени стоит номер сеанса.",
        "З ним входять без логіна й можуть усе. В історії змін замість імені стоїть номер сеансу.",
        "It signs in without a login and may do everything. The history of changes shows a session instead of a name.",
    ),
    "file_password_retire": (
        "Чтобы отказаться от него, уберите admin_password из раздела [server] файла dozvon.toml (или переменную"
        " DOZVON_ADMIN_PASSWORD) и перезапустите. Его сеансы завершатся.",
        "Щоб відмовитися від нього, приберіть admin_password із розділу [server] файлу dozvon.toml (або змінну"
        " DOZVON_ADMIN_PASSWORD) і перезапустіть. Його сеанси завершаться.",
        "To retire it, remove admin_password from [server] of dozvon.toml (or the variable DOZVON_ADMIN_PASSWORD) and"
        " restart. Its sessions end.",
    ),
    "file_password_keep": (
        "Прежде чем от него отказаться, пригласите владельца: иначе войти будет некому.",
        "Перш ніж від нього відмовитися, запросіть власника: інакше увійти буде нікому.",
        "Invite an owner before you retire it, or nobody will be able to sign in.",
    ),
    "file_sessions": ("Сеансов: {count}", "Сеансів: {count}", "Sessions: {count}"),
    "end_file_sessions": (
        "Завершить эти сеансы, кроме этого браузера",
        "Завершити ці сеанси, крім цього браузера",
        "End these sessions, except this browser",
    ),
    "signed_in_by_file": (
        "Вы вошли с паролем из файла конфигурации. Имени и языка у него нет, а меняют его в файле.",
        "Ви увійшли з паролем із файлу конфігурації. Імені й мови він не має, а змінюють його у файлі.",
        "You signed in with the configuration file’s password. It has no name or language and is changed in the file.",
    ),
    # ---- one's own
    "my_profile": ("Мой профиль", "Мій профіль", "My profile"),
    "name_and_language": ("Имя и язык", "Ім’я та мова", "Name and language"),
    "change_password": ("Сменить пароль", "Змінити пароль", "Change password"),
    "change_password_lead": (
        "Остальные сеансы завершатся, этот браузер останется.",
        "Решта сеансів завершиться, цей браузер залишиться.",
        "Your other sessions end, this browser stays signed in.",
    ),
    "present_password": ("Текущий пароль", "Поточний пароль", "Present password"),
    "password_changed": (
        "Пароль изменён, остальные сеансы завершены.",
        "Пароль змінено, решту сеансів завершено.",
        "The password was changed, your other sessions have ended.",
    ),
}
