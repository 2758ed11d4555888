"""What the edge itself answers, in the platform's forms: a problem over HTTP, a status without details over gRPC."""

from fp_gateway.http.response_headers import EXPOSED

from edge_parts.shapes import Json

_UNAVAILABLE = 503
# Of a body that went on while the edge was about to try another replica: no service has it, and none can get it again.
_NOT_KEPT = 507
_INVALID_ARGUMENT, _RESOURCE_EXHAUSTED, _OF_A_SERVICE = "3", "8", "14"
# Envoy would say INTERNAL for the first, which is what a caller did, UNKNOWN or UNAVAILABLE for the others.
_OF_CALLERS = {
    400: (_INVALID_ARGUMENT, "the request is malformed"),
    408: (_INVALID_ARGUMENT, "the body did not come in time"),
    413: (_RESOURCE_EXHAUSTED, "the body is too large"),
    429: (_RESOURCE_EXHAUSTED, "too many calls of this address"),
}

_TITLES = {400: "the request is malformed", 404: "no such route"}


def local_replies() -> Json:
    """Envoy's own texts name addresses where a service could not be reached, so that these get others."""
    away = "%UPSTREAM_CLUSTER% is not available"
    forms = [
        {"filter": _all(_grpc(), _status(_UNAVAILABLE)), "body_format_override": _text(away)},
        _refused(_NOT_KEPT, _OF_A_SERVICE, away),
        *(_refused(status, *answer) for status, answer in _OF_CALLERS.items()),
        {"filter": _grpc(), "body_format_override": _text("%LOCAL_REPLY_BODY%")},
        {"filter": _status(_UNAVAILABLE), "body_format_override": _problem(away)},
        {"filter": _status(_NOT_KEPT), "status_code": _UNAVAILABLE, "body_format_override": _problem(away)},
        # Of what Envoy refuses before it looks for a route, some have no text.
        *({"filter": _status(code), "body_format_override": _problem(text)} for code, text in _TITLES.items()),
        {"filter": _any_status(), "body_format_override": _problem("%LOCAL_REPLY_BODY%")},
    ]
    return {"mappers": [*map(_to_page, forms), *forms], "body_format": _problem("%LOCAL_REPLY_BODY%")}


def _to_page(form: Json) -> Json:
    """The same for a page that may call: the filter of CORS does not see what a route answers directly."""
    origin = {"name": "origin", "string_match": {"safe_regex": {"regex": "{cors_pattern}"}}}
    allowed = {"access-control-allow-origin": "%REQ(ORIGIN)%", "access-control-expose-headers": exposed()}
    added = [*form.get("headers_to_add", ()), *({"header": {"key": k, "value": v}} for k, v in allowed.items())]
    met = form["filter"]["and_filter"]["filters"] if "and_filter" in form["filter"] else [form["filter"]]
    return {
        "$when": "cors_pattern",
        **form,
        "filter": _all({"header_filter": {"header": origin}}, *met),
        "headers_to_add": added,
    }


def exposed() -> str:
    """Headers of answers that a page may read."""
    return ", ".join((*EXPOSED, "grpc-message", "grpc-status", "grpc-status-details-bin", "x-correlation-id"))


def _refused(status: int, grpc_status: str, text: str) -> Json:
    return {
        "filter": _all(_grpc(), _status(status)),
        "headers_to_add": [{"header": {"key": "grpc-status", "value": grpc_status}}],
        "body_format_override": _text(text),
    }


def _text(text: str) -> Json:
    return {"text_format_source": {"inline_string": text}}


def _problem(title: str) -> Json:
    """RFC 9457, with the `error` that the gateway's problems have as well."""
    return {
        "content_type": "application/problem+json",
        "json_format": {
            "type": "about:blank",
            "title": title,
            "status": "%RESPONSE_CODE%",
            "error": {"code": "%RESPONSE_CODE%", "message": title},
        },
    }


def _grpc() -> Json:
    header = {"name": "content-type", "string_match": {"prefix": "application/grpc"}}
    return {"header_filter": {"header": header}}


def _status(code: int) -> Json:
    value = {"default_value": code, "runtime_key": f"edge.status_{code}"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}


def _any_status() -> Json:
    value = {"default_value": 0, "runtime_key": "edge.status_any"}
    return {"status_code_filter": {"comparison": {"op": "GE", "value": value}}}


def _all(*filters: Json) -> Json:
    return {"and_filter": {"filters": list(filters)}}
