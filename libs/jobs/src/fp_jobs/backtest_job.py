"""EVALUATE with `backtest` in its config: ask the version that is to be deployed what others were asked (ADR 0241).

The version is that of the execution's input. Of the predictions that are in the log the newest are asked again, with
the inputs that callers sent then. The pipeline decides; the job only measures: `metrics` of the version's answers,
`incumbent_metrics` of those that were recorded, and `backtest`, what was asked.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from forgepoint.monitor.v1 import prediction_log_pb2 as log
from forgepoint.monitor.v1.prediction_log_pb2_grpc import PredictionLogServiceStub
from forgepoint.registry.v1 import registry_pb2 as registry
from forgepoint.registry.v1.registry_pb2_grpc import RegistryServiceStub
from fp_kernel import FailedPrecondition, SystemClock

from fp_jobs import job
from fp_jobs.backtests import Backtest, Report
from fp_jobs.models import Run, members_of, runner
from fp_jobs.patience import patiently

_PAGE: Final = 100
DAYS: Final = 14.0
LIMIT: Final = 20_000


def main() -> None:
    asyncio.run(measure(job.from_environment()))


async def measure(task: job.Job) -> None:
    asked = task.config["backtest"]
    until = SystemClock().now()
    since = until - timedelta(days=float(asked.get("days", DAYS)))
    async with job.platform() as channel:
        stub = RegistryServiceStub(channel)
        model_name, version = await version_of(stub, task.execution_input)
        backtest = Backtest(await run_of(stub, version.id), version.baseline_profile.prediction.labels)
        request = log.ListPredictionsRequest(model_name=model_name, version=str(asked.get("of", "")))
        request.since.FromDatetime(since)
        request.until.FromDatetime(until)
        answered: dict[str, int] = {}
        async for record in predictions(PredictionLogServiceStub(channel), request, int(asked.get("limit", LIMIT))):
            backtest.add(record)
            answered[record.version] = answered.get(record.version, 0) + 1
    result = outcome(
        backtest.report(),
        model_name=model_name,
        version=version.version,
        since=since,
        until=until,
        answered=answered,
    )
    task.finish(result)
    print(f"{model_name}@{version.version}: {result}", flush=True)


async def version_of(stub: Any, given: Mapping[str, Any]) -> tuple[str, Any]:
    """The name of the model and the version that the execution is about."""
    asked = registry.GetModelRequest(name=given["model"]) if "model" in given else None
    asked = asked or registry.GetModelRequest(id=given["model_id"])
    model = (await patiently(lambda: stub.GetModel(asked))).model
    wanted = registry.GetVersionRequest(model_id=model.id, version=given["version"])
    return model.name, (await patiently(lambda: stub.GetVersion(wanted))).version


async def run_of(stub: Any, version_id: str) -> Run:
    """Of an ensemble with all that it is made of."""
    content = await artifact(stub, version_id)
    members = {each: await artifact(stub, each) for each in members_of(content)}
    return runner(content, members)


async def artifact(stub: Any, version_id: str) -> bytes:
    """Raises FailedPrecondition when it is not what the registry measured."""
    found = await patiently(lambda: stub.GetDownloadURL(registry.GetDownloadURLRequest(version_id=version_id)))
    content = await asyncio.to_thread(job.download, found.download_url)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if found.artifact_digest and digest != found.artifact_digest:
        raise FailedPrecondition(f"the artifact has the digest {digest}, not {found.artifact_digest}")
    return content


async def predictions(stub: Any, request: log.ListPredictionsRequest, limit: int) -> AsyncIterator[Any]:
    """The newest ones."""
    left = limit
    while left > 0:
        request.pagination.page_size = min(left, _PAGE)
        page = await patiently(lambda: stub.ListPredictions(request))
        for each in page.predictions:
            yield each
        left -= len(page.predictions)
        request.pagination.page_token = page.pagination.next_page_token
        if not request.pagination.page_token:
            return


def outcome(
    report: Report, *, model_name: str, version: str, since: datetime, until: datetime, answered: Mapping[str, int]
) -> dict[str, Any]:
    """The output of the step. answered: predictions by the version that answered then."""
    return {
        "metrics": dict(report.now),
        "incumbent_metrics": dict(report.then),
        "backtest": {
            "model": model_name,
            "version": version,
            "since": since.astimezone(UTC).isoformat(),
            "until": until.astimezone(UTC).isoformat(),
            "answered_by": dict(answered),
            "predictions": report.predictions,
            "identical": report.identical,
            "difference": report.difference,
            "masked": report.masked,
            "failed": report.failed,
            "failure": report.failure,
            "labelled": report.labelled,
        },
    }


if __name__ == "__main__":
    main()
