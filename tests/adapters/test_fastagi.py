"""The FastAGI server over real TCP: a plan step by step, its deadline, and a PBX that is slow, broken or hostile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from integration.domain.routing.route import Outcome, RouteDecision, RouteQuestion, Step, StepKind
from integration.errors import ProtocolError
from pbx_adapter.asterisk.agi.accepting import Listener
from pbx_adapter.asterisk.agi.addresses import MayAsk
from pbx_adapter.asterisk.agi.protocol import decode_plan, encode_plan, parse_head, parse_reply, set_variables
from pbx_adapter.asterisk.agi.server import AgiDoor, FastAgiServer

PLAN = (
    Step(kind=StepKind.NOTICE, sound="dozvon/connecting"),
    Step(kind=StepKind.RING, target="101", seconds=10),
    Step(kind=StepKind.MOBILE, target="+79035550000", seconds=25),
    Step(kind=StepKind.CONTINUE),
)
PLAN_TEXT = "1~notice:::dozvon/connecting~ring:101:10:~mobile:+79035550000:25:~continue:::"


class Answerer:
    """Keeps its questions; answers with `steps` when `may_answer` is set."""

    def __init__(self) -> None:
        self.asked: list[tuple[RouteQuestion, str]] = []
        self.steps: tuple[Step, ...] = PLAN
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.was_asked = asyncio.Event()

    async def route(self, question: RouteQuestion, uniqueid: str) -> RouteDecision:
        self.asked.append((question, uniqueid))
        self.was_asked.set()
        await self.may_answer.wait()
        return RouteDecision(outcome=Outcome.RESPONSIBLE, steps=self.steps, reasons=())


def head(*, script: str = "office", step: str = "1", plan: str = "", name: str = "Ivan", **more: str) -> bytes:
    lines = {
        "agi_network": "yes",
        "agi_network_script": script,
        "agi_uniqueid": "1700000000.7",
        "agi_callerid": "79161234567",
        "agi_calleridname": name,
        "agi_arg_1": "74950000001",
        "agi_arg_2": step,
        "agi_arg_3": plan,
        "agi_arg_4": "1700000000.5",
    } | more
    return ("".join(f"{key}: {value}\n" for key, value in lines.items()) + "\n").encode()


def door(answerer: Answerer, *, may_ask: MayAsk | None = None, path: str = "office") -> AgiDoor:
    return AgiDoor(frozenset({path}), answerer, may_ask or MayAsk())


@pytest.fixture
def answerer() -> Answerer:
    return Answerer()


@pytest_asyncio.fixture
async def server(answerer: Answerer) -> AsyncIterator[FastAgiServer]:
    server = FastAgiServer([door(answerer)], deadline_seconds=0.5, head_seconds=0.5)
    await server.start()
    yield server
    await server.close(grace_seconds=0.1)


async def ask(
    server: FastAgiServer, question: bytes, reply: bytes = b"200 result=1\n", *, peer: str = "127.0.0.1"
) -> bytes:
    """The server's bytes until it closed the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=(peer, 0))
    writer.write(question)
    said = b""
    with contextlib.suppress(ConnectionResetError):  # it may close with bytes of ours unread
        said = await asyncio.wait_for(reader.readline(), 5)
        if said:
            writer.write(reply)
        said += await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return said


async def test_the_first_question_is_decided_and_its_plan_left_on_the_channel(
    server: FastAgiServer, answerer: Answerer
) -> None:
    """One command; its last variable is the one that the dialplan waits for."""
    said = await ask(server, head(agi_calleridname="Иван"))
    names = "DOZVON_PLAN,DOZVON_TARGET,DOZVON_SECONDS,DOZVON_SOUND,DOZVON_DO"
    assert said.decode() == f'SET VARIABLE ARRAY({names}) "{PLAN_TEXT},,,dozvon/connecting,notice"\n'
    question = RouteQuestion(did="74950000001", caller="79161234567", caller_name="Иван")
    assert answerer.asked == [(question, "1700000000.5")]
    assert server.counters.answered == 1


@pytest.mark.parametrize(
    ("step", "says"),
    [("2", '"101,10,,ring"'), ("3", '"+79035550000,25,,mobile"'), ("4", '",,,continue"'), ("5", '",,,continue"')],
)
async def test_later_questions_are_answered_from_the_channel(
    server: FastAgiServer, answerer: Answerer, step: str, says: str
) -> None:
    """The answerer is not asked: a restarted server knows as much as the one that made the plan."""
    said = await ask(server, head(step=step, plan=PLAN_TEXT))
    assert said.decode() == f"SET VARIABLE ARRAY(DOZVON_TARGET,DOZVON_SECONDS,DOZVON_SOUND,DOZVON_DO) {says}\n"
    assert answerer.asked == []


