"""The include of the dialplan with one office's values, and the steps to bring it onto the PBX. It reads the file that
comes with Dozvon, and does nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from integration.errors import Rejected
from integration.ports.pbx_setup import FormField, RouteSetup, RouteWishes, SetupStep
from pbx_adapter.asterisk.flavours import FlavourKey, product
from pbx_adapter.asterisk.settings import AsteriskSettings
from pbx_adapter.asterisk.setup import texts

FILE = "extensions_dozvon.conf"
INCLUDE_LINE = f"#include {FILE}"
OFFICE_CONTEXT = "dozvon-office"
MARK = "Dozvon wrote this file"
"""In the first line of the office's context: by it Dozvon knows its own file again."""

LINE = "Gosub(dozvon-inbound,s,1(${EXTEN}))"
_SHIPPED = Path(__file__).resolve().parent.parent / "dialplan" / FILE
_RESERVE = re.compile(r"\+?[0-9A-Za-z*#]{1,32}")
_CONTEXT = re.compile(r"[A-Za-z0-9_.\-]{1,80}")
_FOLDER = "/etc/asterisk/"


def route_setup(settings: AsteriskSettings, wishes: RouteWishes) -> RouteSetup:
    """Raises: Rejected (`bad_reserve`, `bad_context`): a wish cannot stand in a dialplan."""
    include = include_text(settings, wishes)
    match product(settings.flavour).key:
        case FlavourKey.FREEPBX:
            return RouteSetup(include=include, line="", steps=_freepbx(settings, include))
        case FlavourKey.MIKOPBX:
            whole = f"{include}\n{_miko_hooks(wishes)}"
            return RouteSetup(include=whole, line="", steps=_mikopbx(wishes, whole))
    line = f"exten => _X!,1,{LINE}"
    return RouteSetup(include=include, line=line, steps=_asterisk(settings, wishes, include))


def include_text(settings: AsteriskSettings, wishes: RouteWishes) -> str:
    """The file that comes with Dozvon, and a context with this office's values. Raises: Rejected."""
    shipped = _SHIPPED.read_text(encoding="utf-8")
    return f"{shipped.rstrip()}\n\n{office_context(settings, wishes)}\n"


def office_context(settings: AsteriskSettings, wishes: RouteWishes) -> str:
    """The office's values as a context: it needs no [globals], which files of a PBX have in different places."""
    lines = [f"; {MARK}: values of this office.", f"[{OFFICE_CONTEXT}]", f"exten => s,1,NoOp({MARK} for {settings.id})"]
    lines += [f" same => n,Set({name}={value})" for name, value in office_values(settings, wishes)]
    return "\n".join([*lines, " same => n,Return()"])


def office_values(settings: AsteriskSettings, wishes: RouteWishes) -> list[tuple[str, str]]:
    """Names and values of the variables that the include reads. Raises: Rejected."""
    if wishes.reserve and not _RESERVE.fullmatch(wishes.reserve):
        raise Rejected("the reserve is neither a number nor an extension", code="bad_reserve")
    context = wishes.phones_context or settings.originate_context
    for each in (context, *wishes.incoming_contexts):
        if not _CONTEXT.fullmatch(each):
            raise Rejected("this is not the name of a context", code="bad_context")
    values = [("DOZVON_AGI", settings.agi_url), ("DOZVON_CONTEXT", context)]
    dial = settings.originate_channel.replace("{extension}", "%")
    if dial.startswith("Local/") and not dial.endswith("/n"):
        dial += "/n"
    values.append(("DOZVON_DIAL", dial))
    if wishes.reserve:
        values.append(("DOZVON_RESERVE", wishes.reserve))
    return values


def line_step(settings: AsteriskSettings, wishes: RouteWishes) -> SetupStep:
    """The one line that a person adds: only the office knows where its own route begins."""
    contexts = ", ".join(wishes.incoming_contexts) or texts.THE_INCOMING_ONES
    line = f"exten => _X!,1,{LINE}"
    blocks = [f"[{context}]\n{line}" for context in wishes.incoming_contexts] or [line]
    place = _FOLDER + product(settings.flavour).dialplan_file
    return SetupStep(says=texts.ADD_THE_LINE(contexts=contexts), place=place, text="\n\n".join(blocks))


def include_step(settings: AsteriskSettings) -> SetupStep:
    place = _FOLDER + product(settings.flavour).dialplan_file
    return SetupStep(says=texts.ADD_THE_INCLUDE(), place=place, text=INCLUDE_LINE)


def _asterisk(settings: AsteriskSettings, wishes: RouteWishes, include: str) -> tuple[SetupStep, ...]:
    return (
        SetupStep(says=texts.SAVE_THE_INCLUDE(), place=_FOLDER + FILE, text=include),
        include_step(settings),
        line_step(settings, wishes),
        reload_step(),
    )


def _freepbx(settings: AsteriskSettings, include: str) -> tuple[SetupStep, ...]:
    return (
        SetupStep(says=texts.SAVE_THE_INCLUDE(), place=_FOLDER + FILE, text=include),
        include_step(settings),
        reload_step(),
        *freepbx_pages(),
    )


def freepbx_pages() -> tuple[SetupStep, ...]:
    """What nobody but the administrator can do: lead the inbound route to Dozvon."""
    form = (
        FormField(label="Target", value="dozvon-freepbx,s,1"),
        FormField(label="Description", value="Dozvon"),
        FormField(label="Return", value="Yes"),
        FormField(label="Destination", value=texts.AS_NOW),
    )
    return (
        SetupStep(says=texts.FREEPBX_DESTINATION(), place="Admin → Custom Destinations → Add Destination", form=form),
        SetupStep(
            says=texts.FREEPBX_ROUTE(),
            place="Connectivity → Inbound Routes",
            form=(FormField(label="Set Destination", value="Custom Destinations: Dozvon"),),
        ),
    )


def _miko_hooks(wishes: RouteWishes) -> str:
    """MikoPBX calls `<provider>-incoming-custom` before its own route. Source: mikopbx/Core, IncomingContexts.php."""
    contexts = wishes.incoming_contexts or ("PROVIDER-ID-incoming",)
    blocks = [f"[{context}-custom]\nexten => _[0-9+]!,1,{LINE}\n same => n,Return()" for context in contexts]
    return "\n\n".join(blocks) + "\n"


def _mikopbx(wishes: RouteWishes, whole: str) -> tuple[SetupStep, ...]:
    names = () if wishes.incoming_contexts else (SetupStep(says=texts.MIKO_NAMES()),)
    return (SetupStep(says=texts.MIKO_APPEND(), place=texts.MIKO_FILES_PAGE, text=whole), *names)


def reload_step() -> SetupStep:
    return SetupStep(says=texts.RELOAD_DIALPLAN(), command="asterisk -rx 'dialplan reload'")
