"""What the engine relies on about deployments, turns and logs, kept by both stores alike."""

from dataclasses import replace
from datetime import timedelta

from fp_kernel import PageRequest
from fp_pipeline.domain import forward, scheduling
from fp_pipeline.domain.deployment import DeploymentState
from fp_pipeline.domain.execution import Cancellation
from fp_pipeline.domain.machine import Machine
from fp_pipeline.domain.replicas import Replicas


async def test_the_first_live_version_takes_everything_and_the_next_ones_nothing(stores, made):
    one, two = await made.saved(stores, name="p"), await made.saved(stores, name="q")
    async with stores.transactions() as tx:
        first = await tx.deployments.deploy(made.deployment(one, "1"))
        second = await tx.deployments.deploy(made.deployment(two, "2"))
        again = await tx.deployments.deploy(made.deployment(two, "2"))
    assert (first.weight_bps, second.weight_bps, again) == (10_000, 0, None)
    async with stores.transactions() as tx:
        await tx.deployments.set_weights("alpha", "delays", {"1": 0, "2": 10_000})
        assert [each.version for each in await tx.deployments.others("alpha", "delays", second.runtime)] == ["1"]
    live = {each.version: each.weight_bps for each in await stores.deployments.live("alpha", "delays")}
    assert live == {"1": 0, "2": 10_000}
    assert await stores.deployments.live("beta", "delays") == []


async def test_a_deployment_drains_before_it_is_gone(stores, made):
    execution = await made.saved(stores)
    async with stores.transactions() as tx:
        deployed = await tx.deployments.deploy(made.deployment(execution))
    await stores.deployments.gone(deployed.runtime)
    assert (await stores.deployments.find(deployed.runtime)).state is DeploymentState.LIVE
    async with stores.transactions() as tx:
        ended = await tx.deployments.undeploy(deployed.runtime, made.now + timedelta(seconds=5))
        assert await tx.deployments.undeploy(deployed.runtime, made.now) is None
        assert await tx.deployments.move(deployed.runtime, "127.0.0.1:2000", shared=False) is None
    assert (ended.state, ended.weight_bps) == (DeploymentState.DRAINING, 0)
    assert await stores.deployments.all_live() == []
    assert await stores.deployments.drained(made.now) == []
    (due,) = await stores.deployments.drained(made.now + timedelta(seconds=5))
    assert due.runtime == deployed.runtime
    assert await stores.deployments.in_use([deployed.runtime]) == {deployed.runtime}
    await stores.deployments.gone(deployed.runtime)
    assert await stores.deployments.drained(made.now + timedelta(days=1)) == []
    assert await stores.deployments.in_use([deployed.runtime]) == frozenset()


async def test_a_moved_runtime_changes_its_address_once(stores, made):
    execution = await made.saved(stores)
    async with stores.transactions() as tx:
        deployed = await tx.deployments.deploy(made.deployment(execution))
        moved = await tx.deployments.move(deployed.runtime, "127.0.0.1:2000", shared=False)
        assert await tx.deployments.move(deployed.runtime, "127.0.0.1:2000", shared=False) is None
    assert moved.endpoint == "127.0.0.1:2000"


async def test_a_deployment_keeps_how_many_replicas_it_has_and_what_they_ask_for(stores, made):
    execution = await made.saved(stores)
    machine = Machine(cpu="2", memory="4Gi", gpus=1, node_selector={"pool": "gpu"})
    wanted = replace(made.deployment(execution), replicas=Replicas(2, 5, 60), machine=machine)
    async with stores.transactions() as tx:
        deployed = await tx.deployments.deploy(wanted)
    found = await stores.deployments.find(deployed.runtime)
    assert (deployed.replicas, deployed.machine) == (found.replicas, found.machine) == (Replicas(2, 5, 60), machine)


async def test_a_deployment_is_shared_until_it_moves_out(stores, made):
    execution = await made.saved(stores)
    async with stores.transactions() as tx:
        deployed = await tx.deployments.deploy(replace(made.deployment(execution), shared=True))
    assert (await stores.deployments.find(deployed.runtime)).shared
    async with stores.transactions() as tx:
        moved = await tx.deployments.move(deployed.runtime, "127.0.0.1:2000", shared=False)
    assert not moved.shared
    assert not (await stores.deployments.find(deployed.runtime)).shared


async def test_deployments_of_every_team_are_paged(stores, made):
    executions = [await made.saved(stores, team=team) for team in ("alpha", "beta", "gamma")]
    async with stores.transactions() as tx:
        for each in executions:
            await tx.deployments.deploy(made.deployment(each))
    first = await stores.deployments.page(PageRequest(2))
    rest = await stores.deployments.page(PageRequest(2, (first[-1].runtime,)))
    assert {each.team for each in (*first, *rest)} == {"alpha", "beta", "gamma"}
    assert len(first) == 2


async def test_an_attempt_that_runs_has_a_right_to_its_runtime(stores, made):
    execution = await made.saved(stores)
    (lease,) = await stores.leases.claim("w", 10, 60.0)
    names = [made.deployment(execution, attempt=number).runtime for number in (1, 2)]
    assert await stores.deployments.in_use([*names, "not-ours"]) == frozenset()
    begun = scheduling.advance(execution, made.now)
    started = forward.start(begun.execution, "a", made.now)
    for progress in (begun, started):
        async with stores.transactions() as tx:
            await tx.executions.save(progress, lease)
    assert await stores.deployments.in_use(names) == {names[0]}
    async with stores.transactions() as tx:
        await tx.executions.save(forward.complete(started.execution, "a", {}, made.now), lease)
    assert await stores.deployments.in_use(names) == frozenset()


async def test_one_execution_at_a_time_has_the_turn_of_a_model(stores, made):
    one, two = await made.saved(stores, name="p"), await made.saved(stores, name="q")
    assert await stores.deployments.take_turn("alpha", "delays", one.id) == one.id
    assert await stores.deployments.take_turn("alpha", "delays", two.id) == one.id
    assert await stores.deployments.take_turn("alpha", "fares", two.id) == two.id
    assert await stores.deployments.take_turn("alpha", "delays", one.id) == one.id
    async with stores.transactions() as tx:
        await tx.executions.end(one.id)
    assert await stores.deployments.take_turn("alpha", "delays", two.id) == two.id


async def test_an_ended_execution_gets_no_turn(stores, made):
    execution = replace(await made.saved(stores), cancellation=Cancellation("bob", ""))
    (lease,) = await stores.leases.claim("w", 10, 60.0)
    async with stores.transactions() as tx:
        await tx.executions.save(scheduling.advance(execution, made.now), lease)
    assert await stores.deployments.take_turn("alpha", "delays", execution.id) == ""


async def test_log_lines_are_numbered_over_all_attempts(stores, made):
    execution = await made.saved(stores)
    for texts, skipped in ((["one", "two"], 0), (["nine"], 6)):
        async with stores.transactions() as tx:
            await tx.logs.append(execution.id, "a", texts, skipped, made.now)
    lines = await stores.reads.log(execution.id, "a", 0, 10)
    assert [(line.number, line.text) for line in lines] == [(1, "one"), (2, "two"), (9, "nine")]
    assert await stores.reads.last_line(execution.id, "a") == 9
    assert await stores.reads.last_line(execution.id, "b") == 0
    assert [line.number for line in await stores.reads.log(execution.id, "a", 1, 1)] == [2]
