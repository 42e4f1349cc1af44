"""The words of a PBX's setup in Russian, Ukrainian and English: why something is a trunk, what a context is for, how a
phone rang."""

from __future__ import annotations

from integration.domain.sentences import Words

TRUNK_SIGNS = {
    "registration": Words(
        "registration",
        "регистрируется у оператора",
        "реєструється в оператора",
        "registers with a carrier",
    ),
    "login": Words(
        "login", "входит на другую сторону по паролю", "входить на інший бік за паролем", "logs in elsewhere"
    ),
    "by_address": Words(
        "by_address", "узнаётся по IP-адресу", "упізнається за IP-адресою", "is known by its IP address"
    ),
    "outgoing_route": Words(
        "outgoing_route", "через него звонят наружу", "через нього дзвонять назовні", "calls to the outside use it"
    ),
    "incoming_context": Words(
        "incoming_context",
        "его звонки приходят как внешние",
        "його дзвінки надходять як зовнішні",
        "its calls enter as calls from outside",
    ),
    "port": Words("port", "порт платы", "порт плати", "a port of a card"),
    "name": Words(
        "name",
        "имя не похоже на внутренний номер",
        "ім’я не схоже на внутрішній номер",
        "its name does not look like an extension",
    ),
}
"""By `TrunkSign`."""

CONTEXT_PURPOSES = {
    "incoming": Words("incoming", "звонки снаружи", "дзвінки ззовні", "calls from outside"),
    "phones": Words("phones", "набор с телефонов", "набір із телефонів", "dialling from phones"),
    "ours": Words("ours", "контекст Dozvon", "контекст Dozvon", "Dozvon’s own"),
    "other": Words("other", "другое", "інше", "other"),
}
"""By `ContextPurpose`."""

RING_RESULTS = {
    "answered": Words("answered", "Телефон ответил.", "Телефон відповів.", "The phone answered."),
    "rang_out": Words(
        "rang_out",
        "Телефон звонил, но никто не ответил.",
        "Телефон дзвонив, але ніхто не відповів.",
        "The phone rang, but nobody answered.",
    ),
    "busy": Words("busy", "Телефон занят.", "Телефон зайнятий.", "The phone is busy."),
    "declined": Words("declined", "Звонок отклонили.", "Дзвінок відхилили.", "The call was declined."),
    "not_registered": Words(
        "not_registered",
        "Телефон не зарегистрирован на АТС: проверьте, включён ли он.",
        "Телефон не зареєстрований на АТС: перевірте, чи він увімкнений.",
        "The phone is not registered with the PBX: is it switched on?",
    ),
    "no_such_extension": Words(
        "no_such_extension",
        "На АТС нет такого внутреннего номера.",
        "На АТС немає такого внутрішнього номера.",
        "The PBX has no such extension.",
    ),
    "failed": Words(
        "failed",
        "Позвонить не удалось: АТС завершила звонок с ошибкой.",
        "Подзвонити не вдалося: АТС завершила дзвінок із помилкою.",
        "The call failed: the PBX ended it with an error.",
    ),
}
"""By `RingResult`."""
