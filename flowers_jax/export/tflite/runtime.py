"""LiteRT, which runs TFLite files; it needs neither TensorFlow nor JAX."""

import os
from typing import Any

from ai_edge_litert.interpreter import Interpreter, OpResolverType

from flowers_jax.runtime import notices


def load(whole: bytes) -> Any:
    """An interpreter of the file, ready to run one image at a time."""
    return _allocated(Interpreter(model_content=whole, num_threads=os.cpu_count()))


def load_with_activations(whole: bytes) -> Any:
    """As `load`; after a run it has the values of all tensors, for which it runs on the plain kernels."""
    return _allocated(
        Interpreter(
            model_content=whole,
            num_threads=os.cpu_count(),
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
    )


def _allocated(interpreter: Interpreter) -> Interpreter:
    with notices.hidden():
        interpreter.allocate_tensors()
    return interpreter
