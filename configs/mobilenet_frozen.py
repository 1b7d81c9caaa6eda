"""MobileNetV2 with ImageNet weights, its backbone frozen and a new linear head.

python scripts/train.py --config=configs/mobilenet_frozen.py --config.data.dir=FOLDER
"""

from flowers_jax import base_config


def get_config():
    config = base_config.get_config()
    config.model.freeze = "backbone"
    return config
