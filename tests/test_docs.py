"""What README and docs name is there: links, keys of a config, scripts and configs; files, functions and layers."""

import importlib
import operator
import re

import pytest

from flowers_jax import config
from tests.conftest import ROOT
from tests.test_layering import LAYERS

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
KEYS = config.KEYS.keys() | config.option_keys().keys()
PARTS = {name.split(".")[0] for name in KEYS if "." in name}
FILES = ("json", "csv", "py", "onnx", "safetensors", "stablehlo", "tflite")
"""Suffixes: `model.json` is no key."""
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
NAMED = re.findall(r"`([\w/]+\.py)`((?:(?::\s|, )`[A-Za-z_.]+`)*)", ARCHITECTURE)
"""(path, the names that follow it) of "`path.py`: `name`, `name`"."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    assert [link for link in links if ":" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_keys_scripts_and_configs_exist(page):
    text = page.read_text()
    named = set(re.findall(r"--config\.([a-z_.]+)=", text))
    quoted = re.findall(r"`([a-z_]+)\.([a-z_]+)(?:=[^`]*)?`", text)
    named |= {f"{part}.{leaf}" for part, leaf in quoted if part in PARTS and leaf not in FILES}
    files = set(re.findall(r"(?:scripts|configs)/[a-z_]+\.py", text))
    added = {f".{leaf}" for leaf in re.findall(r'"(\w+)": Key\(', text)}  # by an example
    assert [name for name in sorted(named) if name not in KEYS and not name.endswith(tuple(added))] == []
    assert [name for name in sorted(files) if not (ROOT / name).is_file()] == []


def test_architecture_names_files_and_functions_that_exist():
    assert len(NAMED) > 50
    for path, names in NAMED:
        if path.startswith("tests/"):
            assert (ROOT / path).is_file(), path
        elif "NAME" not in path:
            dotted = f"flowers_jax/{path}".removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            module = importlib.import_module(dotted)
            for name in re.findall(r"`(.+?)`", names):
                operator.attrgetter(name)(module)


def test_architecture_lists_the_layers():
    (block,) = re.findall(r"```text\n(__init__ .*?)\n```", ARCHITECTURE, flags=re.S)
    listed = [line.split()[0] for line in block.splitlines()]
    assert listed == [*LAYERS, "errors,"]
