"""The selection step: from the tables of a source to molecules with two line lists."""

from pathlib import Path
from typing import Any

from spectraflow.errors import ConfigError, InputError
from spectraflow.files import read_json
from spectraflow.methods.matchnet.line_lists import LineLists, PeakListLines, PredictedLines
from spectraflow.methods.matchnet.select import select
from spectraflow.methods.matchnet.settings import PredictedSettings, SelectionSettings
from spectraflow.settings import load_settings


def select_spectra(
    settings: str,
    molecules: Path,
    out: Path,
    rejects: Path,
    counts: Path,
    peaks: Path | None = None,
    predictions: Path | None = None,
    graphs: Path | None = None,
    accuracy: Path | None = None,
) -> dict[str, Any]:
    """Write molecules with two line lists, rejects and accounting; see `select`.

    `settings`: SelectionSettings as JSON. Lines come from `peaks` or, where the settings speak of predicted spectra,
    from `predictions` with noise: as the settings say, else the errors in `accuracy`, a shift model's metrics.json.
    Raises ConfigError if a file for the settings is missing.
    """
    checked = load_settings(SelectionSettings, settings)
    limit = None if checked.predicted is None else checked.predicted.limit
    if checked.predicted is None:
        if peaks is None:
            raise ConfigError("lines come from peak lists: give the peaks table")
        lines: LineLists = PeakListLines.read(peaks)
    else:
        if predictions is None or graphs is None:
            raise ConfigError("lines come from predicted shifts: give predictions and graphs")
        noise = _noise(checked.predicted, accuracy)
        lines = PredictedLines.read(predictions, graphs, *noise, checked.predicted.seed)
    seed = 0 if checked.predicted is None else checked.predicted.seed
    return select(checked.molecules, molecules, lines, out, rejects, counts, limit=limit, seed=seed)


def _noise(settings: PredictedSettings, accuracy: Path | None) -> tuple[float, float]:
    """Return the noise of 13C and 1H lines, ppm."""
    given = (settings.carbon_noise_ppm, settings.proton_noise_ppm)
    carbon, proton = (
        _error(accuracy, nucleus) if value is None else value
        for value, nucleus in zip(given, ("13C", "1H"), strict=True)
    )
    return carbon, proton


def _error(accuracy: Path | None, nucleus: str) -> float:
    if accuracy is None:
        raise ConfigError("noise of null is the shift model's mean error: give its metrics.json")
    found = (read_json(accuracy).get("parts") or {}).get("test", {}).get(f"shift/mae_{nucleus}")
    if not found or found.get("value") is None:
        raise InputError(f"{accuracy}: holds no shift/mae_{nucleus} of the test part")
    return float(found["value"])
