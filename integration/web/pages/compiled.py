"""The pages' templates, compiled before the first reader comes, and their bytecode, kept for the next start."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import pickle
import sys
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket


class BytecodeBesideOurs(jinja2.FileSystemBytecodeCache):
    """
    Keeps the templates' bytecode where Python keeps that of this module, on Python's conditions.

    So nobody can put code there who could not change this module, too. Where Dozvon may not write, each start compiles.
    """

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(str(folder or Path(cache_from_source(__file__)).parent), "templates-%s.bytecode")
        # The options below change the code, too.
        self._made_by = importlib.metadata.version("jinja2") + Path(__file__).read_text("utf-8")

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """Jinja itself compares the template's text, and Python's release."""
        return hashlib.sha256(f"{name} {self._made_by}".encode()).hexdigest()

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            super().load_bytecode(bucket)
        except (OSError, EOFError, pickle.UnpicklingError):  # what a power cut left of it
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        if not sys.dont_write_bytecode:
            with contextlib.suppress(OSError):
                super().dump_bytecode(bucket)


@cache
def templates() -> jinja2.Environment:
    """The environment of all pages."""
    return compile_all(Path(__file__).parent / "templates", BytecodeBesideOurs())


def compile_all(folder: Path, kept: BytecodeBesideOurs) -> jinja2.Environment:
    """
    Load every template below the folder, because the first reader of one must not hold up the cards of everybody.

    Compiling all of Dozvon's takes 0.45 s of a core, with their bytecode 0.02.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        bytecode_cache=kept,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
        cache_size=-1,
    )
    for name in environment.list_templates():
        environment.get_template(name)
    return environment
