"""What a kind of CRM or PBX can do at all, so that services choose the next best thing and put no `if` for a vendor.

Every field is read by a service or a page, and every kind declares every field: a test holds both. What an account or a
PBX may do at the moment (rights, plan, link) is not here; an error says that.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmAbilities:
    """
    Attributes:
        inbox: it keeps the calls of strangers until a person accepts them. Without: a contact is made.
        inbox_of_outgoing: also outgoing calls. Without: a contact is made of a stranger who was reached.
        tasks: it can remind a manager of a missed call. Without: no task is made.
        popup: its own notice for users without our card. Without: only the card shows a call.
        recording_links: a call's record plays a recording by its address. Without: the address stands in the text.
        webhooks: it reports changes of contacts and deals. Without: it is asked for them more often.
    """

    inbox: bool
    inbox_of_outgoing: bool
    tasks: bool
    popup: bool
    recording_links: bool
    webhooks: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxAbilities:
    """
    Attributes:
        dial: it calls an employee and then a number. Without: a click is refused.
        hang_up: it ends a call. Without: the card has no button for it.
        decline: it ends the ringing of one phone of several. Without: the card of a ringing call has no button.
        recordings: it hands out recordings. Without: calls are logged without, and nobody waits for one.
        routes: it asks where an incoming call goes. Without: nobody listens for its questions.
        lists_extensions: it says which extensions there are. Without: pages know those that are mapped.
        surveys: it says which trunks, contexts and folders of recordings there are. Without: a person enters them.
        shows_calls: a setup may watch calls begin. Without: lines are entered by hand.
        rings_alone: it rings one phone and nobody else. Without: nobody's phone is tried.
        writes_routes: its route setup may be written from here. Without: it is shown as text.
    """

    dial: bool
    hang_up: bool
    decline: bool
    recordings: bool
    routes: bool
    lists_extensions: bool
    surveys: bool
    shows_calls: bool
    rings_alone: bool
    writes_routes: bool
