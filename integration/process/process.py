"""One running process: builds its services on `core.py`, starts servers and background tasks, ends them in order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import fields

import structlog

from integration import __version__
from integration.domain.crm.entities import CrmChange, CrmCondition
from integration.domain.ids import AccountId, PbxId, Timestamp
from integration.errors import Unavailable
from integration.ports.connector import CrmNotice, Installed, Uninstalled
from integration.ports.crm_requests import CrmRequest
from integration.ports.pbx import Pbx
from integration.process import process_memory
from integration.process.background import Background
from integration.process.config import Config, at_address
from integration.process.connections import setup_of
from integration.process.core import Core, Member
from integration.process.dialling import build_callbacks, build_dialler
from integration.process.each import Each
from integration.process.office_edits import OfficeEdits
from integration.process.own_lists import build_own_lists
from integration.process.place import backups_of
from integration.process.setup_address import port_of, setup_address, setup_text
from integration.process.supervisor import Supervisor
from integration.process.web_front import WebFront
from integration.services.accounts import Account
from integration.services.callback_tasks import CallbackTasks
from integration.services.campaign_names import CampaignNames
from integration.services.click import ClickService
from integration.services.client_choice import answer_choices
from integration.services.cluster.leadership import Leadership
from integration.services.cluster.live_calls import LiveCalls
from integration.services.cluster.news import Others
from integration.services.cluster.registration import Registration
from integration.services.connection_states import ConnectionStates
from integration.services.crm_clicks import CrmClicks
from integration.services.crm_watch import CrmWatch
from integration.services.delivery import Delivery
from integration.services.delivery_steps import DeliverySteps
from integration.services.note_delivery import NoteDelivery
from integration.services.phone_book import PhoneBookMirror
from integration.services.presses import answer_presses
from integration.services.strangers import StrangerCalls
from integration.web.hooks import Hooks

log = structlog.get_logger()

_LOOK_EVERY_SECONDS = 1.0  # at the offices in the database
_AGAIN_SECONDS = 5.0  # between attempts to change a connection that failed
SHUTDOWN_SECONDS = 10.0  # for `Dozvon.stop`


class Dozvon:
    """One running process: `start()` once, `stop()` once, also after a failed start."""

    def __init__(
        self, config: Config, stopping: asyncio.Event | None = None, say: Callable[[str], None] | None = None
    ) -> None:
        """
        Args:
            stopping: others set it, or the process itself, to end the process.
            say: gets what a person at the terminal has to read; None: nobody is there.
        """
        self.config = config
        self._say = say
        self.core = Core(config)
        self.url = ""
        self.web: WebFront
        self.stopping = stopping or asyncio.Event()
        self.started = asyncio.Event()
        self._background: Background | None = None
        self._configured = config  # without the stored address
        self.moved = asyncio.Event()
        self._file = config  # its accounts and PBXs run together with those in the database
        self._is_unfinished = asyncio.Event()
        self._is_changed = asyncio.Event()  # an office, in this process
        self._taking = asyncio.Lock()
        self._hooks = Hooks()

    @property
    def members(self) -> dict[AccountId, Member]:
        return self.core.members

    async def start(self) -> None:
        """Raises: ConfigError (a setting is wrong, an address is taken), Unavailable (the database)."""
        core = self.core
        await core.open()
        self.config = self._file = core.config
        self.leadership = Leadership(core.storage.leases, core.process)
        self._background = Background(self.leadership if core.is_shared else None)
        spawn = self._background.spawn
        registration = Registration(core.storage.register, core.process, self.stopping.set)
        await registration.enter()
        core.stack.push_async_callback(registration.leave)
        spawn("registration", registration.run)
        if self.config.redis is None:
            await core.storage.outbox.release()  # this process is alone: free the leases of a killed one
        self.strangers = StrangerCalls(
            strangers=core.storage.strangers,
            calls=core.storage.calls,
            outbox=core.storage.outbox,
            phone_book=core.storage.phone_book,
            clock=core.clock,
            wake=core.wake,
        )
        self.mirror = PhoneBookMirror(core.storage.phone_book, core.clock, self._ensure_webhooks)
        self.delivery = self._build_delivery()
        self.live_calls = LiveCalls(Each(self.members, lambda member: member.trackings), core.storage.calls)
        core.cards.read_calls(self.live_calls.get)
        self.own_lists, own_list_dialler = build_own_lists(core, self.live_calls)
        self.crm_clicks = CrmClicks(
            ClickService(core.coordination, core.cards, self.live_calls, core.clock),
            core.storage.calls,
            core.storage.phone_book,
            core.coordination,
            core.clock,
            core.wake,
        )
        self.others = Others(
            core.peers if core.is_shared else None, self.members, core.accounts, self.mirror, core.wake
        )
        self.crm_watch = self._build_crm_watch()
        roles = self.config.roles
        self.supervisor = self._build_supervisor(self._background)
        self.states = ConnectionStates(
            core.accounts, self._links, core.clock, self.supervisor, is_shared=core.is_shared
        )
        in_file = {each.id for each in self._file.accounts}
        if not await self.supervisor.start(goes_on=not in_file >= self.members.keys()):
            self._is_unfinished.set()
        if "web" in roles:
            self.web = self._build_web()
            if core.is_shared:
                spawn("consents", self.web.consents.listen)
            self.url = await self.web.start()
            spawn("browsers", core.hub.run)
            spawn("rehearsals", self.web.admin.rehearsals.run)
            spawn("list imports", self.web.list_imports.run)
        self._background.alone("own lists", own_list_dialler.run)
        spawn("own list calls", own_list_dialler.listen)
        if roles & {"web", "worker"}:
            spawn("pages", core.page_news.run)
        spawn("managers", core.accounts.run)
        spawn("working days", core.working_days.run)
        spawn("crm probe", self.crm_watch.probe)
        if core.is_shared:
            spawn("crm conditions", self.crm_watch.listen)
            spawn("leases", self.leadership.run)
            answer_choices(core.relay, self.live_calls)
            answer_presses(core.relay, core.accounts, self.live_calls)
            spawn("pbx relay", core.relay.run)
            spawn("presence", core.hub.keep_present)
        for name, work in self.others.tasks(roles):
            spawn(name, work)
        if "worker" in roles:
            spawn("delivery", self.delivery.run)
            spawn("campaigns", build_dialler(core, self.live_calls).run)
            if core.is_shared:
                spawn("offers", core.offers.listen)
            if self.config.backup is not None:
                spawn("backups", backups_of(self.config, self.config.backup, core.clock, core.storage.database).run)
        spawn("accounts", self._finish)
        spawn("offices", self._follow_offices)
        core.stack.enter_context(process_memory.settled())
        self.started.set()
        log.info("started", version=__version__, accounts=len(self.members), url=self.url)
        if "web" in roles and self._say is not None:
            await self._offer_setup(self._say)

    async def stop(self) -> None:
        """Accept nothing new, finish running work, write waiting steps."""
        if self._background is not None:
            self.core.hub.close()
            self.core.page_news.close()
            await self.core.kinds.serve_routes((), is_shared=self.core.is_shared)
            await self._background.end()
        await self.core.close()
        log.info("stopped")

    async def reload(self, config: Config) -> None:
        """
        Run the accounts of `config` from now on. Unchanged ones continue without interruption; of the others only the
        changed connections are made again. Returns when that is done. Other settings need a restart; the log says so.

        Raises:
            ConfigError: a setting is wrong; nothing was changed.
        """
        config = at_address(config, self.config.public_url if self.config.is_stored_url else "")
        setup_of(config)
        self._file = config
        names = [each.name for each in fields(Config) if each.name not in ("accounts", "pbxs", "file")]
        others = [name for name in names if getattr(config, name) != getattr(self.config, name)]
        if others:
            log.warning("some settings take effect only after a restart", settings=others)
        if not await self._take_wanted():
            self._is_unfinished.set()

    async def _offer_setup(self, say: Callable[[str], None]) -> None:
        """While nobody can sign in, say where the first owner is made. Raises: Unavailable."""
        administrators = self.core.administrators
        if self.config.admin_password is not None or await administrators.store.have_any():
            return
        code = await administrators.issue_setup_code(self.core.process)
        say(setup_text(setup_address(self.config, code, port=port_of(self.url))))
        log.warning("nobody can sign in yet: the address to set up Dozvon was printed")

    async def _take_wanted(self) -> bool:
        """Run the wanted connections. Returns whether everything succeeded. Raises: ConfigError; never Unavailable."""
        async with self._taking:  # otherwise what was read first could be applied last, and stay
            try:
                wanted = await self.core.offices.wanted(self._file)
            except Unavailable as exc:
                log.warning("the wanted connections cannot be read now", reason=str(exc))
                return False
            return await self.supervisor.apply(wanted)

    async def _finish(self) -> None:
        """Repeat changes that failed, for example while the database was away."""
        await self._is_unfinished.wait()
        self._is_unfinished.clear()
        is_done = False
        while not is_done:
            self.supervisor.next_try = Timestamp(self.core.clock.now() + _AGAIN_SECONDS)
            await asyncio.sleep(_AGAIN_SECONDS)
            self.supervisor.next_try = None
            is_done = await self._take_wanted()

    async def _follow_offices(self) -> None:
        """Apply administrators' changes in the database: here at once, in another process within a second or two."""
        is_behind = False  # also after a try that the database did not let end
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_changed.wait(), _LOOK_EVERY_SECONDS)
            self._is_changed.clear()
            try:
                if await self._has_moved():
                    log.warning("the address was changed in the browser: starting again with it")
                    self.moved.set()
                    return
                is_behind = is_behind or await self.core.offices.have_changed()
                if not is_behind:
                    continue
                if not await self._take_wanted():
                    self._is_unfinished.set()
                for account in self.core.accounts:
                    await self.core.accounts.reload(account)
                is_behind = False
            except Unavailable as exc:
                log.warning("the offices in the database cannot be read now", reason=str(exc))
            else:
                log.info("the offices in the database were read again", accounts=len(self.members))

    async def _has_moved(self) -> bool:
        """Whether an administrator has stored another address since the start. Raises: Unavailable."""
        stored = await self.core.storage.installation.public_url()
        return at_address(self._configured, stored).public_url != self.config.public_url

    # ---- building --------------------------------------------------------------------------------------------------

    def _build_delivery(self) -> Delivery:
        core = self.core
        steps = DeliverySteps(
            calls=core.storage.calls,
            outbox=core.storage.outbox,
            phone_book=core.storage.phone_book,
            recordings=core.storage.recordings,
            watches=core.storage.watches,
            coordination=core.coordination,
            hub=core.hub,
            strangers=self.strangers,
            tasks=CallbackTasks(
                tasks=core.storage.callback_tasks,
                calls=core.storage.calls,
                outbox=core.storage.outbox,
                clock=core.clock,
            ),
            notes=NoteDelivery(
                notes=core.storage.notes, calls=core.storage.calls, outbox=core.storage.outbox, clock=core.clock
            ),
            campaigns=CampaignNames(core.storage.attempts, core.storage.campaigns),
            clock=core.clock,
            public_url=self.config.public_url,
        )
        carried_out = build_callbacks(core).before(steps.by_kind())
        return Delivery(core.accounts, core.storage.outbox, carried_out, core.clock, core.wake, core.page_news.tell)

    def _build_crm_watch(self) -> CrmWatch:
        core = self.core

        def adopt(account: AccountId, condition: CrmCondition) -> None:
            if account in self.members:
                self.members[account].connector.adopt(condition)

        return CrmWatch(
            core.storage.outbox,
            core.coordination,
            core.clock,
            core.process,
            conditions=lambda: {key: member.connector.crm.condition for key, member in self.members.items()},
            adopt=adopt,
            go_on=self._go_on,
        )

    def _build_supervisor(self, background: Background) -> Supervisor:
        return Supervisor(
            self.core,
            background,
            self._hooks,
            self.mirror,
            roles=self.config.roles,
            take_changes=self._take_changes,
            take_notice=self._take_notice,
            take_request=self._take_request,
            told=self.crm_watch.told,
            webhook_lost=self.others.webhook_lost,
            opened=self._opened,
        )

    def _build_web(self) -> WebFront:
        core, storage = self.core, self.core.storage
        return WebFront(
            config=self.config,
            core=core,
            hooks=self._hooks,
            edits=OfficeEdits(storage.offices, storage.settings, lambda: self._file, self._is_changed.set),
            others=self.others,
            live_calls=self.live_calls,
            own_lists=self.own_lists,
            strangers=self.strangers,
            mirror=self.mirror,
            delivery=self.delivery,
            states=self.states,
            shutdown_seconds=SHUTDOWN_SECONDS / 2,
        )

    # ---- connecting the parts --------------------------------------------------------------------------------------

    def _go_on(self, account: AccountId) -> None:
        """The CRM seems to work again: continue waiting deliveries."""
        self.core.wake.set()
        self.core.accounts.refresh_soon()
        self.mirror.wake(account)

    def _opened(self, account: AccountId) -> None:
        self.core.accounts.refresh_soon()
        self.mirror.wake(account)

    async def _take_changes(self, member: Member, changes: list[CrmChange]) -> None:
        await self.strangers.closed(member.account, changes)
        await self.mirror.apply(member.account, changes)

    async def _take_request(self, member: Member, request: CrmRequest) -> None:
        await self.crm_clicks.take(member.account, request)

    async def _take_notice(self, member: Member, notice: CrmNotice) -> None:
        """Only processes with the role `web` take events. Never raises: the CRM says it once."""
        match notice:
            case Installed():
                await self.web.consents.connected(member.account.id)
            case Uninstalled():
                await self.web.consents.disconnected(member.account.id)

    async def _ensure_webhooks(self, account: Account) -> bool:
        address = self.config.public_url + self._hooks.path(account.id)
        return await self.members[account.id].connector.ensure_webhooks(address)

    def _links(self) -> dict[PbxId, Pbx]:
        return {key: pbx.link for key, pbx in self.core.pbxs.items()}
