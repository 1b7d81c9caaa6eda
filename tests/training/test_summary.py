"""`summary.json` names what a run used, and a run does not fail over it."""

import platform
from importlib.metadata import version

from flowers_jax.training.summary import PACKAGES, versions


def test_versions_are_of_what_is_installed():
    expected = {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    assert versions(PACKAGES) == expected
    assert versions([*PACKAGES, "no-such-package"]) == expected
