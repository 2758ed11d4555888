import json

from fp_supervisor.masking import Mask, hidden_in


def test_every_line_of_a_secret_is_hidden_the_longest_first():
    secrets = {"secret://a": "key", "secret://b": "hunter2", "secret://c": "hunter2-again\nand more"}

    mask = Mask(hidden_in({"FP_JOB_SECRETS": json.dumps(secrets)}))

    assert mask(b"hunter2 hunter2-again and more key") == b"*** *** *** key"
    assert mask.longest == len("hunter2-again")


def test_no_secrets_and_what_is_no_json_hide_nothing():
    assert hidden_in({}) == hidden_in({"FP_JOB_SECRETS": "["}) == hidden_in({"FP_JOB_SECRETS": "1"}) == ()
