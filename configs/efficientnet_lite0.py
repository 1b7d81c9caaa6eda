"""EfficientNet-Lite 0 with ImageNet weights, fine-tuned with the settings of configs/mobilenet.py.

python scripts/train.py --config=configs/efficientnet_lite0.py --config.data.dir=FOLDER

On 3,303 photographs of tf_flowers, two CPU cores, fold 1 of 5 (--config.data.folds=5 --config.data.fold=1): 95.8 % of
664 photographs. MobileNetV2 in configs/mobilenet.py: 96.1 %.
"""

import runpy
from pathlib import Path


def get_config():
    config = runpy.run_path(str(Path(__file__).with_name("mobilenet.py")))["get_config"]()
    config.model.name = "efficientnet_lite"
    return config
