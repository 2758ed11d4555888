"""The certificates that the settings name."""

from fp_rpc.tls.certificates import Certificates, UnusableCertificates
from fp_telemetry import Metrics, names

from fp_runtime.failures import StartFailed
from fp_runtime.settings import ServiceSettings, variable

_FIELDS = ("tls_cert_file", "tls_key_file", "tls_ca_file")


def certificates_of(settings: ServiceSettings) -> Certificates | None:
    """None where the settings name no files.

    Raises StartFailed when they name only some, or files that cannot be used: never clear text by mistake.
    """
    files = {field: getattr(settings, field) for field in _FIELDS}
    missing = [variable(field) for field, path in files.items() if path is None]
    if len(missing) == len(files):
        return None
    if missing:
        raise StartFailed(f"{' and '.join(missing)} must be set where one of the settings of TLS is")
    try:
        return Certificates(*files.values())
    except UnusableCertificates as problem:
        raise StartFailed(f"the settings of TLS: {problem}") from None


def tell_end(certificates: Certificates | None, metrics: Metrics) -> None:
    """When the certificate ends, for an alert: an hour before, whoever renews it has long failed."""
    if certificates is not None:
        gauge = metrics.gauge(names.CERTIFICATE_END, "When the certificate of this service ends, seconds since 1970.")
        gauge.set_function(lambda: certificates.material().ends_at)
