import pytest
from fp_jobs.patience import patiently
from fp_kernel import InvalidArgument, Unavailable


class Service:
    """Fails so often, then answers."""

    def __init__(self, *failures):
        self.failures, self.calls = list(failures), 0

    async def __call__(self):
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return "answer"


async def test_a_call_is_repeated_until_the_service_is_back():
    service, repeats = Service(Unavailable("away"), Unavailable("away")), []

    assert await patiently(service, retried=lambda: repeats.append(1)) == "answer"
    assert service.calls == 3
    assert len(repeats) == 2


async def test_what_would_fail_again_is_not_repeated():
    service = Service(InvalidArgument("no"))

    with pytest.raises(InvalidArgument):
        await patiently(service)
    assert service.calls == 1


async def test_patience_ends():
    with pytest.raises(Unavailable):
        await patiently(Service(*[Unavailable("away")] * 1_000), seconds=0.2)
