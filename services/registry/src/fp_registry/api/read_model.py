"""The documents of the projection: the messages that reads answer, serialised."""

from forgepoint.registry.v1 import registry_pb2 as pb

from fp_registry.api.convert import model_to_pb, version_facts_to_pb
from fp_registry.app.read_ports import Document
from fp_registry.domain.model import Model
from fp_registry.domain.version import Version


class MessageDocuments:
    """`app.read_ports.Documents`. A version that has a baseline profile has an empty one in its document."""

    def model(self, model: Model) -> Document:
        return model_to_pb(model).SerializeToString()

    def version(self, version: Version) -> Document:
        message = version_facts_to_pb(version)
        if version.described.baseline:
            message.baseline_profile.SetInParent()
        return message.SerializeToString()


def read_model(document: Document) -> pb.Model:
    return pb.Model.FromString(document)


def read_version(document: Document) -> tuple[pb.ModelVersion, bool]:
    """The version without baseline profile, and whether it has one."""
    message = pb.ModelVersion.FromString(document)
    has_baseline = message.HasField("baseline_profile")
    message.ClearField("baseline_profile")
    return message, has_baseline
