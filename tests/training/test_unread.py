"""Settings that nothing would read are refused in one line, before anything is written; defaults never are."""

import re

import pytest
from flax import linen as nn

from flowers_jax import config as config_lib
from flowers_jax.errors import UsageError
from flowers_jax.training.checks import check_model
from flowers_jax.training.loop import fit
from flowers_jax.training.unread import TABLE, check_unread
from tests.conftest import ROOT

CONFIGS = sorted((ROOT / "configs").glob("[!_]*.py"))
BASE, FROZEN = ROOT / "flowers_jax" / "base_config.py", ["model.freeze=backbone"]
VIEW = [*FROZEN, "transfer.views=1"]
COSINE, PIECEWISE = "schedule.name=cosine", "schedule.name=piecewise"


def load(path, settings):
    return config_lib.load(str(path), [tuple(setting.split("=", 1)) for setting in settings])


@pytest.mark.parametrize(
    ("others", "setting", "words"),
    [
        ([], "data.fold=3", "changes nothing without --config.data.folds; give 1"),
        ([], "data.follow_links=True", "without --config.data.dir or --config.data.csv; give False"),
        ([], "data.group_pattern=plant", "without --config.data.dir or --config.data.csv; give nothing"),
        (["data.dir=x"], "data.csv_label=species", "changes nothing without --config.data.csv; give label"),
        (["model.freeze=none"], "transfer.learning_rate=0.1", "without --config.transfer.epochs; give 0.003"),
        (FROZEN, "transfer.learning_rate=0.1", "without --config.transfer.epochs"),
        (FROZEN, "optimizer.head_multiplier=10", "freeze=backbone leaves nothing but the head to train; give 1.0"),
        (FROZEN, "optimizer.layer_decay=0.9", "freeze=backbone leaves nothing but the head to train; give 1.0"),
        (FROZEN, "model.batch_norm=batch", "freeze=backbone freezes every BatchNorm; give auto"),
        (FROZEN, "model.options.stochastic_depth=0.1", "freezes all that it acts on; give 0.0"),
        (["model.freeze=stage_6"], "model.options.stochastic_depth=0.1", "freeze=stage_6 freezes all that it acts on"),
        (VIEW, "augment.rotation_range=20", "where --config.transfer.views=1 keeps each photograph as it is"),
        (VIEW, "augment.crop_scale=0.5,1", "=0.5,1.0: changes nothing where .* give 1.0,1.0"),
        (VIEW, "augment.random_erasing=0.5", "keeps each photograph as it is"),
        ([], "augment.documented_shifts=True", "without --config.augment.width_shift_range or"),
        ([], "augment.fill_mode=wrap", "without a rotation, shift, shear or zoom; give nearest"),
        ([], "augment.interpolation_order=0", "without a rotation, shift, shear or zoom; give 1"),
        (["augment.rotation_range=9"], "augment.cval=9", "without --config.augment.fill_mode=constant and"),
        ([], "augment.rand_augment_magnitude=5", "without --config.augment.rand_augment_layers; give 9.0"),
        ([], "schedule.epochs=3", "without --config.schedule.name=cosine; give 0.0"),
        ([PIECEWISE, "schedule.boundaries=2"], "schedule.final=0.1", "without --config.schedule.name=cosine"),
        ([COSINE], "schedule.boundaries=2,4", "=2.0,4.0: changes nothing without .*=piecewise; give nothing"),
        ([COSINE], "schedule.factor=0.5", "without --config.schedule.name=piecewise or exponential; give 0.1"),
        ([], PIECEWISE, "without --config.schedule.boundaries=A,B,...; give constant"),
    ],
    ids=lambda value: value if isinstance(value, str) and "=" in value and " " not in value else "",
)  # fmt: skip
def test_what_nothing_reads_is_refused(others, setting, words):
    check_unread(load(BASE, others if setting != PIECEWISE else []))
    with pytest.raises(UsageError, match=words) as refused:
        check_unread(load(BASE, [*others, setting]))
    key, message = setting.split("=")[0], str(refused.value)
    assert message.startswith(f"--config.{key}=") and "\n" not in message


