"""What `make dist` builds, as far as it can be seen without installing it; scripts/try-dist.sh installs it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from integration import __version__
from integration.storage.sql import migrate
from integration.web.certificates import ASK_PATH
from scripts import debian_package, dist

CHECKOUT = Path(__file__).parents[2]
DATE = 1_700_000_000
SITE = "usr/lib/dozvon/lib/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dist.build_wheel(tmp_path_factory.mktemp("wheel"), DATE)


@pytest.fixture(scope="module")
def package(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Debian package without the dependencies, which come from a registry."""

    def unpack(wheel: Path, folder: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        (folder / "bin").mkdir()  # as pip leaves them
        (folder / "bin/alembic").touch()
        (folder / "dozvon-0.1.0.dist-info" / "direct_url.json").write_text('{"url": "file:///somebody/else"}')

    return debian_package.build(wheel, tmp_path_factory.mktemp("package"), DATE, unpack)


def listed(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def locked(name: str) -> dict[str, set[str]]:
    """`name==version` and what else stands in its line: the hashes. Markers are left out."""
    entries = re.split(r"\n(?=[a-zA-Z])", (CHECKOUT / name).read_text())
    return {re.split(r"[\s;]", entry, maxsplit=1)[0]: set(re.findall(r"sha256:\w+", entry)) for entry in entries}


# ---- the wheel


def test_the_wheel_has_every_file_of_the_packages_and_the_compiled_widgets_and_nothing_else(wheel: Path) -> None:
    tracked = subprocess.run(
        [
            "git",
            "ls-files",
            "integration",
            "connectors",
            "pbx_adapter",
            "bench",
            "widgets/__init__.py",
            "widgets/pack.py",
            "widgets/shared/tokens.css",
            "widgets/shared/tokens-dark.css",
        ],
        cwd=CHECKOUT,
        text=True,
        capture_output=True,
        check=True,
    ).stdout.split()
    there = {name for name in tracked if (CHECKOUT / name).exists() and not name.endswith("README.md")}
    compiled = {str(file.relative_to(CHECKOUT)) for file in (CHECKOUT / "widgets/dist").rglob("*") if file.is_file()}
    assert listed(wheel) == there | compiled


@pytest.mark.parametrize(
    "name",
    [
        "widgets/dist/amocrm/script.js",
        "widgets/dist/amocrm/manifest.json",
        "widgets/dist/amocrm/i18n/uk.json",
        "widgets/dist/vendor/requirejs/require.js",
        "widgets/dist/vendor/jquery/LICENSE.txt",
        "integration/dozvon.example.toml",
        "integration/web/pages/templates/overview.html",
        "integration/web/pages/templates/components/forms.html",
        "integration/web/pages/static/admin.css",
        "integration/web/pages/static/admin.js",
        "integration/web/pages/static/icons.svg",
        "widgets/shared/tokens.css",
        "widgets/shared/tokens-dark.css",
        "connectors/amocrm/sandbox/web/texts.json",
        "pbx_adapter/asterisk/dialplan/extensions_dozvon.conf",
    ],
)
def test_what_runs_without_the_checkout_is_in_the_wheel(wheel: Path, name: str) -> None:
    assert name in listed(wheel)


def test_the_steps_of_the_schema_are_in_the_wheel(wheel: Path) -> None:
    steps = {str(file.relative_to(CHECKOUT)) for folder in migrate.FOLDERS for file in folder.glob("*.py")}
    assert steps
    assert steps <= listed(wheel)


def test_the_wheel_names_its_version_python_and_licence(wheel: Path) -> None:
    about = metadata(wheel)
    assert about["Version"] == __version__
    assert about["Requires-Python"] == ">=3.11"
    assert about["License-Expression"] == "Apache-2.0"
    assert wheel.name == f"dozvon-{__version__}-py3-none-any.whl"


def test_equal_sources_give_an_equal_wheel(wheel: Path, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        again = dist.build_wheel(tmp_path, DATE)
    finally:
        os.umask(before)
    assert again.read_bytes() == wheel.read_bytes()


def test_the_wheel_allows_what_is_locked(wheel: Path) -> None:
    versions = dict(line.split("==") for line in locked("requirements-run.lock"))
    wanted = [Requirement(line) for line in metadata(wheel).get_all("Requires-Dist", [])]
    needed = [each for each in wanted if each.marker is None or each.marker.evaluate({"extra": "mysql"})]
    assert needed
    refused = [str(each) for each in needed if not each.specifier.contains(versions[canonicalize_name(each.name)])]
    assert refused == []


def test_what_runs_is_locked_as_what_is_tested() -> None:
    """After a change of the dependencies: make lock."""
    run, everything = locked("requirements-run.lock"), locked("requirements.lock")
    assert {name: hashes for name, hashes in run.items() if everything.get(name) != hashes} == {}
    assert not [name for name in run if name.startswith(("pytest", "mypy", "playwright", "nodejs", "ruff"))]


# ---- the Debian package


def entries(package: Path) -> dict[str, tuple[str, str]]:
    """Path (without `./`; a folder's ends with a slash): mode and owner, as `dpkg-deb -c` prints them."""
    lines = subprocess.run(["dpkg-deb", "-c", package], text=True, capture_output=True, check=True).stdout.splitlines()
    split = [line.split(maxsplit=5) for line in lines]
    return {words[5].removeprefix("./"): (words[0], words[1]) for words in split}


def test_the_package_is_roots_and_opens_its_folders_to_nobody_else(package: Path) -> None:
    files = entries(package)
    assert {owner for _, owner in files.values()} == {"root/root"}
    assert files["etc/dozvon/"][0] == "drwxr-x---"
    assert files["var/lib/dozvon/"][0] == "drwx------"
    assert [name for name, (mode, _) in files.items() if mode[0] != "l" and "w" in mode[5] + mode[8]] == []


def test_the_package_has_command_unit_and_examples(package: Path) -> None:
    files = entries(package)
    assert files["usr/lib/dozvon/bin/dozvon"][0] == "-rwxr-xr-x"
    assert files["usr/sbin/dozvon-https"][0] == "-rwxr-xr-x"
    assert "usr/bin/dozvon -> ../lib/dozvon/bin/dozvon" in files
    for name in (
        "usr/lib/systemd/system/dozvon.service",
        "usr/lib/systemd/system/dozvon-https.service",
        "usr/share/dozvon/Caddyfile",
        "usr/share/dozvon/dozvon.toml",
        "usr/share/doc/dozvon/copyright",
        "usr/share/doc/dozvon/changelog.Debian.gz",
        "usr/share/doc/dozvon/examples/dozvon.toml",
    ):
        assert files[name][0] == "-rw-r--r--"


def test_the_package_has_the_wheel_compiled_and_nothing_of_the_building_machine(wheel: Path, package: Path) -> None:
    below = {name.partition("site-packages/")[2] for name in entries(package) if name.startswith(SITE)}
    assert listed(wheel) <= below
    assert any(name.startswith("integration/__pycache__/errors.cpython-") for name in below)
    assert not [name for name in below if name.startswith("bin/") or name.endswith("direct_url.json")]
    with_place = package.parent / "unpacked"
    subprocess.run(["dpkg-deb", "-x", package, with_place], check=True)
    place = str(package.parent).encode()
    assert [file for file in with_place.rglob("*") if file.is_file() and place in file.read_bytes()] == []


def test_the_unit_starts_what_the_package_has_with_the_file_it_makes() -> None:
    unit = (CHECKOUT / "deploy/dozvon.service").read_text()
    assert "ExecStart=/usr/bin/dozvon run --config /etc/dozvon/dozvon.toml\n" in unit
    for line in ("User=dozvon", "LimitNOFILE=65536", "UMask=0077", "ProtectSystem=strict", "NoNewPrivileges=yes"):
        assert f"{line}\n" in unit
    assert "ReadWritePaths=/var/lib/dozvon\n" in unit


def test_the_configuration_of_the_package_can_be_read_and_keeps_its_data_where_the_unit_lets_it() -> None:
    from integration.process import config

    settings = config.load(CHECKOUT / "deploy/debian/dozvon.toml", {})
    assert str(settings.data_dir) == "/var/lib/dozvon"
    assert settings.accounts == ()
    assert [str(each) for each in settings.trusted_proxies] == ["127.0.0.1/32"]  # the https proxy
    assert not settings.has_public_url  # else neither dozvon-https nor the browser could store one


def test_the_control_file_says_what_is_needed(package: Path) -> None:
    about = Parser().parsestr(
        subprocess.run(["dpkg-deb", "-f", package], text=True, capture_output=True, check=True).stdout
    )
    assert about["Version"] == debian_package.debian_version(__version__)
    assert about["Depends"].split(", ")[0] == f"python{debian_package.python_version()}"
    assert "@" not in str(about).replace("maintainers@dozvon.invalid", "")


def test_a_machine_without_its_own_python_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian_package, "PYTHON", tmp_path / "python3")
    with pytest.raises(debian_package.PackageError, match="apt-get install python3"):
        debian_package.build(tmp_path / "wheel", tmp_path, DATE)


def test_the_https_proxy_is_suggested_and_its_unit_starts_what_the_package_has(package: Path) -> None:
    said = subprocess.run(["dpkg-deb", "-f", package, "Suggests"], text=True, capture_output=True, check=True).stdout
    assert said.startswith("caddy")
    unit = (CHECKOUT / "deploy/debian/dozvon-https.service").read_text()
    assert "ExecStart=/usr/bin/caddy run --config /usr/share/dozvon/Caddyfile --adapter caddyfile\n" in unit
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE\n" in unit


def test_the_proxy_asks_where_dozvon_answers_and_lets_nobody_else_ask() -> None:
    text = (CHECKOUT / "deploy/Caddyfile").read_text()
    assert re.search(rf"^\t\task http://\S+{ASK_PATH}$", text, re.M)
    [private] = re.findall(r"@private path (.+)$", text, re.M)
    assert {"/metrics", "/health", f"{ASK_PATH.rpartition('/')[0]}/*"} == set(private.split())


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), ([], 2), (["--wrong"], 2), (["a.example", "b"], 2)])
def test_the_command_of_the_package_says_how_it_is_used(arguments: list[str], code: int) -> None:
    script = CHECKOUT / "deploy/debian/dozvon-https"
    subprocess.run([shutil.which("dash") or "sh", "-n", script], check=True)
    done = subprocess.run(["sh", script, *arguments], text=True, capture_output=True, check=False)
    assert done.returncode == code
    assert "sudo dozvon-https NAME" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["postinst", "prerm", "postrm"])
def test_the_maintainers_scripts_are_shell_that_ends_at_the_first_error(package: Path, name: str) -> None:
    unpacked = package.parent / f"control-{name}"
    subprocess.run(["dpkg-deb", "-e", package, unpacked], check=True)
    script = unpacked / name
    assert script.stat().st_mode & 0o777 == 0o755
    text = script.read_text()
    assert text.startswith("#!/bin/sh\n")
    assert "\nset -e\n" in text
    subprocess.run([shutil.which("dash") or "sh", "-n", script], check=True)


@pytest.mark.parametrize(
    ("python", "debian"), [("0.1.0", "0.1.0"), ("1.0rc1", "1.0~rc1"), ("1.0.dev3", "1.0~dev3"), ("2.0b2", "2.0~b2")]
)
def test_a_version_before_a_release_is_older_for_dpkg_too(python: str, debian: str) -> None:
    assert debian_package.debian_version(python) == debian
    if python != debian:
        final = re.split(r"~", debian)[0]
        subprocess.run(["dpkg", "--compare-versions", debian, "lt", final], check=True)
