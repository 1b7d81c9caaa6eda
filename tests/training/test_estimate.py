"""The time that a run takes, before it begins, and that measuring it changes nothing."""

import time

import pytest

from flowers_jax import config as config_lib
from flowers_jax.run.directory import RunDirectory
from flowers_jax.runtime import parallel
from flowers_jax.training import estimate, trainer
from flowers_jax.training.estimate import Timed
from flowers_jax.training.loop import fit
from flowers_jax.training.setup import prepare
from tests.training import networks
from tests.training.runs import state_bytes, timeless


def test_a_slow_step_is_foreseen(smoke, tmp_path, monkeypatch):
    """Twelve steps of a quarter of a second."""
    real = parallel.map_step

    def slowed(*given, **options):
        step = real(*given, **options)

        def slow(*arguments):
            time.sleep(0.25)
            return step(*arguments)

        return slow

    monkeypatch.setattr(parallel, "map_step", slowed)
    smoke.epochs = 2
    summary = fit(smoke, tmp_path / "run")
    assert summary["estimated_seconds"] > 3 and 0.5 < summary["estimated_seconds"] / summary["seconds"] < 2


def test_the_state_does_not_change_and_a_program_is_compiled_once(whole, smoke, tmp_path, monkeypatch):
    """`whole` was estimated; here steps are traced as often as they are compiled."""
    traced, step = [], trainer.train_step
    with monkeypatch.context() as counting:
        counting.setattr(trainer, "train_step", lambda *given, **more: traced.append(1) or step(*given, **more))
        fit(smoke, tmp_path / "counted")
    assert len(traced) == 1
    monkeypatch.setattr(estimate, "time_steps", lambda *_: Timed(0.0, 1.0))
    monkeypatch.setattr(estimate, "time_save", lambda *_: 1.0)
    fit(smoke, tmp_path / "none")
    assert timeless(whole) == timeless(tmp_path / "none")
    assert state_bytes(whole) == state_bytes(tmp_path / "none")


def test_every_phase_counts(smoke, tmp_path, monkeypatch):
    """96 training photographs in 6 batches, 12 for validation and 12 for the test."""
    monkeypatch.setattr(estimate, "decoding", lambda *_: 0.5)
    networks.small(smoke)
    smoke.data.image_size, smoke.transfer.epochs, smoke.transfer.views, smoke.epochs = 32, 2, 0, 4
    config = config_lib.validate(smoke)
    job = prepare(config, RunDirectory(tmp_path / "run"), False)
    progress = job.watch(config).start(1e-3)
    validation = 12 / 16 / 3  # of a step
    head = 2 * (6 + validation) * 0.1 + 12 * 0.01 + 1.0 / 3
    rest = 96 * 0.5 + 4 * (6 + validation) * 0.2 + 12 * 0.5 + 2.0 / 3
    test = 12 * 0.5 + 2 * validation * 0.2
    left = estimate.seconds_left(config, job, progress, [Timed(1.0, 0.1), Timed(2.0, 0.2)], 0.01, 3.0)
    assert left == pytest.approx(head + rest + test + 6 * 3.0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "a few seconds"), (42, "about 40 s"), (361, "about 6 min"), (5400, "about 90 min"), (9000, "about 2.5 h")],
)
def test_in_words(smoke, tmp_path, seconds, words):
    config = config_lib.validate(smoke)
    phases = prepare(config, RunDirectory(tmp_path / "run"), False).phases
    assert estimate.in_words(config, phases, float(seconds)) == words
    early = config_lib.replace(config, {"early_stopping.patience": 2})
    assert estimate.in_words(early, phases, float(seconds)) == f"at most {words} (early stopping may end it before)"
