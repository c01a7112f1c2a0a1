"""Test spectra drawn otherwise than those a model was trained on, in the form that the model reads."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.feature_extractor import FeatureExtractor
from spectraflow.methods.matchnet.feature_store import FeatureStore
from spectraflow.methods.matchnet.render import render_changed
from spectraflow.methods.matchnet.settings import NUCLEI, MatchnetRun, Nucleus, RenderingSettings
from spectraflow.methods.matchnet.trained_network import Images, images_of, maps_of
from spectraflow.spectra.rendering_changes import RenderingChange
from spectraflow.spectra.rendering_grid import DrawnLines
from spectraflow.store.ragged import Ragged


class ChangeableSpectra(Protocol):
    """Spectra of some molecules of a store that can be drawn again."""

    def changed(self, change: RenderingChange) -> MatchStore | None:
        """Return the store with these spectra changed, or None if the change is nothing that the model could see."""


@dataclass(frozen=True)
class ChangeableLines:
    """Line lists: changes move, add or drop lines; how lines are drawn is none of a list's business."""

    store: MatchStore
    rows: np.ndarray
    rendering: RenderingSettings

    def changed(self, change: RenderingChange) -> MatchStore | None:
        """Return the store with the changed lines of the molecules; the others are without any."""
        undrawn = replace(change, proton_shift_ppm=0.0, carbon_shift_ppm=0.0, missing_line=False, solvent_line=False)
        if undrawn != RenderingChange(seed=change.seed):
            return None
        return replace(self.store, peaks={nucleus: self._lines(change, nucleus) for nucleus in NUCLEI})

    def _lines(self, change: RenderingChange, nucleus: Nucleus) -> Ragged:
        held = self.store.peaks[nucleus]
        values, row, _ = held.take(torch.from_numpy(self.rows).to(held.values.device))
        ppm, area = values.double().cpu().numpy().T
        window = self.rendering.proton_window if nucleus == "1H" else self.rendering.carbon_window
        ids = [self.store.molecule_ids[place] for place in self.rows.tolist()]
        lines = change.lines(DrawnLines(row.cpu().numpy(), ppm, area), nucleus, window, ids).ordered()
        counts = np.zeros(len(self.store), np.int64)
        counts[self.rows] = np.bincount(lines.row, minlength=len(self.rows))
        offsets = torch.from_numpy(np.concatenate([[0], counts.cumsum()]))
        flat = torch.from_numpy(np.stack([lines.ppm, lines.height], axis=1)).float()
        return Ragged(flat, offsets).to(held.values.device)


@dataclass(frozen=True)
class ChangeableColumns:
    """Columns of rendered spectra, rendered anew from the line lists of a table of spectra."""

    store: MatchStore
    rows: np.ndarray
    rendering: RenderingSettings
    spectra: Path

    def drawn(self, change: RenderingChange) -> dict[Nucleus, np.ndarray]:
        """Return the columns (m, 2, W) of the molecules by nucleus."""
        ids = [self.store.molecule_ids[row] for row in self.rows.tolist()]
        return dict(render_changed(self.spectra, ids, self.rendering, change))

    def held(self, nucleus: Nucleus) -> np.ndarray:
        """Return the columns (m, 2, W) of the molecules as the store holds them."""
        assert self.store.columns is not None
        columns = self.store.columns[nucleus]
        found: np.ndarray = columns[torch.from_numpy(self.rows).to(columns.device)].cpu().numpy()
        return found

    def check(self) -> None:
        """Raise InputError if the store does not hold what the unchanged rendering of the lines gives."""
        for nucleus, columns in self.drawn(RenderingChange()).items():
            held = self.held(nucleus)
            if held.shape != columns.shape or not np.allclose(held, columns, atol=1e-6):
                raise InputError(f"{self.spectra}: the rendered {nucleus} spectra are not those of its lines")

    def changed(self, change: RenderingChange) -> MatchStore:
        """Return the store with the changed columns of the molecules."""
        assert self.store.columns is not None
        columns = {nucleus: values.clone() for nucleus, values in self.store.columns.items()}
        for nucleus, found in self.drawn(change).items():
            columns[nucleus][torch.from_numpy(self.rows)] = torch.from_numpy(found).to(columns[nucleus].device)
        return self.store.with_columns(columns)


@dataclass(frozen=True)
class ChangeableImages:
    """Maps of images: only those that a change alters are shown to the backbone again."""

    columns: ChangeableColumns
    extractor: FeatureExtractor
    images: dict[Nucleus, Images]

    @classmethod
    def of(
        cls, columns: ChangeableColumns, extractor: FeatureExtractor, nuclei: Sequence[Nucleus]
    ) -> "ChangeableImages":
        """Draw the unchanged images of the nuclei that the model reads."""
        return cls(columns, extractor, {n: images_of(columns.held(n), columns.rendering) for n in nuclei})

    def changed(self, change: RenderingChange) -> MatchStore:
        """Return the store with the maps of the changed images of the molecules; it has none of the others."""
        store, rows = self.columns.store, self.columns.rows
        assert store.features is not None
        device = store.features.device
        kept = store.features.gather(torch.from_numpy(rows).to(device))
        drawn, rendering = self.columns.drawn(change), change.settings(self.columns.rendering)
        maps = {n: self._maps(kept[n], images_of(drawn[n], rendering), n) for n in self.images}
        places = torch.zeros(len(store), dtype=torch.int64)
        places[torch.from_numpy(rows)] = torch.arange(len(rows))
        return replace(store, features=FeatureStore({**kept, **maps}, places.to(device), device))

    def _maps(self, kept: Tensor, images: Images, nucleus: Nucleus) -> Tensor:
        altered = np.flatnonzero((images != self.images[nucleus]).any(axis=(1, 2)))
        maps = kept.clone()
        if len(altered):
            seen = torch.from_numpy(maps_of(self.extractor, images[altered]))
            maps[torch.from_numpy(altered).to(maps.device)] = seen.to(maps.device)
        return maps


def changeable(
    store: MatchStore, rows: np.ndarray, settings: MatchnetRun, spectra: Path, extractor: FeatureExtractor | None
) -> ChangeableSpectra:
    """Return the spectra of the molecules `rows` (m,), ascending, in the form that a network of `settings` reads.

    Images need the `extractor`. Raises InputError if the store's spectra were not rendered from the lines of `spectra`.
    """
    if settings.network.spectra == "peaks":
        return ChangeableLines(store, rows, settings.rendering)
    columns = ChangeableColumns(store, rows, settings.rendering, spectra)
    columns.check()
    return columns if extractor is None else ChangeableImages.of(columns, extractor, settings.network.nuclei)
