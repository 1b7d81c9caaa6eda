"""MediaPipe Tasks, which no other part of the package needs, run what `tflite.metadata` wrote."""

import pytest
from PIL import Image

from flowers_jax.export import EXPORTERS
from tests.conftest import png
from tests.data.pictures import scene

pytestmark = pytest.mark.slow
mediapipe = pytest.importorskip("mediapipe", reason="not installed: pip install mediapipe")


@pytest.mark.parametrize("name", ["tflite", "tflite-f16", "tflite-int8"])
def test_its_classifier_names_the_models_class(small, tmp_path, name):
    """With the probability; the picture has the model's size, because MediaPipe resizes in its own way."""
    from mediapipe.tasks.python import BaseOptions, vision

    path = tmp_path / f"model{EXPORTERS[name].suffix}"
    EXPORTERS[name].write(small, path)
    side = small.model.preprocessing.size
    (tmp_path / "photograph.png").write_bytes(png(scene(1).resize((side, side), Image.Resampling.BOX)))
    options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=str(path)))
    with vision.ImageClassifier.create_from_options(options) as classifier:
        result = classifier.classify(mediapipe.Image.create_from_file(str(tmp_path / "photograph.png")))
    found = {category.category_name: category.score for category in result.classifications[0].categories}
    (wanted,) = small.model.predict([tmp_path / "photograph.png"])
    tolerance = 0.05 if name == "tflite-int8" else EXPORTERS[name].tolerance
    assert found == pytest.approx(dict(zip(small.model.classes, wanted, strict=True)), abs=tolerance)
