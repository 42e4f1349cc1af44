"""What a page says beside a field of a person's form that cannot be used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from integration.domain.administrators import LONGEST_LOGIN, LONGEST_NAME, NameProblem
from integration.domain.passwords import LONGEST, SHORTEST_OF_A_PERSON, Weakness
from integration.texts.pages import texts

LOGIN_TAKEN: Literal["login_taken"] = "login_taken"
WRONG_PRESENT: Literal["wrong_present_password"] = "wrong_present_password"

_FIELDS: dict[str, str] = {
    **{problem: problem.partition("_")[0] for problem in NameProblem},
    **dict.fromkeys(Weakness, "password"),
    LOGIN_TAKEN: "login",
    WRONG_PRESENT: "present",
}


def by_field(troubles: Iterable[str], language: str) -> dict[str, str]:
    """A sentence for each field that cannot be used."""
    t = texts(language)
    sentences: dict[str, str] = {}
    for trouble in troubles:
        key = f"password_{trouble}" if isinstance(trouble, Weakness) else str(trouble)
        facts = {"shortest": SHORTEST_OF_A_PERSON, "longest": LONGEST, "name": LONGEST_NAME, "login": LONGEST_LOGIN}
        sentences.setdefault(_FIELDS[trouble], t[key].format(**facts))
    return sentences
