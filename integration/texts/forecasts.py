"""The words of a campaign's forecast, in Russian, Ukrainian and English."""

from __future__ import annotations

# key: (ru, uk, en)
FORECASTS: dict[str, tuple[str, str, str]] = {
    "camp_forecast": ("Что будет", "Що буде", "What would happen"),
    "camp_forecast_lead": (
        "Dozvon проигрывает ближайшие часы обзвона с тем, что офис уже знает о своих звонках. Никому не звонят.",
        "Dozvon програє найближчі години обдзвону з тим, що офіс уже знає про свої дзвінки. Нікому не телефонують.",
        "Dozvon plays the campaign’s next hours with what the office has learned from its calls. Nobody is called.",
    ),
    "camp_forecast_employees": ("Сотрудников", "Співробітників", "Employees"),
    "camp_forecast_hours": ("Часов", "Годин", "Hours"),
    "camp_forecast_hour": (
        "Час дня, с которого начинать",
        "Година дня, з якої починати",
        "Hour of the day to begin at",
    ),
    "camp_forecast_show": ("Посчитать", "Порахувати", "Work it out"),
    "camp_forecast_wrong": (
        "Сотрудников от 1 до {employees}, часов от 1 до {hours}, час дня от 0 до 23.",
        "Співробітників від 1 до {employees}, годин від 1 до {hours}, година дня від 0 до 23.",
        "Employees: 1 to {employees}; hours: 1 to {hours}; hour of the day: 0 to 23.",
    ),
    "camp_forecast_dialled": ("Наборов в час", "Наборів за годину", "Calls dialled in an hour"),
    "camp_forecast_talks": ("Разговоров в час", "Розмов за годину", "Conversations in an hour"),
    "camp_forecast_rate": ("Отвечают люди", "Відповідають люди", "Answered by people"),
    "camp_forecast_busy": (
        "Сотрудники заняты разговором и записью",
        "Співробітники зайняті розмовою та записом",
        "Employees talk or write",
    ),
    "camp_forecast_abandoned": ("Потеряно из ответивших", "Втрачено з тих, хто відповів", "Abandoned of the answered"),
    "camp_forecast_range": (
        "{mean} % (от {low} до {high} %)",
        "{mean} % (від {low} до {high} %)",
        "{mean} % ({low} to {high} %)",
    ),
    "camp_forecast_list": (
        "Чтобы пройти список (осталось людей: {people})",
        "Щоб пройти список (залишилося людей: {people})",
        "To get through the list (people left: {people})",
    ),
    "camp_forecast_about": (
        "примерно часов набора: {hours}",
        "приблизно годин набору: {hours}",
        "about this many hours of dialling: {hours}",
    ),
    "camp_forecast_learned": (
        "Посчитано по собственным звонкам офиса.",
        "Пораховано за власними дзвінками офісу.",
        "Worked out from the office’s own calls.",
    ),
    "camp_forecast_usual": (
        "Этот офис ещё никому не звонил обзвоном: взяты обычные доли ответов и длительности.",
        "Цей офіс ще нікому не телефонував обдзвоном: узято звичайні частки відповідей і тривалості.",
        "This office has not dialled a campaign yet: usual answer rates and durations are taken.",
    ),
    "camp_forecast_not_now": (
        "Посчитать не удалось: сервер занят. Повторите через минуту.",
        "Порахувати не вдалося: сервер зайнятий. Повторіть за хвилину.",
        "It could not be worked out: the server is busy. Try again in a minute.",
    ),
    "camp_forecast_message": (
        "Голосовое сообщение слушают без сотрудников: прогноз есть у обзвонов, где разговаривают люди.",
        "Голосове повідомлення слухають без співробітників: прогноз є в обдзвонів, де розмовляють люди.",
        "A voice message needs no employees: there is a forecast of campaigns in which people talk.",
    ),
}
