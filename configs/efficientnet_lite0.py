"""EfficientNet-Lite 0 with ImageNet weights, fine-tuned with the settings of configs/mobilenet.py.

python scripts/train.py --config=configs/efficientnet_lite0.py --config.data.dir=FOLDER
"""

import runpy
from pathlib import Path


def get_config():
    config = runpy.run_path(str(Path(__file__).with_name("mobilenet.py")))["get_config"]()
    config.model.name = "efficientnet_lite"
    return config
