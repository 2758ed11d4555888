"""Deployments and turns."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from asyncpg import Record
from fp_kernel import PageRequest
from fp_postgres import Database, Transaction

from fp_pipeline.domain.deployment import Deployment, DeploymentState
from fp_pipeline.domain.machine import Machine
from fp_pipeline.domain.names import parse_runtime
from fp_pipeline.domain.replicas import Replicas
from fp_pipeline.domain.traffic import Weights

# The sequence of a version's newest event is kept by the outbox; that of a live one is of its ModelDeployed.
COLUMNS = """
    d.runtime, d.team, d.model_id, d.model_name, d.version_id, d.version, d.endpoint, d.weight_bps,
    d.execution_id::text, d.deployed_at, d.signature, d.artifact_digest, d.state, d.shared, d.stop_at,
    d.min_replicas, d.max_replicas, d.target_percent, d.machine, d.scaling, d.trim_at,
    fp_last_sequence(d.version_id) AS sequence
"""


class PostgresDeployments:
    """Inside a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def deploy(self, deployment: Deployment) -> Deployment | None:
        # Two first versions at once would each take everything: turns keep them apart, and this lock makes it certain.
        await self._transaction.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
            f"fp_pipeline:{deployment.team}/{deployment.model_name}",
        )
        row = await self._transaction.fetchrow(
            f"""
            INSERT INTO deployments AS d (runtime, team, model_id, model_name, version_id, version, endpoint,
                weight_bps, execution_id, deployed_at, signature, artifact_digest, state, shared,
                min_replicas, max_replicas, target_percent, machine)
            SELECT $1, $2, $3, $4, $5, $6, $7,
                CASE WHEN EXISTS (
                    SELECT 1 FROM deployments o WHERE o.team = $2 AND o.model_name = $4 AND o.state = 'LIVE'
                ) THEN 0 ELSE 10000 END,
                $8::uuid, $9, $10, $11, 'LIVE', $12, $13, $14, $15, $16::jsonb
            ON CONFLICT DO NOTHING
            RETURNING {COLUMNS}
            """,  # noqa: S608 -- constants of this file
            deployment.runtime,
            deployment.team,
            deployment.model_id,
            deployment.model_name,
            deployment.version_id,
            deployment.version,
            deployment.endpoint,
            deployment.execution_id,
            deployment.deployed_at,
            deployment.signature,
            deployment.artifact_digest,
            deployment.shared,
            deployment.replicas.least,
            deployment.replicas.most,
            deployment.replicas.target,
            json.dumps(asdict(deployment.machine)),
        )
        return _deployment(row) if row else None

    async def set_weights(self, team: str, model_name: str, weights: Weights) -> None:
        await self._transaction.executemany(
            """
            UPDATE deployments SET weight_bps = $4
            WHERE team = $1 AND model_name = $2 AND version = $3 AND state = 'LIVE'
            """,
            [(team, model_name, version, weight) for version, weight in weights.items()],
        )

    async def undeploy(self, runtime: str, stop_at: datetime) -> Deployment | None:
        row = await self._transaction.fetchrow(
            f"""
            UPDATE deployments d SET state = 'DRAINING', weight_bps = 0, stop_at = $2
            WHERE runtime = $1 AND state = 'LIVE' RETURNING {COLUMNS}
            """,  # noqa: S608 -- constants of this file
            runtime,
            stop_at,
        )
        return _deployment(row) if row else None

    async def others(self, team: str, model_name: str, runtime: str) -> Sequence[Deployment]:
        rows = await self._transaction.fetch(
            f"""
            SELECT {COLUMNS} FROM deployments d
            WHERE d.team = $1 AND d.model_name = $2 AND d.runtime <> $3 AND d.state = 'LIVE'
            ORDER BY d.runtime FOR UPDATE
            """,  # noqa: S608 -- constants of this file
            team,
            model_name,
            runtime,
        )
        return [_deployment(row) for row in rows]

    async def move(self, runtime: str, endpoint: str, *, shared: bool) -> Deployment | None:
        row = await self._transaction.fetchrow(
            f"""
            UPDATE deployments d SET endpoint = $2, shared = $3
            WHERE runtime = $1 AND state = 'LIVE' AND (endpoint, shared) <> ($2, $3) RETURNING {COLUMNS}
            """,  # noqa: S608 -- constants of this file
            runtime,
            endpoint,
            shared,
        )
        return _deployment(row) if row else None

    async def scale(self, team: str, model_name: str, version: str, replicas: Replicas) -> Deployment | None:
        row = await self._transaction.fetchrow(
            f"""
            UPDATE deployments d SET min_replicas = $4, max_replicas = $5, target_percent = $6, scaling = true
            WHERE team = $1 AND model_name = $2 AND version = $3 AND state = 'LIVE' AND NOT shared RETURNING {COLUMNS}
            """,  # noqa: S608 -- constants of this file
            team,
            model_name,
            version,
            replicas.least,
            replicas.most,
            replicas.target,
        )
        return _deployment(row) if row else None

    async def announce(self, runtime: str, replicas: Replicas, endpoint: str, trim_at: datetime) -> Deployment | None:
        row = await self._transaction.fetchrow(
            f"""
            UPDATE deployments d SET endpoint = $3, trim_at = $4
            WHERE runtime = $1 AND state = 'LIVE' AND scaling AND min_replicas = $2 AND endpoint <> $3
            RETURNING {COLUMNS}
            """,  # noqa: S608 -- constants of this file
            runtime,
            replicas.least,
            endpoint,
            trim_at,
        )
        return _deployment(row) if row else None


