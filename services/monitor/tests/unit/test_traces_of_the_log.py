"""Each logged prediction keeps the trace of the call that asked, however its file is written anew."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest
from fp_monitor.adapters import parquet
from fp_monitor.domain.log import Label
from prediction_logs import logged

AT = datetime(2013, 3, 1, 12, tzinfo=UTC)
END = (datetime(2014, 1, 1, tzinfo=UTC), "")


def traced(number, *, trace=True):
    prediction = logged(AT + timedelta(seconds=number), number)
    return replace(prediction, trace_id=f"{number + 1:032x}") if trace else prediction


def traces(content, **chosen):
    asked = {"since": None, "before": END, "version": "", "request_id": "", "limit": 5_000} | chosen
    return {each.request_id: each.trace_id for each in parquet.read(content, **asked)}


@pytest.mark.parametrize("number", [3, 2_500])
def test_a_prediction_is_read_with_its_trace_in_whatever_row_group(number):
    predictions = [traced(each, trace=each % 3 != 0) for each in range(number)]
    content = parquet.encode(predictions[::-1])
    assert traces(content) == {each.request_id: each.trace_id for each in predictions}
    middle = predictions[number // 2]
    assert traces(content, request_id=middle.request_id) == {middle.request_id: middle.trace_id}
    assert list(traces(content, since=predictions[-1].answered_at)) == [predictions[-1].request_id]


def test_files_that_are_merged_or_labelled_keep_them_and_those_of_a_release_before_have_none():
    first, second, third = traced(1), traced(2), traced(3)
    old = io.BytesIO()
    pq.write_table(pq.read_table(io.BytesIO(parquet.encode([second]))), old)
    merged = parquet.merge([parquet.encode([third, first]), old.getvalue()])
    labelled = parquet.with_labels(merged.content, {first.request_id: Label("late", AT)})
    wanted = {third.request_id: third.trace_id, second.request_id: "", first.request_id: first.trace_id}
    assert traces(merged.content) == traces(labelled) == wanted
    assert traces(parquet.merge([labelled], without=[third.request_id]).content) == {
        second.request_id: "",
        first.request_id: first.trace_id,
    }


def test_columns_are_those_that_a_release_before_reads():
    """It takes a file with another column for a damaged one, and an erasure ends it."""
    table = pq.read_table(io.BytesIO(parquet.encode([traced(1)])))
    assert table.column_names == parquet._schema(parquet._library()[0]).names
    assert len(table.column_names) == 12


def test_a_column_of_a_later_release_is_no_damage():
    table = pq.read_table(io.BytesIO(parquet.encode([traced(1)])))
    later = io.BytesIO()
    pq.write_table(table.append_column("more", table.column("rows")), later)
    assert list(traces(parquet.merge([later.getvalue()]).content)) == [traced(1).request_id]
