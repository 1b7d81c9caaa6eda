"""The course's CNN, 8,741 parameters on photographs of 28x28.

python scripts/train.py --config=configs/seed_cnn.py --config.data.dir=FOLDER
"""

from flowers_jax import base_config


def get_config():
    config = base_config.get_config()
    config.epochs = 100
    config.data.image_size = 28
    config.model.name = "seed_cnn"
    config.model.weights = "none"
    config.model.freeze = "none"
    return config
