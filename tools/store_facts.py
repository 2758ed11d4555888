"""Write what the chart of stores knows: ports, and who has a login at which store.

python tools/store_facts.py          writes deploy/charts/stores/stores.json
python tools/store_facts.py --check  exits 1 when the committed file differs
"""

import json
import sys
from pathlib import Path

import chart_facts
from fp_devstack.hosted.places import HEALTH_PORT, PLACES
from fp_devstack.supervisor.catalog import OPERATOR
from generated import Generated

CHART = Path("deploy") / "charts" / "stores"
FILE = CHART / "stores.json"
# It asks before an installation whether each login is good.
_PREFLIGHT = "preflight"
# Without a login: they read and write objects by URLs that a service has signed. `helm test` is a client beside the
# services; the others are pods of other namespaces.
_CLIENT = "client"
_BY_SIGNED_URLS = {"s3": ["job", "serving"]}
_OTHERS = {"nats": [OPERATOR], "s3": [_CLIENT]}


def render(root: Path) -> str:
    programs = chart_facts.facts(root)["programs"]
    callers = {
        store: sorted(
            {noun for noun, program in programs.items() if store in program["stores"]}
            | {_PREFLIGHT, *_OTHERS.get(store, ())}
        )
        for store in PLACES
    }
    stores = {
        name: {
            "port": place.port,
            # With a login of their own, and beside them who has none.
            "owners": sorted(noun for noun, program in programs.items() if name in program["stores"]),
            "callers": callers[name],
            "workloads": _BY_SIGNED_URLS.get(name, []),
        }
        for name, place in PLACES.items()
    }
    return json.dumps({"health": HEALTH_PORT, "stores": stores}, indent=2, sort_keys=True) + "\n"


_GENERATED = Generated(FILE, render, "store_facts")
is_current = _GENERATED.is_current

if __name__ == "__main__":
    sys.exit(_GENERATED.main())
