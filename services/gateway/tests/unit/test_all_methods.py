import importlib
import pkgutil

import forgepoint
from fp_gateway.methods import FILES, all_methods
from fp_gateway.unimplemented import SERVICERS


def test_every_service_that_is_declared_is_known_to_the_gateway():
    """A new service once had routes in the table and no methods: the gateway ended at its start."""
    modules = [found.name for found in pkgutil.walk_packages(forgepoint.__path__, "forgepoint.")]
    files = [importlib.import_module(name).DESCRIPTOR for name in modules if name.endswith("_pb2")]
    assert {file.name for file in files if file.services_by_name} == {file.name for file in FILES}


def test_internal_methods_are_judged_by_their_rule_before_they_are_said_not_to_be_there():
    """Who may not call a method once learned from UNIMPLEMENTED that it exists."""
    judged = {servicer.__name__.removesuffix("Servicer") for _, servicer in SERVICERS}
    # Each server of ours answers this one, that of the gateway too.
    judged.add("GrowthService")
    internal = {method.descriptor.containing_service.name for method in all_methods().values() if method.rule.internal}
    assert internal <= judged
