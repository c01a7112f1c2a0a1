"""The files that a matching model reads."""

from dataclasses import dataclass
from pathlib import Path

from spectraflow.errors import ConfigError
from spectraflow.methods.matchnet.settings import MatchnetRun


@dataclass(frozen=True)
class Inputs:
    """Tables of one data set: `spectra`, `rendered`, `pairs`; a folder of `features`; `scores` of another model.

    transfer: spectra, rendered spectra and pairs of another data set.
    """

    spectra: Path
    rendered: Path
    pairs: Path
    features: Path | None = None
    scores: Path | None = None
    transfer: tuple[Path, ...] = ()

    @property
    def paths(self) -> list[Path]:
        """Return all files there are, of the features their description."""
        files = [self.spectra, self.rendered, self.pairs, self.scores, *self.transfer]
        described = [] if self.features is None else [self.features / "features.json"]
        return [path for path in files if path is not None] + described

    def check(self, settings: MatchnetRun, *, transferred: bool = True) -> None:
        """Raise ConfigError if a file that the run needs was not given; without `transferred` on its own data alone."""
        if settings.reads_images and self.features is None:
            raise ConfigError("a model of images needs cached features: give --features")
        if settings.scores is not None and self.scores is None:
            raise ConfigError(f"kind {settings.kind} needs the scores of that model: give --scores")
        if transferred and settings.transfer is not None and len(self.transfer) != 3:
            raise ConfigError("transfer needs three files: spectra, rendered spectra and pairs of the other data set")
