from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fp_kernel import FailedPrecondition, InvalidArgument
from fp_registry.domain import text
from fp_registry.domain.artifact import Measured, as_digest, content_key
from fp_registry.domain.model import ModelUpdate, NewModel, register, update
from fp_registry.domain.stages import Stage, Status
from fp_registry.domain.version import NewVersion, add_version, make_failed, make_ready
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2013, 3, 1, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32


def model(name="flights"):
    return register(NewModel(name=name), team="alpha", owner_id="ann", now=NOW)


def created(new=None):
    return add_version(model(), new or NewVersion(), by="ann", now=NOW)


def test_a_version_without_a_name_gets_the_next_number():
    flights, first = created()
    _, second = add_version(flights, NewVersion(), by="ann", now=NOW)
    assert (first.name, second.name) == ("1", "2")
    assert (first.ordinal, second.ordinal) == (1, 2)


def test_numbers_go_on_after_the_highest_that_was_named():
    flights, _ = created(NewVersion(name="7"))
    _, following = add_version(flights, NewVersion(), by="ann", now=NOW)
    assert following.name == "8"


def test_the_number_after_any_that_is_named_is_still_a_name_that_reads_accept():
    longest = "9" * (text.MAX_VERSION_DIGITS - 1)
    flights, _ = created(NewVersion(name=longest))
    _, following = add_version(flights, NewVersion(), by="ann", now=NOW)
    text.check_version_name(following.name, "version")
    with pytest.raises(InvalidArgument) as refused:
        created(NewVersion(name=longest + "9"))
    assert refused.value.fields[0].field == "version"


@pytest.mark.parametrize("name", ["0198c0de-0000-7000-8000-000000000000", "0198c0de00007000800000000000beef"])
def test_a_model_is_not_named_like_an_id(name):
    with pytest.raises(InvalidArgument) as refused:
        model(name)
    assert refused.value.fields[0].field == "name"


names = st.one_of(st.just(""), st.integers(0, 30).map(str), st.sampled_from(["1.0", "007", "v2", "2b"]))


@given(st.lists(names, max_size=25))
def test_a_number_that_is_given_is_never_one_that_was_taken(chosen):
    current, taken = model(), set()
    for name in chosen:
        if name in taken:
            continue
        current, version = add_version(current, NewVersion(name=name), by="ann", now=NOW)
        assert version.name not in taken
        assert version.ordinal == len(taken) + 1
        taken.add(version.name)


def test_every_change_of_a_version_is_a_revision_of_its_model():
    flights, version = created()
    assert (flights.revision, version.revision) == (2, 2)
    flights, version = make_ready(flights, version, Measured(DIGEST, 10), NOW)
    assert (flights.revision, version.revision) == (3, 3)


def test_an_accepted_version_lies_under_its_content():
    flights, version = created()
    _, ready = make_ready(flights, version, Measured(DIGEST, 10), NOW)
    assert ready.status is Status.READY
    assert ready.artifact_path == content_key(DIGEST) == f"sha256/{'ab' * 32}"
    assert (ready.digest, ready.size_bytes) == (DIGEST, 10)


def test_a_verdict_is_given_once():
    flights, version = created()
    flights, failed = make_failed(flights, version, "wrong digest", NOW)
    assert (failed.status, failed.failure_reason) == (Status.FAILED, "wrong digest")
    with pytest.raises(FailedPrecondition):
        make_ready(flights, failed, Measured(DIGEST, 10), NOW)


def test_an_archived_model_takes_no_versions_and_no_updates():
    archived = replace(model(), archived_at=NOW)
    with pytest.raises(FailedPrecondition):
        add_version(archived, NewVersion(), by="ann", now=NOW)
    with pytest.raises(FailedPrecondition):
        update(archived, ModelUpdate(description="new"), NOW)


def test_an_update_that_changes_nothing_is_no_revision():
    flights = model()
    assert update(flights, ModelUpdate(description="", tags={}), NOW) is flights
    assert update(flights, ModelUpdate(description="late or not"), NOW).revision == 2


@pytest.mark.parametrize("metrics", [{"auc": float("nan")}, {"a": [float("inf")]}, {"a": "nul\x00"}])
def test_metrics_that_json_cannot_hold_are_refused_by_their_path(metrics):
    with pytest.raises(InvalidArgument) as refused:
        created(NewVersion(metrics=metrics))
    assert refused.value.fields[0].field.startswith("metrics.a")


def test_metrics_nest_only_so_deep():
    deep = 1.0
    for _ in range(12):
        deep = {"m": deep}
    with pytest.raises(InvalidArgument, match="nested"):
        created(NewVersion(metrics=deep))


@pytest.mark.parametrize("given", ["", DIGEST, "AB" * 32, "SHA256:" + "ab" * 32])
def test_a_digest_may_come_with_or_without_its_prefix(given):
    assert as_digest(given, "expected_digest") == (DIGEST if given else "")


@pytest.mark.parametrize("given", ["sha256:12", "md5:" + "ab" * 16, "zz" * 32])
def test_a_digest_of_another_form_is_refused(given):
    with pytest.raises(InvalidArgument):
        as_digest(given, "expected_digest")


def test_a_new_version_stands_at_dev():
    _, version = created(NewVersion(run_id="run-1"))
    assert (version.stage, version.status, version.run_id) == (Stage.DEV, Status.PENDING_UPLOAD, "run-1")
