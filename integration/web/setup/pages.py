"""All screens of the wizard. Afterwards they are the office's settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from aiohttp import web

from integration.domain.ids import AccountId
from integration.services.accounts import Accounts
from integration.services.line_watches import LineWatches
from integration.services.rehearsals import Rehearsals
from integration.web.pages.keys import KeySection
from integration.web.pages.shell import Shell
from integration.web.people.desk import PeopleDesk
from integration.web.setup.address import AddressScreen
from integration.web.setup.card_layout import CardLayoutForm
from integration.web.setup.crm import CrmScreen, HeldConsent
from integration.web.setup.desk import SetupDesk
from integration.web.setup.frame import Frame
from integration.web.setup.keys import KeysScreen
from integration.web.setup.lines import LinesScreen
from integration.web.setup.office import OfficeScreen
from integration.web.setup.pbx import PbxScreen
from integration.web.setup.people import PeopleScreen
from integration.web.setup.rehearsal import RehearsalScreen
from integration.web.setup.routing import RoutingScreen


class OfficeSetupPages:
    """Arguments: as of the screens."""

    def __init__(
        self,
        shell: Shell,
        desk: SetupDesk,
        accounts: Accounts,
        *,
        held_consents: Callable[[AccountId, Callable[[AccountId], bool]], Sequence[HeldConsent]],
        has_spoken: Callable[[AccountId], Awaitable[bool]],
        watches: LineWatches,
        rehearsals: Rehearsals,
        people: PeopleDesk,
        keys: KeySection,
    ) -> None:
        frame = Frame(shell, desk)
        self._screens = (
            OfficeScreen(frame),
            PbxScreen(frame),
            AddressScreen(frame),
            CrmScreen(frame, held_consents=held_consents, has_spoken=has_spoken),
            LinesScreen(frame, accounts, watches),
            CardLayoutForm(frame),
            PeopleScreen(frame, accounts, people),
            RoutingScreen(frame),
            KeysScreen(frame, keys),
            RehearsalScreen(frame, accounts, rehearsals),
        )

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        for screen in self._screens:
            yield from screen.routes()
