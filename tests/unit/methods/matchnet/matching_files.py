"""Small data sets for matching, made by the real steps: chains whose lines follow from the atoms around each atom."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rdkit import Chem
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from spectraflow.methods.matchnet.features import cache_features
from spectraflow.methods.matchnet.inputs import Inputs
from spectraflow.methods.matchnet.line_lists import merged_lines
from spectraflow.methods.matchnet.matchers import NetworkMatcher, build_network
from spectraflow.methods.matchnet.molecule_columns import molecule_columns
from spectraflow.methods.matchnet.pairs import make_pairs
from spectraflow.methods.matchnet.render import render
from spectraflow.methods.matchnet.settings import BackboneSettings, MatchnetRun, PairSettings, RenderingSettings
from spectraflow.settings import merge
from spectraflow.tables import MATCHING_SPECTRA, SPLITS
from tests.unit.conftest import CHAINS, toy_shift, write_rows
from tests.unit.methods.matchnet.network_pairs import SMALL

RENDERING = RenderingSettings(columns=64, oversampling=4)
BACKBONE = BackboneSettings(name="tiny")
RUN: dict[str, Any] = {
    "rendering": RENDERING.model_dump(),
    "network": {**SMALL, "spectra": "vectors", "backbone": BACKBONE.model_dump()},
    "training": {"epochs": 2, "batch_size": 8, "learning_rate": 0.003},
}


def small_run(**difference: Any) -> MatchnetRun:
    """Settings of a small network of vectors, and what differs from them."""
    return MatchnetRun.model_validate(merge(RUN, difference))


@dataclass(frozen=True)
class MatchingFiles:
    """Tables of one data set, and the folder they lie in."""

    folder: Path
    spectra: Path
    rendered: Path
    split: Path
    pairs: Path
    rendering: RenderingSettings

    def features(self, backbone: BackboneSettings = BACKBONE) -> Path:
        """Let a backbone see every image; return the folder of features."""
        out = self.folder / "features"
        if not out.exists():
            cache_features(self.rendering, backbone, self.rendered, self.split, out)
        return out

    def inputs(self, features: Path | None = None) -> Inputs:
        return Inputs(self.spectra, self.rendered, self.pairs, features)


def write_matching_files(
    folder: Path, count: int = 40, rendering: RenderingSettings = RENDERING, smiles: list[str] | None = None
) -> MatchingFiles:
    """Write `count` chains (64 at most), or molecules of `smiles`: 60 % to train on, 20 % each for val and test."""
    names = list(dict.fromkeys(Chem.CanonSmiles(text) for text in CHAINS))
    chosen = np.random.default_rng(0).permutation(names[:120])[:count].tolist() if smiles is None else smiles
    rows = [spectra_row(f"toy:{number}", text) for number, text in enumerate(chosen)]
    folder.mkdir(parents=True, exist_ok=True)
    cuts = [round(0.6 * len(rows)), round(0.8 * len(rows))]
    parts = np.repeat(["train", "val", "test"], np.diff([0, *cuts, len(rows)])).tolist()
    split = [{"molecule_id": row["molecule_id"], "part": part} for row, part in zip(rows, parts, strict=True)]
    files = MatchingFiles(
        folder,
        write_rows(folder / "spectra.parquet", MATCHING_SPECTRA, rows),
        folder / "rendered.parquet",
        write_rows(folder / "split.parquet", SPLITS, split),
        folder / "pairs.parquet",
        rendering,
    )
    render(rendering, files.spectra, files.rendered, folder / "rendered.json")
    make_pairs(PairSettings(), files.spectra, files.rendered, files.split, files.pairs, folder / "pairs.json")
    return files


def spectra_row(molecule_id: str, smiles: str) -> dict[str, Any]:
    """A row of a table of spectra: a line for each kind of carbon, and for each kind of atom with protons."""
    mol = Chem.MolFromSmiles(smiles)
    carbons = [toy_shift(mol, atom) / 1000 for atom in mol.GetAtoms() if atom.GetAtomicNum() == 6]
    bearing = [atom for atom in mol.GetAtoms() if atom.GetTotalNumHs()]
    protons = np.array([toy_shift(mol, atom) / 8000 for atom in bearing])
    proton = merged_lines(protons, np.array([float(atom.GetTotalNumHs()) for atom in bearing]))
    carbon = merged_lines(np.array(carbons))
    return {
        "molecule_id": molecule_id,
        "first_block": molecule_id,
        "smiles": smiles,
        "formula": CalcMolFormula(mol),
        "heavy_atoms": mol.GetNumHeavyAtoms(),
        **molecule_columns(smiles),
        "proton_ppm": proton.ppm.tolist(),
        "proton_area": proton.area.tolist(),
        "carbon_ppm": carbon.ppm.tolist(),
        "carbon_area": carbon.area.tolist(),
        "origin": "simulated",
    }


def untrained(settings: MatchnetRun, feature_channels: int | None = None) -> NetworkMatcher:
    """A network as training starts with it, in eval mode."""
    return NetworkMatcher(build_network(settings, feature_channels).eval(), settings, torch.device("cpu"))
