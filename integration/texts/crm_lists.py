"""The texts of lists from the CRM: which contacts, companies, leads and deals are meant, and what was left out."""

from __future__ import annotations

# key: (ru, uk, en)
CRM_LISTS: dict[str, tuple[str, str, str]] = {
    "crm_list": ("Добавить из CRM", "Додати з CRM", "Add from the CRM"),
    "crm_list_lead": (
        "Все, кто подходит под условия, попадут в список. Сделка попадает со своим основным контактом.",
        "Усі, хто відповідає умовам, потраплять до списку. Угода потрапляє зі своїм основним контактом.",
        "Everybody who fits goes into the list. A deal goes with its main contact.",
    ),
    "crm_list_title": ("Из CRM: {name}", "З CRM: {name}", "From the CRM: {name}"),
    "crm_list_whom": ("Кого добавить", "Кого додати", "Whom to add"),
    "crm_list_contacts": ("Контакты", "Контакти", "Contacts"),
    "crm_list_companys": ("Компании", "Компанії", "Companies"),
    "crm_list_leads": ("Лиды", "Ліди", "Leads"),
    "crm_list_deals": ("Сделки", "Угоди", "Deals"),
    "crm_list_stages": ("Этапы сделок", "Етапи угод", "Stages of deals"),
    "crm_list_stages_hint": (
        "Учитываются, только если добавляете сделки. Ничего не отмечено: все этапы.",
        "Враховуються, лише якщо додаєте угоди. Нічого не позначено: усі етапи.",
        "They count for deals only. Nothing is ticked: all stages.",
    ),
    "crm_list_all_stages": ("все этапы", "усі етапи", "all stages"),
    "crm_list_open": ("только открытые", "лише відкриті", "open ones only"),
    "crm_list_responsible": ("Ответственный", "Відповідальний", "Responsible"),
    "crm_list_responsible_hint": (
        "Никто не отмечен: все.",
        "Нікого не позначено: усі.",
        "Nobody is ticked: everybody’s.",
    ),
    "crm_list_created": ("Когда созданы", "Коли створені", "When they were created"),
    "crm_list_from": ("С этого дня", "Від цього дня", "From this day"),
    "crm_list_until": ("По этот день", "До цього дня", "To this day"),
    "crm_list_begin": ("Добавить в список", "Додати до списку", "Add to the list"),
    "crm_list_repeat": ("Добавить новых", "Додати нових", "Add new ones"),
    "crm_list_repeat_hint": (
        "То же условие ещё раз: добавятся те, кого ещё нет в списке.",
        "Та сама умова ще раз: додадуться ті, кого ще немає у списку.",
        "The same filter again: those who are not in the list yet are added.",
    ),
    "crm_list_no_pipelines": (
        "CRM сейчас не отдаёт воронки. Попробуйте через минуту; контакты можно добавить и без них.",
        "CRM зараз не віддає воронки. Спробуйте за хвилину; контакти можна додати й без них.",
        "The CRM does not give its pipelines now. Try again in a minute; contacts can be added without them.",
    ),
    "crm_list_no_kind": ("Выберите, кого добавить.", "Виберіть, кого додати.", "Choose whom to add."),
    "crm_list_no_day": ("Такого дня нет.", "Такого дня немає.", "There is no such day."),
    "crm_list_days_turned": (
        "Этот день раньше первого.",
        "Цей день раніше за перший.",
        "This day is before the first one.",
    ),
    "crm_list_running": ("Прочитано в CRM: {done}", "Прочитано в CRM: {done}", "Read in the CRM: {done}"),
    "file_trouble_crm_refused": (
        "CRM не отдала список до конца. Проверьте подключение CRM и права, затем нажмите «Добавить новых».",
        "CRM не віддала список до кінця. Перевірте підключення CRM і права, потім натисніть «Додати нових».",
        "The CRM did not give the whole list. Check its connection and rights, then press “Add new ones”.",
    ),
    "row_nobody": ("у сделки нет контактов", "в угоди немає контактів", "the deal has no contacts"),
    "row_not_found": (
        "контакты сделки удалены из CRM",
        "контакти угоди видалено з CRM",
        "the deal’s contacts are deleted in the CRM",
    ),
}
