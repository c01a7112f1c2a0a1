"""Maps of the frozen backbone that were kept on disk, as the training reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.files import read_json
from spectraflow.methods.matchnet.settings import MatchnetRun, Nucleus
from spectraflow.tables import read_table

FEATURE_INDEX = pa.schema(
    [pa.field("molecule_id", pa.string(), False, {"description": "`source:native id` of each row of the maps"})],
    metadata={"spectraflow.table": "feature_index"},
)
KEY = b"spectraflow.features"
"""Metadata of the index: the key of the features it belongs to."""
STEMS: dict[Nucleus, str] = {"1H": "proton", "13C": "carbon"}
DESCRIPTION, INDEX = "features.json", "index.parquet"
DEVICE_SHARE = 0.6
"""Of the free memory of a device, that maps may fill."""
ROWS_AT_ONCE = 256
Maps = NDArray[np.float16]


@dataclass(frozen=True)
class FeatureStore:
    """Maps of both spectra of N molecules.

    maps: by nucleus (n, C, h, w) float16, memory-mapped files or tensors on the device; rows (N,) int64: the row of
    each molecule in them; device: where batches go.
    """

    maps: Mapping[Nucleus, Maps | Tensor]
    rows: Tensor
    device: torch.device

    @classmethod
    def open(cls, folder: Path, molecule_ids: Sequence[str], key: str | None = None) -> Self:
        """Map the features of some molecules, in their order, into memory without reading them.

        Raises InputError if a file is missing, truncated or of another cache than its neighbours (or than that of
        `key`), and if a molecule has no features.
        """
        description = read_description(folder)
        if key is not None and description["key"] != key:
            raise InputError(f"{folder}: features of another backbone or rendering ({description['key']}, not {key})")
        shape = tuple(description[name] for name in ("molecules", "channels", "height", "width"))
        maps = {n: _open_maps(folder / f"{stem}.npy", shape) for n, stem in STEMS.items()}
        return cls(maps, _rows(folder / INDEX, molecule_ids, description), torch.device("cpu"))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, rows and columns of a map."""
        channels, height, width = self.maps["1H"].shape[1:]
        return channels, height, width

    def gather(self, rows: Tensor) -> dict[Nucleus, Tensor]:
        """Return the maps (B, C, h, w) float16 of the molecules `rows` (B,) int64 by nucleus, on the device."""
        wanted = self.rows[rows.to(self.rows.device)]
        return {nucleus: self._taken(maps, wanted) for nucleus, maps in self.maps.items()}

    def _taken(self, maps: Maps | Tensor, wanted: Tensor) -> Tensor:
        return maps[wanted] if isinstance(maps, Tensor) else torch.from_numpy(maps[wanted.numpy()]).to(self.device)

    def to(self, device: torch.device | str) -> Self:
        """Return the same features for batches on `device`: wholly there if they fit, else copied batch by batch."""
        device = torch.device(device)
        if loaded := {nucleus: maps.to(device) for nucleus, maps in self.maps.items() if isinstance(maps, Tensor)}:
            return replace(self, maps=loaded, rows=self.rows.to(device), device=device)
        if device.type != "cuda" or not self._fits(device):
            return replace(self, device=device)
        maps = {nucleus: self._loaded(nucleus, device) for nucleus in self.maps}
        return replace(self, maps=maps, rows=torch.arange(len(self), device=device), device=device)

    def _fits(self, device: torch.device) -> bool:
        needed = len(self) * sum(maps[:1].nbytes for maps in self.maps.values())
        return needed <= DEVICE_SHARE * torch.cuda.mem_get_info(device)[0]

    def _loaded(self, nucleus: Nucleus, device: torch.device) -> Tensor:
        loaded = torch.empty((len(self), *self.shape), dtype=torch.float16, device=device)
        for start in range(0, len(self), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            loaded[part] = self._taken(self.maps[nucleus], self.rows[part])
        return loaded


def read_description(folder: Path) -> dict[str, Any]:
    """Return features.json of a folder of features; raises InputError if it is missing or lacks the essential."""
    path = Path(folder) / DESCRIPTION
    try:
        description = read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no readable description of features ({error})") from error
    for name in ("key", "molecules", "channels", "height", "width"):
        if not isinstance(description, dict) or name not in description:
            raise InputError(f"{path}: lacks '{name}'")
    return dict(description)


def require_features_of(folder: Path, settings: MatchnetRun) -> None:
    """Raise InputError if the features were made of images in another rendering than a model's, or by other weights."""
    description = read_description(folder)
    asked = {"rendering": settings.rendering, "backbone": settings.network.backbone}
    for name, wanted in asked.items():
        values = wanted.model_dump(mode="json")
        found = description.get(name) or {}
        # a file of weights may lie elsewhere now; the extractor itself checks what is in it
        if other := [key for key in values if key != "weights" and found.get(key) != values[key]]:
            key = other[0]
            raise InputError(f"{folder}: made with {name}.{key} {found.get(key)}, the model with {values[key]}")


def _open_maps(path: Path, shape: tuple[int, ...]) -> Maps:
    try:
        maps: Maps = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: not a readable array, or truncated ({error})") from error
    if maps.dtype != np.float16 or maps.shape != shape:
        found = f"{maps.dtype} {maps.shape}, but float16 {shape}"
        raise InputError(f"{path}: {found} according to {DESCRIPTION}")
    return maps


def _rows(path: Path, molecule_ids: Sequence[str], description: dict[str, Any]) -> Tensor:
    index = read_table(path, FEATURE_INDEX)["molecule_id"].combine_chunks()
    key = (pq.read_schema(path).metadata or {}).get(KEY, b"").decode()
    if len(index) != description["molecules"] or key != description["key"]:
        raise InputError(f"{path}: belongs to other features than {DESCRIPTION}")
    rows = pc.index_in(pa.array(molecule_ids, pa.string()), index)
    if rows.null_count:
        missing = molecule_ids[pc.is_null(rows).to_pylist().index(True)]
        raise InputError(f"{path}: {rows.null_count} molecules have no features, such as {missing}")
    return torch.from_numpy(rows.to_numpy(zero_copy_only=False).astype(np.int64))
