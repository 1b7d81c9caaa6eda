"""What the rounds come to: medians, ratios, a table."""

import os
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.rounds import Round


def entries(rounds: Iterable[Round]) -> list[dict[str, Any]]:
    """One for each program and thing measured: `{what, who, backend, dtype, batch, images_per_second, rounds, ...}`.

    `images_per_second` is the median of `rounds`, and so are `first_step_seconds`, `warm_first_step_seconds`,
    `peak_megabytes` and `bandwidth_share`, which belong to the process: training and inference together. Of several
    sizes of a batch it is the fastest. Failed rounds count nowhere.
    """
    gathered: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for done in rounds:
        if done.result is None:
            continue
        for what in done.result["rates"]:
            name = what if what == done.model else f"{done.model}/{what}"
            gathered.setdefault((name, done.who, done.batch), []).append(done.result)
    fastest: dict[tuple[str, str], dict[str, Any]] = {}
    for (what, who, batch), results in gathered.items():
        entry = _entry(what, who, results, batch)
        best = fastest.setdefault((what, who), entry)
        if entry["images_per_second"] > best["images_per_second"]:
            fastest[what, who] = entry
    return list(fastest.values())


def _entry(what: str, who: str, results: Sequence[dict[str, Any]], batch: int) -> dict[str, Any]:
    rates = [result["rates"][what.rpartition("/")[2]] for result in results]
    details = {
        name: statistics.median(found)
        for name in ("first_step_seconds", "warm_first_step_seconds", "peak_megabytes", "bandwidth_share")
        if (found := [result[name] for result in results if result.get(name) is not None])
    }
    same = {name: results[0][name] for name in ("backend", "dtype", "version")}
    single = {"batch": 1 if what == "decode" else batch, "images_per_second": statistics.median(rates), "rounds": rates}
    return {"what": what, "who": who, **same, **single, **details, "cores": os.cpu_count()}


def table(entries: Sequence[dict[str, Any]]) -> str:
    """A block for each thing measured; `ours is` divides our median by the program's, and the range beside it is that
    of the rounds, each of ours divided by the program's in the same round. `warm` is the first step of a second start.
    """
    ours = {entry["what"]: entry for entry in entries if entry["who"] == "ours"}
    lines = []
    for what in dict.fromkeys(entry["what"] for entry in entries):
        head = f"{'images/s':>12}{'of rounds':>22}{'batch':>7}{'ours is':>9}{'of rounds':>14}"
        lines += ["", f"{what:<26}{head}{'first step':>12}{'warm':>8}{'peak':>10}"]
        lines += [_row(entry, ours.get(what)) for entry in entries if entry["what"] == what]
    lines += _shares({what: entry["images_per_second"] for what, entry in ours.items()})
    return "\n".join(lines[1:])


def _row(entry: dict[str, Any], ours: dict[str, Any] | None) -> str:
    median, rounds = entry["images_per_second"], entry["rounds"]
    ratio = ratios = ""
    if ours and entry["who"] != "ours":
        ratio = f"{ours['images_per_second'] / median:.2f}x"
        if len(ours["rounds"]) == len(rounds):  # none of them failed
            each = [mine / other for mine, other in zip(ours["rounds"], rounds, strict=True)]
            ratios = f"{min(each):.2f} to {max(each):.2f}"
    first = f"{entry['first_step_seconds']:.1f} s" if "first_step_seconds" in entry else ""
    warm = f"{entry['warm_first_step_seconds']:.1f} s" if "warm_first_step_seconds" in entry else ""
    peak = f"{entry['peak_megabytes']:,.0f} MB" if "peak_megabytes" in entry else ""
    share = f"  {entry['bandwidth_share']:.0%} of the bandwidth" if "bandwidth_share" in entry else ""
    spread = f"{min(rounds):,.1f} to {max(rounds):,.1f}"
    speed = f"{median:>12,.1f}{spread:>22}{entry['batch']:>7}{ratio:>9}{ratios:>14}"
    return f"  {entry['who']:<24}{speed}{first:>12}{warm:>8}{peak:>10}{share}".rstrip()


def _shares(ours: dict[str, float]) -> list[str]:
    """What part of a training step of MobileNetV2 each augmentation takes, where both were measured."""
    step = ours.get("mobilenet_v2/train")
    shares = [
        f"  {what:<22}{step / rate:>12.1%}" for what, rate in ours.items() if step and what.startswith("augment/")
    ]
    return ["", "augmentation, of the time of a training step of MobileNetV2:", *shares] if shares else []
