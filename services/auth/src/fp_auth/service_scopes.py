"""The scopes of each service's own token, by its noun."""

from collections.abc import Mapping

import fp_platform


def service_scopes() -> Mapping[str, frozenset[str]]:
    platform = fp_platform.services()
    facts = {**platform["services"], platform["runtime"]["noun"]: platform["runtime"]}
    return {noun: frozenset(each.get("scopes", ())) for noun, each in facts.items()}
