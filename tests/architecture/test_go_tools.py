"""Which Go builds the tools of `make check`."""

import go_tools
import pytest


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """`installed("go1.19.8")`: the only Go of the machine says that it is this one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(go_tools, "_INSTALLED", tmp_path / "none")

    def install(version):
        program = tmp_path / "go"
        program.write_text(f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)
        return str(program)

    return install


@pytest.mark.parametrize("version", ["go1.26.0", "go1.26.4", "go1.30", "go2.0"])
def test_a_go_that_is_new_enough_is_taken(installed, version):
    program = installed(version)

    assert go_tools._go() == [program]


@pytest.mark.parametrize("version", ["go1.19.8", "go1.25.9", "devel", ""])
def test_an_older_one_is_left_for_that_of_pypi(installed, version):
    installed(version)

    assert go_tools._FROM_PYPI in go_tools._go()