@pytest.mark.parametrize("plan", ["", "2~ring:101:10:", "1~ring:101", "1~jump:101:10:", "1~ring:1;2:10:", "1~" * 999])
async def test_a_plan_that_cannot_be_read_leads_to_the_reserve(server: FastAgiServer, plan: str) -> None:
    assert (await ask(server, head(step="2", plan=plan))).endswith(b'",,,reserve"\n')


async def test_the_deadline_is_kept_whatever_the_answerer_does(server: FastAgiServer, answerer: Answerer) -> None:
    answerer.may_answer.clear()
    assert (await ask(server, head())).endswith(b',,,,reserve"\n')
    assert server.counters.late == 1


async def test_names_that_try_to_be_commands_stay_names(server: FastAgiServer, answerer: Answerer) -> None:
    """A caller's name is never sent back, and control characters are removed from it at once."""
    hostile = 'x"\x00 SET\x1b[0m VARIABLE\u2028agi_arg_2: 3'
    said = await ask(server, head(name=hostile))
    assert said.count(b"\n") == 1
    assert b"x" not in said.split(b" ", 3)[3]
    assert answerer.asked[0][0].caller_name == 'x" SET[0m VARIABLEagi_arg_2: 3'


async def test_absent_numbers_are_absent(server: FastAgiServer, answerer: Answerer) -> None:
    await ask(server, head(agi_callerid="unknown", agi_calleridname="unknown"))
    assert (answerer.asked[0][0].caller, answerer.asked[0][0].caller_name) == ("", "")


@pytest.mark.parametrize(
    "question",
    [
        b"GET / HTTP/1.1\r\nHost: dozvon\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\n\n",
        b"\n",
        b"agi_network: yes\n\n",
        b"agi_" + b"a" * 70_000,
        b"agi_x: " + b"a" * 70_000 + b"\n\n",
        b"agi_a: b\n" * 3000 + b"\n",
        head(script="elsewhere"),
        head(step="0"),
        head(step="-1"),
        head(step="99999999999999999999"),
        head(step="²"),
        head(agi_uniqueid="", agi_arg_4=""),
    ],
)
async def test_what_is_no_question_of_ours_gets_no_answer(
    server: FastAgiServer, answerer: Answerer, question: bytes
) -> None:
    assert await ask(server, question) == b""
    assert answerer.asked == []
    assert (await ask(server, head())).endswith(b'notice"\n')


@pytest.mark.parametrize("said", [b"", b"agi_network: yes\nagi_netw"])
async def test_who_does_not_finish_its_question_is_dropped(server: FastAgiServer, said: bytes) -> None:
    assert await ask(server, said) == b""
    assert server.counters.broken == 1


@pytest.mark.parametrize(
    ("reply", "is_answered"),
    [
        (b"200 result=1\n", True),
        (b"HANGUP\n200 result=1\n", True),
        (b"100 result=0 Trying...\n200 result=1\n", True),
        (b"511 Command Not Permitted on a dead channel or intercept routine\n", True),
        (b"510 Invalid or unknown command\n", False),
        (b"520-Invalid command syntax.  Proper usage follows:\nusage\n520 End of proper usage.\n", False),
        (b"hello\n", False),
        (b"\xff\xfe\n", False),
        (b"2" * 100_000, False),
        (b"", False),  # never replies
    ],
)
async def test_replies_are_read_as_asterisk_sends_them(server: FastAgiServer, reply: bytes, is_answered: bool) -> None:
    assert (await ask(server, head(), reply)).endswith(b'notice"\n')
    assert (server.counters.answered, server.counters.broken) == ((1, 0) if is_answered else (0, 1))


async def test_a_pbx_that_goes_away_disturbs_nobody(server: FastAgiServer, answerer: Answerer) -> None:
    answerer.may_answer.clear()
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head())
    await answerer.was_asked.wait()
    writer.transport.abort()
    answerer.may_answer.set()
    assert (await ask(server, head())).endswith(b'notice"\n')


