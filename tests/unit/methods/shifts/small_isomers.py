"""Small isomers with their measured shifts, for tests of assignment and recognition."""

from spectraflow.tables import ALIGNMENT, TableWriter

# three isomers of C3H8O and two of C2H7N, with their shifts; graphs hold another order
SMILES = {"ether": "CCOC", "one": "CCCO", "two": "CC(C)O", "amine": "CCN", "bridged": "CNC"}
SHIFTS = {
    "one": [10.0, 25.9, 64.3],
    "two": [25.3, 64.2, 25.3],
    "ether": [15.0, 67.9, 57.7],
    "amine": [19.0, 36.9],
    "bridged": [38.2, 38.2],
}
CARBONS = {"one": [0, 1, 2], "two": [0, 1, 2], "ether": [0, 1, 3], "amine": [0, 1], "bridged": [0, 2]}
CLASSES = {"one": [3, 2, 2], "two": [3, 1, 3], "ether": [3, 2, 3], "amine": [3, 2], "bridged": [3, 3]}
PARTS = {"one": "test", "two": "test", "ether": "test", "amine": "val", "bridged": "train"}


def write_alignment(path, names):
    with TableWriter(path, ALIGNMENT) as writer:
        writer.write_rows(
            [
                {
                    "molecule_id": name,
                    "spectrum_id": f"{name}/13C/0",
                    "first_block": name,
                    "carbon_atom": CARBONS[name],
                    "shift_mppm": [round(1000 * ppm) for ppm in SHIFTS[name]],
                    "multiplicity": CLASSES[name],
                }
                for name in names
            ]
        )
    return path
