"""The id of a trace is read from its context."""

import pytest
from fp_kernel.traces import trace_id

ID = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"00-{ID}-b7ad6b7169203331-01", ID),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", ""),
        (f"00-{ID.upper()}-b7ad6b7169203331-01", ""),
        (f"00-{ID}-b7ad6b7169203331-01\n", ""),
        ("00-1-2-01", ""),
        ("", ""),
    ],
)
def test_what_is_no_trace_context_has_none(text, found):
    assert trace_id(text) == found
