import pytest
from fp_cli import csv_files, ground_truth
from fp_kernel import InvalidArgument


def test_a_file_takes_its_name_when_it_is_whole(tmp_path):
    target = tmp_path / "out.csv"
    target.write_text("before")

    def half():
        with csv_files.writing(target) as content:
            csv_files.line(content, ["a"])
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]

    with csv_files.writing(target) as content:
        csv_files.line(content, ["a", "b, c"])
    assert target.read_text() == 'a,"b, c"\n'


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with (
        pytest.raises(InvalidArgument, match=r"none/out.csv cannot be written"),
        csv_files.writing(tmp_path / "none/out.csv"),
    ):
        pass


def test_labels_are_written_in_the_form_they_are_read(tmp_path):
    text = "request_id,actual_label,observed_at\nr1,1,2013-01-01T00:00:00Z\nr2,late,\n"
    ground_truth.write(ground_truth.read(text), tmp_path / "labels.csv")

    assert (tmp_path / "labels.csv").read_text() == text


@pytest.mark.parametrize(
    "text", ["request_id\nr1\n", "request_id,actual_label\n", "request_id,actual_label,observed_at\nr,1,x\n"]
)
def test_labels_that_cannot_be_read_are_refused(text):
    with pytest.raises(InvalidArgument, match="file"):
        ground_truth.read(text)


def test_rows_of_commas_alone_are_no_rows():
    _, rows = csv_files.read("a,b\n1,2\n,\n\n3,\n,\n")

    assert list(rows) == [("line 2", {"a": "1", "b": "2"}), ("line 5", {"a": "3", "b": ""})]
