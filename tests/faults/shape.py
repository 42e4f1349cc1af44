"""How a run is set up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """
    How the stand is set up.

    Args of the constructor:
        processes: more than one needs `database` and `redis`, which `run.py` opens.
        accounts: each with an office and a CRM, all in the same processes.
        portals: how many of the accounts, the last ones, have a portal of Bitrix24 as CRM; the others have amoCRM.
        speed: seconds of the office per second of the wall clock.
        only: the mishaps to choose from, by their names in `mishaps.py`; empty: all.
        listed: clients of the campaign of each account; 0: none. With `changing`, of the first and the last account,
            at most: they are added as long as the office changes; and there are no managers' own lists.
        ahead: how many of the accounts, the first ones, have a campaign that rings clients before employees; the
            campaigns of the others ring the employee first.
        per_second: new calls in a second of the wall clock, over all accounts.
        changing: the last account is in the database, where `changes.py` puts it; all phones of the others have a
            manager, who may have a page open.
    """

    seed: int = 1
    processes: int = 1
    accounts: int = 1
    portals: int = 0
    database: str = ""
    redis: str = ""
    only: tuple[str, ...] = ()
    speed: float = 5.0
    per_second: float = 3.5
    listed: int = 0
    ahead: int = 0
    changing: bool = False
