import orjson
import pytest
from forgepoint.registry.v1 import registry_pb2 as pb
from fp_gateway.http import bind, protojson
from fp_gateway.http.route_table import API
from fp_gateway.methods import all_methods
from fp_kernel import InvalidArgument
from starlette.datastructures import QueryParams


def test_every_route_names_an_rpc_that_exists_and_fields_it_has():
    methods = all_methods()

    for route in API:
        method = methods[route.method]
        assert not method.rule.internal
        assert set(route.path_fields.values()) <= set(method.descriptor.input_type.fields_by_name)


def test_routes_are_distinct():
    assert len({(route.verb, route.path) for route in API}) == len(API)


def test_a_query_finds_filters_and_pages():
    query = QueryParams("task_type=classification&include_archived=true&page_size=5&page_token=abc")

    message = bind.parse(bind.query_fields(query, pb.ListModelsRequest.DESCRIPTOR), pb.ListModelsRequest.DESCRIPTOR)

    assert message == pb.ListModelsRequest(
        task_type_filter="classification", include_archived=True, pagination={"page_size": 5, "page_token": "abc"}
    )


def test_what_clients_add_to_get_past_caches_is_no_parameter():
    assert bind.query_fields(QueryParams("_=1700000000"), pb.ListModelsRequest.DESCRIPTOR) == {}


@pytest.mark.parametrize(("text", "meant"), [("1", True), ("true", True), ("0", False), ("false", False)])
def test_a_flag_is_a_word_or_a_digit(text, meant):
    query = QueryParams(f"include_archived={text}")

    assert bind.query_fields(query, pb.ListModelsRequest.DESCRIPTOR) == {"include_archived": meant}


@pytest.mark.parametrize(
    ("query", "field"),
    [("colour=red", "colour"), ("include_archived=maybe", "include_archived"), ("pagination=1", "pagination")],
)
def test_a_query_parameter_that_does_not_fit_is_named(query, field):
    with pytest.raises(InvalidArgument) as caught:
        bind.query_fields(QueryParams(query), pb.ListModelsRequest.DESCRIPTOR)

    assert caught.value.fields[0].field == field


@pytest.mark.parametrize(
    ("document", "field"),
    [({"nmae": "x"}, "nmae"), ({"name": 7}, "name"), ({"tags": {"a": {}}}, "tags[a]")],
)
def test_a_body_that_does_not_fit_names_the_field(document, field):
    with pytest.raises(InvalidArgument) as caught:
        bind.parse(document, pb.RegisterModelRequest.DESCRIPTOR)

    assert caught.value.fields[0].field == field


def test_unset_fields_are_present_in_json():
    document = orjson.loads(protojson.to_json(pb.RegisterModelResponse(model=pb.Model(name="m"))))

    assert document["model"]["description"] == ""
    assert document["model"]["tags"] == {}


def test_a_page_size_that_is_no_number_is_named():
    with pytest.raises(InvalidArgument) as caught:
        bind.parse(
            bind.query_fields(QueryParams("page_size=abc"), pb.ListModelsRequest.DESCRIPTOR),
            pb.ListModelsRequest.DESCRIPTOR,
        )

    assert caught.value.fields[0].field == "pagination.page_size"
