"""Maps of the frozen backbone, once for every image of a table of rendered spectra."""

import shutil
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from spectraflow.errors import InputError
from spectraflow.files import read_json, write_json
from spectraflow.methods.matchnet.backbone_weights import weights_sha256
from spectraflow.methods.matchnet.feature_extractor import (
    CALIBRATION_MOLECULES,
    COMPONENT_MOLECULES,
    EXTRACTOR,
    MOLECULES_AT_ONCE,
    FeatureExtractor,
    Images,
    as_half,
)
from spectraflow.methods.matchnet.feature_store import (
    DESCRIPTION,
    FEATURE_INDEX,
    INDEX,
    KEY,
    STEMS,
    FeatureStore,
    Maps,
)
from spectraflow.methods.matchnet.settings import BackboneSettings, RenderingSettings
from spectraflow.provenance import settings_hash
from spectraflow.spectra.rendering import image_of_columns
from spectraflow.tables import RENDERED, SPLITS, TableWriter, read_table, scan_table
from spectraflow.training.checkpoint import fit_identity
from spectraflow.training.devices import job_device

FLUSH_SECONDS = 10.0
"""Between two notes of how far it came: what a kill costs at most."""
PROGRESS = "progress.json"


def feature_key(rendering: RenderingSettings, backbone: BackboneSettings) -> str:
    """Return 12 hex digits: same images through the same weights, reduced the same way, have the same key."""
    values = backbone.model_dump(mode="json", exclude={"weights"}) | {"weights": weights_sha256(backbone.weights)}
    if backbone.weights is not None:
        del values["seed"]
    return settings_hash({"rendering": rendering.model_dump(mode="json"), "backbone": values})


def cache_features(
    rendering: RenderingSettings, backbone: BackboneSettings, rendered: Path, split: Path, out: Path
) -> dict[str, Any]:
    """Write the maps of both spectra of every molecule of a rendered table to a folder; return its features.json.

    Args:
        rendering: how columns become images.
        backbone: the network, and the number of components its channels are reduced to.
        rendered: RENDERED table; its rows are those of the maps.
        split: SPLITS table; random weights and components are adapted to molecules of its training part.
        out: folder that gets proton.npy and carbon.npy (n, C, h, w) float16, index.parquet, features.json and
            extractor.safetensors, all at the end; until then the work stands in a hidden folder beside it, and goes on
            there after a kill.

    Raises InputError naming the molecule whose columns are not those of the settings or whose maps are not finite.
    """
    device = job_device()
    key = feature_key(rendering, backbone)
    identity = fit_identity({"key": key}, "methods.matchnet.features", [rendered, split])
    ids = read_table(rendered, RENDERED, ["molecule_id"])["molecule_id"].combine_chunks()
    if not len(ids):
        raise InputError(f"{rendered}: no molecules")
    partial = out.with_name(f".{out.name}.partial")
    extractor = FeatureExtractor.resumed(partial, identity, device)
    if extractor is None:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        chosen = _training_rows(ids, split, backbone)
        sample = _sample(rendered, rendering, chosen)
        extractor = FeatureExtractor.fit(backbone, ids.take(pa.array(chosen)).to_pylist(), sample, device)
        extractor.save(partial, identity)
    progress = _stream(rendering, extractor, rendered, partial, len(ids), device)
    summary = {"key": key, "rendering": rendering.model_dump(mode="json"), "device": _device_name(device)}
    summary |= _described(extractor, partial, progress)
    with TableWriter(partial / INDEX, FEATURE_INDEX, {KEY.decode(): key}) as writer:
        writer.write(pa.table({"molecule_id": ids}))
    write_json(partial / DESCRIPTION, summary)
    FeatureStore.open(partial, ids.to_pylist(), key)
    _publish(partial, out)
    return summary


def _training_rows(ids: pa.StringArray, split: Path, backbone: BackboneSettings) -> NDArray[np.int64]:
    """Return the rows, in random order, of the training molecules that weights and components are adapted to."""
    parts = read_table(split, SPLITS)
    train = parts.filter(pc.equal(parts["part"], "train"))["molecule_id"].combine_chunks()
    rows = np.flatnonzero(pc.is_in(ids, train).to_numpy(zero_copy_only=False))
    count = CALIBRATION_MOLECULES if backbone.weights is None else 0
    if backbone.components is not None:
        count = COMPONENT_MOLECULES
    if count and not len(rows):
        raise InputError(f"{split}: none of the rendered molecules is in the training part")
    return np.random.default_rng(backbone.seed).permutation(rows)[:count]


def _sample(rendered: Path, rendering: RenderingSettings, rows: NDArray[np.int64]) -> Images:
    """Return the images (2, m, W, W) of some rows, 1H before 13C."""
    images = np.empty((len(STEMS), len(rows), rendering.columns, rendering.columns), np.uint8)
    first = 0
    for batch in scan_table(rendered, RENDERED):
        places = np.flatnonzero((rows >= first) & (rows < first + len(batch)))
        if len(places):
            images[:, places] = images_of(batch.take(pa.array(rows[places] - first)), rendering, rendered)
        first += len(batch)
    return images


def images_of(batch: pa.RecordBatch, rendering: RenderingSettings, path: Path) -> Images:
    """Return images (2, m, W, W), 1H before 13C, of m rows of a rendered table; `path` is named in errors."""
    return np.stack([_images(batch, stem, rendering, path) for stem in STEMS.values()])


