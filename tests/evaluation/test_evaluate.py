"""Which photographs an evaluation counts, and what it says of them."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from flowers_jax.data.sources import procedural
from flowers_jax.data.sources.folder import load_folder
from flowers_jax.errors import UsageError
from flowers_jax.evaluation import trained_model
from flowers_jax.evaluation.evaluate import evaluate, trained_on
from flowers_jax.training.loop import fit
from tests.conftest import png, smoke_config
from tests.data.pictures import scene
from tests.scripts.commands import script, table

CLASSES = tuple(procedural.PETALS)[:2]


def train(data, run, **changes):
    config = smoke_config()
    config.epochs, config.batch_size, config.data.dir, config.data.split = 1, 4, str(data), (0.5, 0.5, 0.0)
    for name, value in changes.items():
        config.data[name] = value
    fit(config, run)
    return trained_model.load(str(run))


@pytest.fixture(scope="module")
def divided(tmp_path_factory):
    """(model, folder) of a run of 12, 12 and 8 photographs of a folder of train/ and test/."""
    base, number = tmp_path_factory.mktemp("divided"), 0
    for part, count in (("train", 12), ("test", 4)):
        for name in CLASSES:
            (base / "photos" / part / name).mkdir(parents=True)
            for _ in range(count):
                number += 1
                (base / "photos" / part / name / f"{number}.png").write_bytes(procedural.draw(name, number))
    return train(base / "photos", base / "run"), base / "photos"


def parts(train=0, validation=0, test=0, other=0):
    return {"train": train, "validation": validation, "test": test, "other": other}


def test_the_runs_own_photographs_follow_splits_csv(divided):
    model, photos = divided
    for split, expected in (
        ("train", parts(train=12)), ("validation", parts(validation=12)), ("test", parts(test=8)), ("", parts(test=8)),
    ):  # fmt: skip
        report = evaluate(model, str(photos), split)
        assert report["parts"] == expected and report["examples"] == sum(expected.values())
        assert report["split"] == (split or "test")


def test_a_figure_is_that_of_the_photographs_that_it_names(divided):
    model, photos = divided
    (row,) = table(model.run.path / "metrics.csv")
    assert evaluate(model, str(photos), "validation")["accuracy"] == float(row["val_accuracy"])


def test_photographs_from_elsewhere_follow_the_folders_names(divided, tmp_path):
    """Same paths with other contents, and the run's contents under other paths."""
    model, photos = divided
    other = shutil.copytree(photos, tmp_path / "other")
    for path in other.rglob("*.png"):
        path.write_bytes(procedural.draw(path.parent.name, 1000 + int(path.stem)))
    trains = next(path for path, row in model.run.read_splits().items() if row["split"] == "train")
    (other / "test" / CLASSES[0] / "trained on.png").write_bytes((photos / trains).read_bytes())
    assert evaluate(model, str(other), "train")["parts"] == parts(other=24)
    with pytest.raises(UsageError, match=r"--split=validation: no photograph of its validation part$"):
        evaluate(model, str(other), "validation")
    report = evaluate(model, str(other))
    assert report["parts"] == parts(train=1, other=8)
    assert trained_on(report) == "warning: 1 of the 9 photographs were trained on"


def test_an_undivided_folder_is_told_by_content(divided, tmp_path, capsys):
    model, photos = divided
    for path in photos.rglob("*.png"):
        target = tmp_path / "gathered" / path.parent.name / f"renamed {path.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    (target.parent / "new.png").write_bytes(procedural.draw(target.parent.name, 2000))
    command = ["evaluate", f"--run={model.run.path}", f"--data={tmp_path / 'gathered'}"]
    assert script(*command) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["parts"] == parts(12, 12, 8, 1)
    assert err.splitlines() == [
        "warning: 12 of the 33 photographs were trained on; --split=test counts those of the run's test part alone"
    ]
    for split, expected, said in (
        ("train", parts(train=12), "warning: all 12 photographs were trained on\n"),
        ("validation", parts(validation=12), ""),
        ("test", parts(test=8), ""),
    ):
        assert script(*command, f"--split={split}") == 0
        out, err = capsys.readouterr()
        assert json.loads(out)["parts"] == expected and err == said


def test_photographs_of_one_scene_are_read_as_the_run_read_them(tmp_path):
    """They look alike, and with `data.group_similar` 18 of 24 are taken for copies of one another."""
    pixels = np.asarray(scene(0).resize((64, 48)), np.int16)
    for part, count in (("train", 9), ("test", 3)):
        for name, tint in zip(CLASSES, (0, 3), strict=True):
            (tmp_path / "photos" / part / name).mkdir(parents=True)
            for number in range(count):
                shade = Image.fromarray(
                    np.clip(pixels + tint + 4 * number + 2 * (part == "test"), 0, 255).astype(np.uint8)
                )
                (tmp_path / "photos" / part / name / f"{number}.png").write_bytes(png(shade))
    with pytest.raises(UsageError, match="train/ has no usable photograph"):
        load_folder(str(tmp_path / "photos"))
    model = train(tmp_path / "photos", tmp_path / "run", group_similar=False)
    report = evaluate(model, str(tmp_path / "photos"))
    assert report["examples"] == 6 and report["skipped"] == []


def test_a_class_that_train_lacks_is_fine(divided, tmp_path):
    """Whoever only evaluates may have any part of the classes in any part of the folder."""
    model, photos = divided
    shutil.copytree(photos, tmp_path / "photos")
    shutil.rmtree(tmp_path / "photos" / "train" / CLASSES[0])
    assert evaluate(model, str(tmp_path / "photos"), "test")["examples"] == 8
