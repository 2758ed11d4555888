"""Which models go when memory gets scarce."""

from fp_serving.domain.budget import Footprint, superfluous


def test_nothing_goes_while_all_of_them_fit() -> None:
    assert superfluous([Footprint("a", 60, 1.0), Footprint("b", 40, 2.0)], 100) == []


def test_the_least_recently_used_go_until_the_others_fit() -> None:
    loaded = [Footprint("new", 40, 3.0), Footprint("old", 30, 1.0), Footprint("older", 30, 0.5)]
    assert superfluous(loaded, 70) == ["older"]
    assert superfluous(loaded, 69) == ["older", "old"]


def test_one_that_is_asked_now_goes_only_when_the_idle_ones_are_not_enough() -> None:
    loaded = [Footprint("busy", 50, 0.0, busy=True), Footprint("idle", 50, 9.0)]
    assert superfluous(loaded, 50) == ["idle"]
    assert superfluous(loaded, 0) == ["idle", "busy"]


def test_a_limit_below_nothing_empties_the_process() -> None:
    assert superfluous([Footprint("a", 1, 1.0)], -5) == ["a"]
