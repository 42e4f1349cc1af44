"""Messages to a user of the CRM whose click on its page did not lead to a call."""

from __future__ import annotations

from integration.texts import LANGUAGES

_WHY: dict[str, tuple[str, str, str]] = {
    "no_extension": (
        "Звонок не начат: вам не назначен внутренний номер. Попросите администратора назначить его.",
        "Дзвінок не розпочато: вам не призначено внутрішній номер. Попросіть адміністратора призначити його.",
        "The call was not started: no extension is assigned to you. Ask your administrator to assign one.",
    ),
    "not_allowed": (
        "Звонок не начат: ваша учётная запись в CRM неактивна.",
        "Дзвінок не розпочато: ваш обліковий запис у CRM неактивний.",
        "The call was not started: your account in the CRM is not active.",
    ),
    "integration_disabled": (
        "Звонок не начат: телефония для вас выключена.",
        "Дзвінок не розпочато: телефонію для вас вимкнено.",
        "The call was not started: telephony is switched off for you.",
    ),
    "bad_number": (
        "Звонок не начат: это не похоже на номер телефона.",
        "Дзвінок не розпочато: це не схоже на номер телефону.",
        "The call was not started: this does not look like a telephone number.",
    ),
    "already_talking": (
        "Звонок не начат: вы уже разговариваете. Завершите разговор и нажмите ещё раз.",
        "Дзвінок не розпочато: ви вже розмовляєте. Завершіть розмову й натисніть ще раз.",
        "The call was not started: you are in a call. End it and click again.",
    ),
    "busy_double_click": (
        "Этот номер вы нажали только что: он уже набирается. Если телефон молчит, нажмите ещё раз через 5 секунд.",
        "Цей номер ви щойно натиснули: він уже набирається. Якщо телефон мовчить, натисніть ще раз за 5 секунд.",
        "You have just clicked this number: it is being dialled. If your phone is silent, click again in 5 seconds.",
    ),
    "too_many_clicks": (
        "Звонок не начат: слишком много звонков за минуту. Подождите немного.",
        "Дзвінок не розпочато: забагато дзвінків за хвилину. Зачекайте трохи.",
        "The call was not started: too many calls within a minute. Wait a little.",
    ),
    "premium_not_allowed": (
        "Звонок не начат: это платный номер, и администратор не разрешил такие звонки.",
        "Дзвінок не розпочато: це платний номер, і адміністратор не дозволив такі дзвінки.",
        "The call was not started: this is a premium number, and your administrator does not allow such calls.",
    ),
    "satellite_not_allowed": (
        "Звонок не начат: это номер спутниковой связи, и администратор не разрешил такие звонки.",
        "Дзвінок не розпочато: це номер супутникового зв’язку, і адміністратор не дозволив такі дзвінки.",
        "The call was not started: this is a satellite number, and your administrator does not allow such calls.",
    ),
    "pbx_cannot_dial": (
        "Звонок не начат: эта АТС не умеет звонить по щелчку. Наберите номер на телефоне.",
        "Дзвінок не розпочато: ця АТС не вміє телефонувати за натисканням. Наберіть номер на телефоні.",
        "The call was not started: this telephone system cannot start calls. Dial on the phone.",
    ),
    "pbx_offline": (
        "Звонок не начат: нет связи с АТС. Попробуйте через минуту.",
        "Дзвінок не розпочато: немає зв’язку з АТС. Спробуйте за хвилину.",
        "The call was not started: the telephone system is not connected. Try again in a minute.",
    ),
    "stale": (
        "Звонок не начат: щелчок дошёл до АТС слишком поздно. Нажмите ещё раз.",
        "Дзвінок не розпочато: натискання дійшло до АТС надто пізно. Натисніть ще раз.",
        "The call was not started: the click arrived too late. Click again.",
    ),
    "phone_unreachable": (
        "Звонок не начат: ваш телефон не отвечает АТС. Проверьте, что он включён и в сети.",
        "Дзвінок не розпочато: ваш телефон не відповідає АТС. Перевірте, чи він увімкнений і в мережі.",
        "The call was not started: your phone does not answer the telephone system. Check that it is on and connected.",
    ),
}


def click_refused(code: str, language: str) -> str:
    """Why a click did not lead to a call; a code without its own sentence has that of a phone that is away."""
    column = LANGUAGES.index(language) if language in LANGUAGES else LANGUAGES.index("en")
    return _WHY.get(code, _WHY["phone_unreachable"])[column]
