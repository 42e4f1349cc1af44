"""Makes phones for employees whose extension the PBX does not have yet, and gives them new secrets. Source: spec A10.

Secrets are returned once and stored nowhere here: the PBX has them, and the person who sets up the phones.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from integration.domain.ids import PbxId
from integration.domain.settings import Employee
from integration.errors import DozvonError, NotFound
from integration.ports.pbx_setup import NewPhone, PbxSetup, PhoneWriting, SetupStep
from integration.services.accounts import Account

log = structlog.get_logger()

_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without those that look alike
_SECRET_LETTERS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MadePhones:
    """
    Attributes:
        phones: with their secrets; they work if `writing` says that it was done.
        writing: None: this kind of PBX cannot be written; `steps` then say what a person does.
    """

    phones: Sequence[NewPhone]
    steps: Sequence[SetupStep] = ()
    writing: PhoneWriting | None = None

    @property
    def are_made(self) -> bool:
        return self.writing is not None and self.writing.was_done and self.writing.refusal is None


class NewPhones:
    """
    Args:
        setup: the questions to a running PBX; raises NotFound.
    """

    def __init__(self, setup: Callable[[PbxId], PbxSetup]) -> None:
        self._setup = setup

    async def make(self, account: Account, employees: Sequence[Employee]) -> MadePhones:
        """
        Phones on the account's main PBX, each with a new secret.

        Raises:
            NotFound: the PBX does not run. AuthFailed, Unavailable, ProtocolError, Rejected, as `PbxSetup`.
        """
        phones = [
            NewPhone(
                extension=each.extension,
                name=account.manager_name(each.manager) or each.name,
                secret=new_secret(),
            )
            for each in employees
        ]
        key, setup = self._main(account)
        if not account.pbxs[key].abilities.makes_phones:
            return MadePhones(phones=phones, steps=setup.phone_setup(phones))
        writing = await setup.write_phones(phones, dry=False)
        return MadePhones(phones=phones, writing=writing, steps=writing.left_to_do)

    async def renew(self, account: Account) -> MadePhones | None:
        """
        New secrets for all phones that were made from here: the old ones may have gone round while nobody looked after
        the integration. None: there are no such phones, or this PBX cannot be asked.

        Raises:
            AuthFailed, Unavailable, ProtocolError, Rejected.
        """
        try:
            key, setup = self._main(account)
        except NotFound:
            return None
        if not account.pbxs[key].abilities.makes_phones:
            return None
        own = await setup.own_phones()
        if not own:
            return None
        phones = [NewPhone(extension=each.extension, name=each.name, secret=new_secret()) for each in own]
        writing = await setup.write_phones(phones, dry=False)
        return MadePhones(phones=phones, writing=writing, steps=writing.left_to_do)

    async def try_renew(self, account: Account) -> MadePhones | DozvonError | None:
        """As `renew`, with the error as a result: switching the integration on does not depend on it."""
        try:
            return await self.renew(account)
        except DozvonError as exc:
            log.warning("the secrets of phones were not renewed", account_id=account.id, error=str(exc))
            return exc

    def _main(self, account: Account) -> tuple[PbxId, PbxSetup]:
        """Raises: NotFound."""
        key = next(iter(account.pbxs), None)
        if key is None:
            raise NotFound("the account has no PBX", code="no_pbx")
        return key, self._setup(key)


def new_secret() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_SECRET_LETTERS))
