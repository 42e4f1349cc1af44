"""What can be set on the sandbox; every number is the documented one unless a test needs another.

Nothing here is read from a file or the environment: the caller does that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

# The npm packages that the CRM page serves to widgets (jquery, requirejs) are installed with the widgets.
WIDGETS_NODE_MODULES = Path(__file__).resolve().parents[3] / "widgets" / "node_modules"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """
    Addresses, keys and limits of one sandbox.

    `account_host` is a template such as `{subdomain}.localhost:8082`; empty means that every account lives on the
    sandbox's own address. A host that fits the template but names no account answers 404, as a moved account does.
    """

    host: str = "127.0.0.1"
    port: int = 8082
    public_url: str = ""  # empty: whatever address the request came to
    account_host: str = ""

    client_id: str = "6f0d3c1e-5b7a-4c55-9d2e-0a4b8f1c7e21"
    client_secret: str = field(default="sandbox-secret-of-the-integration-0123456789abcdef", repr=False)
    redirect_uri: str = ""  # empty: the integration has no address yet, consent is refused with a reason
    disconnect_url: str = ""
    integration_name: str = "Dozvon"

    demo_office_url: str = ""  # the simulated office that the demonstration's panel controls
    demo_line: str = ""  # the office's number that the panel calls unless another is chosen
    vendor_path: Path = WIDGETS_NODE_MODULES
    contacts: int = 0  # generated contacts besides the seeded office

    code_seconds: int = 20 * 60
    access_seconds: int = 86_400
    refresh_seconds: int = 90 * 86_400  # "3 months"
    refresh_grace: bool = False  # Kommo: an old refresh token works until the new pair is first used
    widget_token_seconds: int = 30 * 60

    requests_per_second: int = 7  # of one integration
    account_requests_per_second: int = 50  # of one account across integrations
    refusals_before_block: int = 50  # 429 answers within `block_window_seconds` that turn into 403 for all
    block_window_seconds: float = 60
    block_seconds: float = 60

    webhooks_available: bool = True  # webhooks by API need a higher plan
    webhook_timeout_seconds: float = 2
    webhook_retry_seconds: tuple[float, ...] = (300, 900, 3600)
    webhook_failures_allowed: int = 100  # more than this within the window, the latest failing too: switched off
    webhook_window_seconds: float = 7200

    api_filter_enabled: bool = True  # off: filters of contacts, companies and leads are silently ignored
