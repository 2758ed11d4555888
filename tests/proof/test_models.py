"""A library of models as people have them: each is registered by the command's own code, deployed, asked over gRPC by a
client of the edge, and answers as ONNX Runtime alone does. The memory of each runtime is printed.
"""

import numpy as np
import psutil
import pytest
from deployed_models import deploy, predict, register
from fp_kernel.ensembles import Source, Step, ordered, write
from model_library import Arrays, Kept, library, scaling
from platform_client import Client, Platform

pytestmark = pytest.mark.proof
MEBIBYTE = 1024 * 1024


async def test_each_model_of_the_library_is_served_and_answers_as_the_runtime_alone(admin: Client, platform: Platform):
    sizes: dict[str, tuple[int, int, int]] = {}
    for name, make in library().items():
        kept = make()
        sizes[name] = await _measured(platform, lambda name=name, kept=kept: deploy(admin, name, kept.content), kept)
        _compare(name, await predict(admin, name, kept.inputs), kept.plain_answer(kept.inputs))
    ensemble, inputs, wanted = await _ensemble(admin)
    made = Kept(ensemble, inputs)
    sizes["ensemble"] = await _measured(platform, lambda: deploy(admin, "ensemble", ensemble), made)
    _compare("ensemble", await predict(admin, "ensemble", inputs), wanted)
    print(f"\n{'model':24}{'file KiB':>10}{'RSS MiB':>10}{'PSS MiB':>10}")
    for name, (size, rss, pss) in sizes.items():
        print(f"{name:24}{size / 1024:10.1f}{rss / MEBIBYTE:10.1f}{pss / MEBIBYTE:10.1f}")
    assert sizes.keys() == {*library(), "ensemble"}


async def _measured(platform: Platform, deployed, kept: Kept) -> tuple[int, int, int]:
    """Bytes of the artifact, and of the process that serves it: resident, and its share."""
    before = {runtime.name for runtime in await platform.supervisor.runtimes()}
    await deployed()
    own = [runtime for runtime in await platform.supervisor.runtimes() if runtime.name not in before]
    memory = psutil.Process(_pid(await platform.supervisor.status(), own[0].name)).memory_full_info()
    return len(kept.content), memory.rss, memory.pss


async def _ensemble(admin: Client) -> tuple[bytes, Arrays, Arrays]:
    """Rows are scaled once, and three models of the library answer for them; with what ONNX Runtime says of each, one
    after the other.
    """
    first = scaling()
    scaler = await register(admin, "scaling", first.content)
    scaled = first.plain_answer(first.inputs)["variable"]
    steps = [Step("scale", scaler.id, scaler.artifact_digest, {"X": Source("", "flights")}, "scaling", scaler.version)]
    outputs, wanted = {}, {}
    for name, tensor in (("gradient-boosting", "X"), ("network", "x"), ("lightgbm", "features")):
        member = library()[name]()
        version = await register(admin, name, member.content)
        given = {tensor: Source("scale", "variable")}
        steps.append(Step(name, version.id, version.artifact_digest, given, name, version.version))
        for output, array in member.plain_answer({tensor: scaled}).items():
            outputs[f"{name}/{output}"], wanted[f"{name}/{output}"] = Source(name, output), array
    warm_up = [{"flights": first.inputs["X"][:2].tolist()}]
    return write(ordered(steps, outputs, warm_up)), {"flights": first.inputs["X"]}, wanted


def _compare(name: str, answered: Arrays, wanted: Arrays) -> None:
    assert answered.keys() == wanted.keys(), name
    for output, array in wanted.items():
        assert answered[output].shape == array.shape, (name, output)
        if array.dtype.kind == "f":
            assert np.allclose(answered[output], array, rtol=1e-3, atol=1e-5), (name, output)
        else:
            assert answered[output].tolist() == array.tolist(), (name, output)


def _pid(status, name: str) -> int:
    return next(process.pid for process in status.processes if process.name == name)