class PostgresDeploymentReads:
    """Reads of deployments, and the small moves that stand alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def live(self, team: str, model_name: str) -> Sequence[Deployment]:
        return await self._select(
            "d.team = $1 AND d.model_name = $2 AND d.state = 'LIVE' ORDER BY d.runtime", team, model_name
        )

    async def page(self, page: PageRequest) -> Sequence[Deployment]:
        after = page.after[0] if page.after else ""
        return await self._select("d.state = 'LIVE' AND d.runtime > $1 ORDER BY d.runtime LIMIT $2", after, page.size)

    async def find(self, runtime: str) -> Deployment | None:
        found = await self._select("d.runtime = $1", runtime)
        return found[0] if found else None

    async def all_live(self) -> Sequence[Deployment]:
        return await self._select("d.state = 'LIVE' ORDER BY d.runtime")

    async def drained(self, now: datetime) -> Sequence[Deployment]:
        return await self._select("d.state = 'DRAINING' AND d.stop_at <= $1 ORDER BY d.stop_at", now)

    async def gone(self, runtime: str) -> None:
        await self._database.execute(
            "UPDATE deployments SET state = 'GONE' WHERE runtime = $1 AND state = 'DRAINING'", runtime
        )

    async def settle(self, runtime: str, replicas: Replicas) -> bool:
        status = await self._database.execute(
            """
            UPDATE deployments SET scaling = false, trim_at = NULL
            WHERE runtime = $1 AND state = 'LIVE' AND scaling
                AND (min_replicas, max_replicas, target_percent) = ($2, $3, $4)
            """,
            runtime,
            replicas.least,
            replicas.most,
            replicas.target,
        )
        return status == "UPDATE 1"

    async def take_turn(self, team: str, model_name: str, execution_id: str) -> str:
        # Only an open execution may take it: one whose worker lags behind would hold it for ever.
        holder = await self._database.fetchval(
            """
            WITH asking AS (
                SELECT id FROM executions
                WHERE id = $3::uuid AND status IN ('PENDING', 'RUNNING', 'COMPENSATING') FOR SHARE
            )
            INSERT INTO deployment_turns AS t (team, model_name, execution_id)
            SELECT $1, $2, id FROM asking
            ON CONFLICT (team, model_name) DO UPDATE SET execution_id = t.execution_id
            RETURNING execution_id::text
            """,
            team,
            model_name,
            execution_id,
        )
        return str(holder or "")

    async def in_use(self, runtimes: Sequence[str]) -> frozenset[str]:
        owners = {name: owner for name in runtimes if (owner := parse_runtime(name)) is not None}
        rows = await self._database.fetch(
            """
            SELECT name FROM unnest($1::text[], $2::uuid[], $3::text[], $4::int[]) AS r (name, execution, step, attempt)
            WHERE EXISTS (SELECT 1 FROM deployments d WHERE d.runtime = r.name AND d.state <> 'GONE')
                OR EXISTS (
                    SELECT 1 FROM executions e JOIN step_executions s ON s.execution_id = e.id AND s.step_id = r.step
                    WHERE e.id = r.execution AND e.status IN ('PENDING', 'RUNNING', 'COMPENSATING')
                        AND s.state ->> 'status' IN ('RUNNING', 'COMPENSATING')
                        AND (s.state ->> 'attempt')::int = r.attempt
                )
            """,
            list(owners),
            [owner.execution_id for owner in owners.values()],
            [owner.step_id for owner in owners.values()],
            [owner.attempt for owner in owners.values()],
        )
        return frozenset(row["name"] for row in rows)

    async def _select(self, where: str, *arguments: object) -> Sequence[Deployment]:
        rows = await self._database.fetch(
            f"SELECT {COLUMNS} FROM deployments d WHERE {where}",  # noqa: S608 -- constants of this file
            *arguments,
        )
        return [_deployment(row) for row in rows]


def _deployment(row: Record) -> Deployment:
    columns = dict(row.items())
    replicas = Replicas(*(columns.pop(name) for name in ("min_replicas", "max_replicas", "target_percent")))
    machine = Machine(**json.loads(columns.pop("machine")))
    state = DeploymentState(row["state"])
    return Deployment(**{**columns, "state": state, "replicas": replicas, "machine": machine})
