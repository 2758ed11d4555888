"""A service as small as can be: answers /readyz, tells its environment, dies when asked."""
