"""Makes a short name of what a browser says it is (`User-Agent`), for people who look through their sessions."""

from __future__ import annotations

import re

# The first match counts: browsers also name those that they descend from.
_BROWSERS = (
    (re.compile(r"\bEdgA?(?:iOS)?/(\d+)"), "Edge"),
    (re.compile(r"\bOPR/(\d+)"), "Opera"),
    (re.compile(r"\bYaBrowser/(\d+)"), "Yandex Browser"),
    (re.compile(r"\bVivaldi/(\d+)"), "Vivaldi"),
    (re.compile(r"\bSamsungBrowser/(\d+)"), "Samsung Internet"),
    (re.compile(r"\b(?:Firefox|FxiOS)/(\d+)"), "Firefox"),
    (re.compile(r"\b(?:HeadlessChrome|Chrome|CriOS)/(\d+)"), "Chrome"),
    (re.compile(r"\bVersion/(\d+)[\d.]* .*\bSafari/"), "Safari"),
    (re.compile(r"\bcurl/(\d+)"), "curl"),
)
_SYSTEMS = (
    (re.compile(r"\biPhone\b"), "iPhone"),
    (re.compile(r"\biPad\b"), "iPad"),
    (re.compile(r"\bAndroid\b"), "Android"),
    (re.compile(r"\bWindows\b"), "Windows"),
    (re.compile(r"\bMac OS X\b|\bMacintosh\b"), "macOS"),
    (re.compile(r"\bCrOS\b"), "ChromeOS"),
    (re.compile(r"\bLinux\b"), "Linux"),
)


def browser_name(user_agent: str) -> str:
    """`Firefox 130, Windows`; empty if nothing in it is known. Never raises."""
    browser = next((f"{name} {found[1]}" for way, name in _BROWSERS if (found := way.search(user_agent))), "")
    system = next((name for way, name in _SYSTEMS if way.search(user_agent)), "")
    return ", ".join(part for part in (browser, system) if part)
