"""Why something did not answer, in one line that holds no password."""

from fp_kernel.trust import Untrusted

_LONGEST = 200


def reason(error: BaseException) -> str:
    """What the driver said, where ours says less: `away` is all that a service has to know."""
    if isinstance(error, Untrusted):
        return error.message
    told = error.__cause__ or error
    text = " ".join(str(told).split())[:_LONGEST]
    return text or ("no answer in time" if isinstance(told, TimeoutError) else type(told).__name__)
