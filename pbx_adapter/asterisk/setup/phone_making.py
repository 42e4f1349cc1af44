"""Makes phones of new employees on the PBX by AMI, or says how a person makes them. Source: spec A10.

The phones stand in a separate file, a section each, in the form of `res_pjsip_config_wizard`: one section makes the
endpoint, its auth and its aor, so that AMI needs no two sections of one name. The file that includes ours is written
only if it is missing, as in `route_writing.py`: of any other a person gets the line to add.

FreePBX and MikoPBX make phones from their own database. What is beside it is lost at their next save, or has no
dialplan, so there a person makes them on the product's pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from integration.errors import NotFound, Rejected
from integration.ports.findings import Finding, error, warning
from integration.ports.pbx_setup import FormField, NewPhone, PhoneWriting, SetupStep
from pbx_adapter.asterisk.ami import commands
from pbx_adapter.asterisk.ami.client import AmiSession
from pbx_adapter.asterisk.ami.commands import question
from pbx_adapter.asterisk.doctor import check_texts as about
from pbx_adapter.asterisk.flavours import FlavourKey, product
from pbx_adapter.asterisk.settings import AsteriskSettings
from pbx_adapter.asterisk.setup import config_files, texts
from pbx_adapter.asterisk.setup.config_files import Config, Operation, operation
from pbx_adapter.asterisk.setup.endpoints import label_of

FILE = "pjsip_wizard_dozvon.conf"
HOST = "pjsip_wizard.conf"
INCLUDE_LINE = f"#include {FILE}"
MODULE = "res_pjsip_config_wizard.so"
_RELOADED = "res_pjsip.so"  # the wizard follows it; 16 cannot reload the wizard alone. Measured on 16.28 and 22.10.1
_FOLDER = "/etc/asterisk/"
_SECRET = re.compile(r"[0-9A-Za-z]{8,64}")
_NOT_IN_NAMES = re.compile(r"[^\w .,'’()\-]")  # a caller id ends at `"` and `<`, a line of the file at `;`
_LONGEST_NAME = 60


def phone_setup(settings: AsteriskSettings, phones: Sequence[NewPhone]) -> tuple[SetupStep, ...]:
    """Raises: Rejected (`bad_extension`, `bad_secret`)."""
    checked = [_checked(each) for each in phones]
    match product(settings.flavour).key:
        case FlavourKey.FREEPBX:
            return tuple(_freepbx(each) for each in checked)
        case FlavourKey.MIKOPBX:
            return tuple(_mikopbx(each) for each in checked)
    text = "\n\n".join(_pjsip(each, settings.originate_context) for each in checked)
    return (
        SetupStep(says=texts.SAVE_PHONES(), place=f"{_FOLDER}pjsip.conf", text=text),
        SetupStep(says=texts.RELOAD_PHONES(), command="asterisk -rx 'module reload res_pjsip.so'"),
    )


async def own_phones(session: AmiSession) -> list[NewPhone]:
    """Raises: Rejected, Unavailable."""
    found = await config_files.read(session, FILE) or []
    return [NewPhone(extension=name, name=_name_in(lines)) for name, lines in found]


async def write_phones(
    session: AmiSession, settings: AsteriskSettings, phones: Sequence[NewPhone], *, dry: bool
) -> PhoneWriting:
    """Raises: Rejected (`bad_extension`, `bad_secret`), Unavailable (the link is lost)."""
    wanted = {each.extension: each for each in map(_checked, phones)}
    refusal = await _refusal(session, settings)
    if refusal is not None:
        return PhoneWriting(refusal=refusal, left_to_do=phone_setup(settings, phones))
    own, host = await config_files.read(session, FILE), await config_files.read(session, HOST)
    foreign = await _foreign(session, wanted.keys() - {name for name, _ in own or ()})
    if foreign:
        says = texts.FOREIGN_PHONES(extensions=", ".join(foreign))
        return PhoneWriting(refusal=error(about.DIALPLAN, says, texts.CHOOSE_OTHERS))
    written = texts.REPLACES_FILE if own is not None else texts.WRITES_FILE
    changes = [written(file=FILE), texts.PHONES_WRITTEN(extensions=", ".join(sorted(wanted))), texts.READS_PHONES()]
    if host is None:
        changes.insert(1, texts.INCLUDES_IT(file=HOST, line=INCLUDE_LINE))
    if dry:
        return PhoneWriting(changes=tuple(changes))
    kept = [(name, lines) for name, lines in own or () if name not in wanted]
    made = [(each.extension, _wizard(each, settings.originate_context)) for each in wanted.values()]
    try:
        await config_files.write_own(session, FILE, _operations([*kept, *made]), is_new=own is None)
        if host is None:
            await config_files.create_including(session, HOST, INCLUDE_LINE)
        await config_files.reload(session, _RELOADED)
    except Rejected as exc:
        says = texts.PBX_REFUSED(file=f"{FILE}, {HOST}", detail=str(exc))
        return PhoneWriting(
            refusal=error(about.DIALPLAN, says, texts.FOLLOW_THE_STEPS), left_to_do=phone_setup(settings, phones)
        )
    if await _foreign(session, wanted.keys()) != sorted(wanted):
        advice = texts.LOAD_THE_WIZARD(module=MODULE, file=HOST, line=INCLUDE_LINE)
        unread = error(about.DIALPLAN, texts.PHONES_NOT_LOADED(file=FILE), advice)
        step = SetupStep(says=texts.ADD_THE_INCLUDE(), place=_FOLDER + HOST, text=INCLUDE_LINE)
        return PhoneWriting(changes=tuple(changes), was_done=True, refusal=unread, left_to_do=(step,))
    return PhoneWriting(changes=tuple(changes), was_done=True)


async def _refusal(session: AmiSession, settings: AsteriskSettings) -> Finding | None:
    chosen = product(settings.flavour)
    if chosen.key is not FlavourKey.ASTERISK:
        says = texts.NOT_WRITABLE_HERE(product=chosen.label)
        return warning(about.DIALPLAN, says, texts.FOLLOW_THE_STEPS)
    if await config_files.may_write(session):
        return None
    user = settings.username
    advice = texts.DO_IT_BY_HAND(section=user, file=chosen.manager_file)
    return warning(about.RIGHT(group="config"), texts.NO_CONFIG_RIGHT(user=user), advice)


async def _foreign(session: AmiSession, extensions: Iterable[str]) -> list[str]:
    """Those of them that the PBX has an endpoint for, in order."""
    found = []
    for each in sorted(extensions):
        try:
            await session.ask(question("PJSIPShowEndpoint", is_list=True, Endpoint=each))
        except (NotFound, Rejected):
            continue
        found.append(each)
    return found


def _checked(phone: NewPhone) -> NewPhone:
    """With a name that can stand in a caller id. Raises: Rejected."""
    commands.checked_extension(phone.extension)
    if not _SECRET.fullmatch(phone.secret):
        raise Rejected("a secret is 8 to 64 letters and digits", code="bad_secret")
    name = " ".join(_NOT_IN_NAMES.sub(" ", phone.name).split())[:_LONGEST_NAME]
    return NewPhone(extension=phone.extension, name=name, secret=phone.secret)


def _caller_id(phone: NewPhone) -> str:
    return f'"{phone.name or phone.extension}" <{phone.extension}>'


_OF_ENDPOINT = (
    ("allow", "!all,alaw,ulaw,g722"),
    ("direct_media", "no"),
    ("rtp_symmetric", "yes"),
    ("force_rport", "yes"),
    ("rewrite_contact", "yes"),
)
"""A phone behind a router hears and is heard. Source: Asterisk's documentation, "PJSIP Behind NAT"."""
_OF_AOR = (("max_contacts", "1"), ("remove_existing", "yes"), ("qualify_frequency", "60"))


