"""What is found out about the public address, in Russian, Ukrainian and English: sentences, and what to do."""

from __future__ import annotations

from integration.domain.sentences import Words

ABOUT_NAME = Words("name", "Имя", "Ім’я", "Name")
ABOUT_CERTIFICATE = Words("certificate", "Сертификат", "Сертифікат", "Certificate")
ABOUT_DOZVON = Words("dozvon", "Ответ Dozvon", "Відповідь Dozvon", "Answer of Dozvon")
NAME_FOUND = Words(
    "name_found",
    "Имя {host} найдено: {addresses}.",
    "Ім’я {host} знайдено: {addresses}.",
    "The name {host} is known: {addresses}.",
)
NAME_UNKNOWN = Words(
    "name_unknown", "Имя {host} не найдено.", "Ім’я {host} не знайдено.", "The name {host} is not known."
)
NAME_UNKNOWN_REMEDY = Words(
    "name_unknown_remedy",
    "Создайте у регистратора имени запись A с внешним IP этого сервера. Она видна через несколько минут.",
    "Створіть у реєстратора імені запис A із зовнішнім IP цього сервера. Його видно за кілька хвилин.",
    "Add an A record with this server’s public IP at the name’s registrar. It is seen after some minutes.",
)
ONLY_INSIDE = Words(
    "only_inside",
    "Имя {host} указывает на внутренний адрес: {addresses}.",
    "Ім’я {host} вказує на внутрішню адресу: {addresses}.",
    "The name {host} points to an inside address: {addresses}.",
)
ONLY_INSIDE_REMEDY = Words(
    "only_inside_remedy",
    "CRM обращается к Dozvon из интернета: ей нужен внешний адрес. Без него изменения в CRM видны с задержкой.",
    "CRM звертається до Dozvon з інтернету: їй потрібна зовнішня адреса. Без неї зміни в CRM видно із затримкою.",
    "The CRM reaches Dozvon from the internet, so it needs a public address. Without one, changes"
    " in the CRM come late.",
)
NOT_REACHED = Words(
    "not_reached",
    "Нет соединения с {host}, порт {port}: {detail}.",
    "Немає з’єднання з {host}, порт {port}: {detail}.",
    "No connection to {host}, port {port}: {detail}.",
)
NOT_REACHED_REMEDY = Words(
    "not_reached_remedy",
    "Запустите прокси и откройте порты 80 и 443 в сетевом экране.",
    "Запустіть проксі та відкрийте порти 80 і 443 у мережевому екрані.",
    "Start the proxy, and open ports 80 and 443 in the firewall.",
)
CERTIFICATE_GOOD = Words(
    "certificate_good",
    "Сертификат действует до {until}.",
    "Сертифікат діє до {until}.",
    "The certificate is valid until {until}.",
)
CERTIFICATE_ENDS = Words(
    "certificate_ends",
    "Сертификат истекает {until}.",
    "Сертифікат закінчується {until}.",
    "The certificate ends on {until}.",
)
CERTIFICATE_ENDS_REMEDY = Words(
    "certificate_ends_remedy",
    "Проверьте, продлевает ли его прокси.",
    "Перевірте, чи подовжує його проксі.",
    "Check whether the proxy renews it.",
)
CERTIFICATE_BAD = Words(
    "certificate_bad",
    "Сертификату не доверяет браузер: {detail}.",
    "Сертифікату не довіряє браузер: {detail}.",
    "Browsers do not trust the certificate: {detail}.",
)
CERTIFICATE_BAD_REMEDY = Words(
    "certificate_bad_remedy",
    "Чтобы прокси Dozvon его получил, имя должно вести на этот сервер, а порт 80 быть открыт.",
    "Щоб проксі Dozvon його отримав, ім’я має вести на цей сервер, а порт 80 бути відкритий.",
    "For Dozvon’s proxy to get one, the name has to lead to this server, and port 80 has to be open.",
)
NO_TLS = Words("no_tls", "Адрес без https.", "Адреса без https.", "The address is without https.")
NO_TLS_REMEDY = Words(
    "no_tls_remedy",
    "Для пробы на своём компьютере этого достаточно. CRM и браузеры менеджеров требуют https.",
    "Для проби на своєму комп’ютері цього достатньо. CRM і браузери менеджерів вимагають https.",
    "Enough for a trial on one’s own machine. The CRM and managers’ browsers require https.",
)
WE_ANSWER = Words("we_answer", "Отвечает этот Dozvon.", "Відповідає цей Dozvon.", "This Dozvon answers.")
ANOTHER_ANSWERS = Words(
    "another_answers",
    "Отвечает другая программа (статус {status}).",
    "Відповідає інша програма (статус {status}).",
    "Another program answers (status {status}).",
)
ANOTHER_ANSWERS_REMEDY = Words(
    "another_answers_remedy",
    "Имя ведёт на другую программу или другой сервер. Направьте прокси на Dozvon.",
    "Ім’я веде на іншу програму або інший сервер. Спрямуйте проксі на Dozvon.",
    "The name leads to another program or server. Point the proxy to Dozvon.",
)
NO_ANSWER = Words("no_answer", "Ответа нет: {detail}.", "Відповіді немає: {detail}.", "No answer: {detail}.")
NO_ANSWER_REMEDY = Words(
    "no_answer_remedy",
    "Проверьте, что прокси запущен и направлен на Dozvon.",
    "Перевірте, що проксі запущено і спрямовано на Dozvon.",
    "Check that the proxy runs and points to Dozvon.",
)
