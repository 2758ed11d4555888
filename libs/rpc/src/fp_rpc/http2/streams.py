"""The streams of one connection: those that run, and what is remembered of those that ended."""

from typing import TYPE_CHECKING, Final

from fp_rpc.http2.frames import Code, ConnectionFailed

if TYPE_CHECKING:
    from fp_rpc.http2.stream import Stream

# Streams that ended here before their client had sent all, of which it is remembered.
_KEPT: Final = 1_024


class Streams:
    """running: whose calls run. last: the highest that is answered; behind GOAWAY nothing is begun.

    begun: how many clients' calls came.

    On a stream that ended here while its client had more to send, he may send it still; on one that he ended himself
    nothing more may come (RFC 9113, section 5.1).
    """

    def __init__(self) -> None:
        self.running: dict[int, Stream] = {}
        self.last = 0
        self._seen = 0
        self.begun = 0
        self._resets = 0
        self._left: dict[int, None] = {}
        # Of older ones nobody knows any more who ended them.
        self._forgotten = 0

    def begin(self, number: int, *, retired: bool) -> bool:
        """Whether it is a new one. Raises ConnectionFailed for a number that no client may choose."""
        if not number % 2:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "a stream of a number that is no client's")
        if number <= self._seen:
            return False
        self._seen = number
        self.begun += 1
        if not retired:
            self.last = number
        return True

    def expect_begun(self, number: int) -> None:
        """Raises ConnectionFailed."""
        if number > self._seen:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "a frame of a stream that did not begin")

    def reset(self, number: int) -> bool:
        """Its client takes no answer any more. Whether that asks no more of a server than an answer would.

        Each call may be reset once: its place is free when its task has ended, however soon it was reset. A proxy
        shares a connection among callers, and whoever cancels calls must not end those of others. Raises
        ConnectionFailed.
        """
        self.expect_begun(number)
        self._left.pop(number, None)
        self._resets += 1
        return self._resets <= self.begun

    def leave(self, number: int, *, ended: bool) -> None:
        """It ended here. ended: its client sends no more."""
        if ended:
            return
        self._left[number] = None
        if len(self._left) > _KEPT:
            oldest = next(iter(self._left))
            del self._left[oldest]
            self._forgotten = max(self._forgotten, oldest)

    def end(self, stream: "Stream") -> None:
        """Its task has ended."""
        self.running.pop(stream.number, None)
        self.leave(stream.number, ended=stream.ended)

    def may_send(self, number: int, *, ended: bool) -> bool:
        """Whether the client of a stream that ended here may not know it yet. ended: he sends no more.

        Raises ConnectionFailed.
        """
        self.expect_begun(number)
        if number > self.last:
            # Behind GOAWAY.
            return True
        if stream := self.running.get(number):
            may, stream.ended = not stream.ended, stream.ended or ended
            return may
        may = number in self._left or number <= self._forgotten
        if ended:
            self._left.pop(number, None)
        return may