async def test_many_questions_at_once(server: FastAgiServer, answerer: Answerer) -> None:
    answers = await asyncio.gather(*(ask(server, head()) for _ in range(15)))
    assert all(answer.endswith(b'notice"\n') for answer in answers)
    assert server.counters.answered == len(answerer.asked) == 15


async def test_too_many_at_once_are_turned_away_at_once(answerer: Answerer) -> None:
    """The twenty running sessions still get their answers."""
    server = FastAgiServer([door(answerer)], deadline_seconds=60, max_sessions=20)
    await server.start()
    answerer.may_answer.clear()
    waiting = [asyncio.create_task(ask(server, head())) for _ in range(20)]
    async with asyncio.timeout(30):
        while len(answerer.asked) < 20:
            answerer.was_asked.clear()
            await answerer.was_asked.wait()
    assert await ask(server, head()) == b""
    answerer.may_answer.set()
    assert all(answer.endswith(b'notice"\n') for answer in await asyncio.gather(*waiting))
    assert server.counters.refused == 1
    await server.close()


async def test_an_address_that_may_not_ask_learns_nothing(answerer: Answerer) -> None:
    """Not even with the right path: it is closed before anything is read, and logged once."""
    server = FastAgiServer([door(answerer, may_ask=MayAsk(("192.0.2.0/24",)))])
    await server.start()
    with capture_logs() as said:
        assert [await ask(server, head()) for _ in range(3)] == [b""] * 3
    assert answerer.asked == []
    assert server.counters.refused == 3
    assert [line["address"] for line in said] == ["127.0.0.1"]
    await server.close()


async def test_each_pbx_asks_only_at_its_own_door() -> None:
    """Two PBXs at one port: neither can use the other's path."""
    here, elsewhere = Answerer(), Answerer()
    doors = [
        door(here, may_ask=MayAsk(("127.0.0.1",)), path="here"),
        door(elsewhere, may_ask=MayAsk(("127.0.0.2",)), path="elsewhere"),
    ]
    server = FastAgiServer(doors)
    await server.start()
    assert (await ask(server, head(script="here"))).endswith(b'notice"\n')
    assert await ask(server, head(script="elsewhere")) == b""
    assert (await ask(server, head(script="elsewhere"), peer="127.0.0.2")).endswith(b'notice"\n')
    assert (len(here.asked), len(elsewhere.asked)) == (1, 1)
    await server.close()


async def silent(server: FastAgiServer, count: int, peer: str = "127.0.0.1") -> list[asyncio.StreamWriter]:
    """Open silent connections."""
    opened = []
    for _ in range(count):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=(peer, 0))
        opened.append(writer)
    return opened


async def test_connections_that_say_nothing_make_room_for_those_that_ask(answerer: Answerer) -> None:
    server = FastAgiServer([door(answerer)], head_seconds=60, max_sessions=5)
    await server.start()
    opened = await silent(server, 20)
    assert (await ask(server, head())).endswith(b'notice"\n')
    for writer in opened:
        writer.close()
    await server.close(grace_seconds=0)


async def test_one_address_does_not_take_the_room_of_another(answerer: Answerer) -> None:
    """Waiting questions are not dropped for new ones, so one address must not take all places."""
    server = FastAgiServer([door(answerer)], deadline_seconds=60, max_sessions=20, max_of_address=5)
    await server.start()
    answerer.may_answer.clear()
    waiting = [asyncio.create_task(ask(server, head())) for _ in range(5)]
    async with asyncio.timeout(5):
        while len(answerer.asked) < 5:
            answerer.was_asked.clear()
            await answerer.was_asked.wait()
    assert await ask(server, head()) == b""
    other = asyncio.create_task(ask(server, head(), peer="127.0.0.2"))
    async with asyncio.timeout(5):
        while len(answerer.asked) < 6:
            answerer.was_asked.clear()
            await answerer.was_asked.wait()
    answerer.may_answer.set()
    assert all(answer.endswith(b'notice"\n') for answer in await asyncio.gather(other, *waiting))
    await server.close()


async def test_a_process_without_open_files_still_answers_its_pbx(server: FastAgiServer, answerer: Answerer) -> None:
    """A flooded web server uses up its open files, but FastAGI has reserved ones."""
    running = asyncio.get_running_loop()
    client = socket.socket()
    client.setblocking(False)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard), hard))
        with contextlib.suppress(OSError):
            while True:
                used.append(os.open(os.devnull, os.O_RDONLY))
        await running.sock_connect(client, ("127.0.0.1", server.port))
        await running.sock_sendall(client, head())
        assert b'notice"' in await asyncio.wait_for(running.sock_recv(client, 4096), 5)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for each in used:
            os.close(each)
        client.close()


