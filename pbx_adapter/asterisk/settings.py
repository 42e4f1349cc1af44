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

from integration.documents.problems import shortened
from integration.documents.reader import TableReader
from integration.domain.ids import PbxId
from integration.texts.settings import Problem
from pbx_adapter.asterisk.agi.addresses import MayAsk, is_network
from pbx_adapter.asterisk.flavours import FlavourKey
from pbx_adapter.asterisk.records.settings import RecordsSettings
from pbx_adapter.asterisk.setting_texts import (
    AGI_PATH,
    AGI_PUBLIC,
    CHANNEL,
    HOST,
    RECORDINGS_URL,
    SECRET,
    TLS,
    USERNAME,
)
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
class SoundSettings:
    """A folder for our messages that both machines see: by its path on ours, and on the PBX. `path` None: none."""

    path: str | None = None
    pbx_path: str = ""  # empty: the same


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
    sounds: SoundSettings = SoundSettings()
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
    flavour: FlavourKey = FlavourKey.ASTERISK  # the product: which files the advice names, how the include is written

    @classmethod
    def from_config(cls, id_: str, table: Mapping[str, Any], *, key: str = "pbx") -> AsteriskSettings:
        """
        Read the table of one PBX.

        Args:
            table: as TOML gives it: `host`, `port`, `username`, `secret`, `tls` (true or a table with `ca`, `verify`,
                `server_name`), `recordings` (`path` or `url`, `username`, `password`, `pbx_path`), `sounds` (`path`,
                `pbx_path`), `fastagi` (`host`, `port`, `public`, `allow`, `path`), `trunks`, `extension_pattern`,
                `trunk_contexts`, `did_variables`, `originate_channel`, `originate_context`, `dial_plus`,
                `click_timeout_seconds`, `records`, `flavour`.
            key: what the table is called in the file; errors name it.

        Raises:
            InvalidDocument: names every key that is missing, unknown or has a wrong value.
        """
        read = TableReader(table, tuple(key.split(".")))
        if not re.fullmatch(r"[a-z0-9-]{1,40}", id_):
            read.wrong("id", Problem.ID, value=shortened(id_))
        tls = _tls(read)
        settings = cls(
            id=PbxId(id_),
            host=read.needed("host", HOST),
            port=read.port("port", AMI_TLS_PORT if tls else AMI_PORT),
            username=read.needed("username", USERNAME),
            secret=read.needed("secret", SECRET),
            tls=tls,
            recordings=_recordings(read.table("recordings")),
            sounds=_sounds(read.table("sounds")),
            fastagi=_fastagi(read.table("fastagi")),
            trunks=read.texts("trunks"),
            extension_pattern=_extension_pattern(read),
            trunk_contexts=read.pattern("trunk_contexts", DEFAULT_TRUNK_CONTEXTS),
            did_variables=read.texts("did_variables", ("FROM_DID", "DID")),
            originate_channel=_channel_template(read),
            originate_context=read.word("originate_context", "from-internal"),
            dial_plus=read.flag("dial_plus", default=False),
            click_timeout_seconds=read.number("click_timeout_seconds", 30.0, least=1, most=300),
            records=RecordsSettings.read(read.table("records"), key=f"{key}.records"),
            flavour=FlavourKey(read.one_of("flavour", tuple(FlavourKey), FlavourKey.ASTERISK)),
        )
        read.no_more()
        read.finish()
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


def _tls(read: TableReader) -> TlsSettings | None:
    value = read.take("tls", default=False)
    if isinstance(value, bool):
        return TlsSettings() if value else None
    if not isinstance(value, Mapping):
        read.wrong("tls", TLS)
        return None
    table = read.table("tls")
    tls = TlsSettings(
        ca=table.text("ca") or None,
        verify=table.flag("verify", default=True),
        server_name=table.text("server_name") or None,
    )
    table.no_more()
    return tls


def _recordings(read: TableReader) -> RecordingSettings:
    path, url = read.text("path"), read.text("url")
    if path and url:
        read.wrong(None, Problem.NOT_BOTH, first="path", second="url")
    if url and not re.match(r"https?://[^/\s]", url):
        read.wrong("url", RECORDINGS_URL)
    if path and not path.startswith("/"):
        read.wrong("path", Problem.WHOLE_PATH)
    recordings = RecordingSettings(
        path=path or None,
        url=url.rstrip("/") or None,
        username=read.line("username"),
        password=read.line("password"),
        pbx_path=read.text("pbx_path", RecordingSettings().pbx_path),
    )
    read.no_more()
    return recordings


def _sounds(read: TableReader) -> SoundSettings:
    path, pbx_path = read.text("path"), read.text("pbx_path")
    for name, value in (("path", path), ("pbx_path", pbx_path)):
        if value and not re.fullmatch(r"/[A-Za-z0-9_./\-]{1,200}", value):
            read.wrong(name, Problem.WHOLE_PATH)
    read.no_more()
    return SoundSettings(path=path or None, pbx_path=pbx_path)


def _fastagi(read: TableReader) -> FastAgiSettings:
    public, path, allow = read.text("public"), read.text("path"), read.texts("allow")
    if public and not re.fullmatch(r"[A-Za-z0-9_.\-]+(:\d{1,5})?|\[[0-9A-Fa-f:]+\](:\d{1,5})?", public):
        read.wrong("public", AGI_PUBLIC)
    for each in allow:
        if not is_network(each):
            read.wrong("allow", Problem.NETWORK, value=shortened(each))
    if path and not re.fullmatch(r"[A-Za-z0-9_.\-]{16,64}", path):
        read.wrong("path", AGI_PATH)
    fastagi = FastAgiSettings(
        host=read.text("host", "127.0.0.1"),
        port=read.port("port", AGI_PORT, may_be_zero=True),
        public=public,
        allow=allow,
        path=path,
    )
    read.no_more()
    return fastagi


def _extension_pattern(read: TableReader) -> str:
    """With a group around the extension, where the pattern has none."""
    value = read.pattern("extension_pattern", DEFAULT_EXTENSION)
    return value if re.compile(value).groups else f"({value})"


def _channel_template(read: TableReader) -> str:
    value = read.text("originate_channel", "PJSIP/{extension}")
    if not re.fullmatch(r"[A-Za-z0-9]+/[^\s,&|/]*\{extension\}[^\s,&|]*", value) or value.count("{") != 1:
        read.wrong("originate_channel", CHANNEL)
    return value
