"""One training step: a pure function of one replica; `flowers_jax.runtime.parallel` maps it over the devices."""

import zlib
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key

from flowers_jax.augment import Augment, Examples, augment_images, mix, partner_rows
from flowers_jax.evaluation.predict import eval_step
from flowers_jax.losses import LossFunction
from flowers_jax.losses.cross_entropy import cross_entropy
from flowers_jax.models.freezing import held
from flowers_jax.models.layers import part_of_batch
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.runtime.parallel import AXIS
from flowers_jax.training.state import TrainState, Tree, merge_params, split_params

__all__ = ["eval_step", "model_inputs", "named_key", "streams", "train_step"]


def named_key(seed: int, name: str) -> Key[Array, ""]:
    """The random key of a purpose: `fold_in(seed, name)`. No key is carried over, so no checkpoint holds one."""
    return jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode()))


class Rows(NamedTuple):
    """What the loss takes of each row of a batch; the first axis of every array is B."""

    inputs: Array
    targets: Float[Array, "batch classes"]
    weights: Float[Array, " batch"]
    mask: Bool[Array, " batch"]


def train_step(
    state: TrainState,
    batch: dict[str, Array],
    *,
    module: Any,
    optimizer: optax.GradientTransformation,
    preprocessing: Preprocessing,
    frozen: Collection[str] = (),
    batch_norm: str = "batch",
    augment: Augment = Augment(),  # noqa: B008 (it is frozen)
    loss: LossFunction = cross_entropy,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] = (),
    ema: float = 0.0,
    accumulate: int = 1,
    seed: int = 0,
    num_classes: int = 0,
) -> tuple[TrainState, dict[str, Array]]:
    """The loss of this replica's part of the batch, and one update with the mean gradient of all replicas.

    Runs under the mapped axis `parallel.AXIS`. Frozen parameters get no gradient and have no optimizer state.

    Args:
        batch: `image` uint8 [B, H, W, 3], or features of a frozen backbone, float32 [B, F]; `label` int32 [B]; `mask`
            bool [B], true for the first rows of the whole batch. Masked rows count only in the batch statistics of
            BatchNorm.
        module: a module, or an object with the `apply` of one, such as the head (`models.features`).
        frozen: paths below `state.params` that do not change. Their layers evaluate (`models.freezing`).
        batch_norm: `batch`, or `stored`: every BatchNorm uses the stored statistics.
        loss: from logits and targets [B, classes] to the loss of each example [B].
        label_smoothing: the share of each label that is spread over all classes.
        class_weights: the factor of the loss of each class; a mixed example has the mean of its classes' by their
            shares. Empty: 1 for every class.
        ema: the decay of the moving average; 0: there is none.
        accumulate: the rows of this replica are divided into so many parts, which follow each other. Their gradients
            are added, so the update is that of the whole batch. BatchNorm takes the statistics of one part of all
            replicas, and stores the mean over the parts.
        num_classes: 0: as many as `module.num_classes`.

    Returns:
        The next state, and sums over the whole batch: `loss`, `correct` (for mixed examples, of the class with the
        larger weight), `examples`.
    """
    mask = batch["mask"]
    examples = lax.psum(mask.sum(), AXIS)
    classes = num_classes or module.num_classes
    inputs, labels = model_inputs(batch, state.step, examples, classes, preprocessing, augment, seed)
    targets = optax.smooth_labels(labels, label_smoothing)
    weights = labels @ jnp.array(class_weights, jnp.float32) if class_weights else jnp.ones(len(labels), jnp.float32)
    trainable, fixed = split_params(state.params, frozen)

    def loss_of(trainable: Tree, part: Rows, number: Any) -> tuple[Float[Array, ""], tuple[Array, Array, Any]]:
        variables = {"params": merge_params(trainable, fixed), "batch_stats": state.batch_stats}
        rngs = streams(seed, state.step, number, accumulate)
        with held(frozen, batch_norm), part_of_batch(number, accumulate):
            logits, updated = module.apply(variables, part.inputs, train=True, mutable=["batch_stats"], rngs=rngs)
        losses = part.weights * loss(logits, part.targets)
        total = jnp.where(part.mask, losses, 0).sum()
        correct = jnp.where(part.mask, logits.argmax(-1) == part.targets.argmax(-1), False).sum()
        return total / examples, (total, correct, updated.get("batch_stats", state.batch_stats))

    def of_part(part: Rows, number: Any) -> tuple[Tree, Array, Array, Any]:
        gradients, sums = jax.grad(loss_of, has_aux=True)(trainable, part, number)
        return gradients, *sums

    share = Rows(inputs, targets, weights, mask)
    gradients, total, correct, batch_stats = _over_parts(of_part, share, accumulate)
    gradients = lax.psum(gradients, AXIS)
    updates, opt_state = optimizer.update(gradients, state.opt_state, trainable)
    trainable = optax.apply_updates(trainable, updates)
    metrics = {"loss": lax.psum(total, AXIS), "correct": lax.psum(correct, AXIS), "examples": examples}
    average = state.ema
    if ema:
        average = _average(state.ema, {"params": trainable, "batch_stats": batch_stats}, state.step, ema)
    return TrainState(state.step + 1, merge_params(trainable, fixed), batch_stats, opt_state, average), metrics


