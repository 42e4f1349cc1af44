"""What the check of a Bitrix24 portal finds and what to change, in Russian, Ukrainian and English."""

from __future__ import annotations

from integration.domain.sentences import Words

# The checks' names. Their codes are part of `dozvon doctor --json`: a release does not rename one.
PORTAL = Words("bitrix24.portal", "Битрикс24: портал", "Бітрікс24: портал", "Bitrix24: portal")
USERS = Words("bitrix24.users", "Битрикс24: сотрудники", "Бітрікс24: співробітники", "Bitrix24: employees")
SCOPES = Words("bitrix24.scopes", "Битрикс24: права приложения", "Бітрікс24: права застосунку", "Bitrix24: scopes")
EVENTS = Words("bitrix24.events", "Битрикс24: события", "Бітрікс24: події", "Bitrix24: events")
PLAN = Words("bitrix24.plan", "Битрикс24: тариф", "Бітрікс24: тариф", "Bitrix24: plan")
TELEPHONY = Words(
    "bitrix24.telephony", "Битрикс24: другая телефония", "Бітрікс24: інша телефонія", "Bitrix24: other telephony"
)
ACCESS = Words("bitrix24.access", "Битрикс24: доступ", "Бітрікс24: доступ", "Bitrix24: access")
RATE = Words("bitrix24.rate", "Битрикс24: частота запросов", "Бітрікс24: частота запитів", "Bitrix24: rate of requests")
RIGHTS = Words("bitrix24.rights", "Битрикс24: полномочия", "Бітрікс24: повноваження", "Bitrix24: rights")
REACH = Words("bitrix24.reach", "Битрикс24: связь", "Бітрікс24: зв’язок", "Bitrix24: connection")
WEBHOOK = Words("bitrix24.webhook", "Битрикс24: вебхук", "Бітрікс24: вебхук", "Bitrix24: webhook")

CONNECTED = Words("connected", "Подключён портал: {host}.", "Підключено портал: {host}.", "connected to {host}")
USERS_READ = Words(
    "users_read",
    "Сотрудников прочитано: {count}.",
    "Співробітників прочитано: {count}.",
    "{count} employees can be read",
)
HAS_SCOPES = Words("has_scopes", "Права есть: {scopes}.", "Права є: {scopes}.", "the application has {scopes}")
LACKS_SCOPES = Words(
    "lacks_scopes",
    "Приложению не хватает прав: {scopes}.",
    "Застосунку бракує прав: {scopes}.",
    "the application lacks {scopes}",
)
ADD_SCOPES = Words(
    "add_scopes",
    "Добавьте их в карточке приложения в Битрикс24, сохраните и откройте приложение ещё раз.",
    "Додайте їх у картці застосунку в Бітрікс24, збережіть і відкрийте застосунок ще раз.",
    "add them in the application’s card in Bitrix24, save it, and open the application again",
)
EVENTS_POSTED = Words(
    "events_posted",
    "Битрикс24 сам сообщает об изменениях и нажатиях на номера.",
    "Бітрікс24 сам повідомляє про зміни та натискання на номери.",
    "Bitrix24 reports changes and clicks to this server",
)
EVENTS_KEPT = Words(
    "events_kept",
    "Dozvon забирает события каждые две секунды: этот сервер не виден из интернета.",
    "Dozvon забирає події кожні дві секунди: цей сервер не видно з інтернету.",
    "Dozvon asks for events every two seconds: this server cannot be reached from the internet",
)
NO_EVENTS = Words(
    "no_events",
    "Битрикс24 не сообщает о событиях: {events}.",
    "Бітрікс24 не повідомляє про події: {events}.",
    "Bitrix24 does not report {events}",
)
BIND_EVENTS = Words(
    "bind_events",
    "Откройте приложение в портале ещё раз как администратор; Dozvon подпишется на события сам в течение минуты.",
    "Відкрийте застосунок у порталі ще раз як адміністратор; Dozvon підпишеться на події сам протягом хвилини.",
    "open the application in the portal again as an administrator; Dozvon subscribes by itself within a minute",
)
NO_EVENT_KEY = Words(
    "no_event_key",
    "События портала нельзя отличить от поддельных: не пришёл токен приложения.",
    "Події порталу не можна відрізнити від підроблених: не надійшов токен застосунку.",
    "events of the portal cannot be told from forged ones: its application token has not arrived",
)
OPEN_APPLICATION = Words(
    "open_application",
    "Откройте приложение Dozvon в портале один раз как администратор.",
    "Відкрийте застосунок Dozvon у порталі один раз як адміністратор.",
    "open the application Dozvon in the portal once as an administrator",
)
PLAN_IS = Words("plan_is", "Тариф портала: {plan}.", "Тариф порталу: {plan}.", "the portal’s plan is {plan}")
FASTER = Words(
    "faster",
    "Тариф разрешает больше запросов, чем настроено: {rate} в секунду.",
    "Тариф дозволяє більше запитів, ніж налаштовано: {rate} на секунду.",
    "the plan allows {rate} requests a second, more than is set",
)
SET_ENTERPRISE = Words(
    "set_enterprise",
    "Поставьте requests_per_second = {rate} и burst = {burst}.",
    "Поставте requests_per_second = {rate} і burst = {burst}.",
    "set requests_per_second = {rate} and burst = {burst}",
)
PAYMENT_EXPIRED = Words(
    "payment_expired",
    "Оплата приложения или портала закончилась.",
    "Оплата застосунку або порталу закінчилася.",
    "the payment of the portal or of the application has expired",
)
NOT_FINISHED = Words(
    "not_finished",
    "Установка приложения в портале не завершена: события и карточки выключены.",
    "Встановлення застосунку в порталі не завершено: події та картки вимкнено.",
    "the installation in the portal is not finished: events and cards are off",
)
NO_TELEPHONY = Words(
    "no_telephony",
    "В портале нет модуля телефонии: карточки звонков и записи не появятся.",
    "У порталі немає модуля телефонії: картки дзвінків і записи не з’являться.",
    "the portal has no telephony module: there are no call cards and no recordings",
)
INSTALL_TELEPHONY = Words(
    "install_telephony",
    "Установите или обновите модуль «Телефония» в коробочном Битрикс24.",
    "Установіть або оновіть модуль «Телефонія» у коробковому Бітрікс24.",
    "install or update the module Telephony of your self-hosted Bitrix24",
)
ALONE = Words(
    "alone",
    "Среди последних звонков нет звонков другой телефонии.",
    "Серед останніх дзвінків немає дзвінків іншої телефонії.",
    "among the last calls there are none of another telephony",
)
OTHERS = Words(
    "others",
    "В портал пишет звонки и другая телефония: {names}. Один звонок может появиться дважды, а клик по номеру уйти не "
    "туда.",
    "У портал записує дзвінки й інша телефонія: {names}. Один дзвінок може з’явитися двічі, а клік по номеру піти не "
    "туди.",
    "another telephony writes calls into the portal, too: {names}. A call may appear twice, and a click on a number "
    "may go elsewhere",
)
BUILT_IN = Words("built_in", "телефония Битрикс24", "телефонія Бітрікс24", "Bitrix24’s own telephony")
CHOOSE_ONE = Words(
    "choose_one",
    "Отключите её для этих номеров или удалите, а в настройках телефонии выберите Dozvon номером для исходящих "
    "звонков.",
    "Вимкніть її для цих номерів або видаліть, а в налаштуваннях телефонії виберіть Dozvon номером для вихідних "
    "дзвінків.",
    "switch it off for these numbers or remove it, and choose Dozvon as the number for outgoing calls in the telephony "
    "settings",
)
WEBHOOK_LIMITS = Words(
    "webhook_limits",
    "Через вебхук нет карточек звонков, клика по номеру и записей в истории звонков; об изменениях Dozvon спрашивает "
    "сам.",
    "Через вебхук немає карток дзвінків, кліку по номеру та записів в історії дзвінків; про зміни Dozvon запитує сам.",
    "a webhook gives no call cards, no clicks on numbers and no recordings in the call history; Dozvon asks for "
    "changes itself",
)
PREFER_APPLICATION = Words(
    "prefer_application",
    "Если в портале можно добавить локальное приложение, подключите его вместо вебхука.",
    "Якщо в порталі можна додати локальний застосунок, підключіть його замість вебхука.",
    "if a local application can be added in the portal, connect that instead of the webhook",
)

