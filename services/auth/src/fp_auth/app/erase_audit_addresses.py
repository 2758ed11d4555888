"""The erasure of what the audit log keeps of a person besides his id."""

from fp_kernel import invalid

from fp_auth.app.audit_ports import AddressKeys

_LONGEST = 100


class EraseAuditAddresses:
    """Addresses are kept as a digest under a key of the person: without the key they reveal nothing (ADR 0136).

    A person who still calls gets another key with his next audited call.
    """

    def __init__(self, keys: AddressKeys) -> None:
        self._keys = keys

    async def __call__(self, person_id: str) -> bool:
        """Whether there was anything to erase. Raises InvalidArgument."""
        # Keys of anonymous callers have names with a colon; they are a day's, not a person's.
        if not person_id or len(person_id) > _LONGEST or ":" in person_id:
            raise invalid("person_id", "must be the id of a user or service account")
        return await self._keys.erase(person_id)
