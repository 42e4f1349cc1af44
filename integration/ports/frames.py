"""Pages of ours that a CRM opens in a frame, by a POST that says who is there. A connector reads and checks that POST.

A CRM that loads our script into its own page instead (`widgets/amocrm`) has none; `WidgetGate` is for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from integration.domain.crm.entities import EntityKind, EntityRef
from integration.errors import AuthFailed
from integration.ports.crm import WidgetUser

if TYPE_CHECKING:
    from integration.ports.connector import Granted


class FramePlace(StrEnum):
    """Where in the CRM the page stands, which decides what it shows."""

    INSTALL = "install"  # the installation of the application is to be finished
    PANEL = "panel"  # its own page: all calls of the person, their state, the way to our pages
    CALL = "call"  # the CRM's own card of one call
    CLIENT = "client"  # a contact, company, lead or deal
    SELECTION = "selection"  # a list of them: who goes into a campaign


class FrameProblem(StrEnum):
    """Why a page is not opened, or a person is not known any more."""

    UNKNOWN = "frame_unknown"  # no such CRM account is connected here
    NOT_ITS_OWN = "frame_not_its_own"  # the mark of the CRM's application is another one: it was installed again
    EXPIRED = "frame_expired"  # the CRM does not vouch for the person (any more)
    NO_ADMIN = "frame_no_admin"  # only an administrator of the CRM may install
    NOT_VISIBLE = "frame_not_visible"  # the CRM does not let this person see the client
    OTHER_ACCOUNT = "frame_other_account"  # another account of the CRM is connected here
    WAITING = "frame_waiting"  # an administrator of ours has to confirm the connection
    MISSING = "frame_missing"  # what the CRM sends with every page is not there: it was opened from elsewhere


class FrameRefused(AuthFailed):
    """No page is opened."""

    def __init__(self, problem: FrameProblem, detail: str = "") -> None:
        super().__init__(detail or problem)
        self.problem = problem


class FrameWaits(FrameRefused):
    """The CRM has confirmed the installation, and an administrator of ours has to say that this account is meant."""

    def __init__(self, granted: Granted) -> None:
        super().__init__(FrameProblem.WAITING)
        self.granted = granted


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRequest:
    """What came with the POST, from anybody: nothing of it is checked. `repr` hides the values, which may be tokens."""

    query: Mapping[str, str] = field(repr=False)
    form: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedFrame:
    """
    A page that may be shown to somebody for whom the CRM vouches.

    Attributes:
        ancestor: the CRM's origin, the only one whose pages may frame this one.
        language: what the CRM says; empty: unknown.
        subject: the entity in whose card the page stands; the CRM lets the person see it.
        crm_call: the CRM's id of the call in whose card it stands.
        number: that call's number, as the CRM writes it.
        listed: what the list holds in whose menu it stands.
        selected: of that list, in whose row's menu it stands. The person has named it, so it proves nothing.
        has_connected: this page was the installation, and has connected the account.
    """

    user: WidgetUser
    place: FramePlace
    ancestor: str
    language: str = ""
    subject: EntityRef | None = None
    crm_call: str = ""
    number: str = ""
    listed: EntityKind | None = None
    selected: EntityRef | None = None
    has_connected: bool = False


class FrameGate(Protocol):
    """Authenticates the people in frames of one connection. It asks the CRM, so it is asynchronous."""

    @property
    def files(self) -> Path:
        """The folder with the compiled page: `frame.js`, and what it loads later."""

    @property
    def script(self) -> str:
        """The address of the CRM's script, by which a framed page speaks to the page around it."""

    @property
    def ancestor(self) -> str:
        """The CRM's origin as far as it is known; empty: nothing is connected."""

    def opens(self, query: Mapping[str, str]) -> bool:
        """Whether a POST with this query opens a page: a CRM may have one address for this and for its messages. Never
        raises."""

    async def is_addressed(self, request: FrameRequest) -> bool:
        """Whether the request names the account that is connected here. Proves nothing. Raises: Unavailable."""

    async def open(self, request: FrameRequest) -> OpenedFrame:
        """
        Check who opens a page. The first one of an application connects the account.

        Raises:
            FrameRefused: with the reason.
            FrameWaits: it is installed, and waits for a confirmation here.
            Rejected: the CRM refuses something that the installation needs.
            Unavailable: the CRM does not answer.
        """

    async def user(self, proof: str, subject: EntityRef | None) -> WidgetUser:
        """
        Who is there, by a fresh token that the CRM's script has given to a page that is open for long; and that the CRM
        lets them see `subject`.

        Raises: FrameRefused, Unavailable.
        """
