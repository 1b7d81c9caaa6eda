"""Medians, ratios and the table, by hand."""

from benchmarks import report
from benchmarks.rounds import Round


def result(train: float, inference: float, first: float = 10, peak: int = 1000) -> dict:
    same = {"backend": "cpu", "dtype": "float32", "version": "1"}
    return same | {
        "rates": {"train": train, "inference": inference}, "first_step_seconds": first, "peak_megabytes": peak
    }  # fmt: skip


ROUNDS = [
    Round("ours", "cnn", result(30, 100)),
    Round("keras", "cnn", result(20, 80, first=4)),
    Round("ours", "cnn", result(33, 120, first=12)),
    Round("keras", "cnn", result(10, 60, first=6)),
    Round("ours", "cnn", result(90, 90, first=14, peak=3000)),
    Round("keras", "cnn", None, "killed"),
    Round("ours", "decode", {"backend": "cpu", "dtype": "uint8", "version": "1", "rates": {"decode": 500.0}}),
]


def test_medians_over_the_rounds_that_did_not_fail():
    entries = {(entry["what"], entry["who"]): entry for entry in report.entries(ROUNDS, batch=32)}
    ours = entries["cnn/train", "ours"]
    assert (ours["images_per_second"], ours["rounds"], ours["batch"]) == (33, [30, 33, 90], 32)
    assert (ours["first_step_seconds"], ours["peak_megabytes"]) == (12, 1000)
    assert (ours["backend"], ours["dtype"]) == ("cpu", "float32")
    assert entries["cnn/inference", "keras"]["images_per_second"] == 70
    assert entries["cnn/train", "keras"]["rounds"] == [20, 10]
    assert (entries["decode", "ours"]["batch"], entries["decode", "ours"]["dtype"]) == (1, "uint8")


def test_ratios_in_the_table():
    lines = [line.split() for line in report.table(report.entries(ROUNDS, batch=32)).splitlines()]
    assert ["ours", "33.0", "30.0", "to", "90.0", "12.0", "s", "1,000", "MB"] in lines
    assert ["keras", "15.0", "10.0", "to", "20.0", "2.20x", "5.0", "s", "1,000", "MB"] in lines  # 33 / 15
    assert ["decode", "images/s", "of", "rounds", "ours", "is", "first", "step", "peak"] in lines
    assert ["ours", "500.0", "500.0", "to", "500.0"] in lines


def test_augmentation_is_set_against_a_training_step():
    done = [
        Round("ours", "mobilenet_v2", result(20, 100)),
        Round("ours", "augment", {"backend": "cpu", "dtype": "float32", "version": "1", "rates": {"course": 400.0}}),
    ]
    lines = report.table(report.entries(done, batch=32)).splitlines()
    assert lines[-1].split() == ["augment/course", "5.0%"]
    assert "augmentation" not in report.table(report.entries(ROUNDS, batch=32))
