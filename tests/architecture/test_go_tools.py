"""Which Go builds the tools of `make check`, what is said where none can, and what the cache keeps."""

import os

import chart
import go_tools
import kube_schemas
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


def test_a_module_that_wants_a_newer_one_does_not_get_it(installed, tmp_path):
    program = installed("go1.26.4")
    (tmp_path / "go.mod").write_text("module planted\n\ngo 1.27.0\n")

    assert go_tools._go() == [program]
    assert go_tools._go(tmp_path) != [program]


@pytest.mark.parametrize("version", ["go1.19.8", "go1.25.9", "devel", ""])
def test_an_older_one_is_left_for_that_of_pypi(installed, version):
    installed(version)

    assert go_tools._FROM_PYPI in go_tools._go()


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """Nothing is built yet, and Go reaches nobody."""
    program = tmp_path / "offline"
    program.write_text("#!/bin/sh\necho no such host >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(go_tools, "_go", lambda _: [str(program)])


@pytest.mark.usefixtures("offline")
def test_a_machine_without_network_is_told_what_it_takes(capsys):
    assert chart.main() == 1

    said = capsys.readouterr().out
    assert "The first time it takes the network" in said
    assert "no such host" in said


@pytest.mark.usefixtures("offline")
def test_schemas_that_could_not_be_fetched_leave_nothing_behind():
    with pytest.raises(go_tools.NotBuilt):
        kube_schemas.folder()

    assert list((go_tools.cache() / "kube-schemas").iterdir()) == []


def test_the_versions_that_were_built_last_are_kept(tmp_path):
    for number in range(5):
        folder = tmp_path / str(number)
        folder.mkdir()
        os.utime(folder, (number, number))

    go_tools.forget_old(tmp_path)

    assert {folder.name for folder in tmp_path.iterdir()} == {"2", "3", "4"}
