import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.methods.matchnet import features
from spectraflow.methods.matchnet.backbones import build_backbone
from spectraflow.methods.matchnet.feature_extractor import FeatureExtractor, as_half
from spectraflow.methods.matchnet.feature_store import FeatureStore
from spectraflow.methods.matchnet.features import cache_features, feature_key, images_of
from spectraflow.methods.matchnet.network import MatchNetwork
from spectraflow.methods.matchnet.settings import NUCLEI, BackboneSettings, RenderingSettings
from spectraflow.spectra.rendering import image_of_columns
from spectraflow.tables import RENDERED, SPLITS, read_table, write_table
from spectraflow.training.checkpoint import save_checkpoint
from tests.unit.methods.matchnet.network_pairs import make_batch, settled, small

SIZE, MOLECULES = 64, 30
RENDERING = RenderingSettings(columns=SIZE)
TINY = BackboneSettings(name="tiny")
IDS = [f"toy:{number}" for number in range(MOLECULES)]
FILES = {"proton.npy", "carbon.npy", "index.parquet", "features.json", "extractor.safetensors"}


def columns(generator: np.random.Generator, size: int = SIZE) -> dict[str, list[float]]:
    """Columns of both nuclei with a peak in one column of five."""
    row = {}
    for stem in ("proton", "carbon"):
        high = generator.random(size) * (generator.random(size) < 0.2)
        row |= {f"{stem}_high": high.tolist(), f"{stem}_low": (high / 4).tolist()}
    return row


def make_rows() -> list[dict]:
    generator = np.random.default_rng(0)
    return [{"molecule_id": name, **columns(generator)} for name in IDS]


@pytest.fixture
def rows() -> list[dict]:
    return make_rows()


