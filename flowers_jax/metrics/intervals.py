"""What chance leaves open in a share of examples, and in the difference between two of them."""

from collections.abc import Sequence

import numpy as np
import scipy.special

LEVEL = 0.95


def wilson(hits: int, examples: int, level: float = LEVEL) -> tuple[float, float]:
    """The interval of Wilson 1927 for the share `hits / examples`; (0, 1) of no example.

    Args:
        level: how often such an interval contains the share that endless examples would have.
    """
    if not examples:
        return 0.0, 1.0
    z = float(scipy.special.ndtri((1 + level) / 2))
    share, spread = hits / examples, z * z / examples
    centre = (share + spread / 2) / (1 + spread)
    half = float(np.sqrt(share * (1 - share) * spread + spread * spread / 4)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def mcnemar(right: Sequence[bool] | np.ndarray, other_right: Sequence[bool] | np.ndarray) -> float:
    """The p-value of McNemar's exact two-sided test: 1 if two models err on the same examples.

    Args:
        right, other_right: for each example whether the one and the other model is right, bool [N].
    """
    one, other = np.asarray(right, bool), np.asarray(other_right, bool)
    only_one, only_other = int((one & ~other).sum()), int((other & ~one).sum())
    # Of the examples on which one model alone is right, each is the one's with probability 1/2.
    return float(min(1.0, 2 * scipy.special.bdtr(min(only_one, only_other), only_one + only_other, 0.5)))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values with the correction of Holm 1979 for their number, in the order given.

    If those below a level are called significant, the chance of one or more false calls is at most that level.
    """
    corrected, least = [0.0] * len(p_values), 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        least = max(least, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = least
    return corrected
