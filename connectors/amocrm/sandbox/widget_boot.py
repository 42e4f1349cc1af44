"""What the CRM's page needs about widgets: the uploaded ones, their texts and state, and where their libraries are.

`widget_pages.py` uploads and installs them.
"""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from connectors.amocrm.sandbox.account import Install
from connectors.amocrm.sandbox.archive import Archive
from connectors.amocrm.sandbox.sandbox import Integration
from connectors.amocrm.sandbox.session import Caller, sandbox_of

VENDOR = {"jquery.js": "jquery/dist/jquery.min.js", "require.js": "requirejs/require.js"}


def attach(integration: Integration, found: Archive) -> None:
    """Attach a valid archive to an integration, whose code does not change with new uploads."""
    integration.code = integration.code or "dv" + secrets.token_hex(14)
    integration.archive, integration.manifest, integration.texts = found.files, found.manifest, found.texts


def boot(request: web.Request, who: Caller, lang: str) -> list[dict[str, Any]]:
    """All uploaded widgets; the page's script starts those that are active in the account."""
    found = []
    for integration in sandbox_of(request).integrations.values():
        if not integration.code:
            continue
        install = who.account.installs.get(integration.client_id, Install())
        widget = integration.manifest["widget"]
        locale = lang if lang in integration.texts else next(iter(integration.texts))
        found.append(
            {
                "client_id": integration.client_id,
                "code": integration.code,
                "path": f"/upl/{integration.code}/widget",
                "version": widget["version"],
                "init_once": widget["init_once"],
                "locations": integration.manifest["locations"],
                "has_style": "style.css" in integration.archive,
                "active": install.is_active,
                "status": install.status,
                "fields": install.fields,
                "settings": integration.manifest.get("settings", {}),
                "advanced": integration.manifest.get("advanced"),
                "texts": integration.texts[locale],
                "installed_by": install.installed_by,
                "notice": install.last_notice,
                "is_admin": who.is_admin,
            }
        )
    return found


def has_vendor(request: web.Request) -> bool:
    path = sandbox_of(request).settings.vendor_path
    return all((path / name).is_file() for name in VENDOR.values())
