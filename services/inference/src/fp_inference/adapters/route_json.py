"""Parts of a route as JSON; what an older release wrote must stay readable."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from fp_kernel.signatures import Column, Signature, TensorSpec
from fp_kernel.tensors import ElementType

from fp_inference.domain.routes import Stable, Target, TargetStatus
from fp_inference.domain.rules import Match, Rule, Rules, Shadow
from fp_inference.domain.shares import Share, Split


def dump_target(target: Target) -> str:
    return json.dumps(asdict(target) | {"deployed_at": target.deployed_at.isoformat()})


def load_target(text: str) -> Target:
    stored = json.loads(text)
    return Target(
        model_id=stored["model_id"],
        version_id=stored["version_id"],
        version=stored["version"],
        endpoint=stored["endpoint"],
        weight_bps=stored["weight_bps"],
        sequence=stored["sequence"],
        deployed_at=datetime.fromisoformat(stored["deployed_at"]),
        removed=stored.get("removed", 0),
        status=TargetStatus(stored["status"]),
        signature=_signature(stored["signature"]),
        artifact_digest=stored.get("artifact_digest", ""),
    )


def dump_signature(signature: Signature) -> str:
    return json.dumps(asdict(signature))


def load_signature(text: str) -> Signature:
    return _signature(json.loads(text))


def dump_split(shares: tuple[Share, ...], at: datetime, by: str, salt: str) -> str:
    facts = {"shares": [asdict(share) for share in shares], "set_at": at.isoformat(), "set_by": by, "salt": salt}
    return json.dumps(facts)


def load_split(revision: int, text: str) -> Split:
    stored = json.loads(text)
    shares = tuple(map(_share, stored["shares"]))
    set_at, set_by = datetime.fromisoformat(stored["set_at"]), stored.get("set_by", "")
    return Split(shares, revision, set_at, set_by, stored.get("salt", ""))


def dump_rules(rules: tuple[Rule, ...], at: datetime, by: str) -> str:
    stored = [
        {
            "name": rule.name,
            "matches": [
                {"attribute": match.attribute, "values": sorted(match.values), "prefix": match.prefix}
                for match in rule.matches
            ],
            "shares": [asdict(share) for share in rule.shares],
        }
        for rule in rules
    ]
    return json.dumps({"rules": stored, "set_at": at.isoformat(), "set_by": by})


def load_rules(revision: int, text: str) -> Rules:
    stored = json.loads(text)
    rules = (
        Rule(
            rule["name"],
            tuple(Match(match["attribute"], frozenset(match["values"]), match["prefix"]) for match in rule["matches"]),
            tuple(map(_share, rule["shares"])),
        )
        for rule in stored["rules"]
    )
    return Rules(tuple(rules), revision, datetime.fromisoformat(stored["set_at"]), stored["set_by"])


def dump_shadow(share: Share | None, at: datetime, by: str) -> str:
    return json.dumps({"share": share and asdict(share), "set_at": at.isoformat(), "set_by": by})


def load_shadow(revision: int, text: str) -> Shadow:
    stored = json.loads(text)
    share = _share(stored["share"]) if stored["share"] else None
    return Shadow(share, revision, datetime.fromisoformat(stored["set_at"]), stored["set_by"])


def dump_stable(stable: Stable) -> str:
    return json.dumps(asdict(stable) | {"promoted_at": stable.promoted_at.isoformat()})


def load_stable(text: str) -> Stable:
    stored = json.loads(text)
    return Stable(stored["version_id"], stored["version"], datetime.fromisoformat(stored["promoted_at"]))


def _share(stored: Mapping[str, Any]) -> Share:
    return Share(stored["version_id"], stored["since"], stored["weight_bps"])


def _signature(stored: Mapping[str, Any]) -> Signature:
    return Signature(tuple(map(_spec, stored["inputs"])), tuple(map(_spec, stored["outputs"])))


def _spec(stored: Mapping[str, Any]) -> TensorSpec:
    columns = tuple(Column(column["name"], tuple(column["categories"])) for column in stored["columns"])
    return TensorSpec(
        stored["name"], ElementType(stored["element"]), tuple(stored["shape"]), columns, stored.get("optional", False)
    )
