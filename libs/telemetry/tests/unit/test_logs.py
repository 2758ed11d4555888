"""Log lines."""

import json
import logging
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx
import httpx2
import pytest
from fp_telemetry import correlation_id, get_logger, setup, span
from fp_telemetry.context import scope
from fp_telemetry.logs import JsonFormatter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@pytest.fixture
def lines(capsys):
    """Sets up logging and reads back what was written."""
    telemetry = setup("registry", level="DEBUG", environment="test")
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    telemetry.shutdown()
    logging.getLogger().setLevel(logging.WARNING)


def test_a_line_is_json_with_constant_text_and_facts_as_fields(lines):
    get_logger("fp_registry.app").info("model registered", model_id="m-1", versions=3)

    (line,) = lines()
    assert datetime.fromisoformat(line.pop("time")).tzinfo == UTC
    assert line == {
        "level": "info",
        "message": "model registered",
        "service": "registry",
        "environment": "test",
        "logger": "fp_registry.app",
        "model_id": "m-1",
        "versions": 3,
    }


def test_every_level_is_written_by_its_name(lines):
    log = get_logger("x")
    for level in ("debug", "info", "warning", "error"):
        getattr(log, level)("text")

    assert [line["level"] for line in lines()] == ["debug", "info", "warning", "error"]


def test_a_line_below_the_level_is_not_written(capsys):
    telemetry = setup("registry", level="warning")
    get_logger("x").info("too low")
    telemetry.shutdown()

    assert capsys.readouterr().err == ""


def test_an_unknown_level_is_refused():
    with pytest.raises(ValueError, match="LOUD"):
        setup("registry", level="LOUD")


def test_secrets_are_masked(lines):
    get_logger("x").info("login", password="hunter2", token="t", authorization="Bearer t", user="ann")

    (line,) = lines()
    assert [line[name] for name in ("password", "token", "authorization", "user")] == ["***", "***", "***", "ann"]


def test_a_field_never_hides_a_part_of_the_line(lines):
    get_logger("x").info("text", service="other", level="odd", message_id="fine")

    (line,) = lines()
    assert (line["service"], line["level"]) == ("registry", "info")
    assert (line["field_service"], line["field_level"], line["message_id"]) == ("other", "odd", "fine")


def test_text_is_never_a_format(lines):
    get_logger("x").info("100 %s done %d")

    assert lines()[0]["message"] == "100 %s done %d"


def test_what_json_does_not_know_is_written_as_text(lines):
    class Odd:
        def __str__(self):
            return "odd"

    get_logger("x").info("text", value=Odd(), when=datetime(2026, 1, 1, tzinfo=UTC), raw=b"x", keys={1: 2})

    (line,) = lines()
    assert (line["value"], line["raw"], line["keys"]) == ("odd", "b'x'", {"1": 2})
    assert line["when"].startswith("2026-01-01")


class Mute:
    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("value", "written"),
    [(1 << 70, str(1 << 70)), ("half \ud800", "half \\ud800"), (Mute(), "<Mute>"), ({(1, 2): 3}, "{(1, 2): 3}")],
    ids=["a big integer", "half a character", "a value without text", "a key that is no text"],
)
def test_no_fact_keeps_a_line_from_being_written(lines, value, written):
    get_logger("test").info("told", fact=value)
    (line,) = lines()
    assert (line["message"], line["fact"], line["level"]) == ("told", written, "info")


def test_a_line_of_another_library_is_written_though_its_arguments_do_not_fit():
    record = logging.LogRecord("other", logging.WARNING, "x.py", 1, "%d things", ("no number",), None)
    assert json.loads(JsonFormatter("registry", "test").format(record))["message"] == "%d things"


def test_a_line_is_one_line(lines):
    get_logger("x").info("text", value="a\nb\r\nc")

    assert lines()[0]["value"] == "a\nb\r\nc"


def test_an_exception_comes_with_its_cause(lines):
    try:
        try:
            raise KeyError("inner")  # noqa: TRY301 -- a cause needs a raise
        except KeyError as cause:
            raise ValueError("outer") from cause
    except ValueError:
        get_logger("x").exception("it failed", model_id="m-1")

    (line,) = lines()
    assert (line["error"], line["model_id"], line["level"]) == ("ValueError", "m-1", "error")
    assert "KeyError: 'inner'" in line["exception"]
    assert "ValueError: outer" in line["exception"]


def test_an_exception_may_be_given(lines):
    get_logger("x").exception("it failed", RuntimeError("given"))

    assert lines()[0]["error"] == "RuntimeError"


def test_the_correlation_id_of_the_work_is_on_its_lines(lines):
    token = correlation_id.set("c-1")
    get_logger("x").info("inside")
    correlation_id.reset(token)
    get_logger("x").info("outside")

    inside, outside = lines()
    assert inside["correlation_id"] == "c-1"
    assert "correlation_id" not in outside


def test_the_correlation_id_is_that_of_the_call_unless_one_was_set_since(lines):
    correlation_id.set("from before")
    before = scope.set(SimpleNamespace(correlation_id="of the call", metadata={}))
    assert correlation_id.get() == "of the call"
    token = correlation_id.set("of a part")
    assert correlation_id.get() == "of a part"
    correlation_id.reset(token)
    assert correlation_id.get() == "of the call"
    scope.reset(before)
    assert correlation_id.get() == "from before"
    correlation_id.set("")
    assert correlation_id.get("default") == "default"


def test_the_trace_of_the_work_is_on_its_lines(lines):
    telemetry = setup("registry", exporter=InMemorySpanExporter())
    with span("work") as current:
        get_logger("x").info("inside")
    telemetry.shutdown()

    (line,) = lines()
    assert line["trace_id"] == f"{current.get_span_context().trace_id:032x}"
    assert line["span_id"] == f"{current.get_span_context().span_id:016x}"


def test_other_libraries_write_the_same_form(lines):
    logging.getLogger("nats.client").warning("lost %s of %d", "one", 3)

    (line,) = lines()
    assert (line["message"], line["logger"], line["service"]) == ("lost one of 3", "nats.client", "registry")


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_request_that_a_client_sends_is_no_line(lines, library):
    transport = library.MockTransport(lambda _: library.Response(200))
    with library.Client(transport=transport) as client:
        assert client.get("http://cluster/api?token=t").status_code == 200

    assert lines() == []


def test_setting_up_again_writes_each_line_once(lines):
    setup("billing")

    get_logger("x").info("text")

    assert [line["service"] for line in lines()] == ["billing"]


def test_after_the_shutdown_nothing_is_written(capsys):
    setup("registry").shutdown()

    get_logger("x").info("text")

    assert capsys.readouterr().err == ""
