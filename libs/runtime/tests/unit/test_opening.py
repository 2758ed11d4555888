import pytest
from fp_kernel.backoff import Backoff
from fp_runtime import StartFailed
from fp_runtime.opening import Opening


class Store:
    """Refuses to connect and to answer as often as a test says."""

    def __init__(self, refusals: int = 0, silences: int = 0) -> None:
        self.refusals = refusals
        self.silences = silences
        self.connects = 0
        self.closed = 0

    async def connect(self) -> "Store":
        self.connects += 1
        if self.connects <= self.refusals:
            raise ConnectionRefusedError("nobody listens")
        return self

    async def ping(self) -> None:
        if self.silences:
            self.silences -= 1
            raise TimeoutError

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr("fp_runtime.opening._BACKOFF", Backoff(first=0.001, longest=0.001))


async def test_a_store_that_comes_up_late_is_reached():
    store = Store(refusals=2)

    assert await Opening("postgres", store.connect, Store.ping, Store.close).reach() is store
    assert store.connects == 3


async def test_a_store_that_accepts_but_does_not_answer_yet_is_asked_again_over_the_same_connection():
    store = Store(silences=2)

    await Opening("postgres", store.connect, Store.ping, Store.close).reach()

    assert (store.connects, store.closed) == (1, 0)


async def test_a_store_that_never_comes_up_is_named_with_the_last_reason():
    store = Store(refusals=1_000)

    with pytest.raises(StartFailed) as caught:
        await Opening("postgres", store.connect, Store.ping, Store.close).reach(patience=0.02)

    assert str(caught.value) == "postgres did not answer in 0.02 s: ConnectionRefusedError: nobody listens"


async def test_a_connection_that_never_answered_is_closed():
    store = Store(silences=1_000)

    with pytest.raises(StartFailed, match="TimeoutError"):
        await Opening("postgres", store.connect, Store.ping, Store.close).reach(patience=0.02)

    assert store.closed == 1
