"""Which secrets there are, and their values for the services that use them."""

from collections.abc import Sequence

from fp_kernel import Page, PageRequest, Principal, invalid, next_token
from fp_kernel.key_encryption import KeyEncryption, KeyNotHere
from fp_kernel.secret_references import SecretReference, parse_reference, parse_secret_name

from fp_auth.app.refusals import no_secret, secret_withheld, unreadable_secret
from fp_auth.app.secret_ports import Envelope, SecretReads
from fp_auth.domain.secrets import (
    MOST_REFERENCES,
    SealedVersion,
    Secret,
    Version,
    VersionStatus,
    key_context,
    version_context,
)


class ListSecrets:
    def __init__(self, reads: SecretReads) -> None:
        self._reads = reads

    async def secrets(self, team: str, page: PageRequest, scope: Sequence[str]) -> Page[Secret]:
        found = await self._reads.page(team, page)
        shown = tuple(found[: page.size])
        return Page(shown, next_token((shown[-1].name,), scope=scope) if len(found) > page.size else "")

    async def versions(self, team: str, name: str, page: PageRequest, scope: Sequence[str]) -> Page[Version]:
        """Raises InvalidArgument, NotFound."""
        parse_secret_name(name, "name")
        found = await self._reads.versions(team, name, page)
        if not found and not page.after:
            raise no_secret(name)
        shown = tuple(found[: page.size])
        return Page(shown, next_token((str(shown[-1].number),), scope=scope) if len(found) > page.size else "")


class ResolveSecrets:
    def __init__(self, reads: SecretReads, keys: KeyEncryption, envelope: Envelope) -> None:
        self._reads = reads
        self._keys = keys
        self._envelope = envelope

    async def __call__(self, caller: Principal, references: Sequence[str]) -> Sequence[bytes]:
        """In the order of the references. Raises InvalidArgument; NotFound, FailedPrecondition naming a reference."""
        if not 0 < len(references) <= MOST_REFERENCES:
            raise invalid("references", f"must be 1 to {MOST_REFERENCES}")
        parsed = [parse_reference(each, f"references[{index}]") for index, each in enumerate(references)]
        return [await self._value(caller.team, each) for each in parsed]

    async def _value(self, team: str, reference: SecretReference) -> bytes:
        found = await self._reads.sealed(team, reference)
        if found is None:
            raise no_secret(str(reference))
        if found.status is not VersionStatus.ENABLED:
            raise secret_withheld(str(reference), found.status)
        return await self._open(team, found)

    async def _open(self, team: str, found: SealedVersion) -> bytes:
        try:
            data_key = await self._keys.unwrap(found.data_key, key_context(team, found.name))
            return self._envelope.open(data_key, found.sealed, version_context(team, found.name, found.number))
        except KeyNotHere:
            raise unreadable_secret(found.name) from None
