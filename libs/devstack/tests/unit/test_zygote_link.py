from fp_devstack.supervisor.zygote_link import Zygote
from fp_devstack.zygote.wire import Fork


async def test_a_child_whose_end_is_told_together_with_its_birth_has_an_exit_code(tmp_path):
    zygote = Zygote(tmp_path, {})
    zygote._ready.set()

    async def send(request, _descriptors=()):
        await zygote._take({"forked": request.id, "pid": 7})
        await zygote._take({"exited": 7, "code": 3})

    zygote._send = send

    pid, ended = await zygote.fork(Fork(0, "m", "m", (), {}, str(tmp_path)), 0)

    assert (pid, await ended) == (7, 3)


async def test_a_waiter_that_was_cancelled_does_not_disturb_the_others(tmp_path):
    zygote = Zygote(tmp_path, {})
    zygote._ready.set()

    async def send(request, _descriptors=()):
        await zygote._take({"forked": request.id, "pid": 7})

    zygote._send = send
    _, ended = await zygote.fork(Fork(0, "m", "m", (), {}, str(tmp_path)), 0)
    ended.cancel()

    await zygote._take({"exited": 7, "code": 0})

    assert 7 not in zygote._ended
