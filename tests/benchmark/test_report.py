"""Medians, ratios and the table, by hand."""

from benchmarks import report
from benchmarks.rounds import Round


def result(train: float, inference: float, first: float = 10, peak: int = 1000) -> dict:
    same = {"backend": "cpu", "dtype": "float32", "version": "1"}
    return same | {
        "rates": {"train": train, "inference": inference}, "first_step_seconds": first, "peak_megabytes": peak
    }  # fmt: skip


ROUNDS = [
    Round("ours", "cnn", 32, result(30, 100) | {"warm_first_step_seconds": 3.0}),
    Round("keras", "cnn", 32, result(20, 80, first=4)),
    Round("ours", "cnn", 32, result(33, 120, first=12)),
    Round("keras", "cnn", 32, result(10, 60, first=6)),
    Round("ours", "cnn", 32, result(90, 90, first=14, peak=3000)),
    Round("keras", "cnn", 32, None, "killed"),
    *(
        Round(who, "seed_cnn", 32, result(rate, 4 * rate))
        for who, rate in [("ours", 8), ("torch", 4), ("ours", 9), ("torch", 6)]
    ),
    Round("ours", "decode", 32, {"backend": "cpu", "dtype": "uint8", "version": "1", "rates": {"decode": 500.0}}),
]


def test_medians_over_the_rounds_that_did_not_fail():
    entries = {(entry["what"], entry["who"]): entry for entry in report.entries(ROUNDS)}
    ours = entries["cnn/train", "ours"]
    assert (ours["images_per_second"], ours["rounds"], ours["batch"]) == (33, [30, 33, 90], 32)
    assert (ours["first_step_seconds"], ours["peak_megabytes"]) == (12, 1000)
    assert (ours["backend"], ours["dtype"]) == ("cpu", "float32")
    assert entries["cnn/inference", "keras"]["images_per_second"] == 70
    assert entries["cnn/train", "keras"]["rounds"] == [20, 10]
    assert (entries["decode", "ours"]["batch"], entries["decode", "ours"]["dtype"]) == (1, "uint8")


def test_ratios_in_the_table():
    lines = [" ".join(line.split()) for line in report.table(report.entries(ROUNDS)).splitlines()]
    assert "decode images/s of rounds batch ours is of rounds first step warm peak" in lines
    assert "ours 33.0 30.0 to 90.0 32 12.0 s 3.0 s 1,000 MB" in lines
    assert "keras 15.0 10.0 to 20.0 32 2.20x 5.0 s 1,000 MB" in lines  # 33 / 15; one of the rounds failed
    assert "torch 5.0 4.0 to 6.0 32 1.70x 1.50 to 2.00 10.0 s 1,000 MB" in lines  # 8.5 / 5, 9 / 6, 8 / 4
    assert "ours 500.0 500.0 to 500.0 1" in lines


def test_the_fastest_batch_is_shown_and_the_share_of_the_bandwidth():
    done = [
        Round("ours", "cnn", batch, result(rate, 10) | {"bandwidth_share": 0.5})
        for batch, rate in ((128, 70), (256, 90), (512, 80))
    ]
    entries = report.entries(done)
    assert [(entry["what"], entry["batch"]) for entry in entries] == [("cnn/train", 256), ("cnn/inference", 128)]
    assert "50% of the bandwidth" in report.table(entries)


def test_augmentation_is_set_against_a_training_step():
    done = [
        Round("ours", "mobilenet_v2", 32, result(20, 100)),
        Round(
            "ours", "augment", 32, {"backend": "cpu", "dtype": "float32", "version": "1", "rates": {"course": 400.0}}
        ),
    ]
    lines = report.table(report.entries(done)).splitlines()
    assert lines[-1].split() == ["augment/course", "5.0%"]
    assert "augmentation" not in report.table(report.entries(ROUNDS))
