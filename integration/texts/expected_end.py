"""When a campaign's list will have been called, or why it cannot be told, in Russian, Ukrainian and English."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from integration.domain.campaigns.expected_end import MOST_DAYS, NoEnd
from integration.domain.ids import Timestamp
from integration.texts import LANGUAGES

NO_END: dict[str, tuple[str, str, str]] = {
    "not_running": (
        "Станет известно, когда обзвон пойдёт.",
        "Стане відомо, коли обдзвін піде.",
        "It will be known when the campaign runs.",
    ),
    "nothing_left": ("Звонить больше некому.", "Дзвонити більше нікому.", "Nobody is left to call."),
    "not_dialled": (
        "Пока неизвестно: ещё никому не звонили.",
        "Поки невідомо: ще нікому не телефонували.",
        "Not known yet: nobody has been called.",
    ),
    "just_begun": (
        "Станет известно через несколько минут звонков.",
        "Стане відомо за кілька хвилин дзвінків.",
        "It will be known after a few minutes of calling.",
    ),
    "no_calls": (
        "Неизвестно: за последний час обзвона никому не звонили.",
        "Невідомо: за останню годину обдзвону нікому не телефонували.",
        "Not known: nobody was called in the campaign’s last hour.",
    ),
    "other_zones": (
        "Неизвестно: клиенты в других часовых поясах, у офиса сейчас не время для звонков.",
        "Невідомо: клієнти в інших часових поясах, в офісу зараз не час для дзвінків.",
        "Not known: clients are in other time zones; by the office’s own clock it is not a time for calls.",
    ),
    "no_window": (
        "Неизвестно: впереди нет времени для звонков.",
        "Невідомо: попереду немає часу для дзвінків.",
        "Not known: no hours for calls lie ahead.",
    ),
    "far": (
        "Больше чем через {days} дней.",
        "Більше ніж за {days} днів.",
        "More than {days} days from now.",
    ),
}
"""By `NoEnd`."""

_TODAY = ("сегодня около {time}", "сьогодні близько {time}", "today at about {time}")
_TOMORROW = ("завтра около {time}", "завтра близько {time}", "tomorrow at about {time}")
_ON_DAY = ("{day} около {time}", "{day} близько {time}", "{day} at about {time}")
_DAYS = (
    ("в понедельник", "у понеділок", "on Monday"),
    ("во вторник", "у вівторок", "on Tuesday"),
    ("в среду", "у середу", "on Wednesday"),
    ("в четверг", "у четвер", "on Thursday"),
    ("в пятницу", "у п’ятницю", "on Friday"),
    ("в субботу", "у суботу", "on Saturday"),
    ("в воскресенье", "у неділю", "on Sunday"),
)
_SOON, _LATER = timedelta(minutes=10), timedelta(hours=1)
"""Moments are said to the next ten minutes today, to the next hour on another day."""


def end_sentence(found: Timestamp | NoEnd, language: str, *, zone: str, now: Timestamp) -> str:
    """
    Say when the end is expected, or why nobody knows.

    Args:
        zone: the office's, IANA; one that the machine does not know is UTC.
    """
    at = LANGUAGES.index(language) if language in LANGUAGES else LANGUAGES.index("en")
    if isinstance(found, NoEnd):
        return NO_END[found.value][at].format(days=MOST_DAYS)
    try:
        own: ZoneInfo | None = ZoneInfo(zone)
    except (ValueError, OSError, LookupError):
        own = None
    ends, today = (datetime.fromtimestamp(moment, own or UTC) for moment in (found, now))
    days = (ends.date() - today.date()).days
    time = f"{_rounded(ends, _LATER if days else _SOON):%H:%M}"
    if days <= 0:
        return _TODAY[at].format(time=time)
    if days == 1:
        return _TOMORROW[at].format(time=time)
    day = _DAYS[ends.weekday()][at] if days < len(_DAYS) else f"{ends:%d.%m}"
    return _ON_DAY[at].format(day=day, time=time)


def _rounded(ends: datetime, step: timedelta) -> datetime:
    """Up to a whole step; as it is where that would be another day."""
    midnight = ends.replace(hour=0, minute=0, second=0, microsecond=0)
    since = timedelta(hours=ends.hour, minutes=ends.minute, seconds=ends.second, microseconds=ends.microsecond)
    rounded = midnight + -(-since // step) * step
    return rounded if rounded.date() == ends.date() else ends
