"""Builds what people install: `make dist` writes a wheel and, where dpkg-deb is, a Debian package into dist/.

The wheel is built from a copy of the files that git knows and of the compiled widgets, so that nothing else of this
checkout gets in. Equal sources give equal bytes: times are those of the last commit (or SOURCE_DATE_EPOCH), modes are
fixed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts import debian_package

CHECKOUT = Path(__file__).parents[1]
# What the wheel is made of, beside the compiled widgets; tests and documents are no part of it.
_SOURCES = ("pyproject.toml", "README.md", "LICENSE", "integration", "connectors", "pbx_adapter", "widgets", "bench")
_WIDGETS = Path("widgets/dist")


class DistError(Exception):
    """Something that is needed for building is missing; says what to do."""


def main() -> int:
    """Exit codes: 0 built, 3 not."""
    try:
        date = source_date()
        with tempfile.TemporaryDirectory() as place:
            built = [build_wheel(Path(place), date)]
            if shutil.which("dpkg-deb"):
                built.append(debian_package.build(built[0], Path(place), date))
            else:
                print("No dpkg-deb here: no Debian package.")
            out = CHECKOUT / "dist"
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            for file in built:
                digest = hashlib.sha256(file.read_bytes()).hexdigest()
                print(f"dist/{file.name}  {file.stat().st_size / 1e6:.1f} MB  sha256 {digest}")
                shutil.move(file, out / file.name)
    except (DistError, debian_package.PackageError) as exc:
        print(f"make dist: {exc}", file=sys.stderr)
        return 3
    return 0


def source_date() -> int:
    """The moment that all files get, in Unix seconds. Raises: DistError."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        if not given.isdecimal():
            raise DistError(f"SOURCE_DATE_EPOCH is {given!r}; write Unix seconds, or leave it out")
        return int(given)
    return int(_git("log", "-1", "--format=%ct"))


def build_wheel(place: Path, date: int) -> Path:
    """The wheel, in `place`. Raises: DistError."""
    sources = place / "sources"
    copy_sources(sources)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-build-isolation", "--wheel-dir", str(place / "wheel"), str(sources)]
    done = subprocess.run(
        command,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(date)},
        umask=0o022,
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise DistError(f"pip could not build the wheel:\n{done.stderr}")
    (wheel,) = (place / "wheel").glob("dozvon-*.whl")
    return wheel


def copy_sources(target: Path) -> None:
    """Copy what the wheel is made of, with fixed modes. Raises: DistError."""
    if not (CHECKOUT / _WIDGETS / "amocrm/script.js").is_file():
        raise DistError("the widgets are not compiled: run make setup")
    tracked = _git("ls-files", "-z", "--", *_SOURCES).split("\0")
    compiled = [str(file.relative_to(CHECKOUT)) for file in (CHECKOUT / _WIDGETS).rglob("*") if file.is_file()]
    for name in sorted({*filter(None, tracked), *compiled}):
        if not (CHECKOUT / name).is_file():
            continue  # deleted, and not committed yet
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / name, copy)
        copy.chmod(0o644)


def _git(*arguments: str) -> str:
    """What git says about the checkout. Raises: DistError."""
    try:
        done = subprocess.run(
            ["git", "-C", str(CHECKOUT), *arguments],
            text=True,
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as exc:
        said = exc.stderr.strip() if isinstance(exc, subprocess.CalledProcessError) else exc
        raise DistError(f"git has to say which files belong to Dozvon, and could not: {said}") from exc
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
