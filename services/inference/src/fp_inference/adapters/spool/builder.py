"""Events of recorded predictions, built when they are published."""

from fp_kernel import Clock
from fp_kernel.bucket import Bucket, Limit
from fp_kernel.signatures import Signature
from fp_telemetry import Metrics, get_logger

from fp_inference.adapters.events import bare_part, completed_part
from fp_inference.adapters.made import Made
from fp_inference.adapters.spool.forms import Form, form_of
from fp_inference.adapters.spool.layouts import Layouts
from fp_inference.adapters.spool.raw import FIRST_TENSOR, OF_TENSOR, Raw, opened
from fp_inference.adapters.spool.records import Report

# Log lines about predictions without a summary.
_LOGGED = Limit(rate=0.1, burst=1)
# Of signatures and shapes that are met; one that is made anew costs as much as a few events.
_MOST_FORMS = 1_000
_UNKNOWN = object()

_log = get_logger(__name__)


class Builder:
    """A prediction is billed whatever its values are: where no summary can be made, its event has none."""

    def __init__(self, layouts: Layouts, clock: Clock, metrics: Metrics) -> None:
        self._layouts = layouts
        self._clock = clock
        self._logged = Bucket(_LOGGED, clock.monotonic())
        self._forms: dict[tuple[object, ...], object] = {}
        self._bare = metrics.counter("summaries_failed_total", "Predictions published without their summary.")

    def built(self, record: Raw) -> Report:
        """Raises an exception of whatever type for a record that holds no prediction."""
        found, signature = opened(record), self._layouts.find(record.layout)
        kind = (record.layout, len(found.inputs), *record.sections[FIRST_TENSOR::OF_TENSOR], found.rows > 1)
        form = self._forms.get(kind, _UNKNOWN)
        try:
            if form is _UNKNOWN:
                if len(self._forms) >= _MOST_FORMS:
                    self._forms.clear()
                form = self._forms[kind] = form_of(found, signature)
            if isinstance(form, Form):
                return bare_part(found, form.summaries(found))
        except Exception as error:  # noqa: BLE001 -- of whatever kind, see above
            return self._without(found, error)
        return self.build(found, signature)

    def build(self, made: Made, signature: Signature) -> Report:
        try:
            return completed_part(made, signature)
        except Exception as error:  # noqa: BLE001 -- of whatever kind, see above
            return self._without(made, error)

    def _without(self, made: Made, error: Exception) -> Report:
        self._bare.inc()
        if self._logged.take(1, 1, self._clock.monotonic()).tokens:
            model, version = made.model_name, made.version
            _log.error("a prediction is told without summary", kind=repr(error), model=model, version=version)
        return bare_part(made)
