"""Settings of library retrieval."""

from pydantic import Field

from spectraflow.settings import Positive, Settings


class RetrievalSettings(Settings):
    """Zero-shot retrieval against a molecule library (reference section 6.3)."""

    library_sizes: list[Positive] = Field(
        [100, 1_000, 10_000, 100_000], description="candidates a query, truth included"
    )
    k: list[Positive] = Field([1, 5, 10, 25], description="ranks at which hits are counted")
    queries: Positive = Field(1_000, description="held-out spectra used as queries, at most")
    seed: int = Field(0, description="seed of the query sample and of the controls")


class IsomerSettings(Settings):
    """Recognition of isomers among the molecules of one formula (reference section 6.4)."""

    least_members: Positive = Field(10, description="smallest group of one formula, mirror images counted once")
    seed: int = Field(0, description="seed of the candidates' order and of the intervals")