NO_ACCESS = Words("no_access", "Битрикс24 не пускает: {detail}", "Бітрікс24 не пускає: {detail}", "{detail}")
NOT_INSTALLED = Words(
    "not_installed",
    "Приложение ещё не установлено в портале.",
    "Застосунок ще не встановлено в порталі.",
    "the application is not installed in the portal yet",
)
INSTALL = Words(
    "install",
    "Откройте приложение Dozvon в портале как администратор или установите его ещё раз.",
    "Відкрийте застосунок Dozvon у порталі як адміністратор або встановіть його ще раз.",
    "open the application Dozvon in the portal as an administrator, or install it again",
)
UNPAID = Words("unpaid", "Битрикс24 не оплачен: {detail}", "Бітрікс24 не оплачено: {detail}", "{detail}")
PAY = Words(
    "pay",
    "REST нужен платный тариф и подписка на Маркет. После оплаты Dozvon сам допишет всё, что ждёт.",
    "REST потребує платного тарифу та підписки на Маркет. Після оплати Dozvon сам допише все, що чекає.",
    "REST needs a paid plan and the Marketplace subscription; after the payment Dozvon writes what waits by itself",
)
TOO_OFTEN = Words(
    "too_often",
    "Битрикс24 просит реже отправлять запросы: {detail}",
    "Бітрікс24 просить рідше надсилати запити: {detail}",
    "{detail}",
)
ASK_LESS = Words(
    "ask_less",
    "Проверьте, какие ещё программы с адреса этого сервера обращаются к порталу: лимит у них общий.",
    "Перевірте, які ще програми з адреси цього сервера звертаються до порталу: ліміт у них спільний.",
    "see which other programs at this server’s address send requests to the portal: they share its limit",
)
REFUSED = Words("refused", "Битрикс24 отказывает: {detail}", "Бітрікс24 відмовляє: {detail}", "{detail}")
ALLOW_AS_ADMIN = Words(
    "allow_as_admin",
    "Пусть приложение установит администратор портала: оно действует с правами этого человека.",
    "Нехай застосунок встановить адміністратор порталу: він діє з правами цієї людини.",
    "let an administrator of the portal install the application: it acts with that person’s rights",
)
AWAY = Words("away", "Битрикс24 не отвечает: {detail}", "Бітрікс24 не відповідає: {detail}", "{detail}")
CHECK_THE_NETWORK = Words(
    "check_the_network",
    "Проверьте адреса и сеть между этим сервером и порталом.",
    "Перевірте адреси та мережу між цим сервером і порталом.",
    "check the addresses and the network between this server and the portal",
)
