"""The kind "asterisk" for the table of kinds: what all Asterisk PBXs of a process share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import aiohttp

from integration.documents.problems import FieldProblem, InvalidDocument
from integration.documents.schema import KindTable
from integration.domain.connections.abilities import PbxAbilities
from integration.domain.ids import PbxId
from integration.errors import ConfigError
from integration.ports.pbx import RouteAnswerer
from integration.ports.pbx_setup import Flavour, Preparation
from pbx_adapter.asterisk.adapter import AsteriskPbx
from pbx_adapter.asterisk.agi.server import AgiDoor, FastAgiServer
from pbx_adapter.asterisk.setting_texts import RECORDS_DRIVER
from pbx_adapter.asterisk.settings import AsteriskSettings
from pbx_adapter.asterisk.setup.preparation import FLAVOURS, preparation
from pbx_adapter.asterisk.setup.setup import AsteriskSetup


class AsteriskKind:
    """Implements `integration.process.adapters.PbxKind`."""

    abilities: ClassVar[PbxAbilities] = AsteriskPbx.abilities
    secret_options: ClassVar[tuple[str, ...]] = ("secret", "fastagi.path", "recordings.password", "records.url")
    table: ClassVar[KindTable] = KindTable(
        AsteriskSettings, secret_options, left_out=("id", "records.key"), or_flag=("tls",)
    )
    server_options: ClassVar[tuple[str, ...]] = (
        "recordings.path", "fastagi.host", "fastagi.port", "tls.ca", "records.cdr", "records.cel",
    )  # fmt: skip
    flavours: ClassVar[tuple[Flavour, ...]] = FLAVOURS

    def __init__(self, session: aiohttp.ClientSession) -> None:
        """`session` fetches recordings behind a web address; it stays the caller's."""
        self._session = session
        self._built: dict[PbxId, AsteriskSettings] = {}
        self._servers: dict[tuple[str, int], FastAgiServer] = {}

    @staticmethod
    def preparation(options: Mapping[str, Any], *, flavour: str, server_address: str) -> Preparation:
        return preparation(options, flavour=flavour, server_address=server_address)

    @staticmethod
    def check(pbx_id: PbxId, options: Mapping[str, Any], *, key: str) -> None:
        settings = AsteriskSettings.from_config(pbx_id, options, key=key)
        if settings.records is not None:
            from pbx_adapter.asterisk.records.source import AsteriskRecords  # only where it is used: database drivers

            try:
                AsteriskRecords(settings.records, settings.office)  # opens nothing, but needs its driver
            except ConfigError as exc:
                kind = settings.records.kind
                missing = FieldProblem((*key.split("."), "records", "kind"), RECORDS_DRIVER, {"kind": kind})
                raise InvalidDocument([missing]) from exc

    def connect(self, pbx_id: PbxId, options: Mapping[str, Any], *, key: str) -> AsteriskPbx:
        settings = AsteriskSettings.from_config(pbx_id, options, key=key)
        self._built[pbx_id] = settings
        return AsteriskPbx(settings, session=self._session)

    def trial(self, pbx_id: PbxId, options: Mapping[str, Any], *, key: str) -> AsteriskSetup:
        settings = AsteriskSettings.from_config(pbx_id, options, key=key)
        return AsteriskPbx(settings, session=self._session).setup

    async def serve_routes(self, answerers: Mapping[PbxId, RouteAnswerer], *, is_shared: bool) -> None:
        """Run one server for each address, however many PBXs use it."""
        wanted: dict[tuple[str, int], list[AgiDoor]] = {}
        for pbx, answerer in answerers.items():
            settings = self._built[pbx]
            paths = frozenset({settings.agi_path, settings.id})  # the id: in dialplans of older installations
            door = AgiDoor(paths, answerer, settings.agi_may_ask)
            wanted.setdefault((settings.fastagi.host, settings.fastagi.port), []).append(door)
        for address in [address for address in self._servers if address not in wanted]:
            await self._servers.pop(address).close()
        problem: ConfigError | None = None
        for address, doors in wanted.items():
            if address in self._servers:
                self._servers[address].doors = tuple(doors)
                continue
            try:
                self._servers[address] = await _opened(doors, address, is_shared=is_shared)
            except ConfigError as exc:
                problem = exc  # continue with the other addresses
        if problem is not None:
            raise problem


async def _opened(doors: list[AgiDoor], address: tuple[str, int], *, is_shared: bool) -> FastAgiServer:
    host, port = address
    server = FastAgiServer(doors, host=host, port=port, reuse_port=is_shared)
    try:
        await server.start()
    except OSError as exc:
        raise ConfigError(f"fastagi {host}:{port} cannot be opened: {exc.strerror or exc}") from exc
    return server
