"""What pydantic finds wrong with a document, as our problems. Only the models and their fields need it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from integration.documents.problems import MOST_PROBLEMS, FieldProblem, Path, unknown_key
from integration.texts.settings import Problem

_TYPES = {
    "bool_type": Problem.FLAG,
    "dict_type": Problem.TABLE,
    "float_type": Problem.NUMBER,
    "int_type": Problem.WHOLE_NUMBER,
    "missing": Problem.NEEDED,
    "model_type": Problem.TABLE,
    "string_type": Problem.TEXT,
}
"""The library's own words for what is wrong; all others are ours (`refusal`)."""

_OURS = frozenset(Problem)


def refusal(problem: Problem, **facts: object) -> PydanticCustomError:
    """What a field's own check raises."""
    return PydanticCustomError(problem.value, problem.value, facts)


def problems_of(error: ValidationError, known: Callable[[Path], Iterable[str]]) -> list[FieldProblem]:
    """
    Every error of the library as ours.

    Args:
        known: the keys of the table at a path.
    """
    found = []
    for each in error.errors(include_url=False, include_input=False):
        path = tuple(each["loc"])
        if each["type"] == "extra_forbidden":
            found.append(unknown_key(path, known(path[:-1])))
        elif each["type"] in _OURS:
            found.append(FieldProblem(path, Problem(each["type"]), each.get("ctx", {})))
        else:
            found.append(FieldProblem(path, _TYPES.get(each["type"], Problem.UNFIT)))
        if len(found) > MOST_PROBLEMS:
            break
    return found
