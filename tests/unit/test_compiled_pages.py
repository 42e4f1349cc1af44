"""The templates of pages: compiled before anybody reads one, by the next start out of the bytecode that was kept."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jinja2
import pytest

from integration.web.pages.compiled import BytecodeBesideOurs, compile_all, templates


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "hello.html").write_text("<p>Hello, {{ name }}</p>")
    return folder


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where bytecode is kept, on a machine that does keep some."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


def shown(pages: Path, kept: Path) -> str:
    """The page after a start."""
    return compile_all(pages, BytecodeBesideOurs(kept)).get_template("hello.html").render(name="<Olga>")


def never_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    def compiled(*_: Any, **__: Any) -> None:
        raise AssertionError("it was compiled")

    monkeypatch.setattr(jinja2.Environment, "compile", compiled)


def test_no_page_is_compiled_while_its_reader_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = templates()
    assert not environment.auto_reload
    never_compile(monkeypatch)
    for name in environment.list_templates():
        assert environment.get_template(name).name == name


def test_the_next_start_compiles_nothing(pages: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = shown(pages, kept)
    assert first == "<p>Hello, &lt;Olga&gt;</p>"
    never_compile(monkeypatch)
    assert shown(pages, kept) == first


def test_a_page_of_another_release_is_compiled_again(pages: Path, kept: Path) -> None:
    shown(pages, kept)
    (pages / "hello.html").write_text("<p>Bye, {{ name }}</p>")
    assert shown(pages, kept) == "<p>Bye, &lt;Olga&gt;</p>"


@pytest.mark.parametrize("left", [0, 3, 20, 40, -1])
def test_half_a_file_is_compiled_again(pages: Path, kept: Path, left: int) -> None:
    first = shown(pages, kept)
    (file,) = kept.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:left])
    assert shown(pages, kept) == first
    assert file.read_bytes() == whole


def test_where_nothing_can_be_written_every_start_compiles(pages: Path, kept: Path) -> None:
    missing = kept / "missing"
    assert shown(pages, missing) == "<p>Hello, &lt;Olga&gt;</p>"
    assert not missing.exists()


def test_nothing_is_kept_where_python_keeps_none(pages: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    shown(pages, kept)
    assert list(kept.iterdir()) == []


def test_the_bytecode_stands_beside_the_modules_own() -> None:
    """Who can write there can write the code itself: a data folder or one for temporary files would let in others."""
    spec = find_spec("integration.web.pages.compiled")
    assert spec is not None
    assert spec.cached is not None
    assert Path(BytecodeBesideOurs().directory) == Path(spec.cached).parent
