"""Starts and stops one real Asterisk in its chroot, each instance with separate folders and ports. No SIP here."""

from __future__ import annotations

import array
import asyncio
import contextlib
import math
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.ports import free_port, free_rtp_range

CONFIG = Path(__file__).parent / "config"
CHECKOUT = Path(__file__).parents[2]
DOZVON_INCLUDE = CHECKOUT / "pbx_adapter" / "asterisk" / "dialplan" / "extensions_dozvon.conf"
LAB_VERSIONS = (22, 16)
_SPOOL = ("spool/monitor", "spool/voicemail", "spool/outgoing")
_LOGS = ("log", "log/cdr-csv", "log/cdr-custom", "log/cel-custom")  # Asterisk creates no folders


class PortTakenError(RuntimeError):
    """Something else took a port between the look at it and Asterisk's start. Open the office again, on others."""


class LabMissingError(RuntimeError):
    """Something that `make test-setup` installs is missing."""


def lab_root(major: int = 22) -> Path:
    """
    Return the chroot that holds Asterisk `major` (22 or 16).

    Raises:
        LabMissingError: it is not set up; the message says how to do it.
    """
    lab = Path(os.environ.get("DOZVON_LAB_DIR", CHECKOUT / ".lab"))
    root = (CHECKOUT / lab / f"ast{major}").resolve()
    if not (root.parent / f"ast{major}.ready").is_file() or not (root / "usr/sbin/asterisk").is_file():
        raise LabMissingError(f"Asterisk {major} is not in {root}: run `make test-setup`")
    return root


@dataclass(frozen=True, slots=True)
class AmiUser:
    name: str
    secret: str = field(repr=False)


DOZVON_USER = AmiUser("dozvon", "dozvon-secret")  # as in our documentation
AGI_PATH = "lab-office-a7c91f3e"
"""The secret end of DOZVON_AGI: `path` in the table `fastagi` of the Dozvon for this office."""

