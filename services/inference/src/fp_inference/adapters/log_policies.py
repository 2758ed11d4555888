"""Policies of the prediction log: from monitor, and in a file beside the spool."""

import json
from pathlib import Path
from typing import Any

import grpc
from forgepoint.common.v1.common_pb2 import PaginationRequest
from forgepoint.monitor.v1 import prediction_log_pb2 as pb
from forgepoint.monitor.v1.prediction_log_pb2_grpc import PredictionLogServiceStub
from fp_telemetry import get_logger

from fp_inference.app.logged_models import LogPolicy, Policies

_PAGE = 1_000

_log = get_logger(__name__)


class MonitorPolicies:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = PredictionLogServiceStub(channel)

    async def all(self) -> Policies:
        found: dict[tuple[str, str], LogPolicy] = {}
        token = ""
        while True:
            pagination = PaginationRequest(page_size=_PAGE, page_token=token)
            response = await self._stub.ListLoggedModels(pb.ListLoggedModelsRequest(pagination=pagination))
            for each in response.models:
                found[each.team, each.model_name] = LogPolicy(each.sample_bps, tuple(each.masked))
            token = response.pagination.next_page_token
            if not token:
                return found


class JsonPolicyFile:
    """A file that cannot be read or written costs a while without log, and no prediction."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Policies:
        try:
            stored = json.loads(self._path.read_text())
            return {(team, model): LogPolicy(int(bps), tuple(masked)) for team, model, bps, masked in stored}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError) as error:
            _log.error("policies of the prediction log cannot be read from their file", kind=type(error).__name__)
            return {}

    def save(self, policies: Policies) -> None:
        rows = [[team, model, each.sample_bps, each.masked] for (team, model), each in policies.items()]
        draft = self._path.with_suffix(".draft")
        try:
            draft.write_text(json.dumps(rows))
            draft.replace(self._path)
        except OSError as error:
            _log.error("policies of the prediction log cannot be written to their file", reason=error.strerror)
