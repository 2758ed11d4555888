"""A route that is on its way out says so in its answers."""

from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
from forgepoint.registry.v1 import registry_pb2 as pb
from fp_gateway.http import deprecation
from fp_gateway.http.app import api_route
from fp_gateway.http.deprecation import Deprecation
from fp_gateway.http.route_table import API
from fp_gateway.methods import all_methods
from fp_rpc.conversions import Conversions
from fp_testkit.patience import PATIENCE
from starlette.applications import Starlette

OLD = Deprecation(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 7, 1, tzinfo=UTC), "https://example.org/instead")


class Listing:
    """The door and the client of a route that reads."""

    def method(self, path):
        return all_methods()[path]

    async def enter(self, request, method):
        """Everybody may."""

    async def unary(self, path, message, request):
        return pb.ListModelsResponse(), {}


@pytest.mark.parametrize("by_its_rpc", [False, True])
async def test_answers_name_the_day_of_the_deprecation_and_of_the_end(monkeypatch, by_its_rpc):
    (models,) = (route for route in API if (route.verb, route.path) == ("GET", "/models"))
    if by_its_rpc:
        monkeypatch.setitem(deprecation.RPCS, models.method, OLD)
    else:
        models = replace(models, deprecated=OLD)
    routes = [api_route(models, Listing(), Listing(), Conversions())]
    app = httpx.ASGITransport(Starlette(routes=routes))
    async with httpx.AsyncClient(transport=app, base_url="http://gateway", timeout=PATIENCE) as http:
        response = await http.get("/api/v1/models")

    assert response.status_code == 200
    assert response.headers["deprecation"] == "@1767225600"
    assert response.headers["sunset"] == "Thu, 01 Jul 2027 00:00:00 GMT"
    assert response.headers["link"] == '<https://example.org/instead>; rel="deprecation"'
