"""The words of callbacks, in Russian, Ukrainian and English."""

from __future__ import annotations

# key: (ru, uk, en)
CALLBACKS: dict[str, tuple[str, str, str]] = {
    "cb": ("Перезвоны", "Передзвони", "Callbacks"),
    "cb_lead": (
        "Клиенты, чей звонок никто не принял или кто просил перезвонить: им звонят, пока с ними не поговорят.",
        "Клієнти, чий дзвінок ніхто не прийняв або хто просив передзвонити: їм дзвонять, доки з ними не поговорять.",
        "Clients whose call nobody took, or who asked to be called: they are called until somebody talks to them.",
    ),
    "cb_waiting": ("Ждут звонка", "Чекають на дзвінок", "Waiting for a call"),
    "cb_over": ("Завершённые", "Завершені", "Ended"),
    "cb_none": (
        "Никто не ждёт перезвона.",
        "Ніхто не чекає на передзвін.",
        "Nobody waits to be called back.",
    ),
    "cb_off": ("Перезвоны выключены.", "Передзвони вимкнено.", "Callbacks are switched off."),
    "cb_off_hint": (
        "Включить их можно в правилах линий: «Перезванивать пропущенным».",
        "Увімкнути їх можна в правилах ліній: «Передзвонювати пропущеним».",
        "The rules of lines switch them on: “Call back after missed calls”.",
    ),
    "cb_why": ("Почему перезванивать", "Чому передзвонювати", "Why they are called back"),
    "cb_next": ("Следующий звонок", "Наступний дзвінок", "Next call"),
    "cb_tries": ("Звонков", "Дзвінків", "Calls"),
    "cb_of": ("{done} из {most}", "{done} з {most}", "{done} of {most}"),
    "cb_who": ("Кто звонит", "Хто дзвонить", "Who calls"),
    "cb_stand_in": (
        "Ответственный за пропущенные",
        "Відповідальний за пропущені",
        "Who is named for missed calls",
    ),
    "cb_result": ("Итог", "Підсумок", "Outcome"),
    "cb_kind_missed": ("Пропущенный звонок, {when}", "Пропущений дзвінок, {when}", "Missed call, {when}"),
    "cb_kind_asked": (
        "Клиент просил перезвонить, {when}",
        "Клієнт просив передзвонити, {when}",
        "The client asked for a call, {when}",
    ),
    "cb_calls": ("звонков: {count}", "дзвінків: {count}", "calls: {count}"),
    "cb_state_open": ("ждёт", "чекає", "waits"),
    "cb_state_taken": ("сейчас звоним", "зараз дзвонимо", "being called"),
    "cb_state_reached": ("поговорили", "поговорили", "talked to"),
    "cb_state_not_reached": ("не дозвонились", "не додзвонилися", "not reached"),
    "cb_state_do_not_call": ("запрещено звонить", "заборонено телефонувати", "do not call"),
    "cb_state_removed": ("отменён", "скасовано", "cancelled"),
    "cb_cancelled_by": ("Отменил: {by}, {when}", "Скасував: {by}, {when}", "Cancelled by {by}, {when}"),
    "cb_cancel": ("Не перезванивать", "Не передзвонювати", "Do not call back"),
    "cb_restore": ("Всё-таки перезвонить", "Усе-таки передзвонити", "Call back after all"),
    "cb_cancelled": (
        "Перезвон отменён. Вернуть его можно в списке «Завершённые».",
        "Передзвін скасовано. Повернути його можна у списку «Завершені».",
        "The callback is cancelled. The list “Ended” can bring it back.",
    ),
    "cb_restored": ("Клиенту перезвонят.", "Клієнту передзвонять.", "The client will be called back."),
    "cb_not_changed": (
        "Здесь уже нечего менять: перезвон завершён, или клиент ждёт более позднего.",
        "Тут уже нема чого змінювати: передзвін завершено, або клієнт чекає на пізніший.",
        "There is nothing to change: the callback has ended, or the client waits for a later one.",
    ),
    "cb_no_process": (
        "Сейчас никто не звонит: процесс, который перезванивает, не работает.",
        "Зараз ніхто не дзвонить: процес, який передзвонює, не працює.",
        "Nobody is dialling now: no process that calls back is at work.",
    ),
    "cb_cut": (
        "Показаны первые {count}.",
        "Показано перші {count}.",
        "The first {count} are shown.",
    ),
}


def campaign_name(language: str) -> str:
    """Of the campaign of a line's callbacks, as the CRM's record of a call names it."""
    ru, uk, en = CALLBACKS["cb"]
    return {"ru": ru, "uk": uk}.get(language, en)
