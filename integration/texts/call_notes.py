"""What the CRM's feed and tasks say of a manager's note, in the office's language; and the pages' words for it."""

from __future__ import annotations

from integration.texts import LANGUAGES

# key: (ru, uk, en)
RESULTS: dict[str, tuple[str, str, str]] = {
    "interested": ("Заинтересован", "Зацікавлений", "Interested"),
    "call_back": ("Перезвонить", "Передзвонити", "Call back"),
    "meeting": ("Договорились о встрече", "Домовилися про зустріч", "Meeting arranged"),
    "offer": ("Отправить предложение", "Надіслати пропозицію", "Send an offer"),
    "not_interested": ("Не заинтересован", "Не зацікавлений", "Not interested"),
    "not_reached": ("Не дозвонились", "Не додзвонилися", "Not reached"),
    "wrong_number": ("Ошиблись номером", "Помилилися номером", "Wrong number"),
}
"""The results of a call that an office has until it writes its own list."""

# key: (ru, uk, en)
CALL_NOTES: dict[str, tuple[str, str, str]] = {
    "call_notes": ("Заметки и итоги", "Нотатки й підсумки", "Notes and results"),
    "note_result": ("Итог", "Підсумок", "Result"),
    "note_step": ("Следующий шаг", "Наступний крок", "Next step"),
    "note_in_crm": ("Записано в CRM", "Записано в CRM", "In the CRM"),
    "note_waits": ("Ждёт записи в CRM", "Чекає на запис у CRM", "Waits to be written into the CRM"),
    "note_after_the_end": (
        "Будет записано после звонка",
        "Буде записано після дзвінка",
        "Will be written after the call",
    ),
    "note_given_up": ("Не записано в CRM", "Не записано в CRM", "Not written into the CRM"),
    "note_discarded": ("Отменено вами", "Скасовано вами", "Discarded"),
    "note_only_here": ("Только в Dozvon", "Лише в Dozvon", "In Dozvon only"),
}
"""For the page of a call."""

_HEADINGS = {
    "ru": "Заметка к звонку: {at}, {name}",
    "uk": "Нотатка до дзвінка: {at}, {name}",
    "en": "Note on the call: {at}, {name}",
}
_RESULT = {"ru": "Итог: {result}", "uk": "Підсумок: {result}", "en": "Result: {result}"}
_EMPTY = {"ru": "Текст удалён", "uk": "Текст видалено", "en": "The text was removed"}
_STEP = {"ru": "Следующий шаг", "uk": "Наступний крок", "en": "Next step"}
_AFTER = {"ru": "{text} (звонок: {at})", "uk": "{text} (дзвінок: {at})", "en": "{text} (call: {at})"}


def default_results(language: str) -> tuple[str, ...]:
    column = LANGUAGES.index(_known(language))
    return tuple(names[column] for names in RESULTS.values())


def note_text(language: str, *, at: str, name: str, result: str | None, text: str) -> str:
    """
    A note for a feed. `at`, the moment of the call, makes it differ from notes of other calls: a CRM keeps no key of
    ours with it.
    """
    known = _known(language)
    lines = [_HEADINGS[known].format(at=at, name=name)]
    if result is not None:
        lines.append(_RESULT[known].format(result=result))
    if text.strip():
        lines.append(text.strip())
    elif result is None:
        lines.append(_EMPTY[known])
    return "\n".join(lines)


def task_text(language: str, *, at: str, text: str) -> str:
    """The text of a planned task. `at` as in `note_text`."""
    known = _known(language)
    return _AFTER[known].format(text=" ".join(text.split()) or _STEP[known], at=at)


def _known(language: str) -> str:
    return language if language in LANGUAGES else "en"
