"""MobileNetV2 with ImageNet weights: the best model here. It trains the head on the frozen backbone.

python scripts/train.py --config=configs/mobilenet.py
"""

from flowers_jax import base_config


def get_config():
    return base_config.get_config()
