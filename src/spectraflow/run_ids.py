"""Names of data and runs: hashes of what defines them, never of labels, paths or devices; imports nothing heavy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spectraflow.config import Config
from spectraflow.methods.km3aid.settings import Km3aidRun
from spectraflow.provenance import code_of, file_sha256, settings_hash
from spectraflow.settings import hashed_settings
from spectraflow.sources.moleculenet_names import file_name

REGISTRY = Path("resources/sources.yaml")

RAW_FILES = {
    "nmrshiftdb2": ("nmrshiftdb2", "nmrshiftdb2withsignals.sd.gz"),
    "km3aid_ids": ("nmrshiftdb2", "km3aid_ids.txt"),
    "pubchem": ("pubchem", "CID-SMILES.gz"),
    "alberts": ("alberts", "example_data_1.parquet"),
    "massbank": ("massbank", "massbank_EI_records.tar.gz"),
    "sdbs": ("sdbs", "records.jsonl"),
    "matcs": ("matcs", "train.csv.gz"),
}
"""Folder and default file of each raw source, below `raw/` and below a mirror."""

MATCS_FILES = tuple(f"{name}.csv.gz" for name in ("train", "validation", "test_rand", "test_diff", "test_sim"))
"""Files of the MatCS lists, of which RAW_FILES names the first."""

DEMO_RAW_FILES = {**RAW_FILES, "alberts": ("alberts", "demo_multimodal.parquet")}
"""The same for the demo, whose file names are fixed."""


def selection_name(run: Km3aidRun) -> str:
    """Return the name of the alignment table a run trains on, such as `published_ids-computed`."""
    return run.molecules + ("-computed" if run.computed_spectra else "")


def data_version(config: Config) -> str:
    """Return the identity of the raw spectra: settings and code of the demo, or files, checksums and limits.

    The SMILES library is left out: it is used after training.
    """
    if config.data == "demo":
        return settings_hash({"demo": config.demo.model_dump(), "code": code_of("sources.demo.generate")})
    return settings_hash({source: _raw_file(config, source) for source in ("nmrshiftdb2", "km3aid_ids")})


DATASET_SOURCES = {"alberts": ("alberts",), "sdbs": ("sdbs",), "open_exp": ("massbank", "nmrshiftdb2")}
"""Raw sources of each data set of several spectra a molecule."""


def dataset_version(config: Config, dataset: str) -> str:
    """Return the identity of the raw spectra of a data set of several spectra a molecule, as `data_version` does."""
    if config.data == "demo":
        return data_version(config)
    return settings_hash({source: _raw_file(config, source) for source in DATASET_SOURCES[dataset]})


def raw_version(config: Config, source: str) -> str:
    """Return the identity of one raw source, as `data_version` does."""
    if config.data == "demo":
        return data_version(config)
    every = getattr(getattr(config.sources, source), "every", 1)
    files = MATCS_FILES if source == "matcs" else (None,)
    return settings_hash({"files": [_raw_file(config, source, file) for file in files], "every": every})


def property_version(config: Config, task: str) -> str:
    """Return the identity of the raw file of a MoleculeNet task, as `data_version` does."""
    if config.data == "demo":
        return data_version(config)
    file = file_name(task)
    return settings_hash({"file": file, "sha256": registered_sha256("moleculenet", file)})


def _raw_file(config: Config, source: str, file: str | None = None) -> dict[str, Any]:
    """Return what identifies a raw file: name, checksum if it is pinned, limit; of a user's folder names and sizes."""
    settings = getattr(config.sources, source)
    folder = getattr(settings, "folder", None)
    if folder is not None:
        files = sorted(path for path in Path(folder).rglob("*.*") if path.is_file())
        sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
        return {"files": sizes, "limit": settings.limit}
    file = file or getattr(settings, "file", None) or RAW_FILES[source][1]
    return {"file": file, "sha256": registered_sha256(source, file), "limit": settings.limit}


def registered_sha256(source: str, file: str) -> str | None:
    """Return the checksum that the registry demands of a file, or None if publishers replace the file."""
    from spectraflow.sources.registry import load_registry

    return load_registry(REGISTRY).file(source, file)[2].sha256


def _science(values: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the path of external weights by their content's hash: paths never enter an id."""
    weights = values.get("weights")
    if weights is None or not Path(weights).is_file():
        return dict(values)
    return {**values, "weights": file_sha256(Path(weights))}


def encoder_id(config: Config, run: Km3aidRun, version: str | None = None) -> str:
    """Return the id of the spectrum encoder a run needs: only what that encoder's training uses.

    version: the data version, if the caller has it.
    """
    return settings_hash(
        {
            "method": "km3aid.spectrum_encoder",
            "data": version or data_version(config),
            "selection": selection_name(run),
            "split": config.splits[run.split].model_dump(),
            "fold": run.fold,
            "settings": hashed_settings(_science(run.spectrum_encoder.model_dump())),
        }
    )


def run_id(config: Config, run: Km3aidRun, version: str | None = None) -> str:
    """Return the id of a run: method, data version, split, fold, seeds and hyper-parameters, never the label.

    version: the data version, if the caller has it. What concerns a shift head counts only where there is one.
    """
    values = run.model_dump(exclude={"label", "split"})
    if not run.model.shift_head:
        del values["model"]["shift_head"], values["objective"]["shift_weight"]
    values["spectrum_encoder"] = _science(values["spectrum_encoder"])
    split = config.splits[run.split].model_dump()
    data = version or data_version(config)
    return settings_hash({"method": "km3aid", "data": data, "split": split, "settings": hashed_settings(values)})
