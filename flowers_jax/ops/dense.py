"""A dense (fully connected) layer from its definition, with its three gradients in closed form."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Matrix = Float[Array, "_rows _columns"]
Vector = Float[Array, "_outputs"]
MatrixLike = Float[Array | np.ndarray, "_rows _columns"]
VectorLike = Float[Array | np.ndarray, "_outputs"]


def dense(x: MatrixLike, w: MatrixLike, b: VectorLike) -> Matrix:
    """y[n, o] = sum over i of x[n, i] w[i, o] + b[o].

    Args:
        x: [B, I].
        w: [I, O].
        b: [O].

    Returns:
        [B, O].

    Raises:
        ValueError: the shapes do not fit; it names them.
    """
    if x.shape[1] != w.shape[0] or w.shape[1:] != b.shape:
        raise ValueError(f"input {x.shape}, kernel {w.shape}, bias {b.shape}: must be [B, I], [I, O] and [O]")
    return jnp.einsum("ni,io->no", x, w) + b


def dense_input_grad(dy: MatrixLike, w: MatrixLike) -> Matrix:
    """dL/dx[n, i] = sum over o of dL/dy[n, o] w[i, o]: [B, O] and [I, O] -> [B, I].

    Raises:
        ValueError: the shapes do not fit; it names them.
    """
    if dy.shape[1] != w.shape[1]:
        raise ValueError(f"output gradient {dy.shape}, kernel {w.shape}: must be [B, O] and [I, O]")
    return jnp.einsum("no,io->ni", dy, w)


def dense_kernel_grad(x: MatrixLike, dy: MatrixLike) -> Matrix:
    """dL/dw[i, o] = sum over n of x[n, i] dL/dy[n, o]: [B, I] and [B, O] -> [I, O].

    Raises:
        ValueError: the shapes do not fit; it names them.
    """
    if x.shape[0] != dy.shape[0]:
        raise ValueError(f"input {x.shape}, output gradient {dy.shape}: must be [B, I] and [B, O]")
    return jnp.einsum("ni,no->io", x, dy)


def dense_bias_grad(dy: MatrixLike) -> Vector:
    """dL/db[o] = sum over n of dL/dy[n, o]: [B, O] -> [O]."""
    return jnp.sum(jnp.asarray(dy), 0)
