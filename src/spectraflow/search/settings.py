"""Settings of the search of whole libraries."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from spectraflow.settings import Positive, Settings


class IndexSettings(Settings):
    """The approximate index: inverted lists of 8-bit codes, whose best candidates are scored again exactly."""

    lists: Positive = Field(2_048, description="inverted lists; about 4 to 16 times the root of the library's size")
    probes: Positive = Field(32, description="lists visited a query: more find more and take longer")
    rerank: Positive = Field(40, description="candidates scored again exactly, at least as many as are asked for")
    dimensions: Positive | None = Field(
        128, description="principal components kept in the codes; null = all numbers of the embedding"
    )
    sample: Positive = Field(100_000, description="library molecules the index is trained on, at most")
    seed: int = Field(0, description="seed of the sample and of the k-means")


class SearchSettings(Settings):
    """Search of a whole library with the held-out spectra (reference section 6.3, CReSS-style)."""

    runs: Literal["first", "all", "none"] = Field(
        "first", description="searched with: the first run, all that get library retrieval, or none"
    )
    shards: Positive = Field(2, description="jobs and files that an embedded library is split into")
    candidates: Positive = Field(100, description="best molecules kept a query")
    k: list[Positive] = Field([1, 5, 10, 25, 50, 100], description="ranks at which recall is counted")
    mass_tolerance: Annotated[float, Field(gt=0)] = Field(
        5.0, description="largest difference of molecular weights under the mass filter, Da"
    )
    queries: Positive = Field(1_000, description="held-out spectra used as queries, at most")
    seed: int = Field(0, description="seed of the query sample and of the intervals")
    index: IndexSettings = Field(IndexSettings(), description="approximate index")

    @model_validator(mode="after")
    def _lists_are_long_enough(self) -> "SearchSettings":
        if max(self.k) > self.candidates:
            raise ValueError(f"recall at {max(self.k)} needs as many candidates, not {self.candidates}")
        return self
