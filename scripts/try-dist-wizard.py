"""What try-dist.sh asks a running Dozvon in a clean root, with Python's own library: `begin LOG`, `again`.

`begin` becomes the owner at the address that Dozvon printed into LOG, begins an office and opens each screen of the
wizard with every file that the pages name. `again` signs in and finds the office.
"""

from __future__ import annotations

import http.cookiejar
import os
import re
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

_URL = os.environ.get("DOZVON_URL", "http://127.0.0.1:8080")
_LOGIN, _PASSWORD, _OFFICE = "olga@example.com", "nine green bottles", "Windows Plus"
_SCREENS = ("office", "address", "pbx", "crm", "lines", "people", "routing", "rehearsal")
_PATIENCE_SECONDS = 30.0
_browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
_seen: set[str] = set()


def get(url: str) -> str:
    """A page, with every file that it names."""
    with _browser.open(urllib.request.Request(url, headers={"Accept-Language": "en"}), timeout=20) as answer:
        text: str = answer.read().decode()
    for name in re.findall(r'(?:src|href)="(/[^"#?]+\.(?:css|js|svg|png|woff2?))', text):
        if name not in _seen:
            _seen.add(name)
            with _browser.open(_URL + name, timeout=20) as answer:
                assert answer.read(), name
    return text


def post(path: str, **form: str) -> str:
    """Returns the path where the browser is then."""
    data = urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(_URL + path, data, headers={"Origin": _URL, "Accept-Language": "en"})
    with _browser.open(request, timeout=30) as answer:
        answer.read()
        return str(urllib.parse.urlsplit(answer.url).path)


def printed(log: Path) -> str:
    """The address with the one-time code, at this machine."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        if found := re.findall(r"https?://[^/\s]+(/setup\?code=\S+)", log.read_text("utf-8", "replace")):
            return _URL + str(found[-1])
        assert time.monotonic() < deadline, f"{log} has no address:\n{log.read_text()}"
        time.sleep(0.2)


def begin(log: Path) -> None:
    get(printed(log))
    place = post("/setup", name="Olga", login=_LOGIN, password=_PASSWORD)
    assert place == "/admin/setup/new", place
    place = post(place, name=_OFFICE, country="RU", language="ru", time_zone="Europe/Moscow")
    office = re.fullmatch(r"/admin/setup/([\w-]+)/address", place)
    assert office, place
    for screen in _SCREENS:
        assert "<h1" in get(f"{_URL}/admin/setup/{office[1]}/{screen}"), screen
    get(f"{_URL}/admin/style")
    assert any(name.endswith(".css") for name in _seen), _seen
    assert any(name.endswith(".js") for name in _seen), _seen
    print(f"    the owner, an office, {len(_SCREENS)} screens, {len(_seen)} files")


def again() -> None:
    place = post("/admin/login", login=_LOGIN, password=_PASSWORD)
    assert place != "/admin/login", place
    assert _OFFICE in get(f"{_URL}/admin/setup")
    print("    the owner signs in, the office is there")


if __name__ == "__main__":
    if sys.argv[1] == "begin":
        begin(Path(sys.argv[2]))
    else:
        again()
