"""The texts of the list of people, in Russian, Ukrainian and English: suggestions, troubles, absences, ringing."""

from __future__ import annotations

# key: (ru, uk, en)
PEOPLE: dict[str, tuple[str, str, str]] = {
    "people_lead": (
        "Без номера менеджер не увидит карточек и не сможет звонить. Здесь активные и оплаченные пользователи CRM.",
        "Без номера менеджер не побачить карток і не зможе дзвонити. Тут активні й оплачені користувачі CRM.",
        "Without an extension a manager sees no cards and cannot call. Only active and paid CRM users are listed.",
    ),
    "manager": ("Менеджер CRM", "Менеджер CRM", "CRM manager"),
    "extension": ("Внутренний номер", "Внутрішній номер", "Extension"),
    "phone_type": ("Телефон", "Телефон", "Phone"),
    "not_assigned": ("— не назначен —", "— не призначено —", "— none —"),
    "people_mapped_of": (
        "Менеджеров с номером: {mapped} из {all}",
        "Менеджерів із номером: {mapped} з {all}",
        "Managers with an extension: {mapped} of {all}",
    ),
    "no_managers": (
        "Список менеджеров пуст: CRM ещё не подключена или не ответила.",
        "Список менеджерів порожній: CRM ще не підключено або вона не відповіла.",
        "There are no managers to show: the CRM is not connected yet, or it did not answer.",
    ),
    "phone_type_hint": (
        "Sip: настольный телефон или приложение. Web: телефон в браузере; выбор запоминается, но на звонки пока не"
        " влияет.",
        "Sip: настільний телефон або застосунок. Web: телефон у браузері; вибір запам’ятовується, але на дзвінки поки"
        " не впливає.",
        "Sip: a desk phone or an application. Web: a phone in the browser; the choice is kept, but has no effect on"
        " calls yet.",
    ),
    "note_in_file": ("из файла конфигурации", "із файлу конфігурації", "from the configuration file"),
    "note_also": ("ещё: {extension}", "ще: {extension}", "also: {extension}"),
    "note_doubled": ("номер назначен дважды", "номер призначено двічі", "extension used twice"),
    "named_in_file": (
        "Номер {extension} задан в файле конфигурации, и файл главнее этой страницы. Измените его там"
        " и перезапустите Dozvon. Ничего не сохранено.",
        "Номер {extension} задано у файлі конфігурації, і файл головніший за цю сторінку. Змініть його там"
        " і перезапустіть Dozvon. Нічого не збережено.",
        "Extension {extension} is set in the configuration file, and the file wins over this page. Change it there"
        " and restart Dozvon. Nothing was saved.",
    ),
    "doubled": (
        "Номер {extension} назначен дважды. Изменения не сохранены.",
        "Номер {extension} призначено двічі. Зміни не збережено.",
        "Extension {extension} is assigned twice. Nothing was saved.",
    ),
    "pbx_silent": (
        "АТС{pbx} не на связи: список внутренних номеров может быть неполным.",
        "АТС{pbx} не на зв’язку: список внутрішніх номерів може бути неповним.",
        "The PBX{pbx} is not connected: the list of extensions may be incomplete.",
    ),
    # ---- filters
    "find_people": ("Имя, e-mail или номер", "Ім’я, e-mail або номер", "Name, e-mail or extension"),
    "show_people": ("Показать", "Показати", "Show"),
    "show_all": ("Все", "Усі", "All"),
    "show_unmapped": ("Без номера", "Без номера", "Without an extension"),
    "show_problems": ("С замечаниями", "Із зауваженнями", "With problems"),
    "show_absent": ("Отсутствуют", "Відсутні", "Away"),
    "show_inactive": ("Отключены в CRM", "Вимкнені в CRM", "Inactive in the CRM"),
    "no_people_found": (
        "Никто не подходит под этот поиск.",
        "Ніхто не підходить під цей пошук.",
        "Nobody matches this search.",
    ),
    # ---- troubles, by `domain.people.mapping.Trouble`
    "trouble_unmapped": ("нет номера", "немає номера", "no extension"),
    "trouble_twice": ("два номера на одной АТС", "два номери на одній АТС", "two extensions of one PBX"),
    "trouble_unknown_extension": (
        "такого номера нет на АТС",
        "такого номера немає на АТС",
        "the PBX has no such extension",
    ),
    "trouble_gone": ("удалён в CRM", "видалений у CRM", "deleted in the CRM"),
    "trouble_inactive": ("отключён в CRM", "вимкнений у CRM", "inactive in the CRM"),
    "trouble_unpaid": ("не оплачен в CRM", "не оплачений у CRM", "not paid in the CRM"),
    "trouble_not_registered": ("телефон не в сети", "телефон не в мережі", "phone is offline"),
    "trouble_second_device": ("несколько телефонов", "кілька телефонів", "several phones"),
    # what to do, beside the count of those whom it concerns
    "mend_unmapped": (
        "Выберите номер или возьмите подсказку.",
        "Виберіть номер або візьміть підказку.",
        "Choose an extension or take a suggestion.",
    ),
    "mend_twice": (
        "Клики и карточки работают с первым номером. Уберите лишний: выберите «не назначен», сохраните и выберите"
        " нужный.",
        "Кліки й картки працюють із першим номером. Приберіть зайвий: виберіть «не призначено», збережіть і виберіть"
        " потрібний.",
        "Clicks and cards work with the first one. To remove the other choose none, save, and choose the right one.",
    ),
    "mend_unknown_extension": (
        "Выберите номер, который есть на АТС, или заведите его на АТС.",
        "Виберіть номер, який є на АТС, або створіть його на АТС.",
        "Choose an extension that the PBX has, or create it there.",
    ),
    "mend_gone": (
        "Уберите номер: его сможет получить другой менеджер.",
        "Приберіть номер: його зможе отримати інший менеджер.",
        "Remove the extension: another manager can have it.",
    ),
    "mend_inactive": (
        "Уберите номер или включите пользователя в CRM.",
        "Приберіть номер або увімкніть користувача в CRM.",
        "Remove the extension, or activate the user in the CRM.",
    ),
    "mend_unpaid": (
        "Уберите номер или оплатите пользователя в CRM.",
        "Приберіть номер або оплатіть користувача в CRM.",
        "Remove the extension, or pay for the user in the CRM.",
    ),
    "mend_not_registered": (
        "Включите телефон и проверьте логин и пароль в нём; потом нажмите «Позвонить».",
        "Увімкніть телефон і перевірте логін та пароль у ньому; потім натисніть «Подзвонити».",
        "Switch the phone on and check its login and password; then press “Ring”.",
    ),
    "mend_second_device": (
        "На звонок отзовутся все. Если второй телефон лишний, уберите его на АТС.",
        "На дзвінок озвуться всі. Якщо другий телефон зайвий, приберіть його на АТС.",
        "All of them ring. If one is too many, remove it on the PBX.",
    ),
    "show_them": ("Показать", "Показати", "Show them"),
    "devices": ("телефоны: {names}", "телефони: {names}", "phones: {names}"),
    # ---- suggestions
    "suggestions_title": (
        "Подсказки без сомнений: {count}",
        "Підказки без сумнівів: {count}",
        "Suggestions without doubt: {count}",
    ),
    "suggestions_all": ("Все подсказки", "Усі підказки", "All suggestions"),
    "take_all": ("Взять все: {count}", "Взяти всі: {count}", "Take all: {count}"),
    "take_one": ("Взять {extension}", "Взяти {extension}", "Take {extension}"),
    "take_one_for": (
        "Взять {extension} для менеджера: {name}",
        "Взяти {extension} для менеджера: {name}",
        "Take {extension} for {name}",
    ),
    "suggestion_weak": ("догадка", "здогад", "a guess"),
    "suggestion_ambiguous": ("неоднозначно", "неоднозначно", "ambiguous"),
    "sign_profile_extension": (
        "внутренний номер в профиле CRM: {value}",
        "внутрішній номер у профілі CRM: {value}",
        "extension in the CRM profile: {value}",
    ),
    "sign_same_email": ("e-mail совпадает: {value}", "e-mail збігається: {value}", "same e-mail: {value}"),
    "sign_same_phone": ("мобильный совпадает: {value}", "мобільний збігається: {value}", "same mobile: {value}"),
    "sign_same_name": ("имя совпадает: {value}", "ім’я збігається: {value}", "same name: {value}"),
    "sign_same_word": ("имя совпадает: {value}", "ім’я збігається: {value}", "same name: {value}"),
    "sign_spelled_name": (
        "имя другими буквами: {value}",
        "ім’я іншими літерами: {value}",
        "same name in other letters: {value}",
    ),
    "sign_name_within": (
        "имя совпадает частично: {value}",
        "ім’я збігається частково: {value}",
        "the name is part of: {value}",
    ),
    "sign_initials": (
        "фамилия и инициалы совпадают: {value}",
        "прізвище та ініціали збігаються: {value}",
        "same surname and initials: {value}",
    ),
    "sign_email_name": (
        "e-mail похож на имя: {value}",
        "e-mail схожий на ім’я: {value}",
        "the e-mail is made of the name: {value}",
    ),
    "sign_email_extension": (
        "e-mail начинается с номера: {value}",
        "e-mail починається з номера: {value}",
        "the e-mail begins with the extension: {value}",
    ),
    "sign_part_of_name": ("похоже на имя: {value}", "схоже на ім’я: {value}", "looks like the name: {value}"),
    "sign_part_of_email": ("похоже на e-mail: {value}", "схоже на e-mail: {value}", "looks like the e-mail: {value}"),
    # ---- absence
    "absent_label": ("отсутствует", "відсутній", "away"),
    "absent_by_administrator": (
        "отсутствует: отметка администратора",
        "відсутній: позначка адміністратора",
        "away: marked by an administrator",
    ),
    "absent_by_administrator_until": (
        "отсутствует до {end}: отметка администратора",
        "відсутній до {end}: позначка адміністратора",
        "away until {end}: marked by an administrator",
    ),
    "absent_by_manager": (
        "отсутствует: своя отметка в CRM",
        "відсутній: власна позначка в CRM",
        "away: own mark in the CRM",
    ),
    "absent_by_manager_until": (
        "отсутствует до {end}: своя отметка в CRM",
        "відсутній до {end}: власна позначка в CRM",
        "away until {end}: own mark in the CRM",
    ),
    "absent_people": ("Отсутствуют", "Відсутні", "Away"),
    "absent_more": ("и ещё: {count}", "і ще: {count}", "and {count} more"),
    # ---- actions
    "choose_person": ("Выбрать: {name}", "Вибрати: {name}", "Choose {name}"),
    "choose_all_shown": ("Выбрать всех на странице", "Вибрати всіх на сторінці", "Choose all on this page"),
    "with_chosen": ("С выбранными", "Із вибраними", "With the chosen"),
    "scope": ("Кого касается", "Кого стосується", "Applies to"),
    "scope_chosen": ("отмеченные галочкой", "позначені галочкою", "those ticked"),
    "scope_all": ("все найденные: {count}", "усі знайдені: {count}", "all found: {count}"),
    "do_take": ("Взять подсказки", "Взяти підказки", "Take suggestions"),
    "do_free": ("Убрать номер", "Прибрати номер", "Remove the extension"),
    "do_absent": ("Отметить отсутствующими", "Позначити відсутніми", "Mark as away"),
    "do_present": ("На месте", "На місці", "Back"),
    "do_present_one": ("На месте: {name}", "На місці: {name}", "{name} is back"),
    "do_ring": ("Позвонить", "Подзвонити", "Ring"),
    "do_ring_one": (
        "Позвонить на {extension}",
        "Подзвонити на {extension}",
        "Ring {extension}",
    ),
    "absent_until_field": (
        "До какого времени ({zone}); пусто: до отмены",
        "До якого часу ({zone}); порожньо: до скасування",
        "Until ({zone}); empty: until further notice",
    ),
    "nobody_chosen": (
        "Никто не выбран: отметьте галочками тех, кого это касается.",
        "Нікого не вибрано: позначте галочками тих, кого це стосується.",
        "Nobody is chosen: tick at least one manager.",
    ),
    "none_has_extension": (
        "Ни у кого из выбранных нет номера. Ничего не сохранено.",
        "Ні в кого з вибраних немає номера. Нічого не збережено.",
        "None of the chosen has an extension. Nothing was saved.",
    ),
    "no_such_moment": (
        "Отсутствие должно закончиться в будущем, не позже чем через год. Ничего не сохранено.",
        "Відсутність має закінчитися в майбутньому, не пізніше ніж за рік. Нічого не збережено.",
        "An absence must end in the future, within a year. Nothing was saved.",
    ),
    "nothing_to_take": (
        "Для выбранных нет подсказок без сомнений. Ничего не сохранено.",
        "Для вибраних немає підказок без сумнівів. Нічого не збережено.",
        "There are no suggestions without doubt for them. Nothing was saved.",
    ),
    "free_title": ("Убрать номер: {count}", "Прибрати номер: {count}", "Remove extensions: {count}"),
    "free_consequence_cards": (
        "Эти менеджеры не увидят карточек и не смогут звонить из CRM.",
        "Ці менеджери не побачать карток і не зможуть дзвонити із CRM.",
        "These managers will see no cards and cannot call from the CRM.",
    ),
    "free_consequence_calls": (
        "Звонки их клиентов пойдут по обычной схеме АТС.",
        "Дзвінки їхніх клієнтів підуть за звичайною схемою АТС.",
        "Calls of their clients take the PBX’s normal route.",
    ),
    "absent_title": (
        "Отметить отсутствующими: {count}",
        "Позначити відсутніми: {count}",
        "Mark as away: {count}",
    ),
    "absent_consequence_calls": (
        "Звонки клиентов не будут поступать этим менеджерам: их примут другие ответственные или схема АТС.",
        "Дзвінки клієнтів не надходитимуть цим менеджерам: їх приймуть інші відповідальні або схема АТС.",
        "Clients’ calls do not ring at these managers: they go to other responsible managers or the PBX’s route.",
    ),
    "absent_consequence_end": (
        "Закончится само: {end}.",
        "Закінчиться само: {end}.",
        "It ends by itself: {end}.",
    ),
    "absent_consequence_no_end": (
        "Пока кто-нибудь не отметит, что они на месте.",
        "Доки хтось не позначить, що вони на місці.",
        "Until somebody marks them as back.",
    ),
    "these_people": ("Это: {names}", "Це: {names}", "They are: {names}"),
    "can_be_undone": (
        "Изменение можно отменить на странице «История изменений».",
        "Зміну можна скасувати на сторінці «Історія змін».",
        "The change can be undone on the page Changes.",
    ),
    "people_taken": ("Номера назначены.", "Номери призначено.", "The extensions are assigned."),
    "people_freed": ("Номера убраны.", "Номери прибрано.", "The extensions are removed."),
    "people_absent": ("Отмечены отсутствующими.", "Позначено як відсутніх.", "They are marked as away."),
    "people_present": ("Отмечены на месте.", "Позначено на місці.", "They are back."),
    # ---- by groups of the CRM
    "groups_title": ("Добавить по группе CRM", "Додати за групою CRM", "Add by CRM group"),
    "groups_lead": (
        "Активные и оплаченные менеджеры выбранных групп получат следующие свободные номера. Сначала вы увидите, кто"
        " какой номер получит.",
        "Активні й оплачені менеджери вибраних груп отримають наступні вільні номери. Спочатку ви побачите, хто який"
        " номер отримає.",
        "Active and paid managers of the chosen groups get the next free extensions. You see first who gets which.",
    ),
    "groups_empty": (
        "CRM не назвала ни отделов, ни групп доступа.",
        "CRM не назвала ні відділів, ні груп доступу.",
        "The CRM names neither departments nor access groups.",
    ),
    "group_department": ("Отделы", "Відділи", "Departments"),
    "group_access": ("Группы доступа", "Групи доступу", "Access groups"),
    "group_count": ("менеджеров: {count}", "менеджерів: {count}", "managers: {count}"),
    "range_first": ("Номера с", "Номери з", "Extensions from"),
    "range_last": ("по", "до", "to"),
    "range_hint": (
        "Например, 201 и 299. Занятые номера пропускаются.",
        "Наприклад, 201 і 299. Зайняті номери пропускаються.",
        "For example 201 and 299. Those in use are left out.",
    ),
    "groups_preview": ("Показать, что получится", "Показати, що вийде", "Show what would come of it"),
    "groups_plan": ("Будет добавлено: {count}", "Буде додано: {count}", "To be added: {count}"),
    "groups_suggestions_first": (
        "Если у менеджера уже есть телефон на АТС, сначала возьмите подсказку в списке сотрудников.",
        "Якщо менеджер уже має телефон на АТС, спочатку візьміть підказку в списку співробітників.",
        "If a manager has a phone on the PBX already, take the suggestion in the list of people first.",
    ),
    "groups_add": ("Добавить: {count}", "Додати: {count}", "Add: {count}"),
    "groups_nobody": (
        "Добавлять некого: у всех менеджеров этих групп есть номер.",
        "Додавати нікого: усі менеджери цих груп мають номер.",
        "Nobody to add: every manager of these groups has an extension.",
    ),
    "groups_full": (
        "В диапазоне не хватило свободных номеров. Без номера останутся:",
        "У діапазоні забракло вільних номерів. Без номера залишаться:",
        "The range has too few free extensions. These stay without one:",
    ),
    "groups_left": ("Вышли из групп: {count}", "Вийшли з груп: {count}", "No longer in the groups: {count}"),
    "groups_left_hint": (
        "Номер остаётся за ними, пока вы не уберёте его в списке сотрудников.",
        "Номер залишається за ними, доки ви не приберете його в списку співробітників.",
        "They keep their extension until you remove it in the list of people.",
    ),
    "groups_none_chosen": (
        "Выберите хотя бы одну группу.",
        "Виберіть хоча б одну групу.",
        "Choose at least one group.",
    ),
    "groups_no_range": (
        "Напишите первый и последний номер: от 2 до 8 цифр, одинаковой длины, не больше 1000 номеров.",
        "Напишіть перший і останній номер: від 2 до 8 цифр, однакової довжини, не більше ніж 1000 номерів.",
        "Write the first and the last extension: 2 to 8 digits, of one length, at most 1000 of them.",
    ),
    "groups_changed": (
        "С тех пор что-то изменилось. Проверьте список и добавьте снова. Ничего не сохранено.",
        "Відтоді щось змінилося. Перевірте список і додайте знову. Нічого не збережено.",
        "Something has changed since. Check the list and add again. Nothing was saved.",
    ),
    "phones_lack": ("Нет на АТС: {count}", "Немає на АТС: {count}", "Not on the PBX: {count}"),
    "phones_lack_hint": (
        "Этих номеров на АТС ещё нет. Dozvon создаст телефоны с новыми паролями или покажет готовый блок для вставки.",
        "Цих номерів на АТС ще немає. Dozvon створить телефони з новими паролями або покаже готовий блок для вставки.",
        "The PBX does not have these extensions yet. Dozvon makes the phones with new passwords, or shows a block to"
        " paste.",
    ),
    "phones_make": ("Создать телефоны на АТС", "Створити телефони на АТС", "Make the phones on the PBX"),
    "phones_none_lack": (
        "Создавать нечего: все номера уже есть на АТС.",
        "Створювати нічого: усі номери вже є на АТС.",
        "Nothing to make: the PBX has all extensions.",
    ),
    "credentials_title": ("Пароли телефонов", "Паролі телефонів", "Passwords of the phones"),
    "credentials_once": (
        "Пароли показаны один раз: Dozvon их не хранит. Введите их в телефоны или скопируйте сейчас.",
        "Паролі показано один раз: Dozvon їх не зберігає. Введіть їх у телефони або скопіюйте зараз.",
        "The passwords are shown once: Dozvon does not keep them. Enter them into the phones, or copy them now.",
    ),
    "credentials_made": (
        "Телефоны созданы на АТС.",
        "Телефони створено на АТС.",
        "The phones are made on the PBX.",
    ),
    "credentials_steps": ("Что сделать на АТС", "Що зробити на АТС", "What to do on the PBX"),
    "credentials_not_renewed": (
        "Интеграция включена, но пароли телефонов не сменились: {detail}",
        "Інтеграцію ввімкнено, але паролі телефонів не змінилися: {detail}",
        "The integration is on, but the phones’ passwords were not changed: {detail}",
    ),
    "switch_off_phones": (
        "При включении у телефонов, созданных Dozvon, сменятся пароли: их придётся ввести заново.",
        "Під час увімкнення в телефонів, створених Dozvon, зміняться паролі: їх доведеться ввести знову.",
        "Phones made by Dozvon get new passwords when it is switched on again: enter them again.",
    ),
    "sip_login": ("Логин SIP", "Логін SIP", "SIP login"),
    "sip_password": ("Пароль SIP", "Пароль SIP", "SIP password"),
    "back_to_list": ("К списку", "До списку", "Back to the list"),
    # ---- let it ring
    "ring_said": ("{extension}: {result}", "{extension}: {result}", "{extension}: {result}"),
    "ring_talking": (
        "На этом телефоне идёт разговор: проверим после него.",
        "На цьому телефоні триває розмова: перевіримо після неї.",
        "This phone is in a call: try again after it.",
    ),
    "ring_one_at_a_time": (
        "Сейчас проверяют другой телефон: дождитесь конца.",
        "Зараз перевіряють інший телефон: дочекайтеся кінця.",
        "Another phone is being tried at this moment: wait until it ends.",
    ),
    "ring_not_here": (
        "Эту АТС нельзя попросить позвонить: наберите номер с другого телефона.",
        "Цю АТС не можна попросити подзвонити: наберіть номер з іншого телефону.",
        "This PBX cannot be asked to ring: dial the extension from another phone.",
    ),
    "ring_seconds_hint": (
        "Телефон звонит до {seconds} секунд; если снять трубку, звонок закончится.",
        "Телефон дзвонить до {seconds} секунд; якщо зняти слухавку, дзвінок закінчиться.",
        "The phone rings for up to {seconds} seconds; when it is answered, the call ends.",
    ),
}
