"""Passwords: which are allowed, and that a plain password and its hash admit the same person."""

from __future__ import annotations

import io

import pytest

from integration.__main__ import main
from integration.services.passwords import Password, check_hash, hashed, is_hash, weakness

GOOD = "tail-of-the-kite"


@pytest.mark.parametrize(
    "plain",
    [
        "",
        "short",
        "eleven char",
        "aaaaaaaaaaaaaaaa",
        "ababababababab",
        "123456789012345",
        "password1234",
        "my-password1",
    ],
)
def test_weak_ones_are_named(plain: str) -> None:
    assert weakness(plain) is not None


@pytest.mark.parametrize("plain", [GOOD, "e3b0c44298fc1c149afbf4c8996fb924", "пять слов и один пароль"])
def test_good_ones_are_not(plain: str) -> None:
    assert weakness(plain) is None


@pytest.mark.parametrize("configured", [GOOD, hashed(GOOD)], ids=["plain", "hash"])
def test_the_password_and_no_other(configured: str) -> None:
    password = Password(configured)
    assert password.is_same(GOOD)
    assert not any(password.is_same(other) for other in ("", GOOD + " ", GOOD.upper(), configured + "x", "\ud800"))
    assert not is_hash(GOOD)


def test_the_mark_is_the_passwords_own_and_the_same_in_every_process() -> None:
    assert Password(GOOD).mark == Password(GOOD).mark != Password(GOOD + "2").mark


@pytest.mark.parametrize(
    "configured", ["$argon2", "$argon2id$v=19$m=1,t=1,p=1$x$y", hashed("")], ids=["cut", "no hash", "of nothing"]
)
def test_a_hash_that_nothing_matches_is_refused(configured: str) -> None:
    with pytest.raises(ValueError, match="hash"):
        check_hash(configured)


def test_the_command_prints_a_hash_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(GOOD + "\n"))
    assert main(["password"]) == 0
    printed = capsys.readouterr().out.strip()
    assert Password(printed).is_same(GOOD)
    assert GOOD not in printed


def test_the_command_refuses_a_weak_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hunter2\n"))
    assert main(["password"]) == 2
    assert "the minimum is 12" in capsys.readouterr().err
