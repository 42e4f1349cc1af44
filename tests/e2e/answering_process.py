"""A process that answers an office's routing questions, for tests that kill or stop it at a chosen moment.

    python -m tests.e2e.answering_process PORT '{"think_seconds": 0, "after_no_answer": "route"}'

It prints a JSON line when it listens, and one for each requested decision. The known client is CLIENT, whose manager
has extension 104.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, Extension, ManagerId, Timestamp
from integration.domain.routing.route import RouteDecision, RouteQuestion, decide
from integration.domain.settings import AccountSettings, AfterNoAnswer, Employee, LineSettings
from pbx_adapter.asterisk.agi.addresses import MayAsk
from pbx_adapter.asterisk.agi.server import AgiDoor, FastAgiServer
from tests.lab.asterisk import AGI_PATH

CLIENT = "79161234567"
RESPONSIBLE = "104"  # in no queue of the lab's static route
MOBILE = "79035550000"
OLGA = ManagerId("7")


class Answerer:
    def __init__(
        self,
        *,
        think_seconds: float = 0.0,
        after_no_answer: str = "route",
        responsible: str = RESPONSIBLE,
        responsible_seconds: int = 2,
        **line: Any,
    ) -> None:
        self._think_seconds = think_seconds
        self._settings = AccountSettings(
            account=AccountId("test"),
            default_line=LineSettings(
                responsible_seconds=responsible_seconds, after_no_answer=AfterNoAnswer(after_no_answer), **line
            ),
            employees=(Employee(extension=Extension(responsible), manager=OLGA, mobile=MOBILE),),
        )

    async def route(self, question: RouteQuestion, uniqueid: str) -> RouteDecision:
        print(json.dumps({"asked": question.did, "caller": question.caller, "uniqueid": uniqueid}), flush=True)
        await asyncio.sleep(self._think_seconds)
        ref = EntityRef(EntityKind.CONTACT, "1")
        known = [Person(ref=ref, name="Anna", responsible=OLGA)] if question.caller == CLIENT else []
        return decide(question, self._settings, known, (), now=Timestamp(time.time()))


async def main(port: int, behaviour: str) -> None:
    door = AgiDoor(frozenset({AGI_PATH}), Answerer(**json.loads(behaviour)), MayAsk())
    server = FastAgiServer([door], port=port, deadline_seconds=60)
    await server.start()
    print(json.dumps({"listens": port}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
