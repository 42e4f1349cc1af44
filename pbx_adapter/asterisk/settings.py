"""Connection settings of one Asterisk: a frozen dataclass, made from the table of the configuration file.

`client.py` opens connections, and `doctor.py` checks the values on the PBX.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integration.domain.ids import PbxId
from integration.errors import ConfigError
from pbx_adapter.asterisk.agi.addresses import MayAsk
from pbx_adapter.asterisk.records.settings import RecordsSettings
from pbx_adapter.asterisk.tracker.office import DEFAULT_EXTENSION, DEFAULT_TRUNK_CONTEXTS, OfficeShape

AMI_PORT = 5038
AMI_TLS_PORT = 5039
AGI_PORT = 4573  # Asterisk's own default of agi:// addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """TLS to the AMI port. `ca` is a PEM file with the authority that signed the PBX's certificate (None: the
    system's); `verify` False accepts any certificate and any name."""

    ca: str | None = None
    verify: bool = True
    server_name: str | None = None  # the name in the certificate when it is not the host


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSettings:
    """The place of recordings: a folder by its path on *our* machine, or a web address. Both None: none."""

    path: str | None = None
    url: str | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    pbx_path: str = "/var/spool/asterisk/monitor"  # the same folder by its path on the PBX


@dataclass(frozen=True, slots=True, kw_only=True)
class FastAgiSettings:
    """Where our FastAGI server listens, and the address at which the PBX reaches it."""

    host: str = "127.0.0.1"
    port: int = AGI_PORT
    public: str = ""  # host[:port] as the PBX sees it; empty: host and port above
    allow: tuple[str, ...] = ()  # addresses and networks that may ask; empty: the PBX's own
    path: str = field(default="", repr=False)  # the secret end of DOZVON_AGI; empty: derived from the AMI secret


@dataclass(frozen=True, slots=True, kw_only=True)
class AsteriskSettings:
    """One PBX. The secret is left out of `repr`."""

    id: PbxId
    host: str
    username: str
    secret: str = field(repr=False)
    port: int = AMI_PORT
    tls: TlsSettings | None = None
    recordings: RecordingSettings = RecordingSettings()
    fastagi: FastAgiSettings = FastAgiSettings()
    trunks: tuple[str, ...] = ()  # endpoint names of the trunks, where the guess is wrong
    extension_pattern: str = DEFAULT_EXTENSION  # a whole endpoint name of an employee; group 1 is the extension
    trunk_contexts: str = DEFAULT_TRUNK_CONTEXTS  # how contexts begin that calls from outside enter
    did_variables: tuple[str, ...] = ("FROM_DID", "DID")  # channel variables with the number the client dialled
    originate_channel: str = "PJSIP/{extension}"  # FreePBX: Local/{extension}@from-internal
    originate_context: str = "from-internal"  # where numbers dialled from phones go
    dial_plus: bool = False  # keep the + of +7... when dialling; most dialplans know digits only
    click_timeout_seconds: float = 30.0  # how long the employee's own phone rings
    records: RecordsSettings | None = None  # CDR and CEL, for calls during a lost link

    @classmethod
    def from_config(cls, id_: str, table: Mapping[str, Any], *, key: str = "pbx") -> AsteriskSettings:
        """
        Read the table of one PBX.

        Args:
            table: as TOML gives it: `host`, `port`, `username`, `secret`, `tls` (true or a table with `ca`, `verify`,
                `server_name`), `recordings` (`path` or `url`, `username`, `password`, `pbx_path`), `fastagi` (`host`,
                `port`, `public`, `allow`, `path`), `trunks`, `extension_pattern`, `trunk_contexts`, `did_variables`,
                `originate_channel`, `originate_context`, `dial_plus`, `click_timeout_seconds`, `records`.
            key: what the table is called in the file; errors name it.

        Raises:
            ConfigError: a key is missing, unknown or has a wrong value. The message says what to write.
        """
        read = _Table(table, key)
        if not re.fullmatch(r"[a-z0-9-]{1,40}", id_):
            raise ConfigError(f"{key}.id = {id_!r}: write 1 to 40 of a-z, 0-9 and -")
        tls = _tls(read)
        settings = cls(
            id=PbxId(id_),
            host=read.text("host", hint='the address of the PBX, for example "192.168.1.10"'),
            port=read.port("port", AMI_TLS_PORT if tls else AMI_PORT),
            username=read.line("username", hint="the name in brackets in manager.conf"),
            secret=read.line("secret", hint="the secret of that user in manager.conf"),
            tls=tls,
            recordings=_recordings(read),
            fastagi=_fastagi(read),
            trunks=read.names("trunks", ()),
            extension_pattern=read.pattern("extension_pattern", DEFAULT_EXTENSION),
            trunk_contexts=read.pattern("trunk_contexts", DEFAULT_TRUNK_CONTEXTS),
            did_variables=read.names("did_variables", ("FROM_DID", "DID")),
            originate_channel=_channel_template(read),
            originate_context=read.name("originate_context", "from-internal"),
            dial_plus=read.flag("dial_plus", default=False),
            click_timeout_seconds=read.number("click_timeout_seconds", 30.0, least=1, most=300),
            records=RecordsSettings.from_config(read.take("records", default={}), key=f"{key}.records"),
        )
        read.no_more()
        return settings

    @property
    def agi_path(self) -> str:
        """The secret end of DOZVON_AGI: the configured one, or one derived from the AMI secret."""
        derived = hmac.new(self.secret.encode(), f"dozvon fastagi {self.id}".encode(), hashlib.sha256).hexdigest()
        return self.fastagi.path or derived[:24]

    @property
    def agi_may_ask(self) -> MayAsk:
        """Who may ask over FastAGI."""
        return MayAsk(self.fastagi.allow) if self.fastagi.allow else MayAsk((), host=self.host)

    @property
    def agi_url(self) -> str:
        """What the dialplan's DOZVON_AGI has to be. The PBX's id as its path, as in older dialplans, works too."""
        public = self.fastagi.public or self.fastagi.host
        host = public if re.search(r":\d+$", public) else f"{public}:{self.fastagi.port}"
        return f"agi://{host}/{self.agi_path}"

    @property
    def office(self) -> OfficeShape:
        """The tracker's settings for this PBX."""
        return OfficeShape(
            trunks=frozenset(self.trunks),
            extension=self.extension_pattern,
            trunk_contexts=self.trunk_contexts,
            did_variables=self.did_variables,
        )


