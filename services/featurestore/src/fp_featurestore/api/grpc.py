"""forgepoint.featurestore.v1.FeatureStoreService."""

from fp_featurestore.api.commands import CommandServicer
from fp_featurestore.api.queries import QueryServicer
from fp_featurestore.app.use_cases import UseCases


class FeatureStoreServicer(CommandServicer, QueryServicer):
    """Commands append to the log, queries read the views."""

    def __init__(self, use_cases: UseCases) -> None:
        CommandServicer.__init__(self, use_cases)
        QueryServicer.__init__(self, use_cases)
