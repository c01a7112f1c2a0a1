"""Line lists of five well-known molecules in CDCl3 as textbooks give them: shift in ppm and number of nuclei."""

import numpy as np

Lines = list[tuple[float, int]]
MOLECULES: dict[str, dict[str, Lines]] = {
    "ethanol": {
        "1H": [(1.22, 3), (2.61, 1), (3.69, 2)],
        "13C": [(18.2, 1), (57.9, 1)],
    },
    "ethyl acetate": {
        "1H": [(1.26, 3), (2.04, 3), (4.12, 2)],
        "13C": [(14.2, 1), (21.0, 1), (60.4, 1), (171.1, 1)],
    },
    "toluene": {
        "1H": [(2.34, 3), (7.16, 3), (7.24, 2)],
        "13C": [(21.4, 1), (125.3, 1), (128.2, 2), (129.0, 2), (137.8, 1)],
    },
    "caffeine": {
        "1H": [(3.41, 3), (3.58, 3), (4.00, 3), (7.52, 1)],
        "13C": [(27.9, 1), (29.7, 1), (33.6, 1), (107.6, 1), (141.4, 1), (148.7, 1), (151.7, 1), (155.4, 1)],
    },
    "aspirin": {
        "1H": [(2.36, 3), (7.14, 1), (7.35, 1), (7.62, 1), (8.12, 1), (11.77, 1)],
        "13C": [
            (21.0, 1), (122.3, 1), (124.0, 1), (126.2, 1), (132.5, 1), (134.9, 1), (151.3, 1), (169.8, 1), (170.2, 1),
        ],
    },
}  # fmt: skip


def lines(name: str, nucleus: str) -> tuple[np.ndarray, np.ndarray]:
    """Return shifts and areas of a molecule."""
    ppm, area = zip(*MOLECULES[name][nucleus], strict=True)
    return np.array(ppm, np.float64), np.array(area, np.float64)
