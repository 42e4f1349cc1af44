"""Asterisk 16 to 22, and what is built on it (FreePBX, MikoPBX), over AMI and FastAGI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp

from pbx_adapter.asterisk.adapter import AsteriskPbx as AsteriskPbx
from pbx_adapter.asterisk.agi.server import AgiDoor as AgiDoor
from pbx_adapter.asterisk.agi.server import FastAgiServer as FastAgiServer
from pbx_adapter.asterisk.settings import AsteriskSettings


def build_pbx(
    pbx_id: str, options: Mapping[str, Any], *, session: aiohttp.ClientSession, key: str = "account.asterisk"
) -> AsteriskPbx:
    """
    The adapter of one PBX from its table in the configuration.

    Args:
        session: for recordings behind a web address; stays the caller's.

    Raises:
        ConfigError: names the key, beginning with `key`.
    """
    return AsteriskPbx(AsteriskSettings.from_config(pbx_id, options, key=key), session=session)
