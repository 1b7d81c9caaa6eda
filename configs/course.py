"""The course's own recipe for MobileNetV2. docs/transfer.md shows what is wrong with it and mends it step by step.

Inputs are in [0, 1], which these weights do not expect. Everything trains at a rate made for a fresh head. BatchNorm
uses batches. 16 million parameters follow a Flatten. Training stops on the training loss and keeps the last model.

python scripts/train.py --config=configs/course.py --config.data.dir=FOLDER

On 3,303 photographs of tf_flowers, two CPU cores, 5 folds at 128 pixels and 8 epochs (python scripts/cross_validate.py
with --config.data.image_size=128 --config.epochs=8): 86.1 %, sd 3.2, about 300 s a fold.
"""

from flowers_jax import base_config


def get_config():
    config = base_config.get_config()
    config.epochs = 10
    config.data.normalize = "rescale"
    config.model.options.head = "flatten256"
    config.model.freeze = "none"
    config.model.batch_norm = "batch"
    config.augment.width_shift_range = 0.1
    config.augment.height_shift_range = 0.1
    config.augment.rotation_range = 20.0
    config.augment.shear_range = 0.2
    config.augment.zoom_range = (0.2,)
    config.early_stopping.monitor = "train_loss"
    config.early_stopping.patience = 3
    config.checkpoint.use = "last"
    return config
