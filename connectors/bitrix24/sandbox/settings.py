"""The sandbox's settings. The default numbers are the documented ones; tests may change them.

Reads no file and no environment: the caller does that.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SCOPES = "crm,telephony,user,user_basic,department,placement,im,timeman,task,pull"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """
    Addresses, the application's keys, and limits of one sandbox.

    The portal and the OAuth server are two servers, as they are for a real portal: two ports here.
    `portal_url` and `oauth_url` are what the answers name; empty: the address of the request, and for the OAuth server
    the same host with `oauth_port`.
    """

    host: str = "127.0.0.1"
    port: int = 8083
    oauth_port: int = 8084
    portal_url: str = ""
    oauth_url: str = ""

    client_id: str = "local.6a0c1f4b7d2e95.41870263"
    client_secret: str = field(default="sandbox-key-of-the-application-0123456789abcdefgh", repr=False)
    app_name: str = "Dozvon"
    handler_url: str = ""  # the application's page, opened in an iframe
    install_url: str = ""  # its installer; empty: the page at `handler_url`
    is_api_only: bool = False  # "uses API only": ONAPPINSTALL is posted to `install_url`, and nothing needs finishing
    scopes: str = SCOPES

    page_user: int = 0  # who is logged in where nobody has chosen; 0: the portal's administrator

    code_seconds: int = 30
    access_seconds: int = 3600
    refresh_seconds: int = 180 * 86_400

    requests_burst: int = 50  # the leaky bucket of a portal and a sender's address
    requests_per_second: float = 2
    enterprise_burst: int = 250
    enterprise_per_second: float = 5
    operating_limit_seconds: float = 480  # of one method and application in `operating_window_seconds`
    operating_window_seconds: int = 600
    operating_bucket_seconds: int = 60

    batch_length: int = 50
    page_length: int = 50
    duplicates_found: int = 20  # crm.duplicate.findbycomm: at most so many of all types together
    register_repeat_seconds: float = 30 * 60

    event_delay_seconds: float = 0
    event_timeout_seconds: float = 5
    reserve_seconds: int = 30 * 86_400  # an offline event that was read with clear=0 is reserved so long
    download_timeout_seconds: float = 60

    utc_offset_hours: int = 3  # the portal's server zone
    matches_digits: bool = False  # phones: compare normalised digits (older code) instead of text (documentation)
    contacts: int = 0  # generated contacts besides the seeded office
