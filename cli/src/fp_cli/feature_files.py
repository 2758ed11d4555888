"""Features between files and the store."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from forgepoint.featurestore.v1 import featurestore_pb2_grpc
from fp_kernel import invalid

from fp_cli import batches, csv_files, documents, feature_rows
from fp_cli.client import Client
from fp_cli.formats import Format
from fp_cli.messages import plain
from fp_cli.moments import stamp
from fp_cli.training_set import Reader, cell


@dataclass(frozen=True, slots=True)
class Past:
    """known_as_of: empty is as_of."""

    as_of: str
    known_as_of: str


@dataclass(slots=True)
class Vectors:
    """names: of the features asked for. whole: of features that are whole numbers. items: as `-o json` prints them.

    missing: entities that have no values.
    """

    names: Sequence[str]
    whole: frozenset[str]
    items: list[dict[str, Any]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def add(self, response: pb.GetOnlineFeaturesResponse | pb.GetHistoricalFeaturesResponse) -> None:
        """JSON has one kind of number: whole ones are passed on as such."""
        for item in map(plain, response.vectors):
            for name in self.whole & item["values"].keys():
                item["values"][name] = int(item["values"][name])
            self.items.append(item)
        self.missing += response.missing_entity_ids


def write(client: Client, view: pb.FeatureView, text: str, key: str) -> tuple[int, int]:
    """Rows written, and the version of the view's log after them.

    Raises InvalidArgument before anything is written when a row cannot be read.
    """
    rows = feature_rows.read(text, view)
    stub = featurestore_pb2_grpc.FeatureStoreServiceStub(client.channel)
    version = 0
    for start, part in batches.parts(rows.values):
        request = pb.WriteFeaturesRequest(
            feature_view_id=view.id, features=part, idempotency_key=f"{key}/{start}" if start else key
        )
        with batches.placing(start, rows.places[start : start + len(part)], key):
            version = client.call(stub.WriteFeatures, request).written_through_version
    return len(rows.values), version


def online(client: Client, view: pb.FeatureView, entities: Sequence[str], features: Sequence[str]) -> Vectors:
    stub = featurestore_pb2_grpc.FeatureStoreServiceStub(client.channel)
    found = _vectors(view, features)
    for part in _parts(entities):
        request = pb.GetOnlineFeaturesRequest(feature_view_id=view.id, entity_ids=part, feature_names=features)
        found.add(client.call(stub.GetOnlineFeatures, request))
    return found


def history(
    client: Client, view: pb.FeatureView, entities: Sequence[str], features: Sequence[str], past: Past
) -> Vectors:
    """Raises InvalidArgument."""
    stub = featurestore_pb2_grpc.FeatureStoreServiceStub(client.channel)
    found = _vectors(view, features)
    as_of, known = stamp(past.as_of, "as-of"), stamp(past.known_as_of, "known-as-of")
    for part in _parts(entities):
        request = pb.GetHistoricalFeaturesRequest(
            feature_view_id=view.id, entity_ids=part, feature_names=features, as_of=as_of, known_as_of=known
        )
        found.add(client.call(stub.GetHistoricalFeatures, request))
    return found


def _vectors(view: pb.FeatureView, features: Sequence[str]) -> Vectors:
    whole = frozenset(each.name for each in view.features if each.value_type == pb.FEATURE_VALUE_TYPE_INT64)
    return Vectors(list(features) or [feature.name for feature in view.features], whole)


def _parts(entities: Sequence[str]) -> list[Sequence[str]]:
    if not entities:
        raise invalid("entities", "give at least one")
    return [entities[start : start + batches.MOST_ROWS] for start in range(0, len(entities), batches.MOST_ROWS)]


def write_csv(found: Vectors, file: Path) -> None:
    with csv_files.writing(file) as content:
        csv_files.line(content, [feature_rows.ENTITY, *feature_rows.TIMES, *found.names])
        for item in found.items:
            times = [item.get(name, "") for name in feature_rows.TIMES]
            values = [cell(item["values"].get(name)) for name in found.names]
            csv_files.line(content, [item["entity_id"], *times, *values])


def training_request(file: Path) -> pb.GetTrainingSetRequest:
    return documents.fill(pb.GetTrainingSetRequest(), documents.load(file, "training set"))


def training(client: Client, request: pb.GetTrainingSetRequest, file: Path, output: Format) -> tuple[int, str]:
    """Rows written, and the time as of which they were known."""
    stub = featurestore_pb2_grpc.FeatureStoreServiceStub(client.channel)
    reader = Reader(client, client.stream(stub.GetTrainingSet, request), stub)
    count = 0
    with csv_files.writing(file) as content:
        if not output.structured:
            csv_files.line(content, reader.names)
        for row in reader.rows():
            count += 1
            if output.structured:
                content.write(output.single(dict(zip(reader.names, row, strict=True))))
            else:
                csv_files.line(content, [cell(value) for value in row])
    return count, reader.known_as_of
