"""Builds the doctor's findings: ok, warning, error."""

from __future__ import annotations

from integration.ports.findings import Finding, FindingLevel


def ok(check: str, message: str) -> Finding:
    return Finding(check=check, level=FindingLevel.OK, message=message)


def warning(check: str, message: str, remedy: str) -> Finding:
    return Finding(check=check, level=FindingLevel.WARNING, message=message, remedy=remedy)


def error(check: str, message: str, remedy: str) -> Finding:
    return Finding(check=check, level=FindingLevel.ERROR, message=message, remedy=remedy)
