"""The parts of the edge's configuration, a module for each file that Envoy reads."""
