"""A simulated office for the demonstration, for load and for faults: it speaks real AMI and FastAGI over TCP.

It is a teaching tool, not a PBX: no SIP, no sound but that of its recordings.
`python -m pbx_adapter.asterisk.simulator` runs it.
"""

from __future__ import annotations

from pbx_adapter.asterisk.simulator.office import DEMO_OFFICE as DEMO_OFFICE
from pbx_adapter.asterisk.simulator.office import AmiUser as AmiUser
from pbx_adapter.asterisk.simulator.office import SimulatorSettings as SimulatorSettings
from pbx_adapter.asterisk.simulator.running import running as running
from pbx_adapter.asterisk.simulator.simulator import Simulator as Simulator
