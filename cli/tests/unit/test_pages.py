"""A list is read page by page, to where it was asked for or to its end."""

import pytest
from forgepoint.common.v1 import common_pb2
from forgepoint.registry.v1 import registry_pb2 as pb
from fp_cli.client import EVERYTHING, PAGE, Client

THERE = 3 * PAGE + 7


class Registry(Client):
    """Has so many models; asked: sizes of the pages."""

    def __init__(self):
        self.asked = []

    def call(self, _, request):
        self.asked.append(request.pagination.page_size)
        first = int(request.pagination.page_token or 0)
        last = min(first + request.pagination.page_size, THERE)
        pagination = common_pb2.PaginationResponse(next_page_token=str(last) if last < THERE else "")
        return pb.ListModelsResponse(models=[pb.Model(name=str(n)) for n in range(first, last)], pagination=pagination)


@pytest.mark.parametrize(
    ("limit", "sizes"), [(EVERYTHING, [PAGE] * 4), (PAGE + 5, [PAGE, 5]), (10_000, [PAGE] * 4), (PAGE, [PAGE])]
)
def test_a_list_ends_where_it_was_asked_to_or_at_its_end(limit, sizes):
    registry = Registry()
    found = [model.name for model in registry.pages(None, pb.ListModelsRequest(), "models", limit)]
    assert found == [str(n) for n in range(THERE)][:limit]
    assert registry.asked == sizes
