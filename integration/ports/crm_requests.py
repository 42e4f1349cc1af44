"""What a CRM asks of us for one of its users or clients: a number was clicked, a client wants to be called."""

from __future__ import annotations

from dataclasses import dataclass

from integration.domain.ids import ManagerId, Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickRequested:
    """
    A user clicked a number on the CRM's own page, and the CRM has begun a live call by itself.

    Attributes:
        id: the CRM's id of that call. It has to be finished, whatever becomes of the click.
        number: as the CRM wants it dialled.
        at: when it was clicked; by the CRM's clock.
    """

    id: str
    manager: ManagerId
    number: str
    at: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRequested:
    """
    A client asked to be called, for example in a form. The CRM knows of no call yet.

    Attributes:
        id: the same whenever this request is reported again.
        line: the number of ours by which the client should be called; None: not said.
    """

    id: str
    number: str
    at: Timestamp
    line: str | None = None


CrmRequest = ClickRequested | CallbackRequested
