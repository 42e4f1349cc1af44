"""A simulated office for the demonstration, load tests and fault tests. It speaks real AMI and FastAGI over TCP.

It is not a PBX: it has no SIP, and no sound except in its recordings.
`python -m pbx_adapter.asterisk.simulator` runs it.
"""

from __future__ import annotations

from pbx_adapter.asterisk.simulator.office import DEMO_OFFICE as DEMO_OFFICE
from pbx_adapter.asterisk.simulator.office import AmiUser as AmiUser
from pbx_adapter.asterisk.simulator.office import SimulatorSettings as SimulatorSettings
from pbx_adapter.asterisk.simulator.running import running as running
from pbx_adapter.asterisk.simulator.simulator import Simulator as Simulator
