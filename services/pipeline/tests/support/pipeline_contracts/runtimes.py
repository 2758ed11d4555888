"""What every `ModelRuntime` does, whoever runs the processes."""

from dataclasses import replace

import pytest
from fp_pipeline.app.peers import RuntimeSpec
from fp_pipeline.domain.names import AttemptName
from fp_pipeline.domain.replicas import Replicas


def of_version(version: str, team: str = "risk") -> RuntimeSpec:
    return RuntimeSpec(team, f"id-of-{version}", "flight delay", version)


def name_of(number: int) -> str:
    """Of the runtime that attempt `number` starts."""
    return AttemptName("0194c2a0-0000-7000-8000-000000000000", "deploy", number).runtime


class ModelRuntimeContract:
    """Fixture: `runtimes` is the keeper, with no runtime of these names."""

    async def test_a_runtime_has_one_address_whoever_asks_again(self, runtimes):
        address = await runtimes.start(name_of(1), of_version("1"))

        assert await runtimes.start(name_of(1), of_version("1")) == address
        assert (await runtimes.running())[name_of(1)] == address

    async def test_versions_have_addresses_of_their_own(self, runtimes):
        first = await runtimes.start(name_of(1), of_version("1"))
        second = await runtimes.start(name_of(2), of_version("2"))
        other = await runtimes.start(name_of(3), of_version("1", team="fraud"))

        assert len({first, second, other}) == 3
        assert (await runtimes.running()).keys() == {name_of(1), name_of(2), name_of(3)}

    @pytest.mark.parametrize("times", [1, 2])
    async def test_a_runtime_that_is_stopped_runs_no_more(self, runtimes, times):
        await runtimes.start(name_of(1), of_version("1"))
        await runtimes.start(name_of(2), of_version("2"))

        for _ in range(times):
            await runtimes.stop(name_of(1))

        assert (await runtimes.running()).keys() == {name_of(2)}

    async def test_a_runtime_comes_back_under_its_name(self, runtimes):
        await runtimes.start(name_of(1), of_version("1"))
        await runtimes.stop(name_of(1))

        address = await runtimes.start(name_of(1), of_version("1"))

        assert await runtimes.running() == {name_of(1): address}

    async def test_more_replicas_are_added_and_those_that_are_too_many_end_when_they_are_trimmed(self, runtimes):
        one, three = of_version("1"), replace(of_version("1"), replicas=Replicas(3, 3))
        alone = await runtimes.start(name_of(1), one)

        together = await runtimes.start(name_of(1), three)
        assert await runtimes.start(name_of(1), three) == together
        assert await runtimes.running() == {name_of(1): together}

        assert await runtimes.start(name_of(1), one) == alone
        for _ in range(2):
            await runtimes.trim(name_of(1), one.replicas)
            assert await runtimes.running() == {name_of(1): alone}

    async def test_a_name_that_nobody_started_may_be_stopped(self, runtimes):
        await runtimes.stop(name_of(9))

        assert await runtimes.running() == {}

    async def test_what_was_just_started_is_as_it_would_be_started(self, runtimes):
        await runtimes.start(name_of(1), of_version("1"))

        assert await runtimes.outdated() == frozenset()
