"""The common end of every command: its position, and the projection brought up to it where that is quick."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
from fp_kernel import Command, Error, Replayed
from fp_rpc import caller, command
from fp_rpc.headers import POSITION
from google.protobuf.message import Message

from fp_registry.app.ports import Records
from fp_registry.app.positions import Change, Position
from fp_registry.app.project import Projector
from fp_registry.domain.model import Model

_PROJECTION_TIMEOUT = 0.25

Context = grpc.aio.ServicerContext[Any, Any]
Result = TypeVar("Result", bound=Change)
Response = TypeVar("Response", bound=Message)


class CommandRunner:
    """Runs commands and answers them.

    The events bring the projection up to date in any case. Doing it before the answer as well, when the store is
    quick, lets a client that knows nothing of positions read what it has written.
    """

    def __init__(self, records: Records, projector: Projector) -> None:
        self._records = records
        self._projector = projector

    async def __call__(
        self,
        request: Message,
        context: Context,
        run: Callable[[Command], Awaitable[Result]],
        respond: Callable[[Result], Response],
        kind: type[Response],
        *,
        complete: Callable[[Response], Awaitable[Response]] | None = None,
    ) -> Response:
        """run: the use-case. respond: makes its result a response of this kind.

        complete: adds what must not be stored with the command and is made for each answer, a repeated one too.
        """
        try:
            result = await run(command(request, respond))
        except Replayed as replay:
            stored = kind.FromString(replay.response)
            await self._send_position_again(context, stored)
            if complete is None:
                raise
            raise Replayed((await complete(stored)).SerializeToString()) from None
        await self._project(result.model)
        _send_position(context, Position(result.model.id, result.model.revision))
        answer = respond(result)
        return await complete(answer) if complete else answer

    async def _project(self, model: Model) -> None:
        try:
            async with asyncio.timeout(_PROJECTION_TIMEOUT):
                await self._projector(model.team, model.id)
        except (Error, TimeoutError):
            # The client of the store has logged it; the event updates the projection.
            return

    async def _send_position_again(self, context: Context, response: Message) -> None:
        """The position of a repeated command: the present one, which is not before the first answer's."""
        model_id = _model_in(response)
        if model_id:
            _send_position(context, Position(model_id, await self._records.revision(caller().team, model_id)))


def _model_in(response: Any) -> str:
    fields = response.DESCRIPTOR.fields_by_name
    if "model" in fields:
        return str(response.model.id)
    return str(response.version.model_id) if "version" in fields else ""


def _send_position(context: Context, position: Position) -> None:
    context.set_trailing_metadata(((POSITION, str(position)),))
