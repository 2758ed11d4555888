"""Where predictions are asked for."""

from typing import Final

INFER: Final = ("/v2/models/{model}/infer", "/v2/models/{model}/versions/{version}/infer")
