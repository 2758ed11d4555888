"""The headers of outgoing calls: who calls, for whom, and which work the call belongs to."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Final

import grpc
from fp_telemetry import correlation_id, trace_headers
from opentelemetry.trace import Span

from fp_rpc import headers
from fp_rpc.client.on_behalf_of import acting_now
from fp_rpc.identity.caller import on_behalf_headers

Pairs = tuple[tuple[str, Any], ...]
Own = Sequence[tuple[str, Any]] | None
"""Headers that the caller of a stub gives."""

# A call with headers of its own for these says by itself who makes it.
_IDENTITY: Final = frozenset((headers.AUTHORIZATION, headers.TEAM))
_NOBODY: Final = ("", "")
# Teams and users of which the headers are kept.
_KNOWN: Final = 256


class Packed(grpc.aio.Metadata):
    """Pairs in the order in which they are sent. gRPC reads them twice; that costs no mapping of them."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self.pairs)

    @cached_property
    def _metadata(self) -> dict[str, list[Any]]:
        """As the base class keeps them, for who looks one up."""
        found: dict[str, list[Any]] = {}
        for key, value in self.pairs:
            found.setdefault(key, []).append(value)
        return found


class CallHeaders:
    """Of the calls of one channel. acts_for_others: they also say for which team they are made."""

    def __init__(self, *, acts_for_others: bool) -> None:
        self._acts_for_others = acts_for_others
        self._token = ""
        self._known: dict[tuple[str, str], Packed] = {}

    def proven(self, own: Sequence[tuple[str, Any]]) -> bool:
        """Whether the caller of the stub gave a credential."""
        return any(key == headers.AUTHORIZATION for key, _ in own)

    def of(self, own: Own, token: str, span: Span | None) -> Packed:
        """token: empty for none. Raises Internal where nobody knows for whom the call is made."""
        if own:
            return Packed(self._beside(tuple(own), token, span))
        identity = self._identity(token)
        correlation, trace = correlation_id.get(), trace_headers(span)
        if not correlation:
            return Packed(identity.pairs + trace) if trace else identity
        return Packed((*identity.pairs, (headers.CORRELATION_ID, correlation), *trace))

    def _identity(self, token: str) -> Packed:
        """Most calls of a channel have one of a few; each is made once for a token."""
        if token != self._token:
            self._token = token
            self._known.clear()
        who = acting_now() if self._acts_for_others else _NOBODY
        found = self._known.get(who)
        if found is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            found = self._known[who] = Packed((*_bearer(token), *on_behalf_headers(*who)))
        return found

    def _beside(self, own: Pairs, token: str, span: Span | None) -> Pairs:
        """What the caller gave stays as it is."""
        given = {key for key, _ in own}
        pairs = own + _bearer(token)
        if self._acts_for_others and not given & _IDENTITY:
            pairs += tuple(on_behalf_headers(*acting_now()))
        if (correlation := correlation_id.get()) and headers.CORRELATION_ID not in given:
            pairs += ((headers.CORRELATION_ID, correlation),)
        return pairs + tuple((key, value) for key, value in trace_headers(span) if key not in given)


def _bearer(token: str) -> Pairs:
    return ((headers.AUTHORIZATION, f"Bearer {token}"),) if token else ()
