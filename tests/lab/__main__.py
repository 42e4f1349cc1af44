"""`make lab`: the lab office for a person, on fixed ports, with a few commands to make it ring. Not used by tests."""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.lab.asterisk import DOZVON_USER, LAB_VERSIONS, LabMissingError, Ports, lab_root
from tests.lab.office import EXTENSIONS, Office, did
from tests.lab.phone import Phone
from tests.lab.sip_call import State

_PORTS = Ports(sip=15060, ami=15038, ami_tls=15039, http=15088, https=15089, rtp=(20000, 20998))

_HELP = f"""\
  in NUMBER [DID]    a client calls the office (DID {did(21)} unless you say another one)
  dial EXT NUMBER    somebody in the office calls: a colleague, 200 (queue), 8XXXXXXXXXX (outside)
  answer EXT         pick up what rings at EXT (or at `carrier`, the outside)
  hang EXT           hang up there
  send EXT NUMBER    blind transfer of what EXT talks with
  calls              who rings and who talks
  quit
"""


async def _command(office: Office, words: list[str]) -> str:
    match words:
        case ["in", number, *called]:
            await office.inbound(number, called[0] if called else did(21))
            return "the client is calling"
        case ["dial", extension, number]:
            await _phone(office, extension).call(number)
            return f"{extension} is calling {number}"
        case ["answer", name]:
            ringing = [call for call in _phone(office, name).live if call.state is State.RINGING and not call.outgoing]
            for call in ringing[:1]:
                await call.answer()
            return f"{name} talks with {ringing[0].other}" if ringing else f"nothing rings at {name}"
        case ["hang", name]:
            for call in list(_phone(office, name).live):
                await call.hang_up()
            return f"{name} hung up"
        case ["send", name, number]:
            talking = [call for call in _phone(office, name).live if call.state is State.UP]
            codes = [await call.blind_transfer(number) for call in talking[:1]]
            return f"the PBX said {codes[0]}" if codes else f"{name} talks with nobody"
        case ["calls"]:
            phones = [office.carrier, *(office.phone(extension) for extension in EXTENSIONS)]
            lines = [f"  {phone.name}: {call.state} {call.other}" for phone in phones for call in phone.live]
            return "\n".join(lines) or "  all is quiet"
        case _:
            return _HELP


def _phone(office: Office, name: str) -> Phone:
    return office.carrier if name == "carrier" else office.phone(name)


async def _serve(major: int, fastagi_port: int) -> None:
    async with Office(lab_root(major), ports=_PORTS, fastagi_port=fastagi_port) as office:
        print(f"Asterisk {major} is up, phones {', '.join(EXTENSIONS)} are registered. All on 127.0.0.1:")
        print(f"  AMI {_PORTS.ami} (TLS {_PORTS.ami_tls}), user {DOZVON_USER.name}, secret {DOZVON_USER.secret}")
        print(f"  FastAGI is expected at {fastagi_port}; recordings are in {office.asterisk.monitor}")
        print(f"  SIP (UDP) {_PORTS.sip}: register your own softphone as 105, password secret105")
        print(_HELP, end="")
        loop = asyncio.get_running_loop()
        while True:
            print("lab> ", end="", flush=True)
            line = await loop.run_in_executor(None, sys.stdin.readline)
            if not line or line.split() == ["quit"]:
                return
            if line.strip():
                try:
                    print(await _command(office, line.split()))
                except (KeyError, TimeoutError) as failure:
                    print(f"  that did not work: {failure!r}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make lab", description=__doc__)
    parser.add_argument("--asterisk", type=int, choices=LAB_VERSIONS, default=22)
    parser.add_argument("--fastagi-port", type=int, default=4573, help="where Dozvon's FastAGI server listens")
    arguments = parser.parse_args()
    try:
        asyncio.run(_serve(arguments.asterisk, arguments.fastagi_port))
    except LabMissingError as missing:
        print(missing, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
