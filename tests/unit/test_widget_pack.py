"""The widget archive: filled in, the same bytes each time, and refused with plain words when amoCRM would refuse it."""

from __future__ import annotations

import argparse
import json
import struct
import zipfile
from pathlib import Path

import pytest

from integration.cli import widget as command
from integration.errors import ConfigError
from widgets import pack


def png(width: int, height: int) -> bytes:
    """As much of a PNG as the size is read from."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\x08\x02\x00\x00\x00"


def texts() -> dict[str, dict[str, str]]:
    return {"widget": dict.fromkeys(pack.NEEDED_TEXTS, "text"), "settings": {"connection": "text"}}


def manifest() -> dict[str, object]:
    return {
        "widget": {
            "name": "widget.name",
            "description": "widget.description",
            "short_description": "widget.short_description",
            "version": "@@DOZVON_VERSION@@",
            "interface_version": 2,
            "init_once": True,
            "locale": ["ru", "en"],
            "support": {"link": "@@DOZVON_BACKEND@@"},
        },
        "settings": {"connection": {"name": "settings.connection", "type": "custom"}},
    }


def good_files() -> dict[str, bytes]:
    files = {f"images/{name}.png": png(*size) for name, size in pack.LOGOS.items()}
    files |= {f"i18n/{locale}.json": json.dumps(texts()).encode() for locale in ("ru", "en")}
    files["manifest.json"] = json.dumps(manifest()).encode()
    files["script.js"] = b'define([],function(){return "@@DOZVON_BACKEND@@ @@DOZVON_VERSION@@"})'
    return files


def filled(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content.replace(b"@@DOZVON_VERSION@@", b"1.0.0").replace(b"@@DOZVON_BACKEND@@", b"https://x.example")
            for name, content in files.items()}  # fmt: skip


def faults_with(**changes: bytes | None) -> list[str]:
    """Faults of a good archive after replacing (None: removing) files; `__` in a name stands for `/`."""
    files = filled(good_files())
    for name, content in changes.items():
        path = name.replace("__", "/").replace("_json", ".json").replace("_js", ".js").replace("_png", ".png")
        if content is None:
            del files[path]
        else:
            files[path] = content
    return list(pack.amocrm_faults(files))


def manifest_with(**changes: object) -> bytes:
    value = json.loads(filled(good_files())["manifest.json"])
    value["widget"] |= changes
    return json.dumps(value).encode()


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiled widget, without Node."""
    folder = tmp_path / "dist"
    for name, content in good_files().items():
        file = folder / "amocrm" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    monkeypatch.setattr(pack, "DIST", folder)
    return folder


def test_the_address_and_the_version_are_filled_in(dist: Path, tmp_path: Path) -> None:
    out = pack.build_amocrm(tmp_path / "w.zip", "https://calls.example.com/dozvon/", "1.2.3")
    with zipfile.ZipFile(out) as archive:
        assert archive.read("script.js") == b'define([],function(){return "https://calls.example.com/dozvon 1.2.3"})'
        described = json.loads(archive.read("manifest.json"))["widget"]
    assert described["version"] == "1.2.3"
    assert described["support"] == {"link": "https://calls.example.com/dozvon"}


def test_equal_arguments_give_equal_bytes(dist: Path, tmp_path: Path) -> None:
    first = pack.build_amocrm(tmp_path / "a.zip", "https://x.example", "1.0.0").read_bytes()
    (dist / "amocrm" / "script.js").touch()
    assert pack.build_amocrm(tmp_path / "b.zip", "https://x.example", "1.0.0").read_bytes() == first


def test_files_lie_at_the_archives_root_and_nothing_else_is_left_beside_it(dist: Path, tmp_path: Path) -> None:
    out = pack.build_amocrm(tmp_path / "new" / "w.zip", "https://x.example")
    assert sorted(zipfile.ZipFile(out).namelist()) == sorted(good_files())
    assert [file.name for file in out.parent.iterdir()] == ["w.zip"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "calls.example.com",  # no scheme
        "ftp://calls.example.com",
        "https://",
        "https://calls.example.com/?a=1",  # a query would be cut by our paths
        "https://user:secret@calls.example.com",  # every manager could read it
        'https://x"+alert(1)+"',  # out of the script's string literal
        "https://x.example/</script>",
        "https://x.example\nhttps://y.example",
    ],
)
def test_an_address_that_no_widget_could_use_is_refused(url: str, dist: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="write the address browsers use"):
        pack.build_amocrm(tmp_path / "w.zip", url)
    assert not (tmp_path / "w.zip").exists()


@pytest.mark.parametrize(
    "url", ["https://x.example:8443", "http://127.0.0.1:8080", "http://[::1]:8080", "https://h/a/b"]
)
def test_usual_addresses_are_taken(url: str) -> None:
    assert pack.checked_backend(url + "/") == url


def test_a_version_that_amocrm_does_not_take_is_refused(dist: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="three numbers"):
        pack.build_amocrm(tmp_path / "w.zip", "https://x.example", "1.0-beta")


def test_a_widget_that_is_not_compiled_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "DIST", tmp_path)
    with pytest.raises(ConfigError, match="make setup"):
        pack.build_amocrm(tmp_path / "w.zip", "https://x.example")