async def test_closing_lets_questions_under_way_be_answered(answerer: Answerer) -> None:
    server = FastAgiServer([door(answerer)])
    await server.start()
    answerer.may_answer.clear()
    question = asyncio.create_task(ask(server, head()))
    await answerer.was_asked.wait()
    closing = asyncio.create_task(server.close())
    await asyncio.sleep(0)
    answerer.may_answer.set()
    assert (await question).endswith(b'notice"\n')
    await closing
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_closing_does_not_wait_for_ever(answerer: Answerer) -> None:
    server = FastAgiServer([door(answerer)], deadline_seconds=60)
    await server.start()
    answerer.may_answer.clear()
    question = asyncio.create_task(ask(server, head()))
    await answerer.was_asked.wait()
    await asyncio.wait_for(server.close(grace_seconds=0), 5)
    assert await question == b""


async def test_an_answerer_that_raises_costs_only_its_own_question(server: FastAgiServer, answerer: Answerer) -> None:
    answer = answerer.route

    async def broken(question: RouteQuestion, uniqueid: str) -> RouteDecision:
        raise ZeroDivisionError

    raising: Callable[[RouteQuestion, str], Awaitable[RouteDecision]] = broken
    answerer.route = raising  # type: ignore[method-assign, assignment]
    assert await ask(server, head()) == b""
    answerer.route = answer  # type: ignore[method-assign]
    assert (await ask(server, head())).endswith(b'notice"\n')


# ---- the words -----------------------------------------------------------------------------------------------------

steps = st.builds(
    Step,
    kind=st.sampled_from(StepKind),
    target=st.one_of(st.none(), st.from_regex(r"[0-9A-Za-z+*#_-]{1,40}", fullmatch=True)),
    seconds=st.one_of(st.none(), st.integers(0, 9999)),
    sound=st.one_of(st.none(), st.from_regex(r"[0-9A-Za-z_./-]{1,30}", fullmatch=True)),
)


@given(st.lists(steps, min_size=1, max_size=5).map(tuple))
def test_a_plan_comes_back_from_the_channel_as_it_was(plan: tuple[Step, ...]) -> None:
    text = encode_plan(plan)
    assert decode_plan(text) == plan
    assert not set(text) & set(" ,;|\"'\\$(){}[]\n")
    set_variables({"DOZVON_PLAN": text})


@given(st.text())
def test_any_text_is_a_plan_or_none(text: str) -> None:
    for said in (text, f"1~{text}", f"1~ring:{text}:10:"):
        assert decode_plan(said) is None or all(step.kind for step in decode_plan(said) or ())


@given(st.text(max_size=90), st.text(max_size=40))
def test_heads_and_replies_are_read_or_refused(head: str, reply: str) -> None:
    for refused in (lambda: parse_head(head), lambda: parse_reply(reply)):
        with contextlib.suppress(ProtocolError):
            refused()


@pytest.mark.parametrize("value", ['a"b', "a,b", "a\nb", "a\\b", "a b", "${X}", "é", "x" * 2000])
def test_a_value_that_could_end_the_command_is_never_sent(value: str) -> None:
    with pytest.raises(ValueError, match="misread"):
        set_variables({"DOZVON_TARGET": value})
    with pytest.raises(ValueError, match="misread"):
        encode_plan((Step(kind=StepKind.RING, target=value, seconds=1),))


def test_a_reply_has_code_result_and_data() -> None:
    reply = parse_reply("200 result=1 (/tmp/x)")
    assert (reply.code, reply.result, reply.data) == (200, 1, "/tmp/x")


async def test_the_connection_that_gets_the_number_of_a_closed_listener_works() -> None:
    """An account that is removed closes its listener while the others connect."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    def close(connection: socket.socket, _: str) -> None:
        connection.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    listener = Listener("127.0.0.1", 0, close, reserve=0)
    await listener.start()
    number = listener._sockets[0].fileno()
    await asyncio.sleep(0)  # it waits for a connection
    listener.close()
    async with server, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert writer.get_extra_info("socket").fileno() == number, "else this proves nothing"
        writer.write(b"is anybody there\n")
        assert await reader.readline() == b"is anybody there\n"
        writer.close()