def _images(batch: pa.RecordBatch, stem: str, rendering: RenderingSettings, path: Path) -> Images:
    columns = []
    for name in (f"{stem}_high", f"{stem}_low"):
        lengths = pc.fill_null(pc.list_value_length(batch[name]), 0).to_numpy(zero_copy_only=False)
        if len(wrong := np.flatnonzero(lengths != rendering.columns)):
            place = int(wrong[0])
            found = f"{lengths[place]} columns in {name}, the settings {rendering.columns}"
            raise InputError(f"{path}: {batch['molecule_id'][place]} has {found}")
        values = batch[name].flatten().to_numpy(zero_copy_only=False).reshape(len(batch), rendering.columns)
        if len(wrong := np.flatnonzero(~((values >= 0) & (values <= 1)).all(1))):
            raise InputError(f"{path}: {batch['molecule_id'][int(wrong[0])]} has a value outside 0 to 1 in {name}")
        columns.append(values)
    return image_of_columns(columns[0], columns[1], rendering)


@dataclass
class _Progress:
    """Rows that are done, values clamped in them, and seconds they took."""

    done: int = 0
    clamped: int = 0
    seconds: float = 0.0
    shape: list[int] = field(default_factory=list)


class _Writer:
    """The two arrays being filled, and the note of how far they are."""

    def __init__(self, folder: Path, molecules: int) -> None:
        self.folder, self.molecules = folder, molecules
        found = read_json(folder / PROGRESS) if (folder / PROGRESS).exists() else {}
        self.progress = _Progress(**found)
        self.arrays = [self._array(stem, "r+") for stem in STEMS.values()] if found else []
        self.noted = self.started = time.monotonic()
        self.before = self.progress.seconds

    def _array(self, stem: str, mode: str) -> np.memmap[Any, np.dtype[np.float16]]:
        shape = (self.molecules, *self.progress.shape)
        path = self.folder / f"{stem}.npy"
        return np.lib.format.open_memmap(path, mode=mode, dtype=np.float16, shape=shape)

    def write(self, maps: Maps, clamped: int) -> None:
        """Append maps (2, m, C, h, w) of the next m molecules."""
        if not self.arrays:
            self.progress.shape = list(maps.shape[2:])
            _check_space(self.folder, self.molecules * maps[:, 0].nbytes)
            self.arrays = [self._array(stem, "w+") for stem in STEMS.values()]
        stop = self.progress.done + maps.shape[1]
        for array, values in zip(self.arrays, maps, strict=True):
            array[self.progress.done : stop] = values
        self.progress.done, self.progress.clamped = stop, self.progress.clamped + clamped
        if time.monotonic() - self.noted >= FLUSH_SECONDS:
            self.close()

    def close(self) -> None:
        """Bring all that was written to disk, then note how far that is."""
        for array in self.arrays:
            array.flush()
        self.noted = time.monotonic()
        self.progress.seconds = self.before + self.noted - self.started
        if self.arrays:
            write_json(self.folder / PROGRESS, vars(self.progress))


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        told = f"the features take {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
        raise InputError(f"{folder}: {told}; with `components` they take less")


def _stream(
    rendering: RenderingSettings,
    extractor: FeatureExtractor,
    rendered: Path,
    partial: Path,
    molecules: int,
    device: torch.device,
) -> _Progress:
    """Fill the arrays in `partial` from where they end."""
    at_once = MOLECULES_AT_ONCE.get(device.type, MOLECULES_AT_ONCE["cpu"])
    with closing(_Writer(partial, molecules)) as writer:
        left = range(writer.progress.done, molecules)
        bar = tqdm(total=molecules, initial=left.start, disable=not sys.stderr.isatty(), leave=False, unit="molecule")
        for batch in scan_table(rendered, RENDERED, batch_rows=at_once, within=left) if left else ():
            writer.write(*_maps(extractor, batch, rendering, rendered))
            bar.update(len(batch))
        bar.close()
    return writer.progress


def _maps(
    extractor: FeatureExtractor, batch: pa.RecordBatch, rendering: RenderingSettings, path: Path
) -> tuple[Maps, int]:
    """Return maps (2, m, C, h, w) of the rows, and how many values were clamped."""
    images = images_of(batch, rendering, path)
    maps = extractor.maps(images.reshape(-1, *images.shape[2:])).unflatten(0, images.shape[:2])
    finite = maps.isfinite().flatten(2).all(2).all(0).cpu().numpy()
    if not finite.all():
        raise InputError(f"{path}: the backbone's maps of {batch['molecule_id'][int(finite.argmin())]} are not finite")
    return as_half(maps)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _described(extractor: FeatureExtractor, partial: Path, progress: _Progress) -> dict[str, Any]:
    state = extractor.state
    size = sum((partial / f"{stem}.npy").stat().st_size for stem in STEMS.values())
    return {
        "backbone": state["settings"],
        "weights": state["weights"],
        "weights_digest": state["digest"],
        "calibrated_on": state["calibrated_on"],
        "components_of": state["components_of"],
        "explained_variance": state.get("explained_variance"),
        "molecules": progress.done,
        **dict(zip(("channels", "height", "width"), progress.shape, strict=True)),
        "bytes": size,
        "bytes_per_10000": round(size * 10_000 / progress.done),
        "seconds": progress.seconds,
        "images_per_second": len(STEMS) * progress.done / progress.seconds,
        "clamped": progress.clamped,
        "finite": True,
    }


def _publish(partial: Path, out: Path) -> None:
    """Move the finished files into `out`, the description last: without it there are no features."""
    out.mkdir(parents=True, exist_ok=True)
    (out / DESCRIPTION).unlink(missing_ok=True)
    for name in (EXTRACTOR, *(f"{stem}.npy" for stem in STEMS.values()), INDEX, DESCRIPTION):
        (partial / name).replace(out / name)
    shutil.rmtree(partial)