@pytest.mark.parametrize(
    "settings",
    [
        ["data.folds=5", "data.fold=3", "data.split=0.7,0.2,0.1"],
        ["data.dir=x", "data.group_similar=False", "data.follow_links=True", "data.group_pattern=plant"],
        ["data.csv=x.csv", "data.csv_label=species", "data.csv_group=plant", "data.follow_links=True"],
        ["data.group_similar=False"],
        [
            "model.freeze=stage_5",
            "model.options.stochastic_depth=0.1",
            "model.batch_norm=batch",
            "optimizer.layer_decay=0.9",
        ],
        [*VIEW, "model.batch_norm=stored", "augment.horizontal_flip=False"],  # which is what happens
        [*FROZEN, "transfer.views=2", "augment.crop_scale=0.5,1", "model.dropout=0.1"],
        ["augment.zoom_range=0.2", "augment.fill_mode=constant", "augment.cval=128"],
        ["augment.width_shift_range=0.1", "augment.documented_shifts=True", "augment.interpolation_order=0"],
        ["schedule.name=exponential", "schedule.factor=0.5", "schedule.warmup_epochs=1"],
        [PIECEWISE, "schedule.boundaries=2,4", "schedule.factor=0.5"],
        [COSINE, "schedule.epochs=3", "schedule.final=0.1"],
        ["checkpoint.use=last", "checkpoint.monitor=val_accuracy", "early_stopping.start_from_epoch=99"],
    ],
    ids=lambda settings: settings[-1],
)
def test_what_something_reads_is_taken(settings):
    check_unread(load(BASE, settings))


def test_the_table_speaks_of_keys():
    assert {key for row in TABLE for key in row.keys} <= config_lib.KEYS.keys()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_ready_made_configs_go_together(path):
    config = load(path, [])
    check_model(config)
    check_unread(config)


def test_the_rows_of_docs_transfer_go_together():
    """Each keeps the settings of the rows above it."""
    text = (ROOT / "docs" / "transfer.md").read_text()
    table = text.split("| | keys | train | validation | test |")[1].split("\n\n")[0]
    settings, rows = ["data.image_size=128", "data.folds=5", "epochs=8"], 0
    for line in table.splitlines()[2:]:
        for quoted in re.findall(r"`([a-z_.{},]+=[^`]+)`", line):
            before, names, after = re.fullmatch(r"([^{]*)\{?([^}]*)\}?(.*)", quoted).groups() if "{" in quoted else (
                quoted, "", "")  # fmt: skip
            settings += [f"{before}{name}{after}" for name in names.split(",")]
        config = load(ROOT / "configs" / "course.py", settings)
        check_model(config)
        check_unread(config)
        rows += 1
    assert rows == 13 and config.augment.crop_size == 224 and config.augment.shear_range == 0


def test_the_split_of_a_folder_that_has_its_own(smoke, folder, tmp_path):
    for path in sorted(folder.rglob("*.png")):
        part = tmp_path / "parts" / ("train" if len(path.stem) > 1 else "val") / path.parent.name
        part.mkdir(parents=True, exist_ok=True)
        path.rename(part / path.name)
    smoke.data.dir, smoke.data.split = str(tmp_path / "parts"), (0.5, 0.25, 0.25)
    with pytest.raises(UsageError, match=r"data\.split=0\.5,0\.25,0\.25: changes nothing of photographs with a valid"):
        fit(smoke, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_that_has_begun_goes_on(smoke, tmp_path, monkeypatch):
    """Such a setting was taken before, changed nothing, and may not be changed any more."""
    smoke.epochs, smoke.data.fold = 1, 3
    with monkeypatch.context() as older:
        older.setattr("flowers_jax.training.setup.check_unread", lambda _: None)
        fit(smoke, tmp_path / "run")
    smoke.epochs = 2
    assert fit(smoke, tmp_path / "run")["epochs"] == 2


class Elsewhere(nn.Module):
    """A classifier of another house, with other names."""

    num_classes: int

    @nn.compact
    def __call__(self, x, train: bool):
        del train
        return nn.Dense(self.num_classes, name="classifier")(x.reshape(len(x), -1))


def test_a_multiplier_of_no_head_is_refused(smoke, tmp_path):
    smoke.model.name = f"{__name__}:Elsewhere"
    smoke.optimizer.head_multiplier = 10.0
    with pytest.raises(UsageError, match=r"multiplier=10\.0: no parameter of .*:Elsewhere has a name that begins"):
        fit(smoke, tmp_path / "run")
    assert not (tmp_path / "run").exists()
