"""How many runtimes of a version run."""

from dataclasses import dataclass
from typing import Final

from fp_pipeline.domain.config_reader import ConfigReader

MOST: Final = 64
"""Of one version: a laptop has as many processes of runtimes at all."""
TARGET: Final = 70


@dataclass(frozen=True, slots=True)
class Replicas:
    """least: what always runs, and on a laptop all that runs. most: where a cluster adds more by itself.

    target: per cent of the processor time that it asked for which each is meant to use; a cluster adds and takes by it.
    """

    least: int = 1
    most: int = 1
    target: int = TARGET

    @property
    def alone(self) -> bool:
        """Whether there is one and never another."""
        return self.most == 1


ONE: Final = Replicas()


def read_replicas(reader: ConfigReader) -> Replicas:
    """`replicas` of a step's config. Raises InvalidArgument naming the field."""
    inner = reader.inside("replicas")
    if inner is None:
        return ONE
    least = inner.whole("min", 1, low=1, high=MOST)
    replicas = Replicas(
        least=least,
        most=inner.whole("max", least, low=least, high=MOST),
        target=inner.whole("target", TARGET, low=1, high=100),
    )
    inner.close()
    return replicas
