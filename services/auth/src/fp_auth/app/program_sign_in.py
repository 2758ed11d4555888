"""Sign-in of programs by a person in a browser: they ask, he decides, they get a session."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fp_kernel import (
    Clock,
    FailedPrecondition,
    Principal,
    ResourceExhausted,
    Unauthenticated,
    invalid,
)

from fp_auth.app.begin_sign_in import check_public, seal_text
from fp_auth.app.complete_sign_in import Unseal
from fp_auth.app.ports import Random, Sealer
from fp_auth.app.session import OpenSession, Session
from fp_auth.app.sign_in_ports import SignInTransactions
from fp_auth.domain import program_sign_in as domain
from fp_auth.domain.program_sign_in import DeviceSignIn, LoopbackCode, LoopbackRequest
from fp_auth.domain.sign_in import is_challenge, proves, text_of

_MOST_OPEN = 10_000
_ENTROPY = 32
_TRIES = 3
_REQUEST, _CODE = "loopback request", "loopback code"


@dataclass(frozen=True, slots=True, repr=False)
class DeviceBegun:
    device_code: str
    user_code: str
    ends: datetime


class BeginProgramSignIn:
    def __init__(
        self, transactions: SignInTransactions, sealer: Sealer, random: Random, clock: Clock, *, public_url: str
    ) -> None:
        self._transactions = transactions
        self._sealer = sealer
        self._random = random
        self._clock = clock
        self.public_url = public_url

    async def device(self, program: str) -> DeviceBegun:
        """Raises InvalidArgument, FailedPrecondition, ResourceExhausted while too many wait."""
        domain.check_program(program)
        check_public(self.public_url)
        secret, ends = text_of(self._random(_ENTROPY)), self._clock.now() + domain.DEVICE_LIFE
        async with self._transactions() as tx:
            if await tx.device_sign_ins.open(_MOST_OPEN) >= _MOST_OPEN:
                raise ResourceExhausted("too many programs wait to be let in", reason="TOO_MANY", retry_after=60.0)
            for _ in range(_TRIES):
                code = domain.user_code(self._random(_ENTROPY))
                if await tx.device_sign_ins.add(DeviceSignIn(domain.secret_hash(secret), code, program, ends)):
                    return DeviceBegun(secret, code, ends)
        raise ResourceExhausted("no code was free", reason="TOO_MANY", retry_after=1.0)

    def loopback(self, *, program: str, port: int, challenge: str, state: str) -> tuple[str, datetime]:
        """The address of the page, and when it is worth nothing. Raises InvalidArgument, FailedPrecondition."""
        domain.check_program(program)
        domain.check_loopback(port, state)
        if not is_challenge(challenge):
            raise invalid("code_challenge", "must be an S256 challenge (RFC 7636)")
        check_public(self.public_url)
        ends = self._clock.now() + domain.DEVICE_LIFE
        request = LoopbackRequest(program, port, challenge, state, ends.timestamp())
        sealed = seal_text(self._sealer, request.dump(), _REQUEST)
        return f"{self.public_url}/login/program?request={sealed}", ends


class DecideProgramSignIn:
    def __init__(self, transactions: SignInTransactions, sealer: Sealer, unseal: Unseal, clock: Clock) -> None:
        self._transactions = transactions
        self._sealer = sealer
        self._unseal = unseal
        self._clock = clock

    async def device(self, typed_code: str) -> DeviceSignIn:
        """What a person is asked about. Raises InvalidArgument, NotFound, FailedPrecondition."""
        code = domain.parse_user_code(typed_code)
        async with self._transactions() as tx:
            return self._open(await tx.device_sign_ins.lock_by_code(code))

    def loopback(self, sealed: str) -> LoopbackRequest:
        """Raises Unauthenticated, NotFound."""
        request = domain.read_request(self._unseal(sealed, _REQUEST))
        if self._clock.now().timestamp() >= request.ends:
            raise domain.no_device()
        return request

    async def decide_device(self, caller: Principal, typed_code: str, *, allow: bool) -> None:
        """Raises InvalidArgument, NotFound, FailedPrecondition."""
        code = domain.parse_user_code(typed_code)
        async with self._transactions() as tx:
            self._open(await tx.device_sign_ins.lock_by_code(code))
            await tx.device_sign_ins.decide(code, caller.user_id if allow else "", self._clock.now())

    def decide_loopback(self, caller: Principal, sealed: str, *, allow: bool) -> str:
        """Where the browser goes. Raises Unauthenticated, NotFound."""
        request = self.loopback(sealed)
        if not allow:
            return request.redirect_url(error="access_denied")
        ends = self._clock.now() + domain.CODE_LIFE
        code = LoopbackCode(caller.user_id, request.challenge, ends.timestamp())
        return request.redirect_url(code=seal_text(self._sealer, code.dump(), _CODE))

    def _open(self, found: DeviceSignIn | None) -> DeviceSignIn:
        if found is None:
            raise domain.no_device()
        found.check_open(self._clock.now())
        return found


class RedeemProgramSignIn:
    """longest: how long a provider's word is good, by its URL."""

    def __init__(
        self,
        transactions: SignInTransactions,
        unseal: Unseal,
        open_session: OpenSession,
        clock: Clock,
        *,
        longest: Mapping[str, timedelta],
    ) -> None:
        self._transactions = transactions
        self._unseal = unseal
        self._open_session = open_session
        self._clock = clock
        self._longest = longest

    async def poll(self, device_code: str) -> DeviceSignIn:
        """Raises NotFound."""
        async with self._transactions() as tx:
            found = await tx.device_sign_ins.find(domain.secret_hash(device_code))
        if found is None or self._clock.now() >= found.ends:
            raise domain.no_device()
        return found

    async def device(self, device_code: str) -> Session:
        """Raises NotFound, FailedPrecondition while nobody has decided, Unauthenticated when it was refused."""
        found = await self.poll(device_code)
        if found.decided_at is None:
            raise FailedPrecondition("nobody has allowed it yet", reason="AUTHORIZATION_PENDING", retry_after=2.0)
        if not found.user_id:
            raise domain.denied()
        async with self._transactions() as tx:
            taken = await tx.device_sign_ins.take(found.device_hash)
        if taken is None:
            raise domain.no_device()
        return await self._open(taken.user_id)

    async def loopback(self, sealed: str, verifier: str) -> Session:
        """Raises Unauthenticated."""
        code = domain.read_code(self._unseal(sealed, _CODE))
        if self._clock.now().timestamp() >= code.ends:
            raise Unauthenticated("the code is over; begin again", reason="CODE_EXPIRED")
        if not proves(verifier, code.challenge):
            raise Unauthenticated("the code belongs to another program", reason="VERIFIER_WRONG")
        digest = hashlib.sha256(f"code:{sealed}".encode()).digest()
        async with self._transactions() as tx:
            if not await tx.spent_tokens.spend(digest, datetime.fromtimestamp(code.ends, UTC)):
                raise Unauthenticated("the code was used before; begin again", reason="CODE_REPLAYED")
        return await self._open(code.user_id)

    async def _open(self, user_id: str) -> Session:
        """A program's session is no way around the end that the provider's word has."""
        async with self._transactions() as tx:
            user, known = await tx.users.find(user_id), await tx.identities.of_user(user_id)
        ends = None
        if known is not None and user is not None and not user.password_hash:
            ends = known.signed_in_at + self._longest.get(known.issuer, timedelta(0))
        if user is None or (ends is not None and ends <= self._clock.now()):
            raise Unauthenticated("your sign-in is over; sign in again", reason="SESSION_OVER")
        return await self._open_session(user, ends=ends)
