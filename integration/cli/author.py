"""Who a change is written down as that a command makes."""

from __future__ import annotations

import getpass

from integration.domain.settings_changes import Author, AuthorKind


def typed(command: str) -> Author:
    """The person at the keyboard, by the name of the operating system. Never raises."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may run under a number that has no name
        user = ""
    return Author(kind=AuthorKind.COMMAND, command=f"dozvon {command}", user=user)
