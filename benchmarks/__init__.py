"""How fast training, inference and decoding are here, beside Keras and PyTorch on the same machine."""

SIZES = {"mobilenet_v2": 224, "efficientnet_lite": 224, "cnn": 128, "seed_cnn": 28}
"""Height and width in pixels at which each model is measured."""

CLASSES = 5
LEARNING_RATE = 1e-3
