"""A new linear head on the frozen features of EfficientNet-Lite 0, with the settings of configs/mobilenet_frozen.py.

python scripts/train.py --config=configs/efficientnet_lite0_frozen.py --config.data.dir=FOLDER
"""

import runpy
from pathlib import Path


def get_config():
    config = runpy.run_path(str(Path(__file__).with_name("mobilenet_frozen.py")))["get_config"]()
    config.model.name = "efficientnet_lite"
    return config
