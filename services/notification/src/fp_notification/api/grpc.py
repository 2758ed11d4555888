"""The RPCs."""

from fp_notification.api.commands import CommandServicer
from fp_notification.api.queries import QueryServicer
from fp_notification.app.queries import Queries
from fp_notification.app.use_cases import UseCases


class NotificationServicer(CommandServicer, QueryServicer):
    """All of them; the two halves have nothing in common."""

    def __init__(self, use_cases: UseCases, queries: Queries) -> None:
        CommandServicer.__init__(self, use_cases)
        QueryServicer.__init__(self, queries)
