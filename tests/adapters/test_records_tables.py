"""CDR and CEL in real tables, created as in Asterisk's documentation and FreePBX, filled from recorded rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import aiomysql
import asyncpg
import pytest
import pytest_asyncio

from integration.domain.ids import Timestamp
from integration.errors import AuthFailed, ConfigError, Unavailable
from integration.ports.records import RecordedCall
from pbx_adapter.asterisk.records.rows import CdrRow, CelRow
from pbx_adapter.asterisk.records.settings import RecordsSettings
from pbx_adapter.asterisk.records.source import AsteriskRecords
from pbx_adapter.asterisk.tracker.office import OfficeShape
from tests.asterisk_records import read_cdr, read_cel
from tests.lab.mariadb import mariadb_server

pytestmark = pytest.mark.servers
NAMES = ("answered", "missed", "attended_transfer", "queue_local_members")
MOSCOW = ZoneInfo("Europe/Moscow")

# FreePBX: asteriskcdrdb, moments in the PBX's time zone and in whole seconds.
MYSQL = (
    """CREATE TABLE cdr (calldate datetime NOT NULL, clid varchar(80), src varchar(80), dst varchar(80),
    dcontext varchar(80), channel varchar(80), dstchannel varchar(80), lastapp varchar(80), lastdata varchar(80),
    duration int, billsec int, disposition varchar(45), uniqueid varchar(32), userfield varchar(255), did varchar(50),
    recordingfile varchar(255), cnum varchar(80), cnam varchar(80), linkedid varchar(32), sequence int)""",
    """CREATE TABLE cel (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, eventtype varchar(30), eventtime datetime,
    cid_name varchar(80), cid_num varchar(80), exten varchar(80), context varchar(80), channame varchar(80),
    appname varchar(80), appdata varchar(255), uniqueid varchar(40), linkedid varchar(40), peer varchar(80),
    extra longtext)""",
)
# cdr_pgsql and cel_pgsql, with fractions of seconds.
POSTGRESQL = (
    """CREATE TABLE cdr (start timestamptz, answer timestamptz, "end" timestamptz, clid text, src text, dst text,
    dcontext text, channel text, dstchannel text, lastapp text, lastdata text, duration int, billsec int,
    disposition text, uniqueid text, userfield text, linkedid text, sequence int)""",
    """CREATE TABLE cel (id serial, eventtype text, eventtime timestamp, cid_name text, cid_num text, exten text,
    context text, channame text, appname text, appdata text, uniqueid text, linkedid text, peer text, extra text)""",
)


def local(at: float) -> datetime:
    return datetime.fromtimestamp(at, MOSCOW).replace(tzinfo=None)


def utc(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def all_cdr() -> list[CdrRow]:
    return [row for name in NAMES for row in reversed(read_cdr(name))]


def all_cel() -> list[CelRow]:
    return [row for name in NAMES for row in read_cel(name)]


def extra(row: CelRow) -> str:
    return "{" + ", ".join(f'"{key}": "{value}"' for key, value in row.extra.items()) + "}" if row.extra else ""


def records(kind: str, url: str, **table: Any) -> AsteriskRecords:
    read = RecordsSettings.from_config({"kind": kind, "url": url, **table}, key="records")
    assert read is not None
    return AsteriskRecords(read, OfficeShape())


async def found(source: AsteriskRecords) -> list[RecordedCall]:
    rows = all_cdr()
    since, until = min(row.start for row in rows), max(row.end for row in rows) + 1
    return [call async for call in source.between(Timestamp(since), Timestamp(until))]


def told(calls: list[RecordedCall]) -> list[tuple[object, ...]]:
    return [(c.native_id, c.direction, c.disposition, c.answered_by, len(c.recordings)) for c in calls]


@pytest.fixture(scope="module")
def mariadb_url() -> Iterator[str]:
    with mariadb_server() as url:
        yield url


@pytest_asyncio.fixture
async def mysql_url(mariadb_url: str) -> AsyncIterator[str]:
    parts = urlsplit(mariadb_url)
    connection = await aiomysql.connect(
        host=parts.hostname, port=parts.port, user=parts.username, password=parts.password, db=parts.path[1:],
        autocommit=True,
    )  # fmt: skip
    async with connection.cursor() as cursor:
        await cursor.execute("SHOW TABLES")
        for (table,) in await cursor.fetchall():
            await cursor.execute(f"DROP TABLE {table}")
        for statement in MYSQL:
            await cursor.execute(statement)
        for row in all_cdr():
            values = (local(row.start), row.src, row.dst, row.dcontext, row.channel, row.dstchannel, row.lastapp,
                      row.lastdata, round(row.end - row.start), round(row.end - (row.answer or row.end)),
                      row.disposition, row.uniqueid, row.recording, row.linkedid, row.sequence)  # fmt: skip
            await cursor.execute(
                "INSERT INTO cdr (calldate, src, dst, dcontext, channel, dstchannel, lastapp, lastdata, duration,"
                " billsec, disposition, uniqueid, recordingfile, linkedid, sequence)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                values,
            )
        for event in all_cel():
            await cursor.execute(
                "INSERT INTO cel (eventtype, eventtime, cid_name, cid_num, exten, context, channame, appname, appdata,"
                " uniqueid, linkedid, extra) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (event.event, local(event.at), event.name, event.number, event.exten, event.context, event.channel,
                 event.app, event.appdata, event.uniqueid, event.linkedid, extra(event)),
            )  # fmt: skip
    connection.close()
    yield mariadb_url


@pytest_asyncio.fixture
async def pg_url(empty_postgres_url: str) -> str:
    connection = await asyncpg.connect(empty_postgres_url)
    for statement in POSTGRESQL:
        await connection.execute(statement)
    await connection.copy_records_to_table(
        "cdr",
        columns=["start", "answer", "end", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata",
                 "disposition", "uniqueid", "userfield", "linkedid", "sequence"],
        records=[(utc(row.start), utc(row.answer), utc(row.end), row.src, row.dst,
                  row.dcontext, row.channel, row.dstchannel, row.lastapp,
                  row.lastdata, row.disposition, row.uniqueid, row.recording, row.linkedid, row.sequence)
                 for row in all_cdr()],
    )  # fmt: skip
    await connection.copy_records_to_table(
        "cel",
        columns=["eventtype", "eventtime", "cid_name", "cid_num", "exten", "context", "channame", "appname", "appdata",
                 "uniqueid", "linkedid", "extra"],
        records=[(row.event, local(row.at), row.name, row.number, row.exten, row.context, row.channel, row.app,
                  row.appdata, row.uniqueid, row.linkedid, extra(row)) for row in all_cel()],
    )  # fmt: skip
    await connection.close()
    return empty_postgres_url


async def test_mariadb_gives_the_same_calls_with_cel_and_without(mysql_url: str) -> None:
    both = await found(records("mysql", mysql_url, cdr="cdr", cel="asteriskcdrdb.cel", time_zone="Europe/Moscow"))
    assert len(both) == len(NAMES)
    alone = await found(records("mysql", mysql_url, cdr="cdr", time_zone="Europe/Moscow"))
    assert told([c for c in alone if c.direction == "inbound"]) == told(both)


async def test_postgresql_gives_the_same_calls_with_cel_and_without(pg_url: str) -> None:
    both = await found(records("postgresql", pg_url, cdr="cdr", cel="public.cel", time_zone="Europe/Moscow"))
    assert len(both) == len(NAMES)
    alone = await found(records("postgresql", pg_url, cdr="cdr", time_zone="Europe/Moscow"))
    assert told([c for c in alone if c.direction == "inbound"]) == told(both)
    attended = next(c for c in both if c.transfers)
    assert (attended.transfers[0].from_, attended.transfers[0].to, len(attended.joined)) == ("101", "102", 1)


async def test_what_is_wrong_in_mariadb_is_said_in_words(mysql_url: str) -> None:
    await refused("mysql", mysql_url)
    with pytest.raises(AuthFailed):
        await found(records("mysql", mysql_url.replace("dozvon-secret", "wrong"), cdr="cdr"))


async def test_what_is_wrong_in_postgresql_is_said_in_words(pg_url: str) -> None:
    await refused("postgresql", pg_url)


async def refused(kind: str, url: str) -> None:
    with pytest.raises(ConfigError, match="the table calls does not exist"):
        await found(records(kind, url, cdr="calls"))
    with pytest.raises(ConfigError, match="has no column"):
        await found(records(kind, url, cdr="cel"))
    with pytest.raises(ConfigError, match=r"time_zone: read in UTC, the records are \+3\.0 hours off"):
        await found(records(kind, url, cel="cel"))
    with pytest.raises((ConfigError, AuthFailed)):
        await found(records(kind, url.rpartition("/")[0] + "/nothing", cdr="cdr"))
    parts = urlsplit(url)
    with pytest.raises(Unavailable):
        await found(records(kind, url.replace(f":{parts.port}", ":1"), cdr="cdr"))
