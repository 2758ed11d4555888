"""Parts of a route as JSON; what an older release wrote must stay readable."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from fp_kernel.signatures import Column, Signature, TensorSpec
from fp_kernel.tensors import ElementType

from fp_inference.domain.routes import Share, Split, Stable, Target, TargetStatus


def dump_target(target: Target) -> str:
    return json.dumps(asdict(target) | {"deployed_at": target.deployed_at.isoformat()})


def load_target(text: str) -> Target:
    kept = json.loads(text)
    return Target(
        model_id=kept["model_id"],
        version_id=kept["version_id"],
        version=kept["version"],
        endpoint=kept["endpoint"],
        weight_bps=kept["weight_bps"],
        sequence=kept["sequence"],
        deployed_at=datetime.fromisoformat(kept["deployed_at"]),
        removed=kept.get("removed", 0),
        status=TargetStatus(kept["status"]),
        signature=_signature(kept["signature"]),
        artifact_digest=kept.get("artifact_digest", ""),
    )


def dump_split(shares: tuple[Share, ...], at: datetime) -> str:
    return json.dumps({"shares": [asdict(share) for share in shares], "set_at": at.isoformat()})


def load_split(revision: int, text: str) -> Split:
    kept = json.loads(text)
    shares = tuple(Share(share["version_id"], share["since"], share["weight_bps"]) for share in kept["shares"])
    return Split(shares, revision, datetime.fromisoformat(kept["set_at"]))


def dump_stable(stable: Stable) -> str:
    return json.dumps(asdict(stable) | {"promoted_at": stable.promoted_at.isoformat()})


def load_stable(text: str) -> Stable:
    kept = json.loads(text)
    return Stable(kept["version_id"], kept["version"], datetime.fromisoformat(kept["promoted_at"]))


def _signature(kept: Mapping[str, Any]) -> Signature:
    return Signature(tuple(map(_spec, kept["inputs"])), tuple(map(_spec, kept["outputs"])))


def _spec(kept: Mapping[str, Any]) -> TensorSpec:
    columns = tuple(Column(column["name"], tuple(column["categories"])) for column in kept["columns"])
    return TensorSpec(kept["name"], ElementType(kept["element"]), tuple(kept["shape"]), columns)
