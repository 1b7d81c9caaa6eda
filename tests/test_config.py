"""Configurations: every key explained, read and checked; every refusal names what would be right."""

import ast
import dataclasses
import re
import sys

import pytest

from flowers_jax import base_config, cli
from flowers_jax import config as config_lib
from flowers_jax.config_types import Config
from flowers_jax.errors import UsageError
from flowers_jax.runtime import process
from tests.conftest import ROOT

KEYS = config_lib.KEYS
WITHOUT_SECONDS = {"efficientnet_lite0"}
"""Those whose accuracy was measured on a machine that had other work."""


@pytest.mark.parametrize("name", KEYS)
def test_every_key_has_help_and_a_default_within_its_rule(name: str):
    assert len(KEYS[name].help) > 10
    assert KEYS[name].rule.holds(KEYS[name].default)


def test_every_field_is_a_section_a_key_or_the_options():
    names = {name for section in ("", "data", "model", "checkpoint") for name in _fields(section)}
    assert names - KEYS.keys() == {"model.options", "user"}
    assert config_lib.flatten(Config()).keys() == KEYS.keys()


def _fields(section: str) -> list[str]:
    parent = getattr(Config(), section) if section else Config()
    inner = [field.name for field in dataclasses.fields(parent) if not dataclasses.is_dataclass(field.type)]
    return [f"{section}.{name}".strip(".") for name in inner]


def test_a_config_cannot_be_changed_but_replaced():
    config = config_lib.load(str(ROOT / "configs/mobilenet.py"), [("model.options.alpha", "0.5")])
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.data.dir = "photographs"  # type: ignore
    other = config_lib.replace(config, {"data.dir": "photographs", "epochs": 3})
    assert (other.data.dir, other.epochs, other.model) == ("photographs", 3, config.model)
    assert (config.data.dir, config.epochs) == ("", 8)
    assert config_lib.replace(other, {"data.dir": "", "epochs": 8}) == config
    with pytest.raises(UsageError, match=r"epochs=0: must be at least 1"):
        config_lib.replace(config, {"epochs": 0})
    with pytest.raises(UsageError, match=r"did you mean --config\.data\.dir"):
        config_lib.replace(config, {"data.dirr": "x"})


def test_another_model_brings_its_own_options():
    config = config_lib.load(str(ROOT / "configs/mobilenet.py"), [("model.options.alpha", "0.5")])
    assert config_lib.replace(config, {"model.name": "seed_cnn"}).model.options == {}
    back = config_lib.replace(config, {"model.name": "mobilenet_v2", "seed": 1})
    assert back.model.options["alpha"] == 0.5


def test_what_may_differ_on_resume_are_keys():
    assert set(config_lib.MAY_DIFFER_ON_RESUME) <= KEYS.keys()


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("[!_]*.py")), ids=lambda p: p.stem)
def test_ready_made_configs_are_valid_and_show_their_command_and_result(path):
    config_lib.load(str(path))
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert f"--config=configs/{path.name}" in docstring
    assert re.search(r"\d %" if path.stem in WITHOUT_SECONDS else r"\d %.*\d s\b", docstring, re.DOTALL)


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("lerning_rate", "1", "did you mean --config.learning_rate?"),
        ("image_size", "64", "did you mean --config.data.image_size?"),
        ("data.imagesize", "64", "did you mean --config.data.image_size?"),
        ("plateau.patiense", "1", "did you mean --config.plateau.patience?"),
        ("xyzzy", "1", "--help lists the keys"),
        ("batch_size", "many", "--config.batch_size=many: must be a whole number, as in --config.batch_size=32"),
        ("batch_size", "3.5", "must be a whole number"),
        ("batch_size", "-8", "--config.batch_size=-8: must be at least 1"),
        ("data.image_size", "0", "--config.data.image_size=0: must be at least"),
        ("learning_rate", "fast", "must be a number"),
        ("learning_rate", "nan", "must be above 0"),
        ("learning_rate", "inf", "must be above 0"),
        ("data.follow_links", "maybe", "must be true or false"),
        ("data.split", "0.8,0.1", "three fractions"),
        ("data.split", "0.8,0.3,0.1", "sum to 1"),
        ("model.name", "resnet", "one of mobilenet_v2, cnn, seed_cnn"),
        ("plateau.factor", "1", "below 1"),
        ("seed", "-1", "from 0 to"),
    ],
)
def test_refusals_name_what_would_be_right(key: str, text: str, words: str):
    with pytest.raises(UsageError) as refused:
        config_lib.load(str(ROOT / "configs/smoke.py"), [(key, text)])
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_overrides_take_the_type_of_their_key():
    changes = [("epochs", "7"), ("learning_rate", "1"), ("data.split", "(0.5, 0.25, 0.25)"),
               ("data.follow_links", "True"), ("data.dir", "a=b")]  # fmt: skip
    config = config_lib.load(str(ROOT / "configs/smoke.py"), changes)
    assert config_lib.flatten(config) | {
        "epochs": 7, "learning_rate": 1.0, "data.split": (0.5, 0.25, 0.25), "data.follow_links": True,
        "data.dir": "a=b",
    } == config_lib.flatten(config)  # fmt: skip
    assert type(config.learning_rate) is float


