"""One prediction: quota, limit, replay, route, rules, split, forward, record, event, shadow."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from fp_kernel import Clock, Command, DeadlineExceeded, Error, Internal, PermissionDenied
from fp_kernel.signatures import check_tensors

from fp_inference.app.admission import Admission
from fp_inference.app.forward import Forward, Forwarded
from fp_inference.app.fresh_routes import FreshRoutes
from fp_inference.app.lookup import Known, Lookup
from fp_inference.app.mirror import Mirror
from fp_inference.app.ports import Recorder
from fp_inference.app.replays import MAX_RESPONSE, Replays, day_of, replay_digest
from fp_inference.app.route_report import Arms
from fp_inference.app.route_table import RouteTable
from fp_inference.app.values import Ask, Completed, Failed, Prediction, Replay, Try
from fp_inference.domain.failures import failure_reason
from fp_inference.domain.preference import Preference, preferred
from fp_inference.domain.request_ids import request_id
from fp_inference.domain.routes import Route, Target
from fp_inference.domain.split_plan import unknown_version
from fp_inference.domain.summary import cost


class Predict:
    """Every prediction that is answered has its event kept before; a refused one has it where there is room."""

    def __init__(
        self,
        *,
        admission: Admission,
        replays: Replays,
        table: RouteTable,
        fresh: FreshRoutes,
        forward: Forward,
        recorder: Recorder,
        arms: Arms,
        mirror: Mirror,
        clock: Clock,
    ) -> None:
        self._admission = admission
        self._replays = replays
        self._table = table
        self._fresh = fresh
        self._forward = forward
        self._recorder = recorder
        self._arms = arms
        self._mirror = mirror
        self._clock = clock

    async def __call__(self, ask: Ask) -> Prediction:
        """Raises Replayed when the same command was answered before.

        Raises InvalidArgument and FailedPrecondition naming the field, NotFound, PermissionDenied, ResourceExhausted
        and Unavailable with a retry delay, DeadlineExceeded, Internal.
        """
        start = self._clock.monotonic()
        try:
            under_way = await self._admission.enter(ask.caller, cost(ask.inputs))
        except Error as error:
            self.refused(ask, error)
            raise
        with under_way:
            if not ask.command.key:
                return await self.admitted(ask, start)
            async with self._replays.beside(ask.command) as (day, lookup):
                try:
                    return await self.admitted(first_seen(ask, day), start, lookup)
                except Known as known:
                    seen = day_of(known.replay, ask.command)
                return await self.admitted(first_seen(ask, seen), start)

    async def admitted(self, ask: Ask, start: float, lookup: Lookup | None = None) -> Prediction:
        """One that was let in and not answered before, as far as is known. start: monotonic time at which it arrived.

        Raises Known where the lookup finds that it was; nothing of it is recorded then.
        """
        route: Route | None = None
        preference = Preference(())
        tries: list[Try] = []
        try:
            check_tensors(ask.inputs)
            route = self._table.find(ask.caller.team, ask.model_name)
            fresh, preference = await self._fresh.read(ask.caller.team, ask.model_name, partial(self._routed, ask))
            route, targets = fresh, preference.targets
            targets[0].signature.check(ask.inputs)
            targets[0].signature.check_outputs(ask.outputs)
            forwarded = await self._forwarded(targets, ask, tries, lookup)
        except Known:
            raise
        except Error as error:
            if lookup is not None:
                # What was answered before is answered again, whatever becomes of it now.
                await lookup.settle()
            self.refused(ask, error, route, tries)
            if route is not None and tries:
                self._arms.failed(route, preference.rule, tries[-1].target)
            raise
        except asyncio.CancelledError:
            if tries:
                self.refused(ask, DeadlineExceeded("the caller's time was over"), route, tries)
            raise
        except Exception:
            self.refused(ask, Internal("internal error"), route, tries)
            raise
        prediction = self._complete(ask, fresh, forwarded, tries, start)
        self._arms.answered(fresh, preference.rule, forwarded.target, prediction.seconds)
        self._mirror.offer(fresh, ask, forwarded.target, forwarded.outputs)
        return prediction

    async def _forwarded(
        self, targets: Sequence[Target], ask: Ask, tries: list[Try], lookup: Lookup | None
    ) -> Forwarded:
        if lookup is None:
            return await self._forward(targets, ask, tries)
        async with lookup:
            return await self._forward(targets, ask, tries)

    def _routed(self, ask: Ask) -> tuple[Route, Preference]:
        route = self._table.routable(ask.caller.team, ask.model_name)
        return route, _preference(route, ask)

    def _complete(self, ask: Ask, route: Route, forwarded: Forwarded, tries: Sequence[Try], start: float) -> Prediction:
        """No await from the answer to its event: nobody can be cancelled in between."""
        target = forwarded.target
        prediction = Prediction(ask.request_id, target.version, forwarded.outputs, self._clock.monotonic() - start)
        completed = Completed(ask, target, prediction, tries, route.canaries, self._clock.now())
        replay = _replay(ask, prediction)
        self._recorder.completed(completed, replay)
        if replay is not None:
            self._replays.remember(replay)
        return prediction

    def refused(self, ask: Ask, error: Error, route: Route | None = None, tries: Sequence[Try] = ()) -> None:
        """Record a prediction that is not made. route: None when it did not come as far."""
        model_id = route.model_id if route is not None else ""
        canaries = route.canaries if route is not None else frozenset[str]()
        self._recorder.failed(Failed(ask, model_id, tries, canaries, failure_reason(error), error, self._clock.now()))


def _preference(route: Route, ask: Ask) -> Preference:
    """A pinned version stands alone."""
    if ask.version_override:
        check_pin(ask)
        pinned = route.find(ask.version_override)
        if pinned is None:
            raise unknown_version("version_override", ask.version_override)
        return Preference((pinned,))
    # Without a sticky key the request itself decides, so that its retry goes where it went.
    return preferred(route, ask.attributes, ask.sticky_key or ask.request_id)


def check_pin(ask: Ask) -> None:
    """Raises PermissionDenied for a version that the caller must not name."""
    if ask.version_override and not ask.caller.may_pin:
        raise PermissionDenied("naming a version needs deployments:write", reason="PIN_DENIED")


def first_seen(ask: Ask, day: date) -> Ask:
    """The same request that it was on that day; without a key it keeps the id that it has."""
    command = ask.command
    if not command.key or day == ask.day:
        return ask
    return replace(ask, request_id=command_id(command, day), day=day)


def command_id(command: Command, day: date) -> str:
    """Of the request of a command with a key."""
    return request_id(command.team, command.rpc, command.key, command.fingerprint, day)


def _replay(ask: Ask, prediction: Prediction) -> Replay | None:
    command = ask.command
    if not command.key:
        return None
    response = command.encode(prediction)
    if len(response) > MAX_RESPONSE:
        return Replay(replay_digest(command), command.fingerprint, b"", ask.day)
    return Replay(replay_digest(command), command.fingerprint, response)
