"""Why a change of an office was refused, as a code and the facts of its sentence: for the API and the pages."""

from __future__ import annotations

from integration.errors import Rejected
from integration.ports.offices import InConfigurationFile, OfficeUndoRefused, OfOtherOffice
from integration.texts.offices import ApiProblem


def reason_of(error: Rejected) -> tuple[ApiProblem, dict[str, object]] | None:
    """None: an error of another kind."""
    match error:
        case InConfigurationFile(kind="account"):
            return ApiProblem.ACCOUNT_IN_FILE, {"id": error.id}
        case InConfigurationFile():
            return ApiProblem.PBX_IN_FILE, {"id": error.id}
        case OfOtherOffice(kind="account"):
            return ApiProblem.ACCOUNT_OF_OTHER_OFFICE, {"id": error.id}
        case OfOtherOffice():
            return ApiProblem.PBX_OF_OTHER_OFFICE, {"id": error.id}
        case OfficeUndoRefused():
            return ApiProblem(error.obstacle.value), {}
    return None
