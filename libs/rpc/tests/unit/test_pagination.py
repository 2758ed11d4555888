"""Pages of lists as messages."""

from fp_kernel import page_request
from fp_rpc.pagination import page_response, page_response_after


def test_a_page_does_not_say_how_many_rows_there_are():
    assert page_response("next").total_count == -1
    assert page_response("next").next_page_token == "next"


def test_the_token_of_a_page_leads_behind_its_last_row():
    token = page_response_after("row-20", ("red", "models")).next_page_token

    assert page_request(0, token, scope=("red", "models")).after == ("row-20",)


def test_the_last_page_has_no_token():
    assert page_response_after("", ("red",)).next_page_token == ""
