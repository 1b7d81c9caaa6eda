"""The nearest training photographs of a model, beside all distances computed at once."""

from dataclasses import replace

import numpy as np
import pytest

from flowers_jax.evaluation import neighbours, trained_model
from flowers_jax.evaluation.neighbours import nearest
from flowers_jax.evaluation.own import own_photographs
from flowers_jax.training.loop import fit
from tests.conftest import smoke_config


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A model and its photographs, 96 of them in the training part."""
    config, where = smoke_config(), tmp_path_factory.mktemp("neighbours") / "run"
    config.epochs = 1
    fit(config, where)
    model = trained_model.load(where)
    return model, own_photographs(model)


def read(model, dataset, part):
    paths = [example.path for example in dataset.examples if example.split == part]
    return np.stack([neighbours.read_again(dataset, path, model.preprocessing, model.max_pixels) for path in paths])


def test_they_have_the_largest_cosine(run):
    model, dataset = run
    images, training = read(model, dataset, "test"), read(model, dataset, "train")
    found = nearest(model, dataset, images)
    one, all_of_them = (model.features(part).astype(np.float64) for part in (images, training))
    cosines = (one / np.linalg.norm(one, axis=1)[:, None]) @ (
        all_of_them / np.linalg.norm(all_of_them, axis=1)[:, None]
    ).T
    examples = [example for example in dataset.examples if example.split == "train"]
    for row, own in zip(cosines, found, strict=True):
        assert [examples.index(neighbour.example) for neighbour in own] == np.argsort(-row)[:3].tolist()
        np.testing.assert_allclose([neighbour.similarity for neighbour in own], np.sort(row)[::-1][:3], rtol=1e-4)


def test_a_photograph_is_nearest_to_itself_unless_it_is_gone(run):
    model, dataset = run
    image = read(model, dataset, "train")[:1]
    ((first, second, _),) = nearest(model, dataset, image)
    assert first.similarity == pytest.approx(1)

    def read_others(path):
        if path == first.example.path:
            raise FileNotFoundError(2, "No such file or directory")
        return dataset.read(path)

    assert nearest(model, replace(dataset, read=read_others), image)[0][0] == second


def test_of_many_training_photographs_some_are_compared(run, monkeypatch):
    model, dataset = run
    monkeypatch.setattr(neighbours, "MOST_COMPARED", 10)
    examples = neighbours.compared(dataset)
    training = [example for example in dataset.examples if example.split == "train"]
    assert len(examples) == 10 and examples[0] == training[0] and examples[-1] == training[-1]
    found = nearest(model, dataset, read(model, dataset, "test")[:2])
    assert {neighbour.example for own in found for neighbour in own} <= set(examples)


def test_features_that_are_known_are_not_computed_again(run, monkeypatch):
    model, dataset = run
    images, training = read(model, dataset, "test")[:4], read(model, dataset, "train")
    monkeypatch.setattr(neighbours, "MOST_COMPARED", 10)
    expected = nearest(model, dataset, images)
    monkeypatch.setattr(neighbours, "_read", None)
    found = nearest(model, dataset, images, known=model.features(training))
    assert [[near.example for near in own] for own in found] == [[near.example for near in own] for own in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose([near.similarity for near in one], [near.similarity for near in other], rtol=1e-5)


def test_a_model_without_features_has_none(run):
    model, dataset = run
    without = replace(model, spec=replace(model.spec, features=None))
    assert nearest(without, dataset, read(model, dataset, "test")[:2]) == [[], []]
    assert nearest(model, dataset, read(model, dataset, "test")[:0]) == []
