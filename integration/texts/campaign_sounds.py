"""Words of the page with a campaign's recorded sounds."""

from __future__ import annotations

CAMPAIGN_SOUNDS: dict[str, tuple[str, str, str]] = {
    "sound_title": ("Записи для клиентов", "Записи для клієнтів", "Recordings for clients"),
    "sound_open": ("Записи вместо текстов", "Записи замість текстів", "Recordings in place of texts"),
    "sound_intro": (
        "Запись играет клиентам вместо текста, который произносит программа. Сначала загрузите файл и прослушайте, "
        "как он звучит по телефону, затем выберите, где его играть.",
        "Запис грає клієнтам замість тексту, який вимовляє програма. Спершу завантажте файл і прослухайте, "
        "як він звучить по телефону, потім виберіть, де його грати.",
        "A recording is played to clients in place of a text that a program speaks. Upload a file first and hear how a "
        "telephone will play it, then choose where it is played.",
    ),
    "sound_where": ("Что слышит клиент", "Що чує клієнт", "What a client hears"),
    "sound_now": ("Сейчас", "Зараз", "Now"),
    "sound_is_text": ("текст", "текст", "text"),
    "sound_is_recording": ("запись", "запис", "recording"),
    "sound_is_nothing": ("ничего", "нічого", "nothing"),
    "sound_usual": ("обычные слова", "звичайні слова", "the usual words"),
    "sound_of_message": ("Голосовое сообщение", "Голосове повідомлення", "Voice message"),
    "sound_of_machine_message": (
        "Сообщение на автоответчик",
        "Повідомлення на автовідповідач",
        "Message on a machine",
    ),
    "sound_of_announcement": (
        "Если никто не взял клиента",
        "Якщо ніхто не взяв клієнта",
        "If nobody takes the client",
    ),
    "sound_speak": ("Вернуть текст", "Повернути текст", "Back to the text"),
    "sound_speak_of": ("Вернуть текст: {what}", "Повернути текст: {what}", "Back to the text: {what}"),
    "sound_file": ("Файл", "Файл", "File"),
    "sound_file_hint": (
        "WAV, MP3, OGG или FLAC, до 4 минут и 20 МБ.",
        "WAV, MP3, OGG або FLAC, до 4 хвилин і 20 МБ.",
        "WAV, MP3, OGG or FLAC, at most 4 minutes and 20 MB.",
    ),
    "sound_upload": ("Загрузка файла", "Завантаження файлу", "Upload a file"),
    "sound_send": ("Загрузить", "Завантажити", "Upload"),
    "sound_all": ("Загруженные записи", "Завантажені записи", "Uploaded recordings"),
    "sound_none": ("Записей пока нет.", "Записів поки немає.", "There are no recordings yet."),
    "sound_seconds": ("{n} с", "{n} с", "{n} s"),
    "sound_hear_of": ("Прослушать: {name}", "Прослухати: {name}", "Hear it: {name}"),
    "sound_use": ("Играть здесь", "Грати тут", "Play it here"),
    "sound_use_of": ("Где играть: {name}", "Де грати: {name}", "Where to play: {name}"),
    "sound_choose": ("Выбрать", "Вибрати", "Choose"),
    "sound_choose_of": ("Выбрать: {name}", "Вибрати: {name}", "Choose: {name}"),
    "sound_delete": ("Удалить", "Видалити", "Delete"),
    "sound_delete_of": ("Удалить: {name}", "Видалити: {name}", "Delete: {name}"),
    "sound_plays_as": ("Играет: {where}", "Грає: {where}", "Played: {where}"),
    "sound_added": ("Запись загружена. Прослушайте её.", "Запис завантажено. Прослухайте його.", "Uploaded. Hear it."),
    "sound_used": (
        "Запись выбрана. Следующие клиенты услышат её.",
        "Запис вибрано. Наступні клієнти почують його.",
        "The recording is chosen: the next clients will hear it.",
    ),
    "sound_spoken": (
        "Снова произносится текст.",
        "Знову вимовляється текст.",
        "The text is spoken again.",
    ),
    "sound_deleted": ("Запись удалена.", "Запис видалено.", "The recording was deleted."),
    "sound_in_use": (
        "Эту запись слышат клиенты: сначала верните текст или выберите другую.",
        "Цей запис чують клієнти: спершу поверніть текст або виберіть інший.",
        "Clients hear this recording: go back to the text or choose another one first.",
    ),
    "sound_gone": ("Такой записи больше нет.", "Такого запису більше немає.", "There is no such recording any more."),
    "sound_too_many": (
        "У обзвона уже 20 записей: удалите ненужную.",
        "В обдзвону вже 20 записів: видаліть непотрібний.",
        "The campaign has 20 recordings: delete one.",
    ),
    "sound_trouble_missing": ("Выберите файл.", "Виберіть файл.", "Choose a file."),
    "sound_trouble_too_large": (
        "Файл больше 20 МБ.",
        "Файл більший за 20 МБ.",
        "The file has more than 20 MB.",
    ),
    "sound_trouble_bad_sound": (
        "Это не звуковой файл, который можно прочитать. Подойдут WAV, MP3, OGG и FLAC.",
        "Це не звуковий файл, який можна прочитати. Підійдуть WAV, MP3, OGG і FLAC.",
        "This is no sound file that can be read. WAV, MP3, OGG and FLAC will do.",
    ),
    "sound_trouble_no_sound": (
        "В этом файле ничего не слышно.",
        "У цьому файлі нічого не чути.",
        "There is nothing to hear in this file.",
    ),
    "sound_trouble_too_long": (
        "Запись длиннее 4 минут.",
        "Запис довший за 4 хвилини.",
        "The recording is longer than 4 minutes.",
    ),
    "sound_words_needed": (
        "Без этой записи клиент не услышит ничего: сначала напишите текст в правилах.",
        "Без цього запису клієнт не почує нічого: спершу напишіть текст у правилах.",
        "Without this recording a client hears nothing: write a text into the rules first.",
    ),
}
