"""List what is wrong with a folder of photographs; exit status 0 if nothing is, else 3.

python scripts/check.py FOLDER [--json]
"""

import json
from collections import Counter
from collections.abc import Sequence

from flowers_jax import cli
from flowers_jax.data.dataset import Skipped
from flowers_jax.data.decode import MAX_PIXELS
from flowers_jax.data.folder import scan_folder, twins

PROBLEMS = 3


def main(argv: Sequence[str]) -> int:
    flags = cli.parser(__doc__)
    flags.add_argument("folder", metavar="FOLDER", help="class folders, or train/validation/test of them")
    flags.add_argument("--json", action="store_true", help="print JSON")
    flags.add_argument("--max-pixels", type=int, default=MAX_PIXELS, help="a larger photograph is a problem")
    flags.add_argument("--follow-links", action="store_true", help="read links that lead out of the folder")
    args = flags.parse_args(argv)
    dataset = scan_folder(args.folder, max_pixels=args.max_pixels, follow_links=args.follow_links)
    found = [*dataset.skipped, *twins(dataset)]
    if not dataset.examples:
        found.append(Skipped("./", "no usable photograph in class folders"))
    problems = [skipped._asdict() for skipped in found]
    counts = Counter(dataset.classes[example.label] for example in dataset.examples)
    if args.json:
        report = {"folder": args.folder, "photographs": len(dataset.examples), "classes": counts, "problems": problems}
        print(json.dumps(report, indent=2))
    else:
        for problem in problems:
            print(f"{problem['path']}: {problem['reason']}")
        print(f"{len(dataset.examples)} usable photographs of {len(counts)} classes, {len(problems)} problems")
        for name, count in sorted(counts.items()):
            print(f"{count:>8}  {name}")
    return PROBLEMS if problems else 0


if __name__ == "__main__":
    cli.run(main, prints_results=True)
