from fp_gateway import metadata


def test_acting_for_another_team_never_passes():
    sent = [("authorization", "Bearer x"), ("fp-on-behalf-of-team", "victims"), ("fp-on-behalf-of-user", "u")]

    assert metadata.to_service(sent) == [("authorization", "Bearer x")]


def test_idempotency_position_and_trace_pass():
    sent = [("idempotency-key", "k"), ("fp-position", "7"), ("traceparent", "00-a-b-01"), ("user-agent", "curl")]

    assert metadata.to_service(sent) == sent[:3]


def test_only_the_gateway_says_where_a_caller_sits():
    assert metadata.to_service([("fp-client-address", "6.6.6.6"), ("fp-forwarded-by", "token")]) == []


def test_status_details_and_limits_reach_the_caller_and_nothing_else_does():
    got = [("grpc-status-details-bin", b"x"), ("ratelimit-remaining", "3"), ("x-internal-host", "10.0.0.7")]

    assert metadata.to_caller(got) == got[:2]
