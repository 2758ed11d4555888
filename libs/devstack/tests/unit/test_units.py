"""What the zygote is asked to fork."""

from types import SimpleNamespace

from fp_devstack.supervisor.units import Units
from fp_supervisor import ProcessSpec


def test_a_job_stands_back_where_others_want_the_processor(tmp_path):
    environments = SimpleNamespace(folder=tmp_path, job=dict)
    units = Units(environments, zygote=None, grace=1.0)

    asked = units.job("training", ProcessSpec("fp_jobs", {"FP_A": "1"}))

    assert asked.niceness > 0
    assert asked.environment == {"FP_A": "1"}
