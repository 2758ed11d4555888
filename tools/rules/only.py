"""A contract for import-linter: modules that import only what is listed, themselves and the standard library."""

import sys
from typing import TYPE_CHECKING, Any

from importlinter import Contract, ContractCheck, fields, output
from importlinter.domain import helpers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grimp import ImportGraph


class OnlyContract(Contract):
    """modules: packages, wildcards allowed. allowed: packages that they may import directly."""

    type_name = "only"

    modules = fields.ListField(subfield=fields.ModuleExpressionField())
    allowed = fields.ListField(subfield=fields.StringField(), required=False)

    def check(self, graph: "ImportGraph", verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 -- the base's shape
        broken = sorted(self._broken(graph))
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported, line in check.metadata["broken"]:
            output.print_error(f"{importer} imports {imported} (l. {line})")

    def _broken(self, graph: "ImportGraph") -> "Iterator[tuple[str, str, Any]]":
        # import-linter replaces the fields by their values; its types do not say so.
        modules: Any = self.modules
        listed: Any = self.allowed
        allowed = (*(listed or ()), *sys.stdlib_module_names)
        for package in helpers.module_expressions_to_modules(graph, modules):
            own = {package.name, *graph.find_descendants(package.name)}
            for importer in own:
                for imported in graph.find_modules_directly_imported_by(importer) - own:
                    if not _below(imported, allowed):
                        details = graph.get_import_details(importer=importer, imported=imported)
                        yield importer, imported, details[0]["line_number"] if details else "?"


def _below(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)
