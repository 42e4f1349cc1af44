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
        deals: a deal can be created for a client. Without: the card does not offer it.
        leads: it has enquiries that are persons with numbers of their own. Without: a contact is made.
        tasks: it can remind a manager of a missed call. Without: no task is made.
        notes: its feeds take texts of managers, which may be changed later. Without: a call's note stays in Dozvon.
        popup: its own notice for users without our card. Without: only the card shows a call.
        recording_links: a call's record plays a recording by its address. Without: the address stands in the text.
        live_calls: it follows a call while it lasts: shows its own card, is given the end, then the recording. Without:
            a call is written when it is over.
        working_day: it knows whether an employee's working day runs. Without: nobody is passed over for that.
        webhooks: it reports changes of contacts and deals. Without: it is asked for them more often.
    """

    inbox: bool
    inbox_of_outgoing: bool
    deals: bool
    leads: bool
    tasks: bool
    notes: bool
    popup: bool
    recording_links: bool
    live_calls: bool
    working_day: bool
    webhooks: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxAbilities:
    """
    Attributes:
        dial: it calls an employee and then a number. Without: a click is refused.
        receives: a client who answered a campaign's call waits for an employee, hears a message, is told from a
            machine. Without: predictive and voice campaigns do not run on it.
        hang_up: it ends a call. Without: the card has no button for it.
        decline: it ends the ringing of one phone of several. Without: the card of a ringing call has no button.
        recordings: it hands out recordings. Without: calls are logged without, and nobody waits for one.
        routes: it asks where an incoming call goes. Without: nobody listens for its questions.
        lists_extensions: it says which extensions there are. Without: pages know those that are mapped.
        surveys: it says which trunks, contexts and folders of recordings there are. Without: a person enters them.
        shows_calls: a setup may watch calls begin. Without: lines are entered by hand.
        rings_alone: it rings one phone and nobody else. Without: nobody's phone is tried.
        makes_phones: phones for new employees may be made on it from here. Without: they are made on its own pages.
        writes_routes: its route setup may be written from here. Without: it is shown as text.
    """

    dial: bool
    receives: bool
    hang_up: bool
    decline: bool
    recordings: bool
    routes: bool
    lists_extensions: bool
    surveys: bool
    shows_calls: bool
    rings_alone: bool
    writes_routes: bool
    makes_phones: bool
