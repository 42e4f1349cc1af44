"""What the check of an amoCRM account finds and what to change, in Russian, Ukrainian and English."""

from __future__ import annotations

from integration.domain.sentences import Words

# The checks' names. Their codes are part of `dozvon doctor --json`: a release does not rename one.
ACCOUNT = Words("amocrm.account", "amoCRM: аккаунт", "amoCRM: акаунт", "amoCRM: account")
USERS = Words("amocrm.users", "amoCRM: пользователи", "amoCRM: користувачі", "amoCRM: users")
UNSORTED = Words("amocrm.unsorted", "amoCRM: Неразобранное", "amoCRM: Нерозібране", "amoCRM: Unsorted")
ACCESS = Words("amocrm.access", "amoCRM: доступ", "amoCRM: доступ", "amoCRM: access")
SUBSCRIPTION = Words("amocrm.subscription", "amoCRM: оплата", "amoCRM: оплата", "amoCRM: subscription")
BLOCK = Words("amocrm.block", "amoCRM: блокировка", "amoCRM: блокування", "amoCRM: block")
RATE = Words("amocrm.rate", "amoCRM: частота запросов", "amoCRM: частота запитів", "amoCRM: rate of requests")
RIGHTS = Words("amocrm.rights", "amoCRM: права", "amoCRM: права", "amoCRM: rights")
REACH = Words("amocrm.reach", "amoCRM: связь", "amoCRM: зв’язок", "amoCRM: connection")

CONNECTED = Words(
    "connected", "Подключён аккаунт: {account}.", "Підключено акаунт: {account}.", "connected to {account}"
)
USERS_READ = Words(
    "users_read",
    "Пользователей прочитано: {count}.",
    "Користувачів прочитано: {count}.",
    "{count} users can be read",
)
INTO_UNSORTED = Words(
    "into_unsorted",
    "Неизвестные номера попадают в Неразобранное.",
    "Невідомі номери потрапляють у Нерозібране.",
    "unknown callers go into Unsorted",
)
NO_UNSORTED = Words(
    "no_unsorted",
    "Неразобранное выключено во всех воронках.",
    "Нерозібране вимкнено в усіх воронках.",
    "Unsorted is switched off in every pipeline",
)
SWITCH_ON_UNSORTED = Words(
    "switch_on_unsorted",
    "Включите его в настройках воронки, иначе звонки с неизвестных номеров некуда сохранять.",
    "Увімкніть його в налаштуваннях воронки, інакше дзвінки з невідомих номерів нікуди зберігати.",
    "switch it on in the pipeline’s settings, or calls of unknown callers cannot be logged",
)

NO_ACCESS = Words("no_access", "amoCRM не пускает: {detail}", "amoCRM не пускає: {detail}", "{detail}")
CONSENT = Words(
    "consent",
    "Нажмите кнопку на странице аккаунта в Dozvon и разрешите интеграцию как администратор amoCRM.",
    "Натисніть кнопку на сторінці акаунта в Dozvon і дозвольте інтеграцію як адміністратор amoCRM.",
    "press the button on the account’s page of Dozvon and allow the integration as an administrator of amoCRM",
)
UNPAID = Words("unpaid", "Подписка amoCRM закончилась: {detail}", "Підписка amoCRM закінчилася: {detail}", "{detail}")
PAY = Words(
    "pay",
    "Оплатите аккаунт amoCRM; после этого Dozvon сам допишет всё, что ждёт.",
    "Оплатіть акаунт amoCRM; після цього Dozvon сам допише все, що чекає.",
    "pay for the amoCRM account; Dozvon then writes what waits by itself",
)
BLOCKED = Words(
    "blocked",
    "amoCRM временно блокирует запросы: {detail}",
    "amoCRM тимчасово блокує запити: {detail}",
    "{detail}",
)
WAIT = Words(
    "wait",
    "Подождите: Dozvon повторит сам. Проверьте, какие ещё программы используют эту интеграцию или адрес этого "
    "сервера, и "
    "уменьшите их запросы.",
    "Зачекайте: Dozvon повторить сам. Перевірте, які ще програми використовують цю інтеграцію або адресу "
    "цього сервера, і "
    "зменште їхні запити.",
    "wait: Dozvon tries again by itself. See which other programs use this integration or this server’s "
    "address, and let "
    "them ask less",
)
TOO_OFTEN = Words(
    "too_often",
    "amoCRM просит реже отправлять запросы: {detail}",
    "amoCRM просить рідше надсилати запити: {detail}",
    "{detail}",
)
ASK_LESS = Words(
    "ask_less",
    "Уменьшите requests_per_second в [account.amocrm] или дайте другим программам свою интеграцию.",
    "Зменште requests_per_second у [account.amocrm] або дайте іншим програмам свою інтеграцію.",
    "lower requests_per_second in [account.amocrm], or give other programs their own integration",
)
REFUSED = Words("refused", "amoCRM отказывает: {detail}", "amoCRM відмовляє: {detail}", "{detail}")
ALLOW_AS_ADMIN = Words(
    "allow_as_admin",
    "Пусть интеграцию разрешит администратор amoCRM: токен действует с правами этого пользователя.",
    "Нехай інтеграцію дозволить адміністратор amoCRM: токен діє з правами цього користувача.",
    "let an administrator of amoCRM allow the integration: the token acts with that user’s rights",
)
AWAY = Words("away", "amoCRM не отвечает: {detail}", "amoCRM не відповідає: {detail}", "{detail}")
CHECK_THE_NETWORK = Words(
    "check_the_network",
    "Проверьте адреса в [account.amocrm] и сеть между этим сервером и amoCRM.",
    "Перевірте адреси в [account.amocrm] і мережу між цим сервером та amoCRM.",
    "check the addresses in [account.amocrm] and the network between this server and amoCRM",
)
