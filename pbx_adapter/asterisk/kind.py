"""What there is of Asterisk once in a process, for all its PBXs: what the table of kinds names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp

from integration.domain.ids import PbxId
from integration.errors import ConfigError
from integration.ports.pbx import RouteAnswerer
from pbx_adapter.asterisk.adapter import AsteriskPbx
from pbx_adapter.asterisk.agi.server import AgiDoor, FastAgiServer
from pbx_adapter.asterisk.settings import AsteriskSettings


class AsteriskKind:
    """`integration.process.adapters.PbxKind`."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        """`session` fetches recordings behind a web address; it stays the caller's."""
        self._session = session
        self._built: dict[PbxId, AsteriskSettings] = {}

    @staticmethod
    def check(pbx_id: PbxId, options: Mapping[str, Any], *, key: str) -> None:
        AsteriskSettings.from_config(pbx_id, options, key=key)

    def connect(self, pbx_id: PbxId, options: Mapping[str, Any], *, key: str) -> AsteriskPbx:
        settings = AsteriskSettings.from_config(pbx_id, options, key=key)
        self._built[pbx_id] = settings
        return AsteriskPbx(settings, session=self._session)

    def route_servers(self, answerers: Mapping[PbxId, RouteAnswerer], *, is_shared: bool) -> list[FastAgiRoutes]:
        """One for each address, however many PBXs ask at it."""
        by_address: dict[tuple[str, int], list[AgiDoor]] = {}
        for pbx, answerer in answerers.items():
            settings = self._built[pbx]
            paths = frozenset({settings.agi_path, settings.id})  # the id: in dialplans of older installations
            door = AgiDoor(paths, answerer, settings.agi_may_ask)
            by_address.setdefault((settings.fastagi.host, settings.fastagi.port), []).append(door)
        return [
            FastAgiRoutes(FastAgiServer(doors, host=host, port=port, reuse_port=is_shared), f"{host}:{port}")
            for (host, port), doors in by_address.items()
        ]


class FastAgiRoutes:
    """`integration.ports.pbx.RouteServer` on a FastAGI server."""

    def __init__(self, server: FastAgiServer, address: str) -> None:
        self._server = server
        self._address = address

    async def start(self) -> None:
        try:
            await self._server.start()
        except OSError as exc:
            raise ConfigError(f"fastagi {self._address} cannot be opened: {exc.strerror or exc}") from exc

    async def close(self) -> None:
        await self._server.close()
