"""Notifications are marked as read."""

from contextlib import contextmanager
from types import SimpleNamespace

import grpc
import pytest
from forgepoint.notification.v1 import notification_pb2 as pb
from fp_cli.commands import notifications
from fp_cli.output import State


class Client:
    """Answers what is there, and keeps what is marked."""

    def __init__(self, *ids):
        self.channel = grpc.insecure_channel("127.0.0.1:1")
        self.there = [pb.Notification(id=each) for each in ids]
        self.marked = []

    def pages(self, method, request, field, limit):
        assert (field, request.unread_only) == ("notifications", False)
        yield from self.there[:limit]

    def call(self, method, request):
        self.marked.append(request)
        return pb.MarkReadResponse()


@pytest.mark.parametrize(("ids", "newest"), [(("n2", "n1"), "n2"), ((), "")])
def test_all_are_those_that_are_there_when_the_command_starts(monkeypatch, ids, newest):
    client = Client(*ids)

    @contextmanager
    def connect(state):
        yield client

    monkeypatch.setattr("fp_cli.client.connect", connect)
    notifications.read(SimpleNamespace(obj=State()), ids=None, everything=True)
    assert client.marked == [pb.MarkReadRequest(mark_all=True, up_to_id=newest)]
    client.channel.close()
