"""What can be wrong with a setting of Bitrix24 only, in Russian, Ukrainian and English."""

from __future__ import annotations

from integration.texts.settings import KindProblem

OF_THE_APPLICATION = KindProblem(
    "of_the_application",
    "Скопируйте из карточки приложения в Битрикс24.",
    "Скопіюйте з картки застосунку в Бітрікс24.",
    "This setting is missing: copy it from the application’s card in Bitrix24.",
)
ADDRESS = KindProblem(
    "address",
    "Напишите адрес вида https://example.bitrix24.ru, без пути, имени, пароля и параметров.",
    "Напишіть адресу на зразок https://example.bitrix24.ua, без шляху, імені, пароля й параметрів.",
    "Write an address such as https://example.bitrix24.com, without a path, a name, a password or parameters.",
)
WEBHOOK = KindProblem(
    "webhook",
    "Скопируйте адрес входящего вебхука целиком, например https://example.bitrix24.ru/rest/1/abc123/.",
    "Скопіюйте адресу вхідного вебхука цілком, наприклад https://example.bitrix24.ua/rest/1/abc123/.",
    "Copy the whole address of the incoming webhook, such as https://example.bitrix24.com/rest/1/abc123/.",
)
ONE_OF_BOTH = KindProblem(
    "one_of_both",
    "Укажите ключи приложения или адрес вебхука, но не то и другое сразу.",
    "Вкажіть ключі застосунку або адресу вебхука, але не те й інше водночас.",
    "Give the keys of an application or the address of a webhook, not both.",
)
RATE = KindProblem(
    "rate",
    "Напишите число больше 0 и не больше {most}: Битрикс24 отказывает тем, кто шлёт больше.",
    "Напишіть число більше за 0 і не більше за {most}: Бітрікс24 відмовляє тим, хто надсилає більше.",
    "Write a number above 0 and at most {most}: Bitrix24 refuses more.",
)
