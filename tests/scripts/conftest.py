"""The scripts run in the root of the repository."""

import pytest

from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def _in_root(monkeypatch):
    monkeypatch.chdir(ROOT)
