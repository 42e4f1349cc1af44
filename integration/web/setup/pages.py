"""All screens of the wizard. Afterwards they are the office's settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from aiohttp import web

from integration.domain.ids import AccountId
from integration.ports.coordination import Coordination
from integration.services.accounts import Accounts
from integration.web.pages.shell import Shell
from integration.web.setup.address import AddressScreen
from integration.web.setup.crm import CrmScreen, HeldConsent
from integration.web.setup.desk import SetupDesk
from integration.web.setup.frame import Frame
from integration.web.setup.lines import LinesScreen
from integration.web.setup.office import OfficeScreen
from integration.web.setup.pbx import PbxScreen
from integration.web.setup.people import PeopleScreen
from integration.web.setup.rehearsal import RehearsalScreen, ShowCard
from integration.web.setup.routing import RoutingScreen


class OfficeSetupPages:
    """Arguments: as of the screens."""

    def __init__(
        self,
        shell: Shell,
        desk: SetupDesk,
        accounts: Accounts,
        coordination: Coordination,
        *,
        held_consents: Callable[[AccountId], Sequence[HeldConsent]],
        has_spoken: Callable[[AccountId], Awaitable[bool]],
        show_card: ShowCard,
    ) -> None:
        frame = Frame(shell, desk)
        self._screens = (
            OfficeScreen(frame),
            PbxScreen(frame),
            AddressScreen(frame, coordination),
            CrmScreen(frame, held_consents=held_consents, has_spoken=has_spoken),
            LinesScreen(frame, accounts),
            PeopleScreen(frame, accounts),
            RoutingScreen(frame),
            RehearsalScreen(frame, accounts, show_card),
        )

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        for screen in self._screens:
            yield from screen.routes()
