"""The wizard's texts about finding lines by a call, in Russian, Ukrainian and English."""

from __future__ import annotations

# key: (ru, uk, en)
LINE_TEXTS: dict[str, tuple[str, str, str]] = {
    "watch_title": ("Найти линию звонком", "Знайти лінію дзвінком", "Find a line by calling it"),
    "watch_lead": (
        "Нажмите кнопку и позвоните с мобильного на любой номер офиса: здесь появится, через какой транк и на какой"
        " номер пришёл звонок. Dozvon только смотрит: звонок идёт как обычно.",
        "Натисніть кнопку і подзвоніть з мобільного на будь-який номер офісу: тут з’явиться, через який транк і на який"
        " номер надійшов дзвінок. Dozvon лише дивиться: дзвінок іде як звичайно.",
        "Press the button and call any number of the office from a mobile: the trunk and the number that the call came"
        " through appear here. Dozvon only watches; the call goes its usual way.",
    ),
    "watch_start": ("Ждать звонка", "Чекати на дзвінок", "Wait for a call"),
    "watch_again": ("Ждать ещё раз", "Чекати ще раз", "Wait again"),
    "watch_stop": ("Больше не ждать", "Більше не чекати", "Stop waiting"),
    "watch_waits": (
        "Позвоните на любой номер, мы ждём…",
        "Подзвоніть на будь-який номер, ми чекаємо…",
        "Call any number, we are waiting…",
    ),
    "watch_until": ("Ждём до {until}", "Чекаємо до {until}", "Waiting until {until}"),
    "watch_over": (
        "Время ожидания вышло.",
        "Час очікування вийшов.",
        "The time to wait is over.",
    ),
    "watch_stopped": ("Больше не ждём звонка.", "Більше не чекаємо на дзвінок.", "No longer waiting for a call."),
    "watch_failed": (
        "АТС не показывает звонки. Проверьте шаг «АТС».",
        "АТС не показує дзвінки. Перевірте крок «АТС».",
        "The PBX does not show its calls. Check the step “PBX”.",
    ),
    "watch_nothing": (
        "Звонков пока не было.",
        "Дзвінків поки не було.",
        "No call yet.",
    ),
    "came_through": ("Транк: {trunk}", "Транк: {trunk}", "Trunk: {trunk}"),
    "calls_seen": (
        "Звонков: {count}, последний с номера: {caller}",
        "Дзвінків: {count}, останній з номера: {caller}",
        "Calls: {count}, the last one from: {caller}",
    ),
    "seen_known": ("✓ Ваша линия: {name}", "✓ Ваша лінія: {name}", "✓ Your line: {name}"),
    "seen_new": (
        "Такой линии ещё нет. Назовите её и добавьте.",
        "Такої лінії ще немає. Назвіть її та додайте.",
        "There is no such line yet. Name it and add it.",
    ),
    "seen_nameless": (
        "АТС не показала набранный номер. Для звонков через этот транк действуют общие правила.",
        "АТС не показала набраний номер. Для дзвінків через цей транк діють спільні правила.",
        "The PBX did not show the dialled number. Calls through this trunk follow the rules for all lines.",
    ),
    "seen_inside": (
        "Звонок из офиса. Если вы звонили снаружи, отметьте это устройство как транк:",
        "Дзвінок з офісу. Якщо ви дзвонили ззовні, позначте цей пристрій як транк:",
        "A call from inside the office. If you called from outside, tick this device as a trunk:",
    ),
    "no_number_shown": ("Номер не показан", "Номер не показано", "No number shown"),
    "line_name_hint": ("Например: Реклама", "Наприклад: Реклама", "For example: Advertising"),
    "read_lines": ("Прочитать линии из АТС", "Прочитати лінії з АТС", "Read the lines from the PBX"),
    "lines_found": ("Линии из схемы АТС", "Лінії зі схеми АТС", "Lines of the PBX’s dialplan"),
    "no_new_lines": (
        "Других линий в схеме АТС нет.",
        "Інших ліній у схемі АТС немає.",
        "The PBX’s dialplan has no other lines.",
    ),
    "try_dialling": ("Проверить набор на АТС", "Перевірити набір на АТС", "Try the dialling on the PBX"),
    "try_dialling_hint": (
        "Проверяется сохранённое: схема АТС принимает такие номера или нет. Телефоны не звонят.",
        "Перевіряється збережене: схема АТС приймає такі номери чи ні. Телефони не дзвонять.",
        "What is saved is tried: does the PBX’s dialplan take such numbers? No phone rings.",
    ),
}
