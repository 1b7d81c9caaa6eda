"""A residual CNN of 0.7 million parameters, from scratch on photographs of 128x128.

python scripts/train.py --config=configs/cnn.py --config.data.dir=FOLDER
"""

from flowers_jax import base_config


def get_config():
    config = base_config.get_config()
    config.data.image_size = 128
    config.model.name = "cnn"
    config.model.weights = "none"
    config.model.freeze = "none"
    return config
