"""Pages of lists as messages. Rows are not counted: the count would cost more than the page."""

from collections.abc import Sequence

from forgepoint.common.v1.common_pb2 import PaginationResponse
from fp_kernel import next_token


def page_response(next_page_token: str) -> PaginationResponse:
    """next_page_token: empty on the last page."""
    return PaginationResponse(next_page_token=next_page_token, total_count=-1)


def page_response_after(position: str, scope: Sequence[str]) -> PaginationResponse:
    """position: sort key of the last row shown; empty on the last page. scope: as for `fp_kernel.page_request`."""
    return page_response(next_token((position,), scope=scope) if position else "")