def _tls(read: _Table) -> TlsSettings | None:
    value = read.take("tls", default=False)
    if value is False:
        return None
    if value is True:
        return TlsSettings()
    if not isinstance(value, Mapping):
        raise ConfigError(f'{read.key}.tls: write true, false or {{ ca = "/etc/dozvon/ca.pem", verify = true }}')
    sub = _Table(value, f"{read.key}.tls")
    tls = TlsSettings(
        ca=sub.text("ca", default="") or None,
        verify=sub.flag("verify", default=True),
        server_name=sub.text("server_name", default="") or None,
    )
    sub.no_more()
    return tls


def _recordings(read: _Table) -> RecordingSettings:
    sub = read.table("recordings")
    path, url = sub.text("path", default=""), sub.text("url", default="")
    if path and url:
        raise ConfigError(f"{sub.key}: write either path (a folder) or url (a web address), not both")
    if url and not re.match(r"https?://[^/\s]", url):
        raise ConfigError(f"{sub.key}.url = {url!r}: write an address that begins with http:// or https://")
    if path and not path.startswith("/"):
        raise ConfigError(f"{sub.key}.path = {path!r}: write the whole path, beginning with /")
    recordings = RecordingSettings(
        path=path or None,
        url=url.rstrip("/") or None,
        username=sub.line("username", default=""),
        password=sub.line("password", default=""),
        pbx_path=sub.text("pbx_path", default=RecordingSettings().pbx_path),
    )
    sub.no_more()
    return recordings


def _fastagi(read: _Table) -> FastAgiSettings:
    sub = read.table("fastagi")
    public = sub.text("public", default="")
    if public and not re.fullmatch(r"[A-Za-z0-9_.\-]+(:\d{1,5})?|\[[0-9A-Fa-f:]+\](:\d{1,5})?", public):
        raise ConfigError(f'{sub.key}.public = {public!r}: write the address the PBX reaches us at, "10.0.0.2:4573"')
    allow = sub.names("allow", ())
    try:
        MayAsk(allow)
    except ConfigError as exc:
        raise ConfigError(f"{sub.key}.allow: {exc}") from exc
    path = sub.text("path", default="")
    if path and not re.fullmatch(r"[A-Za-z0-9_.\-]{16,64}", path):
        raise ConfigError(f"{sub.key}.path: write 16 to 64 of A-Z, a-z, 0-9, _ . and -, which nobody can guess")
    fastagi = FastAgiSettings(
        host=sub.text("host", default="127.0.0.1"),
        port=sub.port("port", AGI_PORT, zero=True),
        public=public,
        allow=allow,
        path=path,
    )
    sub.no_more()
    return fastagi


