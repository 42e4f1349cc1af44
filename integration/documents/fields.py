"""The types of a document's fields: each accepts what a person may write there, and explains what is wrong otherwise.

Ids and telephone numbers may be whole numbers, as in `101 = 610077`. An empty text means "none".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator

from integration.documents.problems import shortened
from integration.documents.refusals import refusal
from integration.domain.campaigns.callbacks import (
    LEAST_INTERVAL_SECONDS,
    LEAST_TIMES,
    MOST_INTERVAL_SECONDS,
    MOST_TIMES,
)
from integration.domain.campaigns.plan import read_spans, written_spans
from integration.domain.ids import AccountId, ManagerId, PbxId, Timestamp
from integration.domain.numbers.numbering import country_like, is_country
from integration.domain.settings import CardField
from integration.texts import LANGUAGES
from integration.texts.settings import Problem

MOST_EXTENSION_CHARACTERS = 40  # what `domain/numbers/dialling.py` dials
MOST_RESULTS = 20
MOST_TELEPHONES = 500
_LONGEST_RESULT = 60
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_KIND = re.compile(r"[a-z0-9][a-z0-9_]{0,39}")
ROUTE_WORDS = frozenset(
    {
        "admin", "administrators", "api", "certificates", "frames", "from-crm", "health", "hooks", "invitation",
        "login", "logout", "metrics", "oauth", "r", "reach", "setup", "static", "style",
    }
)  # fmt: skip
"""Words that our addresses use in place of an account's id, as in `/admin/login`. No account may have such an id."""


def written(value: Any, most: int) -> str:
    """The value as one line of text. Raises: PydanticCustomError."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise refusal(Problem.TEXT)
    if len(value) > most:
        raise refusal(Problem.TOO_LONG, length=len(value), most=most)
    if _CONTROL.search(value):
        raise refusal(Problem.ONE_LINE)
    return value


def _text(most: int) -> BeforeValidator:
    """A text; None if it is empty."""
    return BeforeValidator(lambda value: written(value, most) or None)


def _word(words: Iterable[str]) -> Callable[[Any], Any]:
    allowed = {str(word): word for word in words}

    def check(value: Any) -> Any:
        if not isinstance(value, str) or value not in allowed:
            raise refusal(Problem.ONE_OF, value=shortened(value), words=", ".join(allowed))
        return allowed[value]

    return check


_card_field = _word(CardField)


def one_of(words: type[StrEnum]) -> BeforeValidator:
    return BeforeValidator(_word(words))


def within(problem: Problem, least: float, most: float) -> AfterValidator:
    """A value from `least` to `most`. The problem's sentence names both."""

    def check(value: Any) -> Any:
        if not least <= value <= most:
            raise refusal(problem, least=least, most=most)
        return value

    return AfterValidator(check)


def _matching(pattern: str, problem: Problem, **facts: object) -> BeforeValidator:
    """Accept only a text: a number without quotes would lose its leading zeros."""

    def check(value: Any) -> Any:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise refusal(problem, **facts)
        return value

    return BeforeValidator(check)


def _id(value: Any) -> str:
    text = written(value, 1000)
    if not _ID.fullmatch(text):
        raise refusal(Problem.ID, value=shortened(text))
    return text


