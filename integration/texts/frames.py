"""What a page in a CRM's frame says when it cannot be opened, in Russian, Ukrainian and English.

The page itself has its texts in `widgets/`.
"""

from __future__ import annotations

from integration.texts import LANGUAGES

# key: (ru, uk, en)
FRAMES: dict[str, tuple[str, str, str]] = {
    "frame_title": ("Dozvon не открылся", "Dozvon не відкрився", "Dozvon did not open"),
    "frame_no_script": (
        "Включите JavaScript в браузере и обновите страницу CRM.",
        "Увімкніть JavaScript у браузері й оновіть сторінку CRM.",
        "Switch JavaScript on in the browser and reload the CRM’s page.",
    ),
    "frame_missing": (
        "Эта страница открывается только внутри CRM. Откройте приложение Dozvon в своей CRM.",
        "Ця сторінка відкривається лише всередині CRM. Відкрийте застосунок Dozvon у своїй CRM.",
        "This page opens inside the CRM only. Open the application Dozvon in your CRM.",
    ),
    "frame_unknown": (
        "Этот аккаунт CRM не подключён к Dozvon. Администратор подключает его в мастере настройки, на шаге «CRM».",
        "Цей акаунт CRM не під’єднано до Dozvon. Адміністратор під’єднує його в майстрі налаштування, на кроці «CRM».",
        "This CRM account is not connected to Dozvon. An administrator connects it in the wizard, on the step “CRM”.",
    ),
    "frame_not_its_own": (
        "CRM прислала не ту отметку приложения, которую знает Dozvon. Если приложение обновляли, администратору нужно"
        " открыть его в CRM ещё раз; если это не помогло, установить заново.",
        "CRM надіслала не ту позначку застосунку, яку знає Dozvon. Якщо застосунок оновлювали, адміністратору треба"
        " відкрити його в CRM ще раз; якщо це не допомогло, установити заново.",
        "The CRM has sent another mark of the application than the one Dozvon knows. After an update of the application"
        " an administrator has to open it in the CRM again; if that does not help, to install it again.",
    ),
    "frame_expired": (
        "CRM не подтвердила, кто вы. Обновите страницу CRM и откройте Dozvon снова.",
        "CRM не підтвердила, хто ви. Оновіть сторінку CRM і відкрийте Dozvon знову.",
        "The CRM did not confirm who you are. Reload the CRM’s page and open Dozvon again.",
    ),
    "frame_no_admin": (
        "Установку завершает администратор CRM. Попросите его открыть приложение Dozvon.",
        "Установлення завершує адміністратор CRM. Попросіть його відкрити застосунок Dozvon.",
        "An administrator of the CRM finishes the installation. Ask them to open the application Dozvon.",
    ),
    "frame_not_visible": (
        "CRM не показывает вам эту карточку. Если она нужна, попросите администратора CRM дать доступ.",
        "CRM не показує вам цю картку. Якщо вона потрібна, попросіть адміністратора CRM надати доступ.",
        "The CRM does not show you this card. If you need it, ask an administrator of the CRM for access.",
    ),
    "frame_other_account": (
        "К этому адресу подключён другой аккаунт CRM. Администратор отключает его в Dozvon, или указывает в приложении"
        " адрес, который показывает мастер настройки.",
        "До цієї адреси під’єднано інший акаунт CRM. Адміністратор від’єднує його в Dozvon або вказує в застосунку"
        " адресу, яку показує майстер налаштування.",
        "Another CRM account is connected at this address. An administrator disconnects it in Dozvon, or enters the"
        " address that the wizard shows in the application.",
    ),
    "frame_waiting": (
        "CRM подтвердила установку. Осталось подтвердить её в Dozvon: администратор открывает мастер настройки, шаг"
        " «CRM», и нажимает «Подключить». Затем откройте приложение снова.",
        "CRM підтвердила встановлення. Залишилося підтвердити його в Dozvon: адміністратор відкриває майстер"
        " налаштування, крок «CRM», і натискає «Під’єднати». Потім відкрийте застосунок знову.",
        "The CRM has confirmed the installation. It has to be confirmed in Dozvon, too: an administrator opens the"
        " wizard, the step “CRM”, and presses “Connect”. Then open the application again.",
    ),
    "frame_refused": (
        "CRM отказала в установке. Исправьте причину и откройте приложение снова:",
        "CRM відмовила в установленні. Виправте причину й відкрийте застосунок знову:",
        "The CRM has refused the installation. Mend the reason and open the application again:",
    ),
    "frame_unavailable": (
        "Сервис сейчас не может ответить. Откройте страницу через минуту.",
        "Сервіс зараз не може відповісти. Відкрийте сторінку за хвилину.",
        "The service cannot answer right now. Open the page in a minute.",
    ),
}


def frame_text(key: str, language: str) -> str:
    return FRAMES[key][LANGUAGES.index(language)]
