"""Builds the Debian package from the wheel: a virtual environment below /usr/lib/dozvon, and what deploy/debian says.

Why it is made this way: docs/adr/0032.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from email.utils import formatdate
from importlib.metadata import Distribution, distributions
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
_RECIPE = CHECKOUT / "deploy/debian"
_SCRIPTS = ("postinst", "prerm", "postrm")
_DIALPLAN = CHECKOUT / "pbx_adapter/asterisk/dialplan/extensions_dozvon.conf"
_HOME = Path("usr/lib/dozvon")
# The interpreter that will run it. It chooses the packages, too: some are needed by certain patch versions only.
PYTHON = Path("/usr/bin/python3")
_COMMAND = """\
#!/usr/lib/dozvon/bin/python3 -I
import sys

from integration.__main__ import main

sys.exit(main())
"""
# Modes of what is neither a folder that everybody may enter (755) nor a file that everybody may read (644).
_MODES = {
    Path("etc/dozvon"): 0o750,
    Path("var/lib/dozvon"): 0o700,
    _HOME / "bin/dozvon": 0o755,
    Path("usr/sbin/dozvon-https"): 0o755,
    **{Path("DEBIAN", name): 0o755 for name in _SCRIPTS},
}

Install = Callable[[Path, Path], None]


class PackageError(Exception):
    """The package cannot be built; says why."""


def build(wheel: Path, place: Path, date: int, install: Install | None = None) -> Path:
    """
    Build the package.

    Args:
        wheel: Dozvon's own.
        place: an own folder for the work; the package is left in it.
        date: the time of every file, Unix seconds.
        install: puts a wheel and what it needs into a folder; the locked packages by pip when None.

    Raises:
        PackageError: pip or dpkg-deb failed.
    """
    root = place / "root"
    python = python_version()
    site = root / _HOME / "lib" / f"python{python}" / "site-packages"
    site.mkdir(parents=True)
    (install or install_locked)(wheel, site)
    _clean(site)
    packages = sorted(distributions(path=[str(site)]), key=lambda each: each.name.lower())
    version = next(each.version for each in packages if each.name == "dozvon")
    _environment(root, python)
    _compile(root, site)
    _system_files(root)
    _documents(root, packages, version, date)
    architecture = _run("dpkg", "--print-architecture").strip()
    values = {"VERSION": debian_version(version), "ARCHITECTURE": architecture, "PYTHON": python}
    _control(root, values)
    _fix_modes(root)
    package = place / f"dozvon_{debian_version(version)}_{architecture}.deb"
    # Times of files, and the archive's own, are cut to this moment by dpkg-deb.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(date)}
    _run("dpkg-deb", "--root-owner-group", "-Zxz", "-z2", "--build", str(root), str(package), env=environment)
    return package


def python_version() -> str:
    """Of the system's Python, `3.11`. Raises: PackageError: there is none, or too old a one."""
    if not PYTHON.exists():
        raise PackageError(f"the package runs on {PYTHON}, and there is none here: apt-get install python3")
    version = _run(str(PYTHON), "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
    if tuple(map(int, version.split("."))) < (3, 11):
        raise PackageError(f"{PYTHON} is Python {version}; Dozvon needs 3.11: build the package on Debian 12")
    return version


def debian_version(version: str) -> str:
    """Python's version as Debian's: `1.0rc1` comes before `1.0` in both."""
    return re.sub(r"\.?(a|b|rc|dev)(?=\d)", r"~\1", version)


def install_locked(wheel: Path, folder: Path) -> None:
    """The locked packages that running needs, and the wheel. Raises: PackageError."""
    pip = [sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-input", "--no-compile", "--only-binary", ":all:", "--target", str(folder)]
    lock = CHECKOUT / "requirements-run.lock"
    _run(*pip, "--no-deps", "--require-hashes", "-r", str(lock))
    _run(*pip, "--no-deps", "--upgrade", str(wheel))


def _clean(site: Path) -> None:
    """Remove what tells of the machine that built it, and the commands of other packages."""
    shutil.rmtree(site / "bin", ignore_errors=True)
    for folder in site.glob("*.dist-info"):
        for name in ("direct_url.json", "REQUESTED", "RECORD"):  # nobody uninstalls single packages here
            (folder / name).unlink(missing_ok=True)


def _environment(root: Path, python: str) -> None:
    """A virtual environment as `python3 -m venv` makes it, without pip, at the place where it will stand."""
    home = root / _HOME
    (home / "bin").mkdir()
    (home / "bin/python3").symlink_to(f"/usr/bin/python{python}")
    (home / "bin/dozvon").write_text(_COMMAND)
    (home / "pyvenv.cfg").write_text(f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {python}\n")
    (root / "usr/bin").mkdir()
    (root / "usr/bin/dozvon").symlink_to("../lib/dozvon/bin/dozvon")


def _compile(root: Path, site: Path) -> None:
    """Bytecode for each module: the service may not write it, and would compile everything at each start."""
    command = [str(PYTHON), "-m", "compileall", "-qq", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(root), "-p", "/", str(site)]
    subprocess.run(command, check=False)  # some packages carry templates that are no Python: they stay as they are
    if not list((site / "integration/__pycache__").glob("*.pyc")):
        raise PackageError("the modules could not be compiled")


def _system_files(root: Path) -> None:
    files = {
        CHECKOUT / "deploy/dozvon.service": "usr/lib/systemd/system/dozvon.service",
        _RECIPE / "dozvon-https.service": "usr/lib/systemd/system/dozvon-https.service",
        _RECIPE / "dozvon-https": "usr/sbin/dozvon-https",
        CHECKOUT / "deploy/Caddyfile": "usr/share/dozvon/Caddyfile",
        _RECIPE / "dozvon.toml": "usr/share/dozvon/dozvon.toml",
        CHECKOUT / "integration/dozvon.example.toml": "usr/share/doc/dozvon/examples/dozvon.toml",
        _DIALPLAN: "usr/share/doc/dozvon/examples/extensions_dozvon.conf",
        CHECKOUT / "deploy/postgres-role.sql": "usr/share/doc/dozvon/examples/postgres-role.sql",
    }
    for source, name in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, root / name)
    for folder in ("etc/dozvon", "var/lib/dozvon"):
        (root / folder).mkdir(parents=True)


def _documents(root: Path, packages: list[Distribution], version: str, date: int) -> None:
    folder = root / "usr/share/doc/dozvon"
    _gzip(folder / "changelog.gz", (CHECKOUT / "CHANGELOG.md").read_text("utf-8"))
    maintainer = re.search(r"^Maintainer: (.+)$", (_RECIPE / "control").read_text("utf-8"), re.M)
    assert maintainer
    entry = f"dozvon ({debian_version(version)}) stable; urgency=medium\n\n  * Dozvon {version}: see changelog.gz.\n\n"
    _gzip(folder / "changelog.Debian.gz", f"{entry} -- {maintainer[1]}  {formatdate(date)}\n")
    lines = [
        "Dozvon is licensed under the Apache License 2.0: /usr/share/common-licenses/Apache-2.0.",
        "",
        f"These packages are beside it below /{_HOME}, each with its licence's text in its",
        ".dist-info folder or its files. The sandbox CRM's page contains jQuery and RequireJS (MIT).",
        "",
        *(f"  {each.name} {each.version}: {_licence(each)}" for each in packages if each.name != "dozvon"),
    ]
    (folder / "copyright").write_text("\n".join(lines) + "\n", "utf-8")


def _licence(package: Distribution) -> str:
    """What the package's metadata says, in one line."""
    about = package.metadata
    for key in ("License-Expression", "License"):
        text = str(about[key] or "").strip()
        if text and len(text.splitlines()) == 1:  # some put the whole text there
            return text
    named = [
        line.rsplit("::", 1)[1].strip() for line in about.get_all("Classifier", []) if line.startswith("License ::")
    ]
    return ", ".join(named) or "see its files"


def _gzip(file: Path, text: str) -> None:
    file.write_bytes(gzip.compress(text.encode(), mtime=0))


def _control(root: Path, values: dict[str, str]) -> None:
    folder = root / "DEBIAN"
    folder.mkdir()
    for name in _SCRIPTS:
        shutil.copyfile(_RECIPE / name, folder / name)
    files = list(_files(root))
    values = {**values, "SIZE": str(sum(file.stat().st_size // 1024 + 1 for file in files))}
    control = re.sub(r"@([A-Z]+)@", lambda found: values[found[1]], (_RECIPE / "control").read_text("utf-8"))
    (folder / "control").write_text(control, "utf-8")
    sums = [f"{hashlib.md5(file.read_bytes()).hexdigest()}  {file.relative_to(root)}\n" for file in files]
    (folder / "md5sums").write_text("".join(sums), "utf-8")


def _files(root: Path) -> Iterator[Path]:
    """The files of the package, without links and without its control files."""
    for file in sorted(root.rglob("*")):
        if file.is_file() and not file.is_symlink() and not file.is_relative_to(root / "DEBIAN"):
            yield file


def _fix_modes(root: Path) -> None:
    """The same modes on every machine, whatever the umask and the wheels say."""
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            path.chmod(_MODES.get(path.relative_to(root), 0o755 if path.is_dir() else 0o644))


def _run(*command: str, env: dict[str, str] | None = None) -> str:
    """What the command prints. Raises: PackageError."""
    done = subprocess.run(command, env=env, text=True, capture_output=True, check=False)
    if done.returncode:
        raise PackageError(f"{' '.join(command[:4])} … failed:\n{done.stderr}")
    return done.stdout
