"""SIP messages as text (RFC 3261): parsing, building, digest answers. No sockets and no call state."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

ALLOW = "Allow: INVITE,ACK,CANCEL,BYE,OPTIONS,NOTIFY,REFER,INFO,UPDATE"


@dataclass(frozen=True, slots=True)
class Message:
    start_line: str
    headers: tuple[tuple[str, str], ...]  # in the order received
    body: str

    @classmethod
    def parse(cls, raw: bytes) -> Message:
        head, _, body = raw.partition(b"\r\n\r\n")
        start_line, *lines = head.decode("utf-8", "replace").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = tuple((name.strip(), value.strip()) for name, _, value in pairs)
        return cls(start_line, headers, body.decode("utf-8", "replace"))

    @property
    def is_response(self) -> bool:
        return self.start_line.startswith("SIP/2.0")

    @property
    def code(self) -> int:
        """The status of a response; 0 for a request."""
        return int(self.start_line.split()[1]) if self.is_response else 0

    @property
    def method(self) -> str:
        """The method of a request; "" for a response."""
        return "" if self.is_response else self.start_line.split()[0]

    @property
    def uri(self) -> str:
        return "" if self.is_response else self.start_line.split()[1]

    @property
    def cseq(self) -> tuple[int, str]:
        number, method = self.get("CSeq").split()
        return int(number), method

    def get(self, name: str) -> str:
        """Return the first header with this name, or ""."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        return [value for header, value in self.headers if header.lower() == name.lower()]


def tag_of(header: str) -> str:
    """The tag of a From or To header, or ""."""
    match = re.search(r";tag=([^;>\s]+)", header)
    return match[1] if match else ""


def address_of(header: str) -> str:
    """The URI of a From, To or Contact header."""
    match = re.search(r"<([^>]+)>", header)
    return match[1] if match else header.split(";")[0].strip()


def user_of(header: str) -> str:
    """The user part (number or extension) of a header or URI, or ""."""
    match = re.search(r"sip:([^@;>]+)@", header)
    return match[1] if match else ""


def new_branch() -> str:
    return "z9hG4bK" + uuid.uuid4().hex[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The content of a request, without the headers that its sender adds (Via, Contact)."""

    method: str
    uri: str
    from_: str
    to: str
    call_id: str
    cseq: int
    branch: str = ""
    extra: Sequence[str] = ()  # whole header lines
    body: str = ""

    def render(self, user: str, host: str, port: int) -> bytes:
        lines = [
            f"{self.method} {self.uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch={self.branch or new_branch()};rport",
            "Max-Forwards: 70",
            f"From: {self.from_}",
            f"To: {self.to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} {self.method}",
            f"Contact: <sip:{user}@{host}:{port}>",
            "User-Agent: dozvon-lab",
            ALLOW,
            "Supported: replaces",
            *self.extra,
        ]
        return _with_body(lines, self.body)


def render_response(
    request: Message,
    code: int,
    reason: str,
    *,
    contact: str,
    tag: str = "",
    extra: Sequence[str] = (),
    body: str = "",
) -> bytes:
    """Build the answer to `request`; `contact` is the whole Contact URI, or "" for none."""
    to = request.get("To")
    if tag and not tag_of(to):
        to += f";tag={tag}"
    lines = [
        f"SIP/2.0 {code} {reason}",
        *(f"Via: {via}" for via in request.all("Via")),
        *(f"Record-Route: {route}" for route in request.all("Record-Route")),
        f"From: {request.get('From')}",
        f"To: {to}",
        f"Call-ID: {request.get('Call-ID')}",
        f"CSeq: {request.get('CSeq')}",
        *([f"Contact: <{contact}>"] if contact else []),
        ALLOW,
        *extra,
    ]
    return _with_body(lines, body)


def _with_body(lines: list[str], body: str) -> bytes:
    content_type = ["Content-Type: application/sdp"] if body else []
    return "\r\n".join([*lines, *content_type, f"Content-Length: {len(body.encode())}", "", body]).encode()


def digest_answer(challenge: Message, *, method: str, uri: str, user: str, password: str) -> str:
    """Return the whole Authorization (401) or Proxy-Authorization (407) header line that answers a challenge."""
    asked, answered = (
        ("WWW-Authenticate", "Authorization")
        if challenge.code == 401
        else ("Proxy-Authenticate", "Proxy-Authorization")
    )
    fields = dict(re.findall(r'(\w+)="?([^",]*)"?', challenge.get(asked)))
    secret = _md5(f"{user}:{fields['realm']}:{password}")
    what = _md5(f"{method}:{uri}")
    parts = {"username": user, "realm": fields["realm"], "nonce": fields["nonce"], "uri": uri}
    unquoted = "algorithm=MD5"
    if "qop" in fields:
        # Each challenge is answered once, so the nonce count is always one.
        parts["cnonce"] = uuid.uuid4().hex[:8]
        unquoted += ",qop=auth,nc=00000001"
        parts["response"] = _md5(f"{secret}:{fields['nonce']}:00000001:{parts['cnonce']}:auth:{what}")
    else:
        parts["response"] = _md5(f"{secret}:{fields['nonce']}:{what}")
    if "opaque" in fields:
        parts["opaque"] = fields["opaque"]
    return f"{answered}: Digest {unquoted}," + ",".join(f'{name}="{value}"' for name, value in parts.items())


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
