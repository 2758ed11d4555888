import pytest
from fp_cli import yaml_documents
from fp_cli.declared import applying, files
from fp_cli.declared.document import Declaration, parse, written
from fp_cli.declared.kinds import KINDS, kind
from fp_kernel import InvalidArgument
from fp_testkit.examples import examples
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
JSON = st.recursive(
    st.booleans() | st.floats(-1e9, 1e9) | TEXT, lambda inner: st.lists(inner, max_size=3), max_leaves=4
)
SCALARS = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(-1e9, 1e9),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_STRING: TEXT,
}


def _value(field):
    if field.enum_type is not None:
        return st.sampled_from([value.number for value in field.enum_type.values if value.number])
    if field.message_type is None:
        return SCALARS[field.cpp_type]
    if field.message_type.full_name == "google.protobuf.Struct":
        return st.dictionaries(TEXT, JSON, max_size=3)
    if field.message_type.full_name == "google.protobuf.Duration":
        return st.integers(0, 10**6).map(lambda seconds: f"{seconds}s")
    return _fields(field.message_type)


def _fields(descriptor, hidden=()):
    """Documents of a message, as protojson would write them."""
    found = {}
    for field in descriptor.fields:
        if field.name in hidden:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            found[field.name] = st.dictionaries(TEXT, _value(field.message_type.fields_by_name["value"]), max_size=3)
        elif field.is_repeated:
            found[field.name] = st.lists(_value(field), max_size=3)
        else:
            found[field.name] = _value(field)
    return st.fixed_dictionaries({}, optional=found)


def _specs(of):
    hidden = {of.name_field, "idempotency_key", *of.references.values()}
    return st.tuples(
        _fields(of.message.DESCRIPTOR, hidden), st.fixed_dictionaries({}, optional=dict.fromkeys(of.references, TEXT))
    ).map(lambda both: both[0] | both[1])


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), TEXT)
def test_what_is_written_of_an_object_is_read_as_the_same_object(name, data, called):
    of = KINDS[name]
    spec = of.spec(Declaration(name, called, data.draw(_specs(of)), "a.yaml"))

    text = yaml_documents.text_of(written(name, called, spec))
    again = parse(yaml_documents.load(text), "b.yaml")

    assert (again.kind, again.name, of.spec(again)) == (name, called, spec)
    assert of.equal(spec, of.spec(again))
    assert of.of(of.request(called, spec)) == spec


@pytest.mark.parametrize("name", KINDS)
def test_a_spec_names_neither_itself_nor_ids(name):
    of = KINDS[name]
    for key in (of.name_field, *of.references.values()):
        with pytest.raises(InvalidArgument, match=rf"a\.yaml.*spec\.{key}"):
            of.spec(Declaration(name, "x", {key: "x"}, "a.yaml"))


def test_names_of_fields_may_be_protojsons_but_not_both():
    of = kind("Pipeline", "")
    spec = of.spec(Declaration("Pipeline", "x", {"thenPipeline": "y", "type": "training_dag"}, "a.yaml"))
    assert spec == {"then_pipeline": "y", "type": "TRAINING_DAG"}

    with pytest.raises(InvalidArgument, match="both of its names"):
        of.spec(Declaration("Pipeline", "x", {"thenPipeline": "y", "then_pipeline": "z"}, "a.yaml"))


GOOD = {"apiVersion": "forgepoint.io/v1", "kind": "Role", "metadata": {"name": "x"}, "spec": {}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"apiVersion": "v1"}, "apiVersion must be forgepoint.io/v1"),
        ({"kind": 7}, "kind must say"),
        ({"spec": None}, "spec must be an object"),
        ({"metadata": {}}, r"metadata\.name must be text"),
        ({"metadata": {"name": 7}}, "quotes"),
        ({"metadata": {"name": "x", "labels": {}}}, r"metadata\.labels is not known"),
        ({"metadata": {"name": "x" * 257}}, "257 characters"),
        ({"status": {}}, "status is none of"),
    ],
)
def test_another_form_is_refused_with_its_place(change, said):
    with pytest.raises(InvalidArgument, match=rf"^a\.yaml: .*{said}"):
        parse(GOOD | change, "a.yaml")


@pytest.mark.parametrize("document", [[], "x", 7])
def test_what_is_no_object_is_refused(document):
    with pytest.raises(InvalidArgument, match=r"a\.yaml"):
        parse(document, "a.yaml")


ROLE = "apiVersion: forgepoint.io/v1\nkind: Role\nmetadata: {{name: {0}}}\nspec: {{scopes: ['models:read']}}\n"


def test_a_folder_is_read_with_what_is_below_it_and_without_what_is_hidden(tmp_path):
    (tmp_path / "a.yaml").write_text(ROLE.format("one") + "---\n" + ROLE.format("two") + "---\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/b.yml").write_text(ROLE.format("three"))
    (tmp_path / ".git").mkdir()
    for other in ("c.txt", ".hidden.yaml", ".git/d.yaml"):
        (tmp_path / other).write_text("is: no declaration")

    found = files.read([tmp_path])

    assert [(each.name, each.where.removeprefix(f"{tmp_path}/")) for each in found] == [
        ("one", "a.yaml"),
        ("two", "a.yaml, document 2"),
        ("three", "deep/b.yml"),
    ]


def test_an_object_that_is_declared_twice_is_refused_with_both_places(tmp_path):
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(ROLE.format("one"))

    with pytest.raises(InvalidArgument, match=r"b\.yaml: Role one is declared in .*a\.yaml as well"):
        files.read([tmp_path])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("spec: {since: 2013-03-01}", "2013-03-01 is a date to YAML; put it into quotes"),
        ("kind: Role\nkind: Team", "line 2: the key kind is there twice"),
        ("a: [", "neither JSON nor YAML"),
        ("kind: Roll\napiVersion: forgepoint.io/v1\nmetadata: {name: x}\nspec: {}", "kind"),
    ],
)
def test_a_file_that_would_be_misread_is_refused_by_name(text, said, tmp_path):
    (tmp_path / "a.yaml").write_text(text)

    with pytest.raises(InvalidArgument, match=rf"a\.yaml.*{said}"):
        applying.wanted(files.read([tmp_path]))


@given(st.sets(st.text(min_size=1, max_size=300), max_size=20))
def test_every_object_has_a_file_of_its_own_in_its_kinds_folder(names):
    places = [files.place_of("Role", name) for name in names]

    assert len(set(places)) == len(names)
    assert all(place.parent.name == "role" and len(place.name) < 200 for place in places)
    assert not any(place.name.startswith(".") for place in places)
