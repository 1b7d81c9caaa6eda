"""What was computed by other code of ours is not found again."""

import shutil
from pathlib import Path

import jax
import pytest

from flowers_jax import config, models
from flowers_jax.data import decoded_file
from flowers_jax.data.checks import known_good
from flowers_jax.data.dataset import Dataset, Example
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.storage import source
from flowers_jax.training import features
from flowers_jax.training.features import FeatureCache, View
from tests.conftest import ROOT, smoke_config

PACKAGE = ROOT / "flowers_jax"


def copied(parts, place: Path) -> Path:
    for part in parts:
        (place / part).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (PACKAGE / part).is_dir() else shutil.copy)(PACKAGE / part, place / part)
    return place


def test_a_copy_has_the_same_sum_and_a_changed_one_another(tmp_path):
    parts = features.SOURCE
    before = source.sha256(*parts)
    assert source.sha256(*parts, root=copied(parts, tmp_path / "same")) == before
    inside = [path.relative_to(PACKAGE) for part in parts for path in (PACKAGE / part).rglob("*.py")]
    changed = [Path("data/decode.py"), Path("data/checks/jpeg.py"), *inside]
    assert Path("models/mobilenet_v2/network.py") in changed and Path("ops/depthwise.py") in changed
    place, sums = copied(parts, tmp_path / "changed"), set()
    for number, name in enumerate(changed):
        with (place / name).open("a") as file:
            file.write("\n")
        (tmp_path / str(number)).symlink_to(place)  # sums are kept by their root
        sums.add(source.sha256(*parts, root=tmp_path / str(number)))
    assert len(sums) == len(changed) and before not in sums


def test_a_module_that_is_renamed_or_moved_counts(tmp_path):
    copied(["ops"], tmp_path)
    before = source.sha256("ops", root=tmp_path)
    (tmp_path / "ops" / "xla.py").rename(tmp_path / "ops" / "renamed.py")
    (tmp_path / "again").symlink_to(tmp_path)
    assert source.sha256("ops", root=tmp_path / "again") != before
    with pytest.raises(FileNotFoundError):
        source.sha256("none.py", root=tmp_path)


def names() -> tuple[str, str, str]:
    """Of the decoded photographs, of features, and of what decoded before."""
    examples = [Example("a.png", 0, "a" * 64, "train")]
    dataset = Dataset("x", "", ("one", "two"), tuple(examples), lambda _: b"")
    module = models.create("mobilenet_v2", 2, alpha=0.35)
    variables = {"params": {"backbone": {}}, "batch_stats": {"backbone": {}}}
    spec = models.find("mobilenet_v2")
    cache = FeatureCache(
        config.validate(smoke_config()), dataset, spec, module, variables, Preprocessing(32), jax.devices()[:1]
    )
    contents = [example.sha256 for example in examples]
    return (
        decoded_file._content_key(contents, Preprocessing(32)),
        cache._file("train", View()).name,
        known_good._file().name,
    )


@pytest.mark.parametrize(
    ("module", "changes"),
    [
        ("data/decode.py", 3),
        ("data/checks/jpeg.py", 3),
        ("data/checks/similar.py", 1),
        ("data/checks/known_good.py", 1),
        ("augment", 1),
        ("models", 1),
        ("ops", 1),
    ],
)
def test_names_depend_on_the_modules_that_decide(monkeypatch, module, changes):
    before, sums = names(), source.sha256
    assert names() == before

    def changed(*parts: str) -> str:
        return sums(*parts)[::-1] if module in parts else sums(*parts)

    monkeypatch.setattr(source, "sha256", changed)
    assert sum(one != other for one, other in zip(before, names(), strict=True)) == changes
