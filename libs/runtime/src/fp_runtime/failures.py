"""Why a service did not start, or did not go on."""


class StartFailed(Exception):
    """The service cannot start; the message is one line for people, without secrets."""


class TaskFailed(Exception):
    """A task that the service cannot do without has ended by an error, which is the cause."""