def test_a_config_with_a_strange_or_missing_key_or_type_is_refused():
    config = base_config.get_config()
    config.data.sice = 3
    with pytest.raises(UsageError, match=r"config\.data\.sice"):
        config_lib.validate(config)
    config = base_config.get_config()
    del config.plateau["factor"]
    with pytest.raises(UsageError, match=r"config\.plateau\.factor is missing"):
        config_lib.validate(config)
    config = base_config.get_config()
    config.epochs = True
    with pytest.raises(UsageError, match="whole number"):
        config_lib.validate(config)
    config = base_config.get_config()
    config.data = "folder"
    with pytest.raises(UsageError, match=r"config\.data: no such key|config\.data\.\w+ is missing"):
        config_lib.validate(config)


@pytest.mark.parametrize("name", config_lib.ready_made())
def test_a_ready_made_config_is_known_by_name(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert config_lib.load(name) == config_lib.load(str(ROOT / "configs" / f"{name}.py"))


def test_a_name_that_is_almost_one(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"--config=mobilnet: no such file, .*; did you mean mobilenet\?"):
        config_lib.load("mobilnet")
    with pytest.raises(UsageError, match=r"; give cnn, course, .*smoke, or a file$"):
        config_lib.load("xyzzy/other.py")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("x = 1", "KeyError: 'get_config'"),
        ("def get_config(): return 1/0", "ZeroDivisionError"),
        ("(", "SyntaxError"),
        ("def get_config(): pass", "NoneType, not a ConfigDict"),
    ],
)
def test_a_broken_config_file_is_one_line(tmp_path, content: str, words: str):
    path = tmp_path / "mine.py"
    path.write_text(content)
    with pytest.raises(UsageError, match=words):
        config_lib.load(str(path))


def test_resume_may_change_only_what_does_not_change_the_result():
    old = Config()
    new = config_lib.replace(old, {"epochs": 99, "devices": 4, "checkpoint.every_steps": 7})
    assert config_lib.differing_keys(config_lib.validate(old), new) == []
    new = config_lib.replace(new, {"learning_rate": 0.5})
    assert config_lib.differing_keys(old, new) == ["learning_rate (0.001 -> 0.5)"]


def test_another_spelling_of_a_path_is_no_other_config(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for key, name in (("data.dir", "photos"), ("model.weights", "w.pth")):
        (tmp_path / f"link to {name}").symlink_to(name)
        old = config_lib.replace(Config(), {key: str(tmp_path / name)})
        for same in (name, f"./{name}/", f"~/{name}", f"link to {name}", f"{tmp_path}/x/../{name}"):
            assert config_lib.differing_keys(old, config_lib.replace(old, {key: same})) == []
        for other in ("other.pth", "auto") if key == "model.weights" else ("other", ""):
            new = config_lib.replace(old, {key: other})
            assert config_lib.differing_keys(old, new) == [f"{key} ({tmp_path}/{name} -> {other})"]


def test_flat_values_come_back():
    config = base_config.get_config()
    config.plateau.patience = 3
    config = config_lib.validate(config)
    assert config_lib.from_flat(config_lib.flatten(config)) == config


@pytest.mark.parametrize("name", ["alpha", "head", "output_stride", "stochastic_depth"])
def test_a_key_that_moved_is_refused_with_its_new_name(name):
    with pytest.raises(UsageError, match=rf"--config\.model\.{name}: is now --config\.model\.options\.{name}$"):
        config_lib.load(str(ROOT / "configs/mobilenet.py"), [(f"model.{name}", "1")])
    config = base_config.get_config()
    config.model[name] = 1
    with pytest.raises(UsageError, match=rf"is now --config\.model\.options\.{name}$"):
        config_lib.validate(config)


@pytest.mark.parametrize("model", ["mobilenet_v2", "seed_cnn"])
def test_the_config_of_an_older_run_is_read(model):
    """It has the four keys by their old names, whatever its model is."""
    config = base_config.get_config()
    config.model.name, config.model.freeze = model, "none"
    new = config_lib.flatten(config_lib.validate(config))
    older = {key: value for key, value in new.items() if not key.startswith("model.options.")}
    older |= {"model.alpha": 0.5, "model.head": "pool", "model.output_stride": 16, "model.stochastic_depth": 0.25}
    read = config_lib.from_flat(older).model.options
    expected = {"alpha": 0.5, "head": "pool", "output_stride": 16, "stochastic_depth": 0.25}
    assert read == (expected if model == "mobilenet_v2" else {})


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("alfa", "1", "mobilenet_v2 has no such option; did you mean --config.model.options.alpha?"),
        ("xyzzy", "1", "its options are alpha, head, output_stride, stochastic_depth"),
        ("alpha", "wide", "options.alpha=wide: must be a number, as in --config.model.options.alpha=1.0"),
        ("alpha", "9", "--config.model.options.alpha=9.0: must be from 0.1 to 1.4"),
    ],
)
def test_options_of_a_model_are_checked(key, text, words):
    with pytest.raises(UsageError) as refused:
        config_lib.load(str(ROOT / "configs/mobilenet.py"), [(f"model.options.{key}", text)])
    assert words in str(refused.value)


