"""The message to a visitor after a failed request, by HTTP status, in Russian, Ukrainian and English."""

from __future__ import annotations

from integration.texts import LANGUAGES

# status: (ru, uk, en)
_TEXTS: dict[int, tuple[str, str, str]] = {
    400: ("Запрос не удалось прочитать.", "Запит не вдалося прочитати.", "The request cannot be read."),
    401: ("Войдите снова.", "Увійдіть знову.", "Sign in again."),
    403: (
        "Доступ закрыт. Войдите снова и повторите действие на странице Dozvon.",
        "Доступ закрито. Увійдіть знову й повторіть дію на сторінці Dozvon.",
        "Access denied. Sign in again and repeat the action on a page of Dozvon.",
    ),
    404: ("Здесь ничего нет.", "Тут нічого немає.", "There is nothing here."),
    405: (
        "Этот адрес не принимает запросы такого вида.",
        "Ця адреса не приймає запитів такого виду.",
        "This address does not take requests of this kind.",
    ),
    408: ("Запрос пришёл слишком медленно.", "Запит надійшов надто повільно.", "The request came too slowly."),
    413: ("Запрос слишком большой.", "Запит завеликий.", "The request is too large."),
    429: (
        "Слишком много запросов. Подождите и попробуйте снова.",
        "Забагато запитів. Зачекайте й спробуйте знову.",
        "Too many requests. Wait a little and try again.",
    ),
    500: (
        "Ошибка на нашей стороне. Она записана в журнал.",
        "Помилка на нашому боці. Її записано в журнал.",
        "Something broke on our side. It was logged.",
    ),
    503: (
        "Сервис сейчас не может ответить. Попробуйте через минуту.",
        "Сервіс зараз не може відповісти. Спробуйте за хвилину.",
        "The service cannot answer right now. Try again in a minute.",
    ),
}


def error_text(status: int, language: str) -> str:
    """The message for a status; without its own sentence, that of its class."""
    known = _TEXTS.get(status) or _TEXTS[500 if status >= 500 else 400]
    return known[LANGUAGES.index(language)]
