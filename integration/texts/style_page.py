"""The words of the style page, which shows the components; the other texts on it are real ones of the pages."""

from __future__ import annotations

# key: (ru, uk, en)
STYLE_PAGE: dict[str, tuple[str, str, str]] = {
    "style_title": ("Элементы страниц", "Елементи сторінок", "Components"),
    "style_lead": (
        "Из этих элементов состоят все страницы. Здесь они с настоящими текстами, в светлой и тёмной теме.",
        "Із цих елементів складаються всі сторінки. Тут вони зі справжніми текстами, у світлій і темній темі.",
        "All pages are made of these components. Here they have real texts, in light and dark.",
    ),
    "style_theme": ("Тема", "Тема", "Theme"),
    "style_auto": ("Как в системе", "Як у системі", "As the system"),
    "style_light": ("Светлая", "Світла", "Light"),
    "style_dark": ("Тёмная", "Темна", "Dark"),
    "style_colours": ("Цвета", "Кольори", "Colours"),
    "style_forms": ("Формы", "Форми", "Forms"),
    "style_buttons": ("Кнопки", "Кнопки", "Buttons"),
    "style_said": ("Сообщения", "Повідомлення", "Notices"),
    "style_states": ("Состояния", "Стани", "States"),
    "style_lists": ("Списки", "Списки", "Lists"),
    "style_steps": ("Шаги и проверки", "Кроки й перевірки", "Steps and checks"),
    "style_waiting": ("Ожидание", "Очікування", "Waiting"),
    "style_sample_name": ("Анна Орлова", "Ганна Орлова", "Anna Orlova"),
    "style_sample_client": ("Иван Петров", "Іван Петров", "Ivan Petrov"),
    "style_extension_hint": (
        "От 1 до 40 знаков, как на АТС",
        "Від 1 до 40 знаків, як на АТС",
        "1 to 40 characters, as on the PBX",
    ),
    "style_extension_error": (
        "Номер 101 назначен дважды. Выберите другой.",
        "Номер 101 призначено двічі. Виберіть інший.",
        "Extension 101 is assigned twice. Choose another one.",
    ),
    "style_route_hint": (
        "Если ответственный не взял трубку",
        "Якщо відповідальний не відповів",
        "If the responsible manager does not pick up",
    ),
    "style_group_hint": (
        "Первый свободный сотрудник группы",
        "Перший вільний співробітник групи",
        "The first free member of the group",
    ),
    "style_address_ok": (
        "Сертификат действует 80 дней",
        "Сертифікат дійсний 80 днів",
        "The certificate is valid for 80 days",
    ),
    "style_port_bad": ("Порт закрыт", "Порт закрито", "The port is closed"),
    "style_port_todo": (
        "Откройте порт 5038 для адреса Dozvon в межсетевом экране АТС.",
        "Відкрийте порт 5038 для адреси Dozvon у мережевому екрані АТС.",
        "Open port 5038 for the address of Dozvon in the firewall of the PBX.",
    ),
    "style_step_address": ("Адрес", "Адреса", "Address"),
    "style_step_rehearsal": ("Репетиция", "Репетиція", "Rehearsal"),
}
