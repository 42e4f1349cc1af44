"""The wizard's texts about what the card shows, in Russian, Ukrainian and English."""

from __future__ import annotations

# key: (ru, uk, en)
CARD_TEXTS: dict[str, tuple[str, str, str]] = {
    "card_layout": ("Что показывает карточка", "Що показує картка", "What the card shows"),
    "card_layout_lead": (
        "Имя, номер и состояние звонка видны всегда. Остальное можно скрыть и расставить по порядку: каждое нажатие"
        " сохраняется сразу и действует со следующего звонка.",
        "Ім’я, номер і стан дзвінка видно завжди. Решту можна приховати і розставити за порядком: кожне натискання"
        " зберігається одразу і діє з наступного дзвінка.",
        "Name, number and state of the call are always shown. The rest can be hidden and put in order: each press is"
        " saved at once and holds from the next call on.",
    ),
    "card_shown_fields": ("Показывается", "Показується", "Shown"),
    "card_hidden_fields": ("Скрыто", "Приховано", "Hidden"),
    "card_up": ("Выше", "Вище", "Up"),
    "card_down": ("Ниже", "Нижче", "Down"),
    "card_hide": ("Скрыть", "Приховати", "Hide"),
    "card_show": ("Показать", "Показати", "Show"),
    "card_usual": ("Вернуть обычный вид", "Повернути звичайний вигляд", "Back to the usual order"),
    "card_preview": ("Так выглядит карточка", "Так виглядає картка", "This is how the card looks"),
    "card_nothing": (
        "Карточка покажет только имя, номер и состояние звонка.",
        "Картка покаже лише ім’я, номер і стан дзвінка.",
        "The card shows only name, number and state of the call.",
    ),
    "card_client": ("Иван Петров", "Іван Петренко", "John Miller"),
    "card_field_company": ("Компания", "Компанія", "Company"),
    "card_field_responsible": ("Ответственный", "Відповідальний", "Responsible"),
    "card_field_line": ("Линия", "Лінія", "Line"),
    "card_field_next_task": ("Следующая задача", "Наступне завдання", "Next task"),
    "card_field_deals": ("Открытые сделки", "Відкриті угоди", "Open deals"),
    "card_field_last_calls": ("Последние звонки", "Останні дзвінки", "Last calls"),
    "card_field_email": ("E-mail", "E-mail", "E-mail"),
    "card_sample_company": ("ООО «Ромашка»", "ТОВ «Ромашка»", "Daisy Ltd"),
    "card_sample_responsible": ("Анна Орлова", "Ганна Орленко", "Anna Brown"),
    "card_sample_line": ("Реклама", "Реклама", "Advertising"),
    "card_sample_next_task": ("Перезвонить, сегодня 15:00", "Передзвонити, сьогодні 15:00", "Call back, today 15:00"),
    "card_sample_deals": (
        "Окна в квартиру — Переговоры, 120 000",
        "Вікна у квартиру — Перемовини, 120 000",
        "Windows — Negotiation, 120,000",
    ),
    "card_sample_last_calls": (
        "Вчера 12:40, 3 мин, Анна Орлова",
        "Учора 12:40, 3 хв, Ганна Орленко",
        "Yesterday 12:40, 3 min, Anna Brown",
    ),
    "card_sample_email": ("client@example.com", "client@example.com", "client@example.com"),
}
