import ssl

import pytest
from fp_kernel.trust import NO_TLS, SpeaksNoTls, Untrusted, distrust


def refused(code):
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    return error


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (9, "CERTIFICATE_NOT_YET_VALID"),
        (10, "CERTIFICATE_EXPIRED"),
        (18, "CERTIFICATE_OF_UNKNOWN_AUTHORITY"),
        (20, "CERTIFICATE_OF_UNKNOWN_AUTHORITY"),
        (62, "CERTIFICATE_OF_ANOTHER_NAME"),
        (64, "CERTIFICATE_OF_ANOTHER_NAME"),
        (26, "CERTIFICATE_REFUSED"),
    ],
)
def test_a_certificate_is_refused_by_name(code, reason):
    found = distrust("the store", refused(code))

    assert isinstance(found, Untrusted)
    assert (found.reason, found.kind) == (reason, "UNAVAILABLE")
    assert found.message.startswith("the store is not trusted: ")


def test_what_a_library_wraps_is_found():
    try:
        try:
            raise refused(10)
        except ssl.SSLError as inner:
            raise OSError("away", inner) from None
    except OSError as error:
        packed = RuntimeError(error)

    assert distrust("the store", packed).reason == "CERTIFICATE_EXPIRED"


@pytest.mark.parametrize("error", [SpeaksNoTls(), ConnectionError("PostgreSQL server at x rejected SSL upgrade")])
def test_a_server_without_tls_is_named(error):
    assert distrust("the store", error).reason == NO_TLS


@pytest.mark.parametrize("error", [OSError("reset"), TimeoutError(), ConnectionRefusedError()])
def test_a_store_that_is_away_is_not_distrusted(error):
    assert distrust("the store", error) is None