WEAK_USER = AmiUser("weak", "weak-secret")  # may log in and little more
RECORDER_USER = AmiUser("recorder", "recorder-secret")  # sees and may do everything
ARI_USER = AmiUser("lab", "lab-ari-secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The ports of an instance, all on 127.0.0.1."""

    sip: int = field(default_factory=free_port)  # UDP
    ami: int = field(default_factory=free_port)
    ami_tls: int = field(default_factory=free_port)
    http: int = field(default_factory=free_port)  # ARI at /ari, SIP over WebSocket at /ws
    https: int = field(default_factory=free_port)
    rtp: tuple[int, int] = field(default_factory=free_rtp_range)


class Asterisk:
    """
    An instance. `start` after `stop` or `kill` continues the same one, with its recordings and database.

    Args:
        root: the chroot, from `lab_root()`.
        carrier_port: UDP port on 127.0.0.2 of the carrier at the far end of the trunk.
        fastagi_port: the port of Dozvon's FastAGI server, which may start later; None for an office
            without Dozvon's include in its dialplan.
        ports: fixed ports for people; tests leave it out and get free ones.
        overlay: a folder whose *.conf replace those in `config/`: another dialplan for the same phones.
    """

    def __init__(
        self,
        root: Path,
        *,
        carrier_port: int,
        fastagi_port: int | None = None,
        ports: Ports | None = None,
        overlay: Path | None = None,
    ) -> None:
        self.root = root
        self.ports = ports or Ports()
        self.carrier_port = carrier_port
        self.fastagi_port = fastagi_port
        self.major = int(re.sub(r"\D", "", root.name))
        self._overlay = overlay
        self._folder = Path(tempfile.mkdtemp(prefix="office-", dir=root / "srv"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        """The instance's folder, by Asterisk's path."""
        return f"/srv/{self._folder.name}"

    @property
    def monitor(self) -> Path:
        """The folder of the recordings, by our path."""
        return self._folder / "spool" / "monitor"

    @property
    def sounds(self) -> Path:
        """A folder for sounds of ours, by our path; the PBX calls it `BASE/sounds`."""
        return self._folder / "sounds"

    @property
    def logs(self) -> Path:
        """The folder of the log, and of the records in cdr-csv, cdr-custom and cel-custom."""
        return self._folder / "log"

    @property
    def configuration(self) -> Path:
        """The folder of *.conf, by our path."""
        return self._folder / "etc"

    @property
    def log(self) -> Path:
        return self._folder / "log" / "messages"

    @property
    def tls_certificate(self) -> Path:
        """The self-signed certificate of AMI over TLS and of HTTPS, for clients that check it."""
        return self._folder / "etc" / "keys" / "cert.pem"

    # -- configuration -----------------------------------------------------------------------------------------------

    def render(self) -> None:
        """Write the configuration, the certificate and the music on hold. Existing recordings stay."""
        for sub in (
            "etc/keys",
            "var/keys",
            "spool/monitor",
            "spool/voicemail",
            "spool/outgoing",
            "run",
            "agi",
            "moh",
            "sounds",
            *_LOGS,
        ):
            (self._folder / sub).mkdir(parents=True, exist_ok=True)
        modules = next(
            iter(sorted(self.root.glob("usr/lib/*/asterisk/modules"))), self.root / "usr/lib/asterisk/modules"
        )
        marks = {
            "@BASE@": self.base,
            "@MODDIR@": "/" + str(modules.relative_to(self.root)),
            "@SIP_PORT@": str(self.ports.sip),
            "@CARRIER_PORT@": str(self.carrier_port),
            "@AMI_PORT@": str(self.ports.ami),
            "@AMI_TLS_PORT@": str(self.ports.ami_tls),
            "@HTTP_PORT@": str(self.ports.http),
            "@HTTPS_PORT@": str(self.ports.https),
            "@RTP_START@": str(self.ports.rtp[0]),
            "@RTP_END@": str(self.ports.rtp[1]),
            "@DOZVON_INCLUDE@": self._render_dozvon_include(),
            "@FASTAGI_PORT@": str(self.fastagi_port),
            "@AGI_PATH@": AGI_PATH,
        }
        present = {module.name for module in modules.glob("*.so")}
        for name, template in self._templates().items():
            text = _for_version(template.read_text(), self.major)
            for mark, value in marks.items():
                text = text.replace(mark, value)
            if name == "modules.conf":
                text = _only_present_modules(text, present)
            (self._folder / "etc" / name).write_text(text)
        (self._folder / "moh" / "tone.sln").write_bytes(_music_on_hold())
        self._make_certificate()

    def _templates(self) -> dict[str, Path]:
        folders = [CONFIG] + ([self._overlay] if self._overlay else [])
        return {template.name: template for folder in folders for template in sorted(folder.glob("*.conf"))}

    def _render_dozvon_include(self) -> str:
        """Copy Dozvon's dialplan beside the office's, whose globals have our port; return the include line."""
        if self.fastagi_port is None or not DOZVON_INCLUDE.is_file():
            return ""
        shutil.copy(DOZVON_INCLUDE, self._folder / "etc" / DOZVON_INCLUDE.name)
        return f"#include {DOZVON_INCLUDE.name}"

    def _make_certificate(self) -> None:
        if self.tls_certificate.exists():
            return
        key = self.tls_certificate.with_name("key.pem")
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost"
        )
        names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
        subprocess.run(
            [*command.split(), "-addext", names, "-keyout", key, "-out", self.tls_certificate],
            check=True,
            capture_output=True,
        )

    # -- process -----------------------------------------------------------------------------------------------------

    async def start(self, *, timeout_seconds: float = 20.0) -> float:
        """
        Start and wait until fully booted; return the seconds it took (under one, measured on two cores).

        Raises:
            RuntimeError: it ended, or did not boot in time. The message has the end of its log.
            PortTakenError: something else answers at its AMI port.
        """
        if self._process is not None:
            raise RuntimeError("this Asterisk is already running")
        self.render()
        began = time.monotonic()
        with (self._folder / "log" / "console").open("ab") as console:
            # Not started in a thread: the death signal follows the thread that forked.
            self._process = subprocess.Popen(  # noqa: ASYNC220
                self._command("-f", "-q"),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._wait_for_boot()
        except TimeoutError:
            self.kill()
            raise RuntimeError(f"Asterisk did not boot in {timeout_seconds} s:\n{self.last_words()}") from None
        await self._check_ami()
        return time.monotonic() - began

    async def _wait_for_boot(self) -> None:
        # The control socket opens before the dialplan is loaded, so use waitfullybooted.
        while "fully booted" not in await self.cli("core waitfullybooted"):
            if self._process is not None and self._process.poll() is not None:
                code, self._process = self._process.returncode, None
                raise RuntimeError(f"Asterisk ended with {code}:\n{self.last_words()}")
            await asyncio.sleep(0.05)

    async def _check_ami(self) -> None:
        """Asterisk boots without AMI when the port is taken, and only its log says so."""
        banner = b""
        try:
            async with asyncio.timeout(5.0):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.ports.ami)
                with contextlib.closing(writer):
                    banner = await reader.read(100)
        except (OSError, TimeoutError):
            pass
        if not banner.startswith(b"Asterisk Call Manager"):
            self.kill()
            raise PortTakenError(
                f"no Asterisk answers at its AMI port {self.ports.ami}: {banner!r}\n{self.last_words()}"
            )

    def last_words(self) -> str:
        """The end of its output and log."""
        texts = [
            path.read_text(errors="replace") for path in (self._folder / "log" / "console", self.log) if path.exists()
        ]
        return "\n".join(" | " + line for text in texts for line in text.splitlines()[-15:])

    def _command(self, *arguments: str) -> list[str]:
        # A normal user becomes root inside a user namespace, which is enough for chroot. The death signal makes sure
        # that no Asterisk outlives a killed test run.
        as_root = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
        inside = ["chroot", str(self.root), "asterisk", "-C", f"{self.base}/etc/asterisk.conf"]
        return [*as_root, "setpriv", "--pdeathsig", "KILL", *inside, *arguments]

    async def cli(self, command: str) -> str:
        """Run a command of Asterisk's own command line; return what it printed ("" when it is not running)."""
        process = await asyncio.create_subprocess_exec(
            *self._command("-r", "-x", command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        printed, _ = await process.communicate()
        return printed.decode("utf-8", "replace")

    def call_file(self, fields: Mapping[str, str]) -> None:
        """Make a call by a file in the folder of outgoing calls, like scripts of many offices."""
        text = "".join(f"{name}: {value}\n" for name, value in fields.items())
        file = self._folder / "spool" / "new.call"
        file.write_text(text)
        file.rename(self._folder / "spool" / "outgoing" / "new.call")  # complete from its first moment

    async def stop(self, *, gracefully: bool = False) -> None:
        """Stop in order: `core stop now`, or `core stop gracefully` (waits for the calls to end). Idempotent."""
        if self._process is None:
            return
        await self.cli("core stop gracefully" if gracefully else "core stop now")
        await self._wait_for_end(30.0 if gracefully else 10.0)

    async def restart(self) -> None:
        """An administrator's restart: the AMI client sees Shutdown with its Hangups, then a new boot."""
        await self.stop()
        await self.start()

    def kill(self) -> None:
        """End it with SIGKILL: no Hangup, no Shutdown, the sockets just close. Idempotent."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def _wait_for_end(self, timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        while self._process is not None and self._process.poll() is None:
            if time.monotonic() > deadline:
                self.kill()
                return
            await asyncio.sleep(0.02)
        self._process = None

    def remove(self) -> None:
        """Delete the instance's folder with its recordings. Kills it if it still runs."""
        self.kill()
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._folder)


def _for_version(text: str, major: int) -> str:
    """Keep lines marked `@<22@ ` or `@>=22@ ` only for those versions."""

    def keep(match: re.Match[str]) -> str:
        bound = int(match[2])
        wanted = major < bound if match[1] == "<" else major >= bound
        return match[3] if wanted else ""

    return re.sub(r"^@(<|>=)(\d+)@ (.*\n)", keep, text, flags=re.M)


def _only_present_modules(text: str, present: set[str]) -> str:
    return re.sub(r"^load = (\S+)\n", lambda match: match[0] if match[1] in present else "", text, flags=re.M)


def _music_on_hold() -> bytes:
    """Ten seconds of a 350 Hz tone, 8 kHz signed linear."""
    tone = array.array("h", (int(3000 * math.sin(2 * math.pi * 350 * i / 8000)) for i in range(80_000)))
    return tone.tobytes()
