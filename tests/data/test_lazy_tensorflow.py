"""What TensorFlow's import needs of the process is given back."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

PROGRAM = """
import os
before = dict(os.environ)
from flowers_jax.data.lazy_tensorflow import tensorflow
tf = tensorflow()
ours = {name: value for name, value in os.environ.items() if name.startswith("TF_")}  # it sets others by itself
print({name: value for name, value in ours.items() if before.get(name) != value})
from tensorflow.python.util import _pywrap_util_port
print(_pywrap_util_port.IsMklEnabled(), tf.config.get_visible_devices("GPU"))
def fail(_):
    raise ValueError("said by TensorFlow too, where it is not told to be quiet")
try:
    list(tf.data.Dataset.range(1).map(lambda i: tf.numpy_function(fail, [i], tf.uint8)))
except tf.errors.InvalidArgumentError:
    print("failed")
"""


@pytest.mark.parametrize("own", ["", pytest.param("3", marks=pytest.mark.slow)])
def test_the_environment_is_given_back_and_tensorflow_as_quiet_as_told(own):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": own} if own else {}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("{}\nFalse []\nfailed\n", "")
