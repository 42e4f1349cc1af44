"""`telephony.externalCall.attachRecord` in its three forms, and the address that takes the second step's upload.

A recording belongs to a finished call; a new one replaces it.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Awaitable
from urllib.parse import unquote

import aiohttp
from aiohttp import web

from connectors.bitrix24.sandbox import calls, tokens
from connectors.bitrix24.sandbox.crm_kinds import Record
from connectors.bitrix24.sandbox.errors import RestError, answered, core_error
from connectors.bitrix24.sandbox.events import HTTP
from connectors.bitrix24.sandbox.methods import Call, Registry
from connectors.bitrix24.sandbox.portal import Author
from connectors.bitrix24.sandbox.sandbox import SANDBOX

UPLOAD_PATH = "/rest/upload.json"
_EXTENSIONS = (".wav", ".mp3")


def _checked_name(name: str) -> str:
    if not name:
        raise core_error("File name is empty")
    if not name.lower().endswith(_EXTENSIONS):
        raise core_error("Wrong file extension. Only wav and mp3 are allowed")
    return name.replace("/", "_").replace("\\", "_")


def _row(call: Call) -> Record:
    call_id = call.parameters.text("CALL_ID")
    if not call_id:
        raise core_error("Required parameters are not set: CALL_ID")
    row = calls.row_of(call.portal, call_id)
    if row is None:
        raise core_error("Call is not found in the statistic table. Looks like it is not finished yet.")
    return row


class Recordings:
    """Needs the application's HTTP session, because the form by link downloads from the portal's side."""

    def __init__(self, app: web.Application) -> None:
        self._app = app

    def attach(self, call: Call) -> Record | Awaitable[Record]:
        row, parameters = _row(call), call.parameters
        url, content = parameters.text("RECORD_URL"), parameters.raw("FILE_CONTENT")
        name = parameters.text("FILENAME")
        if url:
            return self._by_link(call, row, url, name or unquote(url.partition("?")[0].rpartition("/")[2]))
        name = _checked_name(name)
        if content is not None:
            return {"FILE_ID": calls.attach(call.portal, row, name, _decoded(content), call.origin, call.author)}
        token = f"telephony|{secrets.token_hex(24)}"
        call.sandbox.uploads[token] = (call.portal.member_id, row["CALL_ID"], name)
        return {"uploadUrl": f"{call.origin}{UPLOAD_PATH}?{_auth_part(call)}token={token}", "fieldName": "file"}

    async def _by_link(self, call: Call, row: Record, url: str, name: str) -> Record:
        """Download within the request: plain GET, no authorisation, nothing is retried."""
        name = _checked_name(name)
        timeout = aiohttp.ClientTimeout(total=call.sandbox.settings.download_timeout_seconds)
        try:
            async with self._app[HTTP].get(url, timeout=timeout, ssl=False) as answer:
                if answer.status != 200:
                    raise core_error(f"Server returns HTTP error code {answer.status}")
                if not answer.content_type.startswith("audio/"):
                    raise core_error("Wrong file type. Only audio files are allowed")
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise core_error("SERVER_NOT_AVAILABLE") from error
        if not content:
            raise core_error("File content is empty.")
        return {"FILE_ID": calls.attach(call.portal, row, name, content, call.origin, call.author)}


def _auth_part(call: Call) -> str:
    return f"auth={call.caller.token}&" if call.caller.token else ""


def _decoded(content: object) -> bytes:
    if not isinstance(content, str) or not content:
        raise core_error("File content is empty.")
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise core_error("File content is not properly encoded. Base64 encoding is expected.") from error


async def upload(request: web.Request) -> web.Response:
    """The second step: multipart with the field `file`. The address carries the access token, and expires with it."""
    sandbox = request.app[SANDBOX]
    try:
        token = request.query.get("token", "")
        grant = tokens.grant_of(sandbox, request.query["auth"]) if "auth" in request.query else None
        known = sandbox.uploads.get(token)
        if known is None:
            raise RestError("NO_AUTH_FOUND", "Wrong authorization data", 401)
        member_id, call_id, name = known
        portal = sandbox.portals[member_id]
        content = await _uploaded(request)
        row = calls.row_of(portal, call_id)
        if row is None:
            raise core_error("Call is not found in the statistic table. Looks like it is not finished yet.")
        author = Author(user_id=grant.user_id if grant else 0, client_id=grant.client_id if grant else "")
        file_id = calls.attach(portal, row, name, content, sandbox.portal_origin(portal, request), author)
        del sandbox.uploads[token]
    except RestError as error:
        return answered(error.body(), error.status)
    return answered({"result": {"FILE_ID": file_id}})


async def _uploaded(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        raise core_error("File content is empty.")
    sent = (await request.post()).get("file")
    content = sent.file.read() if isinstance(sent, web.FileField) else b""
    if not content:
        raise core_error("File content is empty.")
    return content


async def record(request: web.Request) -> web.Response:
    """GET /disk/records/{id}/{name}: the recording, whole or a range of it, for the timeline's player."""
    id_ = int(request.match_info["id"])
    stored = next((portal.files[id_] for portal in request.app[SANDBOX].portals.values() if id_ in portal.files), None)
    if stored is None:
        raise web.HTTPNotFound(text="no such recording")
    headers = {"Accept-Ranges": "bytes"}
    total = len(stored.content)
    asked = request.http_range
    if asked.start is None and asked.stop is None:
        return web.Response(body=stored.content, content_type=stored.content_type, headers=headers)
    start, stop, _ = asked.indices(total)
    headers["Content-Range"] = f"bytes {start}-{max(start, stop - 1)}/{total}"
    body = stored.content[start:stop]
    return web.Response(status=206, body=body, content_type=stored.content_type, headers=headers)


def add_methods(registry: Registry, app: web.Application) -> None:
    registry.add("telephony", {"telephony.externalCall.attachRecord": Recordings(app).attach})


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_post(UPLOAD_PATH, upload)
    router.add_get(r"/disk/records/{id:\d{1,12}}/{name}", record)