def _wizard(phone: NewPhone, context: str) -> list[str]:
    return [
        "type=wizard",
        "accepts_auth=yes",
        "accepts_registrations=yes",
        f"inbound_auth/username={phone.extension}",
        f"inbound_auth/password={phone.secret}",
        *(f"aor/{name}={value}" for name, value in _OF_AOR),
        f"endpoint/context={context}",
        f"endpoint/callerid={_caller_id(phone)}",
        *(f"endpoint/{name}={value}" for name, value in _OF_ENDPOINT),
    ]


def _pjsip(phone: NewPhone, context: str) -> str:
    """The same for a file that a person edits: every office has pjsip.conf."""
    extension = phone.extension
    endpoint = [f"context={context}", f"auth={extension}", f"aors={extension}", f"callerid={_caller_id(phone)}"]
    endpoint += [f"{name}={value}" for name, value in _OF_ENDPOINT]
    auth = ["auth_type=userpass", f"username={extension}", f"password={phone.secret}"]
    aor = [f"{name}={value}" for name, value in _OF_AOR]
    parts = (("endpoint", endpoint), ("auth", auth), ("aor", aor))
    return "\n\n".join("\n".join([f"[{extension}]", f"type={kind}", *lines]) for kind, lines in parts)


def _freepbx(phone: NewPhone) -> SetupStep:
    form = (
        FormField(label="User Extension", value=phone.extension),
        FormField(label="Display Name", value=phone.name or phone.extension),
        FormField(label="Secret", value=phone.secret),
    )
    place = "Connectivity → Extensions → Add Extension → Add New SIP [chan_pjsip] Extension"
    return SetupStep(says=texts.FREEPBX_PHONE(), place=place, form=form)


def _mikopbx(phone: NewPhone) -> SetupStep:
    form = (
        FormField(label=texts.MIKO_PHONE_NAME, value=phone.name or phone.extension),
        FormField(label=texts.MIKO_PHONE_NUMBER, value=phone.extension),
        FormField(label=texts.MIKO_PHONE_SECRET, value=phone.secret),
    )
    return SetupStep(says=texts.MIKO_PHONE(), place=texts.MIKO_PEOPLE_PAGE, form=form)


def _operations(config: Config) -> list[Operation]:
    made = []
    for name, lines in config:
        made.append(operation("NewCat", name))
        made += [operation("Append", name, line) for line in lines]
    return made


def _name_in(lines: Sequence[str]) -> str:
    said = next((line.partition("=")[2] for line in lines if line.startswith("endpoint/callerid=")), "")
    return label_of(said.strip())
