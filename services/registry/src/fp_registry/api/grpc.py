"""forgepoint.registry.v1.RegistryService."""

from fp_registry.api.answers import Answers
from fp_registry.api.commands import CommandServicer
from fp_registry.api.queries import QueryServicer
from fp_registry.app.queries import Queries
from fp_registry.app.urls import ArtifactUrls
from fp_registry.app.use_cases import UseCases


class RegistryServicer(CommandServicer, QueryServicer):
    """Commands write Postgres, queries read the projection."""

    def __init__(self, use_cases: UseCases, answers: Answers, queries: Queries, urls: ArtifactUrls) -> None:
        CommandServicer.__init__(self, use_cases, answers, urls)
        QueryServicer.__init__(self, queries, urls)
