"""The texts about signing in from inside a CRM. `pages.py` gives them to the pages."""

from __future__ import annotations

# key: (ru, uk, en)
CRM_ENTRY: dict[str, tuple[str, str, str]] = {
    "from_crm_title": ("Вход из CRM", "Вхід із CRM", "Sign in from the CRM"),
    "from_crm_lead": (
        "CRM подтвердила, что вы её администратор: {name}.",
        "CRM підтвердила, що ви її адміністратор: {name}.",
        "The CRM has confirmed that you are its administrator: {name}.",
    ),
    "from_crm_enter": ("Войти как {name}", "Увійти як {name}", "Sign in as {name}"),
    "from_crm_instead": (
        "Сейчас в этом браузере другой сеанс: {name}. Он завершится.",
        "Зараз у цьому браузері інший сеанс: {name}. Він завершиться.",
        "Another session is open in this browser: {name}. It will end.",
    ),
    "from_crm_not_me": (
        "Если вы не открывали Dozvon из CRM, закройте эту страницу.",
        "Якщо ви не відкривали Dozvon із CRM, закрийте цю сторінку.",
        "If you did not open Dozvon from the CRM, close this page.",
    ),
    "from_crm_tie_lead": (
        "Этот пользователь CRM ещё не связан с администратором Dozvon. Свяжите его со своим логином один раз, и дальше"
        " вход из CRM будет без пароля.",
        "Цього користувача CRM ще не пов’язано з адміністратором Dozvon. Пов’яжіть його зі своїм логіном один раз, і"
        " далі вхід із CRM буде без пароля.",
        "This CRM user is not tied to an administrator of Dozvon yet. Tie it to your login once, and from then on you"
        " sign in from the CRM without a password.",
    ),
    "from_crm_tie_who": ("Связать с логином: {login}", "Пов’язати з логіном: {login}", "Tie to the login: {login}"),
    "from_crm_tie": ("Связать и войти", "Пов’язати й увійти", "Tie and sign in"),
    "from_crm_sign_in_first": ("Войти с паролем", "Увійти з паролем", "Sign in with a password"),
    "from_crm_no_login": (
        "Логина нет? Попросите владельца пригласить вас или разрешить вход администраторам CRM этого офиса.",
        "Логіна немає? Попросіть власника запросити вас або дозволити вхід адміністраторам CRM цього офісу.",
        "No login? Ask the owner to invite you, or to let the administrators of this office’s CRM in.",
    ),
    "from_crm_by_file": (
        "Вы вошли с паролем из файла конфигурации: у него нет имени, и связать его нельзя. Пригласите себя как"
        " владельца.",
        "Ви увійшли з паролем із файлу конфігурації: він не має імені, і пов’язати його не можна. Запросіть себе як"
        " власника.",
        "You are signed in with the configuration file’s password, which has no name and cannot be tied. Invite"
        " yourself as an owner.",
    ),
    "crm_administrators": (
        "Администраторы CRM входят без логина",
        "Адміністратори CRM входять без логіна",
        "Administrators of the CRM sign in without a login",
    ),
    "crm_administrators_hint": (
        "Из окна настроек виджета и только в этот офис. Они появятся в списке администраторов.",
        "З вікна налаштувань віджета й лише до цього офісу. Вони з’являться у списку адміністраторів.",
        "From the widget’s settings window, and to this office only. They appear in the list of administrators.",
    ),
    "crm_no_admin": (
        "CRM не подтверждает, что вы её администратор. Войдите с паролем или попросите администратора CRM.",
        "CRM не підтверджує, що ви її адміністратор. Увійдіть із паролем або попросіть адміністратора CRM.",
        "The CRM does not confirm that you are its administrator. Sign in with a password, or ask the CRM’s"
        " administrator.",
    ),
    "crm_token_used": (
        "Эта ссылка уже использована. Обновите страницу CRM и нажмите снова.",
        "Це посилання вже використано. Оновіть сторінку CRM і натисніть знову.",
        "This was used already. Reload the CRM’s page and press again.",
    ),
    "crm_ticket_gone": (
        "Эта ссылка уже использована или устарела. Вернитесь в CRM и откройте Dozvon ещё раз.",
        "Це посилання вже використано або воно застаріло. Поверніться до CRM і відкрийте Dozvon ще раз.",
        "This link was used or is too old. Go back to the CRM and open Dozvon again.",
    ),
    "crm_switched_off": (
        "Доступ этого администратора выключен. Обратитесь к владельцу.",
        "Доступ цього адміністратора вимкнено. Зверніться до власника.",
        "This administrator’s access is switched off. Ask the owner.",
    ),
    "signed_in_from_crm": (
        "Вы вошли из CRM: доступен только её офис. Чтобы сменить имя или пароль, войдите с паролем.",
        "Ви увійшли з CRM: доступний лише її офіс. Щоб змінити ім’я або пароль, увійдіть із паролем.",
        "You signed in from the CRM: only its office is open. Sign in with your password to change your name or"
        " password.",
    ),
    "crm_ties": ("Вход из CRM", "Вхід із CRM", "Signing in from the CRM"),
    "crm_ties_none": (
        "Ни один пользователь CRM не связан с вами. Откройте Dozvon из настроек виджета в CRM, чтобы связать своего.",
        "Жодного користувача CRM із вами не пов’язано. Відкрийте Dozvon із налаштувань віджета в CRM, щоб пов’язати"
        " свого.",
        "No CRM user is tied to you. Open Dozvon from the widget’s settings in the CRM to tie yours.",
    ),
    "crm_tied": (
        "Готово: теперь вы входите из CRM без пароля.",
        "Готово: тепер ви входите з CRM без пароля.",
        "Done: you sign in from the CRM without a password now.",
    ),
    "crm_untie": ("Отвязать", "Від’єднати", "Untie"),
    "crm_untied": (
        "Пользователь CRM отвязан, его сеансы завершены.",
        "Користувача CRM від’єднано, його сеанси завершено.",
        "The CRM user is untied, and their sessions have ended.",
    ),
}
