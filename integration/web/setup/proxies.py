"""How Dozvon gets its https address: what there is to do for each way of installing it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto


class InstalledAs(StrEnum):
    """How this installation was made. The first two bring a proxy that gets its certificate by itself."""

    PACKAGE = auto()  # Debian's
    COMPOSE = auto()
    OTHER = auto()  # the wheel, or a checkout


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProxy:
    """
    The proxy that comes with the installation.

    Attributes:
        text: the key of the sentence that says what to do.
        commands: to be copied.
    """

    text: str
    commands: str


def own_proxy(installed_as: InstalledAs, host: str) -> OwnProxy | None:
    """None: this installation came without one."""
    match installed_as:
        case InstalledAs.PACKAGE:
            return OwnProxy(text="https_by_package", commands=f"sudo dozvon-https {host}")
        case InstalledAs.COMPOSE:
            lines = f"DOZVON_HTTPS_NAME={host}\nCOMPOSE_PROFILES=https"
            return OwnProxy(
                text="https_by_compose", commands=f"cat >> .env <<'END'\n{lines}\nEND\ndocker compose up -d"
            )
        case InstalledAs.OTHER:
            return None


def caddy_block(host: str, listens: str) -> str:
    return f"{host} {{\n    reverse_proxy {listens}\n}}"


def nginx_block(host: str, listens: str) -> str:
    return _NGINX.format(host=host, listens=listens)


_NGINX = """server {{
    listen 443 ssl;
    server_name {host};
    ssl_certificate     /etc/letsencrypt/live/{host}/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/{host}/privkey.pem;
    location / {{
        proxy_pass http://{listens};
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection "upgrade";
        proxy_read_timeout 75s;
    }}
}}"""
