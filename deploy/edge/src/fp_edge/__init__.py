"""The edge: one address for gRPC, gRPC-Web and HTTP, by Envoy with a configuration that is generated.

- `templates/` is written by `tools/edge_config.py` from the protos, their Access options and the gateway's routes.
- `python -m fp_edge` fills in what differs from place to place (`settings.py`) and becomes Envoy.
"""