def test_a_place_that_cannot_be_written_is_named(dist: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        pack.build_amocrm(tmp_path / "file" / "w.zip", "https://x.example")


def test_a_good_archive_has_no_faults() -> None:
    assert list(pack.amocrm_faults(filled(good_files()))) == []


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (faults_with(script_js=None), "script.js: missing"),
        (faults_with(script_js=b"alert(1)"), "begins with define("),
        (faults_with(script_js=b"define(@@DOZVON_OTHER@@"), "@@DOZVON_OTHER@@ was not filled in"),
        (faults_with(manifest_json=b"{"), "manifest.json: missing, not JSON"),
        (faults_with(manifest_json=b"[]"), "manifest.json: missing, not JSON"),
        (faults_with(manifest_json=manifest_with(interface_version=1)), "interface_version must be 2"),
        (faults_with(manifest_json=manifest_with(init_once=False)), "init_once must be true"),
        (faults_with(manifest_json=manifest_with(secret_key="s")), "widget.secret_key must not be there"),
        (faults_with(manifest_json=manifest_with(code="c")), "widget.code must not be there"),
        (faults_with(manifest_json=manifest_with(locale=["ru", "en", "uk"])), "i18n/uk.json: missing"),
        (faults_with(manifest_json=manifest_with(name="widget.title")), "the text widget.title is missing"),
        (faults_with(i18n__en_json=json.dumps({"widget": {"name": "x"}}).encode()), "widget.call_action is missing"),
        (faults_with(images__logo_png=None), "images/logo.png: missing (130x100 pixels)"),
        (faults_with(images__logo_png=png(100, 130)), "must be a PNG of 130x100 pixels, is 100x130"),
        (faults_with(images__logo_png=b"GIF89a"), "is no PNG"),
        (faults_with(images__logo_png=png(130, 100) + bytes(301 * 1024)), "at most 300 KB"),
    ],
)
def test_what_amocrm_would_refuse_is_said(faults: list[str], words: str) -> None:
    assert any(words in fault for fault in faults), faults


def test_the_kept_manifest_texts_and_logos_obey_the_rules() -> None:
    """The sources themselves, without Node: only the script is put in its place."""
    source = Path(pack.__file__).parent / "amocrm"
    files = {"manifest.json": (source / "manifest.json").read_bytes(), "script.js": b"define("}
    files |= {f"i18n/{file.name}": file.read_bytes() for file in (source / "i18n").iterdir()}
    files |= {f"images/{file.name}": file.read_bytes() for file in (source / "images").iterdir()}
    assert list(pack.amocrm_faults(filled(files))) == []


def build(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(["build", "amocrm", *arguments]))


@pytest.fixture
def folder(dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an administrator stands; nothing is said by the environment."""
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.delenv("DOZVON_PUBLIC_URL", raising=False)
    return place


def backend_in(archive: Path) -> str:
    link: str = json.loads(zipfile.ZipFile(archive).read("manifest.json"))["widget"]["support"]["link"]
    return link


def test_the_command_fills_in_who_gives_support(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build("-o", "w.zip", "--backend", "https://calls.example.com", "--support-email", "a@b.example") == 0
    printed = capsys.readouterr()
    assert "w.zip" in printed.out
    assert printed.err == ""
    written = json.loads(zipfile.ZipFile(folder / "w.zip").read("manifest.json"))["widget"]["support"]
    assert written == {"link": "https://calls.example.com", "email": "a@b.example"}


@pytest.mark.parametrize("arguments", [[], ["--config", "dozvon.toml"]])
def test_the_address_is_that_of_the_configuration(folder: Path, arguments: list[str]) -> None:
    (folder / "dozvon.toml").write_text('[server]\npublic_url = "https://calls.example.com/"\n')
    assert build("-o", "w.zip", *arguments) == 0
    assert backend_in(folder / "w.zip") == "https://calls.example.com"


def test_the_address_of_the_environment_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOZVON_PUBLIC_URL", "https://calls.example.com")
    assert build("-o", "w.zip") == 0
    assert backend_in(folder / "w.zip") == "https://calls.example.com"


@pytest.mark.parametrize("text", [None, "", '[server]\nlisten = "0.0.0.0:8080"\n'])
def test_an_address_that_nobody_gave_makes_no_archive(folder: Path, text: str | None) -> None:
    """Not one for this machine's loopback, which no manager's browser reaches."""
    if text is not None:
        (folder / "dozvon.toml").write_text(text)
    with pytest.raises(ConfigError, match="managers' browsers"):
        build("-o", "w.zip")
    assert not (folder / "w.zip").exists()


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ("http://calls.example.com", "is not https"),
        ("http://192.168.1.5:8080", "is not https"),
        ("http://127.0.0.1:8080", "this machine only"),
        ("https://127.8.8.8", "this machine only"),
        ("http://[::1]:8080", "this machine only"),
        ("http://0.0.0.0:8080", "this machine only"),
        ("http://localhost", "this machine only"),
    ],
)
def test_an_address_that_managers_browsers_cannot_reach_is_warned_of(
    folder: Path, capsys: pytest.CaptureFixture[str], backend: str, words: str
) -> None:
    assert build("-o", "w.zip", "--backend", backend) == 0
    assert words in capsys.readouterr().err
    assert build("-o", "w.zip", "--backend", backend, "--trial") == 0
    assert capsys.readouterr().err == ""