def _ids(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise refusal(Problem.LIST, example='["branch"]')
    found = tuple(_id(each) for each in value)
    twice = next((each for each in found if found.count(each) > 1), None)
    if twice is not None:
        raise refusal(Problem.TWICE, value=twice)
    return found


def _card_fields(value: Any) -> tuple[CardField, ...]:
    if not isinstance(value, list | tuple):
        raise refusal(Problem.LIST, example='["company", "deals"]')
    found = tuple(_card_field(each) for each in value)
    twice = next((each for each in found if found.count(each) > 1), None)
    if twice is not None:
        raise refusal(Problem.LISTED_TWICE, value=str(twice))
    return found


def _office_id(value: Any) -> str:
    text = _id(value)
    if text in ROUTE_WORDS:
        raise refusal(Problem.OWN_ADDRESS, value=text)
    return text


def _kind(value: Any) -> str:
    text = written(value, 1000)
    if not _KIND.fullmatch(text):
        raise refusal(Problem.KIND, value=shortened(text))
    return text


def _country(value: Any) -> str:
    text = written(value, 1000).upper()
    if is_country(text):
        return text
    near = country_like(text)
    if near is None:
        raise refusal(Problem.COUNTRY, value=shortened(text))
    raise refusal(Problem.COUNTRY_NEAR, value=shortened(text), near=near)


def _time_zone(value: Any) -> str:
    text = written(value, 1000)
    try:
        ZoneInfo(text or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise refusal(Problem.TIME_ZONE, value=shortened(text)) from exc
    return text


def _moment(value: Any) -> str | None:
    """ISO 8601 in UTC. A date of TOML is one too."""
    if isinstance(value, str) and not value:
        return None
    try:
        read = value if isinstance(value, datetime) else datetime.fromisoformat(written(value, 100))
    except ValueError as exc:
        raise refusal(Problem.MOMENT) from exc
    if read.tzinfo is None:
        raise refusal(Problem.MOMENT)
    try:
        return f"{read.astimezone(UTC).replace(microsecond=0):%Y-%m-%dT%H:%M:%SZ}"
    except OverflowError as exc:  # the year 1 or 9999 in another zone
        raise refusal(Problem.MOMENT) from exc


def timestamp(moment: str | None) -> Timestamp | None:
    """Of a `Moment`."""
    return None if moment is None else Timestamp(datetime.fromisoformat(moment).timestamp())


def moment(at: Timestamp | None) -> str | None:
    """A `Moment`, to the second."""
    return None if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _local_length(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 3 <= value <= 10:
        raise refusal(Problem.LOCAL_LENGTH)
    return value


def _results(value: Any) -> tuple[str, ...]:
    """Names of results of calls, each as a manager reads it on a button."""
    if not isinstance(value, list | tuple):
        raise refusal(Problem.LIST, example='["Sold", "Call back"]')
    if len(value) > MOST_RESULTS:
        raise refusal(Problem.LIST_TOO_LONG, length=len(value), most=MOST_RESULTS)
    found = tuple(" ".join(written(each, _LONGEST_RESULT).split()) for each in value)
    if not all(found):
        raise refusal(Problem.EMPTY_TEXT)
    twice = next((each for each in found if found.count(each) > 1), None)
    if twice is not None:
        raise refusal(Problem.LISTED_TWICE, value=shortened(twice))
    return found


def _telephones(value: Any) -> tuple[str, ...]:
    """Telephone numbers as people write them."""
    if not isinstance(value, list | tuple):
        raise refusal(Problem.LIST, example='["+74950000001"]')
    if len(value) > MOST_TELEPHONES:
        raise refusal(Problem.LIST_TOO_LONG, length=len(value), most=MOST_TELEPHONES)
    return tuple(dict.fromkeys(text for each in value if (text := written(each, 100).strip())))


def _hours(value: Any) -> str:
    """Hours of a day, as `09:00-13:00, 14:00-20:00`; empty: none."""
    text = written(value, 100)
    try:
        return written_spans(read_spans(text))
    except ValueError as exc:
        raise refusal(Problem.DAY_HOURS, value=shortened(text)) from exc


OfficeId = Annotated[AccountId, BeforeValidator(_office_id)]
ConnectionId = Annotated[PbxId, BeforeValidator(_id)]
ConnectionIds = Annotated[tuple[PbxId, ...], BeforeValidator(_ids)]
Kind = Annotated[str, BeforeValidator(_kind)]
Country = Annotated[str, BeforeValidator(_country)]
Language = Annotated[str, BeforeValidator(_word(LANGUAGES))]
TimeZone = Annotated[str, BeforeValidator(_time_zone)]  # empty: the country's
CardFields = Annotated[tuple[CardField, ...], BeforeValidator(_card_fields)]  # empty: only name and number

Telephones = Annotated[tuple[str, ...], BeforeValidator(_telephones)]
CallResults = Annotated[tuple[str, ...] | None, BeforeValidator(_results)]

Name = Annotated[str | None, _text(200)]
CrmUser = Annotated[ManagerId | None, _text(100)]
Destination = Annotated[str | None, _text(100)]  # an extension or a telephone number, as people write them
Sound = Annotated[str | None, _text(200)]

Moment = Annotated[str | None, BeforeValidator(_moment)]

RingSeconds = Annotated[int, within(Problem.SECONDS, 1, 120)]
LookupSeconds = Annotated[float, within(Problem.LOOKUP_SECONDS, 0, 1)]
TaskSeconds = Annotated[int, within(Problem.SECONDS, 0, 366 * 86_400)]
CallsAtOnce = Annotated[int, within(Problem.CALLS_AT_ONCE, 0, 1000)]
Repeats = Annotated[int, within(Problem.BETWEEN, LEAST_TIMES, MOST_TIMES)]
RepeatSeconds = Annotated[int, within(Problem.SECONDS, LEAST_INTERVAL_SECONDS, MOST_INTERVAL_SECONDS)]
Hours = Annotated[str, BeforeValidator(_hours)]
CallsAMinute = Annotated[int, within(Problem.CALLS_A_MINUTE, 1, 10_000)]

LocalLength = Annotated[int | None, BeforeValidator(_local_length)]
AreaCode = Annotated[str, _matching(r"[0-9]{0,6}", Problem.AREA_CODE)]
TrunkPrefix = Annotated[str | None, _matching(r"[0-9]{0,6}", Problem.TRUNK_PREFIX)]
InternationalPrefix = Annotated[str | None, _matching(r"[0-9]{0,6}", Problem.INTERNATIONAL_PREFIX)]
OutsidePrefix = Annotated[str, _matching(r"[0-9*#]{0,10}", Problem.PREFIX, example="9")]
CarrierPrefix = Annotated[str, _matching(r"[0-9*#]{0,10}", Problem.PREFIX, example="0001#")]