def _channel_template(read: _Table) -> str:
    value = read.text("originate_channel", default="PJSIP/{extension}")
    if not re.fullmatch(r"[A-Za-z0-9]+/[^\s,&|/]*\{extension\}[^\s,&|]*", value) or value.count("{") != 1:
        raise ConfigError(
            f'{read.key}.originate_channel = {value!r}: write "PJSIP/{{extension}}", or '
            f'"Local/{{extension}}@from-internal" for FreePBX'
        )
    return value


_REQUIRED: Any = object()


class _Table:
    """One table of the configuration; remembers which keys were read, so that a misspelt one is reported."""

    def __init__(self, table: Mapping[str, Any], key: str) -> None:
        self.key = key
        self._table = table
        self._seen: set[str] = set()

    def take(self, name: str, *, default: Any = _REQUIRED, hint: str = "") -> Any:
        self._seen.add(name)
        value = self._table.get(name, default)
        if value is _REQUIRED:
            raise ConfigError(f"{self.key}.{name} is missing: write {hint or 'a value'}")
        return value

    def text(self, name: str, *, default: Any = _REQUIRED, hint: str = "") -> str:
        value = self.take(name, default=default, hint=hint)
        if not isinstance(value, str) or (value == "" and default is _REQUIRED):
            raise ConfigError(f"{self.key}.{name}: write {hint or 'a text in quotes'}")
        return value

    def line(self, name: str, *, default: Any = _REQUIRED, hint: str = "") -> str:
        """A text that goes onto the wire: one line of printable characters."""
        value = self.text(name, default=default, hint=hint)
        if value and not value.isprintable():
            raise ConfigError(f"{self.key}.{name}: write it in one line, without control characters")
        return value

    def name(self, name: str, default: str) -> str:
        value = self.text(name, default=default)
        if not re.fullmatch(r"[A-Za-z0-9_.\-]{1,80}", value):
            raise ConfigError(f"{self.key}.{name} = {value!r}: write a name of letters, digits, _ . and -")
        return value

    def names(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self.take(name, default=default)
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v for v in value):
            raise ConfigError(f'{self.key}.{name}: write a list of names, for example ["trunk"]')
        return tuple(value)

    def port(self, name: str, default: int, *, zero: bool = False) -> int:
        value = self.take(name, default=default)
        if not isinstance(value, int) or isinstance(value, bool) or not (0 if zero else 1) <= value <= 65535:
            raise ConfigError(f"{self.key}.{name} = {value!r}: write a port number, usually {default}")
        return value

    def number(self, name: str, default: float, *, least: float, most: float) -> float:
        value = self.take(name, default=default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ConfigError(f"{self.key}.{name} = {value!r}: write a number from {least} to {most}")
        return float(value)

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.take(name, default=default)
        if not isinstance(value, bool):
            raise ConfigError(f"{self.key}.{name} = {value!r}: write true or false")
        return value

    def pattern(self, name: str, default: str) -> str:
        value = self.text(name, default=default)
        try:
            if name == "extension_pattern" and re.compile(value).groups == 0:
                return f"({value})"
            re.compile(value)
        except re.error as exc:
            raise ConfigError(
                f"{self.key}.{name}: not a regular expression ({exc}); write for example {default!r}"
            ) from exc
        return value

    def table(self, name: str) -> _Table:
        value = self.take(name, default={})
        if not isinstance(value, Mapping):
            raise ConfigError(f"{self.key}.{name}: write a table, [{self.key}.{name}]")
        return _Table(value, f"{self.key}.{name}")

    def no_more(self, allowed: set[str] | None = None) -> None:
        unknown = sorted(set(self._table) - self._seen - (allowed or set()))
        if unknown:
            known = ", ".join(sorted(self._seen))
            raise ConfigError(f"{self.key}.{unknown[0]} is not a setting: write one of {known}")
