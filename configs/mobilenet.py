"""MobileNetV2 with ImageNet weights: the best model here. It trains the head on the frozen backbone.

python scripts/train.py --config=configs/mobilenet.py
"""

from flowers_jax import base_config


def get_config():
    config = base_config.get_config()
    config.epochs = 40
    config.learning_rate = 3e-3  # for few photographs: an epoch of the ten species has four steps
    return config
