"""Why a link to the PBX fails, as the states of connections name it. The error's text keeps the system's own words."""

from __future__ import annotations

import errno
import re
import socket
import ssl

from integration.domain.connections.state import StateReason, why
from integration.domain.reasons import Reason

_ERRNO = re.compile(r"\[Errno (-?\d+)\]")
_UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL})


def why_no_connection(error: OSError, host: str, port: int) -> Reason:
    """The reason for an error of connecting. Never raises."""
    if isinstance(error, socket.gaierror):
        return why(StateReason.ADDRESS_UNKNOWN, host=host)
    if isinstance(error, ssl.SSLCertVerificationError):
        return why(StateReason.TLS_UNTRUSTED, host=host)
    if isinstance(error, ssl.SSLError | FileNotFoundError):  # a file: the authority's certificate is not there
        return why(StateReason.TLS_FAILED, host=host)
    if isinstance(error, TimeoutError):
        return why(StateReason.TIMEOUT, host=host, port=port)
    numbers = _numbers(error)
    if numbers and numbers <= {errno.ECONNREFUSED}:
        return why(StateReason.CONNECTION_REFUSED, host=host, port=port)
    if numbers and numbers <= {errno.ETIMEDOUT}:
        return why(StateReason.TIMEOUT, host=host, port=port)
    if numbers & _UNREACHABLE:
        return why(StateReason.UNREACHABLE, host=host)
    return why(StateReason.CONNECTION_FAILED, host=host, port=port)


def _numbers(error: OSError) -> set[int]:
    """A name with several addresses fails with one error whose text has those of all: asyncio's `create_connection`."""
    if error.errno is not None:
        return {error.errno}
    return {int(number) for number in _ERRNO.findall(str(error))}
