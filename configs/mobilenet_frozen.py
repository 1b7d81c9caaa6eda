"""MobileNetV2 with ImageNet weights, its backbone frozen, and a new linear head on features that are computed once.

python scripts/train.py --config=configs/mobilenet_frozen.py --config.data.dir=FOLDER
"""

from flowers_jax import base_config


def get_config():
    config = base_config.get_config()
    config.data.image_size = 256  # two points better than at 224
    config.model.freeze = "backbone"
    config.transfer.views = 1
    config.evaluation.flip = True
    return config
