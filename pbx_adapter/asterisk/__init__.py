"""Asterisk 16 to 22, and PBXs built on it (FreePBX, MikoPBX), over AMI and FastAGI."""

from __future__ import annotations

from pbx_adapter.asterisk.adapter import AsteriskPbx as AsteriskPbx
from pbx_adapter.asterisk.agi.server import AgiDoor as AgiDoor
from pbx_adapter.asterisk.agi.server import FastAgiServer as FastAgiServer
from pbx_adapter.asterisk.kind import AsteriskKind as AsteriskKind
