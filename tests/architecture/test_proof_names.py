"""`make proof` names every proof, and the parts of the long ones."""

import proof


def test_without_a_name_or_with_an_unknown_one_the_proofs_are_listed_and_none_runs(capsys):
    for asked in ((), ("nothing",)):
        assert proof.main(*asked) == 2
        assert "  growth\n" in capsys.readouterr().out


def test_a_long_proof_runs_in_parts_and_a_short_one_has_none(capsys):
    assert proof.main("clock") == 2
    assert {"auth", "events", "flights", "cli"} <= set(capsys.readouterr().out.split())
    assert proof.main("growth", "auth") == 2
    assert capsys.readouterr().out == "growth has no parts\n"
