"""Documents that are made to hurt whoever reads them are refused, with their file, wherever YAML is read."""

from pathlib import Path

import pytest
import yaml
from fp_cli import documents, yaml_documents
from fp_cli.declared import files
from fp_kernel import InvalidArgument

SOURCES = Path(__file__).parents[3]


def tenfold(first, form):
    lines = [f"a0: &a0 {first}"]
    for number in range(1, 12):
        again = ", ".join([f"*a{number - 1}"] * 10)
        lines.append(f"a{number}: &a{number} {form.format(again)}")
    return "\n".join(lines)


HOSTILE = {
    "aliases of aliases": tenfold("[x, x]", "[{0}]"),
    "aliases as values": tenfold("{x: x}", "{{a: [{0}]}}"),
    "merges of merges": tenfold("{x: x}", "{{<<: [{0}]}}"),
    "one wide value a hundred thousand times": f"a: &a [{'x, ' * 1000}]\nb: [{'*a, ' * 1000}]",
    "itself": "a: &a [*a]",
    "a deep flow": "a: " + "[" * 20_000,
    "a deep flow that ends": "a: " + "[" * 5_000 + "]" * 5_000,
    "deep maps": "a: " + "{a: " * 5_000,
    "deep blocks": "\n".join(" " * depth + "a:" for depth in range(3_000)),
    "a deep list in a block": "- " * 5_000 + "x",
    "a key twice": "kind: Role\nkind: Team",
    "a key twice inside": "spec: {a: 1, a: 2}",
    "a program": "spec: !!python/object/apply:os.system ['true']",
    "an object of python": "!!python/object:builtins.object {}",
    "a key that is a list": "? [a, b]\n: c",
    "an anchor that is not there": "a: *nobody",
    "a control character": "a: \x07",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("read", [lambda file: files.read([file]), lambda file: documents.load(file, "view")])
def test_it_is_refused_as_the_fault_of_its_file(text, read, tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(text)

    with pytest.raises(InvalidArgument) as refused:
        read(file)

    assert len(refused.value.message) < 2_000


@pytest.mark.parametrize("read", [lambda file: files.read([file]), lambda file: documents.load(file, "view")])
def test_a_huge_file_is_refused_before_it_is_read_as_yaml(read, tmp_path, monkeypatch):
    monkeypatch.setattr(yaml_documents, "LONGEST", 1_000)
    monkeypatch.setattr(yaml, "load", None)
    file = tmp_path / "a.yaml"
    file.write_text(f"a: {'x' * 1_000}")

    with pytest.raises(InvalidArgument, match=r"(at most|more than) 1,000 "):
        read(file)


def test_many_files_are_no_more_than_a_large_one(tmp_path, monkeypatch):
    monkeypatch.setattr(yaml_documents, "LONGEST", 1_000)
    for number in range(20):
        (tmp_path / f"{number:02}.yaml").write_text("# " + "x" * 98)

    with pytest.raises(InvalidArgument, match=r"10\.yaml and those before it have more than 1,000 characters"):
        files.read([tmp_path])


def test_what_a_document_expands_to_is_bounded_for_each_of_a_stream(tmp_path):
    one = f"a: &a [{'x, ' * 100}]\nb: [{'*a, ' * 900}]\n---\n"
    file = tmp_path / "a.yaml"
    file.write_text(one * 20)

    with pytest.raises(InvalidArgument):
        files.read([file])


def test_yaml_is_read_in_one_place():
    readers = ("yaml.load(", "yaml.load_all(", "safe_load", "full_load", "unsafe_load", "yaml.parse(", "yaml.compose(")
    sources = [path for folder in ("cli/src", "libs", "services") for path in (SOURCES / folder).rglob("*.py")]
    found = {
        str(path.relative_to(SOURCES))
        for path in sources
        if "tests" not in path.parts and any(reader in path.read_text() for reader in readers)
    }
    assert found == {"cli/src/fp_cli/yaml_documents.py"}
