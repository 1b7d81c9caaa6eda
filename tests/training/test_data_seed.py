"""`data.seed` decides splits and folds, and nothing else."""

from flowers_jax import config as config_lib
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training.loop import fit
from flowers_jax.training.photographs import load_dataset
from tests.training.runs import rows


def test_data_seed_divides_and_nothing_else(smoke):
    def division(seed, data_seed, folds=0):
        smoke.seed, smoke.data.seed, smoke.data.folds = seed, data_seed, folds
        return [
            example.split
            for example in load_dataset(config_lib.validate(smoke), RunDirectory("none"), begun=False).examples
        ]

    for folds in (0, 3):
        assert division(1, -1, folds) == division(0, 1, folds) == division(2, 1, folds) != division(0, -1, folds)


def test_data_seed_leaves_the_rest_to_seed(smoke, tmp_path):
    smoke.epochs = 1
    losses, splits = [], []
    for seed, data_seed in ((0, -1), (0, 0), (1, 0)):
        smoke.seed, smoke.data.seed = seed, data_seed
        run = tmp_path / f"{seed} {data_seed}"
        fit(smoke, run)
        losses.append(rows(run)[0]["train_loss"])
        splits.append((run / "splits.csv").read_bytes())
    assert splits[0] == splits[1] == splits[2]
    assert losses[0] == losses[1] != losses[2]


def test_a_run_from_before_data_seed_goes_on(smoke, tmp_path):
    smoke.epochs = 1
    fit(smoke, tmp_path / "run")
    run = RunDirectory(tmp_path / "run")
    older = config_lib.flatten(run.read_config())
    del older["data.seed"]
    run.write_json("config.json", older)
    smoke.epochs = 2
    assert fit(smoke, tmp_path / "run")["epochs"] == 2
