"""What MobileNetV2 is made of, as numbers and names: stages, blocks, widths, groups of parameters."""

from collections.abc import Iterator
from typing import NamedTuple

from flowers_jax.models.groups import Group, Groups
from flowers_jax.models.inverted_residual import Block, make_divisible

STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""(expansion, channels, repeats, stride of the first) of the seven stages: table 2 of the paper."""


class Convention(NamedTuple):
    """What differs between the two families of weights.

    Attributes:
        symmetric: padding 1 on every side; else TensorFlow's SAME.
        unbiased: the stored variances are those of n - 1.
        whole_widths: widths are cut to whole numbers before they are rounded to multiples of 8.
    """

    symmetric: bool
    epsilon: float
    momentum: float
    unbiased: bool
    whole_widths: bool


CONVENTIONS = {
    "torch": Convention(True, 1e-5, 0.9, unbiased=True, whole_widths=False),
    "keras": Convention(False, 1e-3, 0.999, unbiased=False, whole_widths=True),
}


def blocks(alpha: float, whole_widths: bool) -> Iterator[Block]:
    """The seventeen, in order; their strides are those before the output stride limits them."""
    number = 0
    for stage, (expansion, channels, repeats, stride) in enumerate(STAGES, start=1):
        width = int(channels * alpha) if whole_widths else channels * alpha
        for repeat in range(repeats):
            yield Block(f"block_{number}", stage, expansion, make_divisible(width), stride if repeat == 0 else 1)
            number += 1


GROUPS: Groups = (
    Group("stem", ("backbone/stem",)),
    *(
        Group(
            f"stage_{number}", tuple(f"backbone/{block.name}" for block in blocks(1.0, False) if block.stage == number)
        )
        for number in range(1, len(STAGES) + 1)
    ),
    Group("last", ("backbone/last",)),
    Group("head", ("head_hidden", "head")),
)
"""The parameters from the input to the head, at every width."""
