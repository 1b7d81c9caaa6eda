"""The job of `configs/mobilenet_frozen.py` as one writes it in Keras, on the photographs of a run of ours.

python -m benchmarks.keras_job RUN FOLDER WEIGHTS

A frozen MobileNetV2 with those weights, `ImageDataGenerator` with a flip, ten epochs of Adam on its head. Prints the
test accuracy and the seconds as JSON, and how each epoch went.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import LEARNING_RATE
from benchmarks.keras_peer import keras, mobilenet_v2  # which prepares the environment first
from flowers_jax import cli
from flowers_jax.models import mobilenet_v2 as ours
from flowers_jax.models.mobilenet_v2.tensor_names import KERAS, export_variables
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.run import model_json
from flowers_jax.run.directory import RunDirectory

EPOCHS, BATCH = 10, 32


def main(argv: Sequence[str]) -> None:
    flags = cli.parser(__doc__)
    flags.add_argument("run", metavar="RUN", help="a run directory that train.py wrote")
    flags.add_argument("folder", type=Path, metavar="FOLDER", help="the photographs that it was trained on")
    flags.add_argument("weights", metavar="WEIGHTS", help="a file of MobileNetV2's weights, of width 1")
    args = flags.parse_args(argv)
    begin = time.perf_counter()
    run = RunDirectory.existing(args.run)
    description = run.read_model()
    preprocessing = model_json.preprocessing_of(description)
    network = frozen(args.weights, preprocessing.size, len(description["classes"]))
    with tempfile.TemporaryDirectory() as links:
        link(run, args.folder.absolute(), Path(links))
        parts = {part: generator(Path(links) / part, preprocessing) for part in ("train", "validation", "test")}
        network.fit(parts["train"], validation_data=parts["validation"], epochs=EPOCHS, verbose=2)
        loss, accuracy = network.evaluate(parts["test"], verbose=0)
    print(json.dumps({"accuracy": accuracy, "loss": loss, "seconds": time.perf_counter() - begin}))


def frozen(weights: str, size: int, classes: int) -> Any:
    """Keras's MobileNetV2 with the tensors of that file, and a dense layer that trains.

    torchvision's weights want another epsilon, which they get, and another padding, which Keras does not have.
    """
    network = mobilenet_v2(size, classes)
    backbone: Any = network.layers[0]
    loaded = ours.load(weights, num_classes=classes)
    tensors = export_variables(loaded.variables, KERAS)
    for variable in backbone.weights:
        variable.assign(tensors[variable.path])
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.epsilon = ours.CONVENTIONS[loaded.module.convention].epsilon
    backbone.trainable = False
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(LEARNING_RATE), loss, metrics=["accuracy"])
    return network


def link(run: RunDirectory, folder: Path, root: Path) -> None:
    """The run's parts as folders of class folders, for `flow_from_directory`."""
    for number, (path, row) in enumerate(run.read_splits().items()):  # of two folders one name may come twice
        place = root / row["split"] / row["label"] / f"{number:06}{Path(path).suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(folder / path)


def generator(folder: Path, preprocessing: Preprocessing) -> Any:
    """Batches of the photographs below a folder; of those of `train` every other one mirrored, in any order."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    training = folder.name == "train"
    mean, std = np.array(preprocessing.mean, np.float32), np.array(preprocessing.std, np.float32)
    flow = ImageDataGenerator(preprocessing_function=lambda image: (image / 255 - mean) / std, horizontal_flip=training)
    size = (preprocessing.size, preprocessing.size)
    return flow.flow_from_directory(folder, size, batch_size=BATCH, shuffle=training, seed=0)


if __name__ == "__main__":
    cli.run(main, prints_results=True)
