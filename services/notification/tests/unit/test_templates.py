import pytest
from fp_notification.adapters import templates
from fp_notification.domain.templates import Template, Templates

SHIPPED = templates.load()


def test_a_type_without_a_text_is_told_by_its_summary(facts):
    assert SHIPPED.render(facts("fp.rockets.first_stage.launched")) == (
        "rockets: first stage launched",
        "Model delays drifts.",
    )


def test_an_event_without_a_summary_says_what_it_is_about(facts):
    assert SHIPPED.render(facts("fp.rockets.launched", summary=""))[1] == "fp.rockets.launched of m1"


def test_a_text_names_facts_of_the_payload(facts):
    details = {"model_name": "delays", "model_version": "3", "report_id": "r1", "sample_count": "800"}
    assert SHIPPED.render(facts(details=details)) == (
        "delays@3 drifts",
        "Model delays drifts. Report r1, 800 samples.",
    )


def test_a_text_that_names_what_is_not_there_gives_way(facts):
    assert SHIPPED.render(facts())[0] == "models: drift detected"


def test_what_people_wrote_is_a_value_and_never_a_text(facts):
    shown = Templates({"fp.a.b": Template("{name}")}).render(facts("fp.a.b", details={"name": "{team}\n\x1b[31m"}))
    assert shown[0] == "{team}  [31m"


def test_long_texts_are_cut(facts):
    title, body = Templates({"fp.a.b": Template("{name}")}).render(
        facts("fp.a.b", summary="s" * 9_000, details={"name": "n" * 900})
    )
    assert (len(title), len(body)) == (200, 2_000)


@pytest.mark.parametrize("event_type", [each for each in SHIPPED.by_type if each.startswith("fp.auth.")])
def test_a_text_about_people_has_neither_name_nor_address(facts, event_type):
    """Texts are kept for months and leave by webhooks and mails; the event itself is gone after a week."""
    person = {"name": "Ada Lovelace", "email": "ada@lovelace.example"}
    details = person | dict.fromkeys(("kind", "reason", "key_prefix"), "x")
    template = SHIPPED.by_type[event_type]
    assert (template.title + template.body).format_map(details), "it names a field that is not among these"
    shown = SHIPPED.render(facts(event_type, summary="Somebody joined.", details=details))
    assert not [value for value in person.values() if value in " ".join(shown)]
