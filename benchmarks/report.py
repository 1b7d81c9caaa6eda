"""What the rounds come to: medians, ratios, a table."""

import os
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.rounds import Round


def entries(rounds: Iterable[Round], batch: int) -> list[dict[str, Any]]:
    """One for each program and thing measured: `{what, who, backend, dtype, batch, images_per_second, rounds, ...}`.

    `images_per_second` is the median of `rounds`, and so are `first_step_seconds` and `peak_megabytes`, which
    belong to the process: training and inference together. Failed rounds count nowhere.
    """
    gathered: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for done in rounds:
        if done.result is None:
            continue
        for what in done.result["rates"]:
            name = what if what == done.model else f"{done.model}/{what}"
            gathered.setdefault((name, done.who), []).append(done.result)
    return [_entry(what, who, results, batch) for (what, who), results in gathered.items()]


def _entry(what: str, who: str, results: Sequence[dict[str, Any]], batch: int) -> dict[str, Any]:
    rates = [result["rates"][what.rpartition("/")[2]] for result in results]
    details = {
        name: statistics.median(result[name] for result in results)
        for name in ("first_step_seconds", "peak_megabytes")
        if name in results[0]
    }
    same = {name: results[0][name] for name in ("backend", "dtype", "version")}
    single = {"batch": 1 if what == "decode" else batch, "images_per_second": statistics.median(rates), "rounds": rates}
    return {"what": what, "who": who, **same, **single, **details, "cores": os.cpu_count()}


def table(entries: Sequence[dict[str, Any]]) -> str:
    """A block for each thing measured; `ours is` divides our median by the program's."""
    ours = {entry["what"]: entry["images_per_second"] for entry in entries if entry["who"] == "ours"}
    lines = []
    for what in dict.fromkeys(entry["what"] for entry in entries):
        lines += ["", f"{what:<24}{'images/s':>12}{'of rounds':>22}{'ours is':>10}{'first step':>12}{'peak':>10}"]
        for entry in (entry for entry in entries if entry["what"] == what):
            median, rounds = entry["images_per_second"], entry["rounds"]
            ratio = f"{ours[what] / median:.2f}x" if what in ours and entry["who"] != "ours" else ""
            first = f"{entry['first_step_seconds']:.1f} s" if "first_step_seconds" in entry else ""
            peak = f"{entry['peak_megabytes']:,.0f} MB" if "peak_megabytes" in entry else ""
            spread = f"{min(rounds):,.1f} to {max(rounds):,.1f}"
            lines.append(f"  {entry['who']:<22}{median:>12,.1f}{spread:>22}{ratio:>10}{first:>12}{peak:>10}")
    lines += _shares(ours)
    return "\n".join(lines[1:])


def _shares(ours: dict[str, float]) -> list[str]:
    """What part of a training step of MobileNetV2 each augmentation takes, where both were measured."""
    step = ours.get("mobilenet_v2/train")
    shares = [
        f"  {what:<22}{step / rate:>12.1%}" for what, rate in ours.items() if step and what.startswith("augment/")
    ]
    return ["", "augmentation, of the time of a training step of MobileNetV2:", *shares] if shares else []
