"""Findings and things to do as the wizard's pages show them, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from integration.domain.connections.state import ConnectionState, ConnectionStatus
from integration.domain.reasons import Reason
from integration.domain.sentences import say
from integration.errors import DozvonError
from integration.ports.findings import Finding, FindingLevel
from integration.ports.pbx_setup import SetupStep
from integration.texts.connections import state_sentence

TONES = {FindingLevel.OK: "ok", FindingLevel.WARNING: "warn", FindingLevel.ERROR: "bad"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """As the component `lights` shows it."""

    tone: str
    check: str
    result: str
    todo: str = ""


def shown_findings(findings: Iterable[Finding], lang: str) -> list[Light]:
    return [
        Light(
            tone=TONES[each.level],
            check=each.about.say(lang),
            result=_sentence(each.says.say(lang)),
            todo=_sentence(each.advice.say(lang)) if each.advice is not None else "",
        )
        for each in findings
    ]


def _sentence(text: str) -> str:
    """The command prints findings behind a colon, in lower case."""
    return text[:1].upper() + text[1:]


def shown_steps(steps: Sequence[SetupStep], lang: str) -> list[dict[str, Any]]:
    return [
        {
            "says": each.says.say(lang),
            "place": say(each.place, lang),
            "text": each.text,
            "form": [(say(field.label, lang), say(field.value, lang)) for field in each.form],
            "command": each.command,
        }
        for each in steps
    ]


def trouble(exc: DozvonError, lang: str) -> str:
    """What a person reads of an error of a connection."""
    return fault_sentence(exc.fault, str(exc), lang)


def fault_sentence(reason: Reason | None, detail: str, lang: str) -> str:
    """`detail` where no reason is known."""
    if reason is None:
        return detail
    return state_sentence(ConnectionState(status=ConnectionStatus.RETRYING, reason=reason), lang)