def _over_parts(of_part: Callable[[Rows, Any], tuple[Tree, Array, Array, Any]], share: Rows, parts: int) -> Any:
    """The sums of what `of_part(part, number)` gives for each part of a share, one after the other; of its last item,
    the statistics, the mean.
    """
    if parts == 1:
        return of_part(share, 0)
    divided = jax.tree.map(lambda leaf: leaf.reshape(parts, -1, *leaf.shape[1:]), share)

    def add(so_far: Any, item: tuple[Rows, Int[Array, ""]]) -> tuple[Any, None]:
        (*sums, mean), (*own, statistics), number = so_far, of_part(*item), item[1]

        def running(mean: Array, new: Array) -> Array:  # this form leaves the bytes of unchanged statistics as they are
            return jnp.where(number, mean + (new - mean) / (number + 1), new).astype(new.dtype)

        return (*jax.tree.map(jnp.add, sums, own), jax.tree.map(running, mean, statistics)), None

    items = divided, jnp.arange(parts)
    shapes = jax.eval_shape(of_part, *jax.tree.map(lambda leaf: leaf[0], items))
    return lax.scan(add, jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes), items)[0]


def streams(seed: int, step: Int[Array, ""], part: Any = 0, parts: int = 1) -> dict[str, Key[Array, ""]]:
    """Flax's random streams of a step, for one of the parts of a replica's share.

    `example` has one key for all devices, from which `models.layers` draws for each row of the whole batch. `dropout`
    has a different key on each device, for layers such as `nn.Dropout` that draw for all their rows at once.
    """
    key = jax.random.fold_in(named_key(seed, "dropout"), step)
    return {"example": key, "dropout": jax.random.fold_in(key, lax.axis_index(AXIS) * parts + part)}


def _average(old: Tree, new: Tree, step: Int[Array, ""], decay: float) -> Tree:
    """The moving average; it follows faster in the first steps, as TensorFlow's `ExponentialMovingAverage`."""
    # This form leaves the bytes of an unchanged leaf as they are.
    kept = jnp.minimum(decay, (1 + step) / (10 + step))
    return jax.tree.map(lambda average, leaf: average + (1 - kept) * (leaf - average), old, new)


def model_inputs(
    batch: dict[str, Array],
    step: Int[Array, ""],
    examples: Int[Array, ""],
    num_classes: int,
    preprocessing: Preprocessing,
    augment: Augment,
    seed: int,
) -> Examples:
    """The inputs and targets of the model: augmented, mixed and normalised images; features are not changed."""
    if batch["image"].ndim == 2:
        return Examples(batch["image"], jax.nn.one_hot(batch["label"], num_classes))
    rows = lax.axis_index(AXIS) * len(batch["image"]) + jnp.arange(len(batch["image"]))
    images = augment_images(_example_keys(seed, step, rows), batch["image"], augment, preprocessing)
    own = Examples(images, jax.nn.one_hot(batch["label"], num_classes))
    if augment.mixes:  # the partners are the same on any number of devices
        everyone = lax.all_gather(own, AXIS, tiled=True)
        partners = jax.tree.map(lambda leaf: leaf[partner_rows(examples, rows)], everyone)
        own = mix(jax.random.fold_in(named_key(seed, "mix"), step), own, partners, augment)
    return own._replace(images=preprocessing.normalize(own.images))


def _example_keys(seed: int, step: Int[Array, ""], rows: Int[Array, " batch"]) -> Key[Array, " batch"]:
    """A key for each row of the whole batch: the same on any number of devices."""
    key = jax.random.fold_in(named_key(seed, "augment"), step)
    return jax.vmap(lambda row: jax.random.fold_in(key, row))(rows)
