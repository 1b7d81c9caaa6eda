"""The order of a run's photographs: by their pixels, so that neither names nor encodings change the result."""

import io
import shutil

import pytest
from PIL import Image

from flowers_jax.errors import Interrupted
from flowers_jax.training.loop import fit
from tests.conftest import png
from tests.scripts.commands import table
from tests.torture import outcome


def test_other_names_and_another_lossless_format_train_the_same_model(smoke, folder, tmp_path):
    renamed = tmp_path / "renamed"
    for number, path in enumerate(sorted(folder.rglob("*.png"), reverse=True)):
        (renamed / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, renamed / path.parent.name / f"{number:02}.png")
    for name, root in (("one", folder), ("other", renamed)):
        smoke.data.dir = str(root)
        fit(smoke, tmp_path / name)
    assert outcome.metrics(tmp_path / "one") == outcome.metrics(tmp_path / "other")
    orders = [[row["sha256"] for row in table(tmp_path / name / "splits.csv")] for name in ("one", "other")]
    assert orders[0] == orders[1]
    for name in ("one", "other"):
        paths = [row["path"] for row in table(tmp_path / name / "predictions.csv")]
        assert paths == sorted(paths) and len(paths) == 6


def test_the_parts_of_a_divided_folder_may_come_in_any_lossless_format(smoke, folder, tmp_path):
    """Its splits are given, so that not even the SHA-256 of the files matters."""
    for path in folder.rglob("*.png"):
        part = "test" if len(path.stem) == 1 and path.stem < "3" else "validation" if path.stem == "9" else "train"
        for name, data in (("png", path.read_bytes()), ("bmp", png(Image.open(io.BytesIO(path.read_bytes())), "BMP"))):
            target = tmp_path / name / part / path.parent.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    for name in ("png", "bmp"):
        smoke.data.dir = str(tmp_path / name)
        fit(smoke, tmp_path / f"run of {name}")
    assert outcome.metrics(tmp_path / "run of png") == outcome.metrics(tmp_path / "run of bmp")


def test_a_run_that_goes_on_keeps_the_order_of_its_splits(smoke, folder, tmp_path, stop_after):
    """An older run has another order."""
    smoke.data.dir = str(folder)
    fit(smoke, tmp_path / "sorted")
    with pytest.MonkeyPatch.context() as older:
        older.setattr("flowers_jax.training.photographs._order", lambda example: example.path)
        fit(smoke, tmp_path / "whole")
        stop_after(5)
        with pytest.raises(Interrupted):
            fit(smoke, tmp_path / "run")
    fit(smoke, tmp_path / "run")
    assert outcome.metrics(tmp_path / "run") == outcome.metrics(tmp_path / "whole")
    assert outcome.metrics(tmp_path / "run") != outcome.metrics(tmp_path / "sorted")