@pytest.fixture
def tables(tmp_path, rows) -> tuple[Path, Path]:
    return write_tables(tmp_path, rows)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Features made once for all tests that only read them."""
    folder = tmp_path_factory.mktemp("made")
    cache_features(RENDERING, TINY, *write_tables(folder, make_rows()), folder / "out")
    return folder / "out"


@pytest.fixture
def folder(made, tmp_path) -> Path:
    """A copy of them, to break."""
    return Path(shutil.copytree(made, tmp_path / "copied"))


def write_tables(folder: Path, rows: list[dict]) -> tuple[Path, Path]:
    """Write the rendered table, and a split whose training part is the first 20 molecules."""
    rendered, split = folder / "rendered.parquet", folder / "split.parquet"
    write_table(rendered, RENDERED, {name: [row[name] for row in rows] for name in RENDERED.names})
    write_table(split, SPLITS, {"molecule_id": IDS, "part": ["train"] * 20 + ["val"] * 5 + ["test"] * 5})
    return rendered, split


def arrays(folder: Path) -> list[np.ndarray]:
    return [np.load(folder / name) for name in ("proton.npy", "carbon.npy")]


def images(rendered: Path) -> np.ndarray:
    batch = read_table(rendered, RENDERED).combine_chunks().to_batches()[0]
    return images_of(batch, RENDERING, rendered)


def test_images_are_those_of_each_nucleus(tables, rows):
    found = images(tables[0])
    for place, stem in enumerate(("proton", "carbon")):
        high, low = (np.array([row[f"{stem}_{end}"] for row in rows], np.float32) for end in ("high", "low"))
        np.testing.assert_array_equal(found[place], image_of_columns(high, low, RENDERING))
    assert (found[0] != found[1]).any((1, 2)).all()


def test_files_and_what_they_say(tables, tmp_path):
    summary = cache_features(RENDERING, TINY, *tables, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert json.loads((tmp_path / "out" / "features.json").read_text()) == json.loads(json.dumps(summary))
    assert not list(tmp_path.glob(".*"))
    assert all(one.shape == (MOLECULES, 32, 2, 2) and one.dtype == np.float16 for one in arrays(tmp_path / "out"))
    assert [summary[name] for name in ("molecules", "channels", "height", "width")] == [MOLECULES, 32, 2, 2]
    assert (summary["key"], summary["weights"]) == (feature_key(RENDERING, TINY), "random")
    assert sorted(summary["calibrated_on"]) == sorted(IDS[:20])
    assert summary["bytes"] == 2 * (128 + MOLECULES * 32 * 4 * 2)
    assert summary["bytes_per_10000"] == pytest.approx(10_000 * 512, rel=0.05)
    assert summary["clamped"] == 0


def test_cached_maps_are_those_of_the_backbone_on_each_image_alone(made, tables):
    extractor = FeatureExtractor.open(made)
    for maps, pictures in zip(arrays(made), images(tables[0]), strict=True):
        alone = torch.cat([extractor.backbone(torch.from_numpy(one[None])) for one in pictures])
        np.testing.assert_allclose(maps, alone.numpy(), rtol=2e-3, atol=1e-3)
        assert 0.2 < maps.astype(np.float32).std() < 5


def test_logits_with_and_without_the_cache(made, tables):
    batch = make_batch(sizes=[3] * MOLECULES)
    maps = zip(NUCLEI, images(tables[0]), strict=True)
    seen = replace(batch, features={nucleus: FeatureExtractor.open(made).maps(one) for nucleus, one in maps})
    cached = replace(batch, features=FeatureStore.open(made, IDS).gather(torch.arange(MOLECULES)))
    torch.manual_seed(0)
    network = settled(MatchNetwork(small(channels=16), 32, SIZE), seen)
    with torch.no_grad():
        torch.testing.assert_close(network(cached), network(seen), rtol=5e-3, atol=1e-3)
        others = replace(seen, features={nucleus: maps.flip(0) for nucleus, maps in seen.features.items()})
        assert (network(others) - network(seen)).abs().max() > 0.02


def test_the_seed_alone_decides(made, tables, tmp_path, monkeypatch):
    torch.manual_seed(2)
    monkeypatch.setitem(features.MOLECULES_AT_ONCE, "cpu", 3)
    cache_features(RENDERING, TINY, *tables, tmp_path / "second")
    cache_features(RENDERING, BackboneSettings(name="tiny", seed=1), *tables, tmp_path / "third")
    for first, second, third in zip(arrays(made), arrays(tmp_path / "second"), arrays(tmp_path / "third"), strict=True):
        np.testing.assert_allclose(first, second, rtol=2e-3, atol=1e-3)
        assert np.abs(first - third).max() > 0.1


@pytest.mark.parametrize("flush_seconds", [0.0, 100.0])
def test_a_killed_run_goes_on_where_it_was(made, tables, tmp_path, monkeypatch, flush_seconds):
    seen, plain = [], features._maps

    def dying(extractor, batch, *rest):
        if len(seen) == 2:
            noted = (tmp_path / ".out.partial" / "progress.json").exists()
            assert noted == (flush_seconds == 0)
            raise KeyboardInterrupt
        seen.append(batch["molecule_id"][0].as_py())
        return plain(extractor, batch, *rest)

    monkeypatch.setattr(features, "_maps", dying)
    monkeypatch.setattr(features, "FLUSH_SECONDS", flush_seconds)
    with pytest.raises(KeyboardInterrupt):
        cache_features(RENDERING, TINY, *tables, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(
        features, "_maps", lambda *given: (seen.append(given[1]["molecule_id"][0].as_py()), plain(*given))[1]
    )
    monkeypatch.setattr(FeatureExtractor, "fit", lambda *_: pytest.fail("the backbone was calibrated again"))
    summary = cache_features(RENDERING, TINY, *tables, tmp_path / "out")
    assert seen == IDS[::8]
    assert summary["molecules"] == MOLECULES
    for ours, theirs in zip(arrays(tmp_path / "out"), arrays(made), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_killed_run_of_other_inputs_is_not_gone_on_with(tmp_path, rows, monkeypatch):
    plain, left = features._maps, [2]

    def dying(*given):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return plain(*given)

    monkeypatch.setattr(features, "_maps", dying)
    with pytest.raises(KeyboardInterrupt):
        cache_features(RENDERING, TINY, *write_tables(tmp_path, rows), tmp_path / "out")
    rows[0] = {**rows[5], "molecule_id": IDS[0]}
    monkeypatch.setattr(features, "_maps", plain)
    with pytest.warns(UserWarning, match="other settings, code or data"):
        cache_features(RENDERING, TINY, *write_tables(tmp_path, rows), tmp_path / "out")
    for maps in arrays(tmp_path / "out"):
        np.testing.assert_array_equal(maps[0], maps[5])


def test_wrong_columns_name_their_molecule(tmp_path, rows):
    rows[12] |= {"carbon_low": [0.0] * (SIZE - 1)}
    with pytest.raises(InputError, match=r"rendered\.parquet: toy:12 has 63 columns in carbon_low, the settings 64"):
        cache_features(RENDERING, TINY, *write_tables(tmp_path, rows), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("value", [float("nan"), 1.5])
def test_impossible_columns_name_their_molecule(tmp_path, rows, value):
    rows[25]["proton_high"][3] = value
    with pytest.raises(InputError, match="toy:25 has a value outside 0 to 1 in proton_high"):
        cache_features(RENDERING, TINY, *write_tables(tmp_path, rows), tmp_path / "out")


def test_maps_that_are_not_finite_name_their_molecule(tables, tmp_path, monkeypatch):
    plain = FeatureExtractor.maps

    def broken(extractor, pictures):
        maps = plain(extractor, pictures)
        maps[np.flatnonzero((pictures == images(tables[0])[1, 17]).all((1, 2)))] = float("inf")
        return maps

    monkeypatch.setattr(FeatureExtractor, "maps", broken)
    with pytest.raises(InputError, match="maps of toy:17 are not finite"):
        cache_features(RENDERING, TINY, *tables, tmp_path / "out")


def test_values_beyond_float16_are_clamped_and_counted():
    half, clamped = as_half(torch.tensor([1.0, 7e4, -1e5, 65504.0]))
    assert half.tolist() == [1.0, 65504.0, -65504.0, 65504.0]
    assert clamped == 2


def test_a_split_without_training_molecules_is_refused(tables, tmp_path):
    write_table(tables[1], SPLITS, {"molecule_id": IDS, "part": ["val"] * MOLECULES})
    with pytest.raises(InputError, match="training part"):
        cache_features(RENDERING, TINY, *tables, tmp_path / "out")


def test_published_weights_are_adapted_to_no_molecule(tables, tmp_path):
    source = build_backbone(BackboneSettings(name="tiny", seed=3))
    save_checkpoint(tmp_path / "w.safetensors", source.network.state_dict(), {})
    settings = BackboneSettings(name="tiny", weights=str(tmp_path / "w.safetensors"))
    summary = cache_features(RENDERING, settings, *tables, tmp_path / "out")
    assert summary["calibrated_on"] == []
    maps = source(torch.from_numpy(images(tables[0])[0]))
    np.testing.assert_allclose(arrays(tmp_path / "out")[0], maps.numpy(), rtol=2e-3, atol=1e-3)
    renamed = tmp_path / "other_name.safetensors"
    renamed.write_bytes((tmp_path / "w.safetensors").read_bytes())
    assert feature_key(RENDERING, BackboneSettings(name="tiny", weights=str(renamed), seed=9)) == summary["key"]
    save_checkpoint(tmp_path / "w.safetensors", build_backbone(TINY).network.state_dict(), {})
    assert feature_key(RENDERING, settings) != summary["key"]
    with pytest.raises(InputError, match="differently"):
        FeatureExtractor.open(tmp_path / "out")


def test_all_components_carry_all_that_a_projection_sees(made, tables, tmp_path):
    summary = cache_features(RENDERING, TINY.model_copy(update={"components": 32}), *tables, tmp_path / "all")
    assert summary["explained_variance"] == pytest.approx(1)
    axes = FeatureExtractor.open(tmp_path / "all").components.numpy()
    np.testing.assert_allclose(axes @ axes.T, np.eye(32), atol=1e-5)
    for whole, rotated in zip(arrays(made), arrays(tmp_path / "all"), strict=True):
        back = np.einsum("kc,nkhw->nchw", axes, rotated.astype(np.float32))
        np.testing.assert_allclose(back, whole, rtol=5e-3, atol=1e-2)


def test_components_are_the_principal_ones_of_training_maps(made, tables, tmp_path):
    summary = cache_features(RENDERING, TINY.model_copy(update={"components": 3}), *tables, tmp_path / "three")
    assert arrays(tmp_path / "three")[0].shape == (MOLECULES, 3, 2, 2)
    assert sorted(summary["components_of"]) == sorted(IDS[:20])
    train = np.concatenate([one[:20] for one in arrays(made)]).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(np.moveaxis(train, 1, -1).reshape(-1, 32).T))
    axes = FeatureExtractor.open(tmp_path / "three").components.numpy()
    assert np.abs((axes @ vectors[:, ::-1][:, :3]).diagonal()) == pytest.approx(np.ones(3), abs=1e-3)
    assert summary["explained_variance"] == pytest.approx(values[::-1][:3].sum() / values.sum(), abs=1e-3)
    assert np.take_along_axis(axes, np.abs(axes).argmax(1, keepdims=True), 1).min() > 0


def test_more_components_than_channels_are_refused(tables, tmp_path):
    with pytest.raises(InputError, match="components: 33, but the backbone has 32 channels"):
        cache_features(RENDERING, TINY.model_copy(update={"components": 33}), *tables, tmp_path / "out")


def test_gathered_maps_are_those_of_the_molecules_asked_for(made):
    proton, carbon = arrays(made)
    store = FeatureStore.open(made, ["toy:7", "toy:29", "toy:7"], feature_key(RENDERING, TINY)).to("cpu")
    found = store.gather(torch.tensor([1, 0, 1, 2]))
    assert (len(store), store.shape) == (3, (32, 2, 2))
    assert found["1H"].dtype == torch.float16
    np.testing.assert_array_equal(found["1H"].numpy(), proton[[29, 7, 29, 7]])
    np.testing.assert_array_equal(found["13C"].numpy(), carbon[[29, 7, 29, 7]])


@pytest.mark.parametrize("fits", [True, False])
def test_maps_on_a_device_are_the_same(made, monkeypatch, fits):
    store = FeatureStore.open(made, ["toy:7", "toy:29"])
    expected = store.gather(torch.arange(2))["13C"]
    torch.testing.assert_close(store._loaded("13C", torch.device("cpu")), expected, rtol=0, atol=0)
    free = store.gather(torch.arange(2))["1H"].nbytes * 2 / 0.6 + (1 if fits else -1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (int(free), 0))
    assert store._fits(torch.device("cuda")) == fits


def test_a_molecule_without_features_is_named(made):
    with pytest.raises(InputError, match="1 molecules have no features, such as toy:99"):
        FeatureStore.open(made, ["toy:1", "toy:99"])


def test_features_of_another_backbone_are_refused(made):
    with pytest.raises(InputError, match="another backbone or rendering"):
        FeatureStore.open(made, IDS, "0123456789ab")


@pytest.mark.parametrize("name", ["proton.npy", "carbon.npy"])
@pytest.mark.parametrize("size", [0, 100, -2])
def test_truncated_maps_are_refused(folder, name, size):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:size])
    with pytest.raises(InputError, match=name):
        FeatureStore.open(folder, IDS)


def test_files_of_different_caches_are_refused(folder, tables, tmp_path):
    other = tmp_path / "other"
    cache_features(RENDERING, BackboneSettings(name="tiny", seed=1), *tables, other)
    (other / "index.parquet").replace(folder / "index.parquet")
    with pytest.raises(InputError, match=r"index\.parquet: belongs to other features"):
        FeatureStore.open(folder, IDS)


@pytest.mark.parametrize(("key", "value"), [("channels", 31), ("molecules", 29), ("height", None)])
def test_maps_must_be_as_described(folder, key, value):
    path = folder / "features.json"
    description = json.loads(path.read_text())
    description = {**description, key: value} if value else {k: v for k, v in description.items() if k != key}
    path.write_text(json.dumps(description))
    with pytest.raises(InputError, match=r"proton\.npy|lacks 'height'"):
        FeatureStore.open(folder, IDS)


def test_a_folder_without_description_holds_no_features(folder):
    (folder / "features.json").unlink()
    with pytest.raises(InputError, match="no readable description"):
        FeatureStore.open(folder, IDS)
