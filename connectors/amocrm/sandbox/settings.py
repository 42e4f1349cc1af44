"""The sandbox's settings. The default numbers are the documented ones; tests may change them.

Reads no file and no environment: the caller does that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

# What the CRM page serves to widgets (jquery, requirejs); widgets/build.mjs puts it beside the compiled widgets.
WIDGETS_VENDOR = Path(__file__).resolve().parents[3] / "widgets" / "dist" / "vendor"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """
    Addresses, keys and limits of one sandbox.

    `account_host` is a template, for example `{subdomain}.localhost:8082`. Empty: every account has the sandbox's own
    address. A host that fits the template but names no account answers 404, like a moved account.
    """

    host: str = "127.0.0.1"
    port: int = 8082
    public_url: str = ""  # empty: the address of the request
    account_host: str = ""

    client_id: str = "6f0d3c1e-5b7a-4c55-9d2e-0a4b8f1c7e21"
    client_secret: str = field(default="sandbox-secret-of-the-integration-0123456789abcdef", repr=False)
    redirect_uri: str = ""  # empty: the integration has no address yet, and consent is refused with a reason
    disconnect_url: str = ""
    integration_name: str = "Dozvon"

    demo_office_url: str = ""  # the simulated office that the demonstration's panel controls
    demo_line: str = ""  # the office's number that the panel calls by default
    vendor_path: Path = WIDGETS_VENDOR
    contacts: int = 0  # generated contacts in addition to the seeded office

    code_seconds: int = 20 * 60
    access_seconds: int = 86_400
    refresh_seconds: int = 90 * 86_400  # "3 months"
    refresh_grace: bool = False  # Kommo: an old refresh token works until the new pair is first used
    widget_token_seconds: int = 30 * 60

    requests_per_second: int = 7  # of one integration
    account_requests_per_second: int = 50  # of one account across integrations
    refusals_before_block: int = 50  # after this many 429 within `block_window_seconds` everything gets 403
    block_window_seconds: float = 60
    block_seconds: float = 60

    webhooks_available: bool = True  # webhooks by API need a higher plan
    webhook_timeout_seconds: float = 2
    webhook_retry_seconds: tuple[float, ...] = (300, 900, 3600)
    webhook_failures_allowed: int = 100  # more than this within the window, and the latest failed: switched off
    webhook_window_seconds: float = 7200

    api_filter_enabled: bool = True  # off: filters of contacts, companies and leads are silently ignored
