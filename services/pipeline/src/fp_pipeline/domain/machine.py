"""What a step asks of the machine that runs it; a laptop has one machine, which takes no notice."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fp_pipeline.domain.config_reader import ConfigReader

KEY: Final = "machine"
_CPU = re.compile(r"[1-9][0-9]{0,2}(\.[0-9]{1,3})?|0\.[0-9]{1,3}|[1-9][0-9]{0,5}m")
_MEMORY = re.compile(r"[1-9][0-9]{0,5}(Ki|Mi|Gi|Ti)")
_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._:/@-]{0,511}")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_LABEL_KEY = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_MAX_LABELS = 16
_MAX_GPUS = 16


@dataclass(frozen=True, slots=True)
class Machine:
    """image: that its container stands on; empty for the platform's. cpu, memory: as Kubernetes writes them (`500m`,
    `2Gi`); empty for the platform's. gpus: how many. node_selector: labels of the nodes that may run it.
    """

    image: str = ""
    cpu: str = ""
    memory: str = ""
    gpus: int = 0
    node_selector: Mapping[str, str] = field(default_factory=dict)


ANY: Final = Machine()


def read_machine(reader: ConfigReader, *, with_image: bool) -> Machine:
    """Of a step's config. with_image: whether its container is the user's choice.

    Raises InvalidArgument naming the field.
    """
    inner = reader.inside(KEY)
    if inner is None:
        return ANY
    machine = Machine(
        image=_matching(inner, "image", _IMAGE, "name of an image") if with_image else "",
        cpu=_matching(inner, "cpu", _CPU, "number of processors such as 2, 0.5 or 500m"),
        memory=_matching(inner, "memory", _MEMORY, "size such as 512Mi or 4Gi"),
        gpus=round(inner.number("gpus", 0, low=0, high=_MAX_GPUS)),
        node_selector=_labels(inner, "node_selector"),
    )
    inner.close()
    return machine


def _matching(reader: ConfigReader, key: str, form: re.Pattern[str], what: str) -> str:
    value = reader.text(key)
    if value and not form.fullmatch(value):
        raise reader.bad(key, f"must be the {what}")
    return value


def _labels(reader: ConfigReader, key: str) -> Mapping[str, str]:
    labels = reader.texts(key)
    if len(labels) > _MAX_LABELS:
        raise reader.bad(key, f"must be at most {_MAX_LABELS} labels")
    for name, value in labels.items():
        if not _LABEL_KEY.fullmatch(name) or not (value == "" or _LABEL.fullmatch(value)):
            raise reader.bad(f"{key}.{name}", "must be a label of Kubernetes")
    return labels
