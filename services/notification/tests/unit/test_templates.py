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
