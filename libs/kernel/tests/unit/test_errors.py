"""The closed set of errors."""

import pytest
from fp_kernel import Command, Error, FieldViolation, Internal, Kind, NotFound, Replayed, invalid
from fp_kernel.errors import BY_KIND


def test_every_kind_has_one_class():
    assert set(BY_KIND) == set(Kind)
    assert all(cls.kind is kind for kind, cls in BY_KIND.items())
    assert len(set(BY_KIND.values())) == len(Kind)


def test_the_reason_is_the_kind_unless_it_is_given():
    assert NotFound("x").reason == "NOT_FOUND"
    assert NotFound("x", reason="MODEL_NOT_FOUND").reason == "MODEL_NOT_FOUND"


def test_a_bad_field_is_named_in_the_message_and_in_the_fields():
    error = invalid("steps[2].depends_on", "must name a step")

    assert error.kind is Kind.INVALID_ARGUMENT
    assert str(error) == error.message == "steps[2].depends_on: must name a step"
    assert error.fields == (FieldViolation("steps[2].depends_on", "must name a step"),)


def test_an_error_owns_its_metadata():
    facts = {"quota": "predictions"}
    error = Error("x", metadata=facts)
    facts["quota"] = "changed"

    assert error.metadata == {"quota": "predictions"}
    assert Internal("x").metadata == {}


def test_an_error_is_raised_and_caught_as_any_error():
    with pytest.raises(Error, match="gone"):
        raise NotFound("gone")


def test_a_replay_carries_the_stored_response():
    assert Replayed(b"stored").response == b"stored"
    assert not isinstance(Replayed(b""), Error)


def test_a_command_is_equal_by_its_parts():
    def encode(result):
        return b""

    assert Command("t", "/s/M", "k", b"f", encode) == Command("t", "/s/M", "k", b"f", encode)
