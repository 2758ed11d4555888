"""Feature views."""

from collections.abc import Iterator
from typing import Any

from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from forgepoint.featurestore.v1 import featurestore_pb2_grpc
from fp_kernel import NotFound

from fp_cli.client import EVERYTHING, Client, idempotency_key
from fp_cli.declared.kind import ABSENT, Kind, Present, Spec


class FeatureView(Kind):
    name = "FeatureView"
    message = pb.DefineFeatureViewRequest

    def find(self, client: Client, name: str) -> Present | None:
        try:
            found = client.call(_stub(client).GetFeatureView, pb.GetFeatureViewRequest(name=name)).feature_view
        except NotFound:
            return None
        return Present(self._of(found), found.revision, found.id)

    def all(self, client: Client) -> Iterator[tuple[str, Spec]]:
        listed = client.pages(_stub(client).ListFeatureViews, pb.ListFeatureViewsRequest(), "feature_views", EVERYTHING)
        for view in listed:
            yield view.name, self._of(view)

    def create(self, client: Client, name: str, spec: Spec) -> None:
        self.change(client, name, spec, ABSENT)

    def change(self, client: Client, name: str, spec: Spec, present: Present) -> None:
        request = self.request(name, spec)
        request.idempotency_key = idempotency_key("")
        request.expected_revision = present.revision
        client.call(_stub(client).DefineFeatureView, request)

    def delete(self, client: Client, name: str, present: Present) -> None:  # noqa: ARG002 -- it goes by its id
        request = pb.DeleteFeatureViewRequest(
            feature_view_id=present.id, idempotency_key=idempotency_key(""), expected_revision=present.revision
        )
        client.call(_stub(client).DeleteFeatureView, request)

    def _of(self, view: pb.FeatureView) -> Spec:
        return self.of(
            pb.DefineFeatureViewRequest(
                description=view.description,
                entity=view.entity,
                features=view.features,
                online_ttl=view.online_ttl,
                retention=view.retention,
            )
        )


def _stub(client: Client) -> Any:
    return featurestore_pb2_grpc.FeatureStoreServiceStub(client.channel)
