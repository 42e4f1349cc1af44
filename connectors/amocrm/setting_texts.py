"""What can be wrong with a setting of amoCRM only, in Russian, Ukrainian and English."""

from __future__ import annotations

from integration.texts.settings import KindProblem

OF_THE_INTEGRATION = KindProblem(
    "of_the_integration",
    "Скопируйте со страницы интеграции в amoCRM.",
    "Скопіюйте зі сторінки інтеграції в amoCRM.",
    "This setting is missing: copy it from the integration’s page in amoCRM.",
)
ACCOUNT_URL = KindProblem(
    "account_url",
    "С долгосрочным токеном нужен адрес его аккаунта, например https://example.amocrm.ru.",
    "З довгостроковим токеном потрібна адреса його акаунта, наприклад https://example.amocrm.ru.",
    "A long-lived token needs the address of its account, such as https://example.amocrm.ru.",
)
ADDRESS = KindProblem(
    "address",
    "Напишите адрес вида https://example.amocrm.ru, без имени, пароля и параметров.",
    "Напишіть адресу на зразок https://example.amocrm.ru, без імені, пароля й параметрів.",
    "Write an address such as https://example.amocrm.ru, without a name, a password or parameters.",
)
ADDRESS_WITHOUT_PATH = KindProblem(
    "address_without_path",
    "Напишите адрес без пути, например https://example.amocrm.ru.",
    "Напишіть адресу без шляху, наприклад https://example.amocrm.ru.",
    "Write an address without a path, such as https://example.amocrm.ru.",
)
SOURCE_NAME = KindProblem(
    "source_name",
    "Напишите название, которое люди увидят рядом со звонком.",
    "Напишіть назву, яку люди побачать поруч зі дзвінком.",
    "Write the name that people see beside a call.",
)
RATE = KindProblem(
    "rate",
    "Напишите число больше 0 и меньше 7: amoCRM блокирует тех, кто шлёт больше.",
    "Напишіть число більше за 0 і менше за 7: amoCRM блокує тих, хто надсилає більше.",
    "Write a number above 0 and below 7: amoCRM blocks integrations that send more.",
)
