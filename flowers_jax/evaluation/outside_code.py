"""The code outside the package that a run names. A run directory only names it; the caller permits it to run."""

from collections.abc import Iterable, Mapping, Sequence

from flowers_jax.errors import UsageError
from flowers_jax.outside import is_outside


def match(run: str, names: Iterable[str], codes: Sequence[str]) -> dict[str, str]:
    """From the names of the run that lead outside to the codes that stand for them; others have none.

    Args:
        run: the path of the run, for messages.
        names: of the run's model, loss and metrics.
        codes: `MODULE:NAME` or `FILE.py:NAME`, each for the name with the same part behind the colon. If one name alone
            leads outside, a single code may have any part there.

    Raises:
        UsageError: a code stands for none of the names, or for two.
    """
    outside = sorted({name for name in names if is_outside(name)})
    if codes and not outside:
        raise UsageError(
            f"--code={codes[0]}: the model, the loss and the metrics of --run={run} are the package's own; leave "
            "--code out"
        )
    if len(codes) == len(outside) == 1:
        return {outside[0]: codes[0]}
    return {_name_of(code, run, outside): code for code in codes}


def permitted(run: str, codes: Mapping[str, str], name: str, what: str) -> str:
    """What to import for a name of the run: the name itself if the package has it.

    Args:
        codes: the result of `match`.
        what: the model, the loss or a metric, for messages.

    Raises:
        UsageError: it is code outside the package, and no code stands for it.
    """
    if not is_outside(name):
        return name
    if name not in codes:
        raise UsageError(
            f"--run={run}: its {what} is code outside the package, which never runs without permission: give "
            f"--code={name}"
        )
    return codes[name]


def _name_of(code: str, run: str, outside: Sequence[str]) -> str:
    if code in outside:
        return code
    found = [name for name in outside if name.rpartition(":")[2] == code.rpartition(":")[2]]
    if len(found) == 1:
        return found[0]
    why = "stands for each of" if found else "has behind the colon none of the names of"
    raise UsageError(f"--code={code}: {why} {', '.join(found or outside)}, which --run={run} has")
