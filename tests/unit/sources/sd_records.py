"""Small SD records in nmrshiftdb2's syntax."""

import gzip
from pathlib import Path

from rdkit import Chem

ETHANOL_SIGNALS = "18.1;0.0Q;0|57.9;0.0T;1|"


def mol_block(smiles: str, hydrogens: bool = False) -> str:
    mol = Chem.MolFromSmiles(smiles)
    return Chem.MolToMolBlock(Chem.AddHs(mol) if hydrogens else mol)


def sd_record(native_id: str | None = "1", smiles: str = "CCO", block: str | None = None, **properties: str) -> str:
    """Return one record; keyword names have `__` for a space, so `Spectrum__13C__0` is `Spectrum 13C 0`."""
    items = {} if native_id is None else {"nmrshiftdb2 ID": native_id}
    items |= {name.replace("__", " "): value for name, value in properties.items()}
    data = "".join(f"> <{name}>\n{value}\n\n" for name, value in items.items())
    return (mol_block(smiles) if block is None else block) + data + "$$$$\n"


def write_sd(path: Path, text: str) -> Path:
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    else:
        path.write_bytes(text.encode())
    return path


def long_chain(atoms: int) -> str:
    """Return a V3000 mol block of an alkane, written by hand: RDKit takes minutes to write one of 10,000 atoms."""
    lines = ["", "  chain", "", "  0  0  0     0  0            999 V3000", "M  V30 BEGIN CTAB"]
    lines += [f"M  V30 COUNTS {atoms} {atoms - 1} 0 0 0", "M  V30 BEGIN ATOM"]
    lines += [f"M  V30 {i} C {i}.0 0 0 0" for i in range(1, atoms + 1)]
    lines += ["M  V30 END ATOM", "M  V30 BEGIN BOND"]
    lines += [f"M  V30 {i} 1 {i} {i + 1}" for i in range(1, atoms)]
    return "\n".join([*lines, "M  V30 END BOND", "M  V30 END CTAB", "M  END", ""])