def test_help_shows_every_key(capsys):
    with pytest.raises(SystemExit) as left:
        cli.parse_config(cli.config_parser("About."), ["--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    for name, key in config_lib.described().items():
        assert f"--config.{name}=" in shown and key.help in shown


def test_override_forms():
    flags = cli.config_parser(None)
    flags.add_argument("--workdir")
    smoke = f"--config={ROOT}/configs/smoke.py"
    config, args = cli.parse_config(flags, [smoke, "--config.epochs", "2", "--workdir=w", "--config.seed=5"])
    assert (config.epochs, config.seed, args.workdir) == (2, 5, "w")
    with pytest.raises(UsageError, match="a value is missing"):
        cli.parse_config(cli.config_parser(None), [smoke, "--config.epochs"])
    with pytest.raises(UsageError, match="no such file"):
        cli.parse_config(cli.config_parser(None), ["--config=configs/none.py"])


OWN_KEYS = """
from flowers_jax import base_config
from beside import WIDTH

def get_config(size="28"):
    config = base_config.get_config()
    config.data.image_size = int(size)
    config.user.width, config.user.names, config.user.inner = WIDTH, ("a", "b"), {"depth": 0.5}
    return config
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "beside.py").write_text("WIDTH = 3\n")
    (tmp_path / "mine.py").write_text(OWN_KEYS)
    return str(tmp_path / "mine.py")


def test_a_researchers_own_keys_are_declared_by_their_value(own):
    changes = {"user.width": "5", "user.inner.depth": "0.25", "user.names": "x,y,z"}
    config = config_lib.load(own, changes)
    assert (config.user.width, config.user.inner.depth, config.user.names) == (5, 0.25, ("x", "y", "z"))
    assert config_lib.from_flat(config_lib.flatten(config)) == config
    with pytest.raises(
        UsageError, match=r"user\.widht: the config file has no such key; did you mean --config\.user\.width"
    ):
        config_lib.load(own, {"user.widht": "5"})
    with pytest.raises(UsageError, match=r"user\.width=wide: must be a whole number, as in --config\.user\.width=3"):
        config_lib.load(own, {"user.width": "wide"})
    with pytest.raises(AttributeError, match=r"config\.user has no key 'depth'; it has inner, names, width"):
        config.user.depth  # noqa: B018
    with pytest.raises(UsageError, match=r"user\.width: is a set; a key of your own is text, a number"):
        config_lib.replace(config, {"user.width": {1}})


def test_a_resumed_run_may_not_change_them(own):
    old = config_lib.load(own)
    for changes, words in (({"user.width": 4}, "user.width (3 -> 4)"), ({"user.other": 1}, "user.other (None -> 1)")):
        assert config_lib.differing_keys(old, config_lib.replace(old, changes)) == [words]


def test_a_config_file_takes_an_argument_and_imports_what_is_beside_it(own):
    before = list(sys.path)
    assert config_lib.load(f"{own}:32").data.image_size == 32
    assert sys.path == before
    with pytest.raises(UsageError, match=r"get_config\(\) of .*smoke\.py takes no argument"):
        config_lib.load("smoke:32")
    with pytest.raises(UsageError, match=r"mine\.py:wide: ValueError: invalid literal"):
        config_lib.load(f"{own}:wide")


def test_changes_are_text_or_values():
    of_loss = {"loss.name": "focal", "loss.options.gamma": "1"}
    config = config_lib.load("smoke", {"epochs": 3, "learning_rate": "0.5", "metrics": "ece,top_5", **of_loss})
    assert (config.epochs, config.learning_rate, config.metrics) == (3, 0.5, ("ece", "top_5"))
    assert config.loss.options == {"gamma": 1.0}
    with pytest.raises(UsageError, match=r"epochs=3\.5: must be a whole number"):
        config_lib.load("smoke", {"epochs": 3.5})


def test_the_parts_are_imported_once(monkeypatch):
    """Only an import needs the state of the process given back: a look at the registries does not."""
    config_lib.registries()
    monkeypatch.setattr(process, "unchanged_by_imports", lambda: pytest.fail("imported again"))
    assert "model" in config_lib.registries()
