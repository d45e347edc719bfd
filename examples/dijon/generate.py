"""Draw the inventories of the example city: everything that stands or drives in it, as CSV files.

The communes, their INSEE codes and the coordinates of their centres are facts (communes.csv;
populations rounded), and so are the counts; everything that is counted is drawn from a seed,
around those centres, and says so in its ``origin`` column. The same arguments give the same
files, byte for byte. ``parts/`` has a module for each kind of equipment.

    python examples/dijon/generate.py                      # Dijon
    python examples/dijon/generate.py --lamps 540 --cabinets 10 --scale 0.02 --out /tmp/small
    python examples/dijon/generate.py --scale 10           # ten times its size
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from parts import PARTS, Part, Tables, read_communes

HERE = Path(__file__).resolve().parent
SEED = 2017
PORT = 15_020


def parts_here(only: Sequence[str] = ()) -> list[Part]:
    """Return the parts that there are, or those of the names given.

    Raises:
        ValueError: there is no part of that name; the caller's fault.
    """
    here = [part for part in PARTS if find_spec(f"parts.{part.name}") is not None]
    names = {part.name for part in here}
    for name in only:
        if name not in names:
            raise ValueError(f"part {name}: allowed {' '.join(sorted(names))}")
    return [part for part in here if not only or part.name in only]


def generate(
    out: Path,
    *,
    seed: int = SEED,
    scale: float = 1.0,
    lamps: int | None = None,
    cabinets: int | None = None,
    port: int = PORT,
    only: Sequence[str] = (),
) -> Mapping[str, int]:
    """Write the inventories into a folder, which is made if need be; return devices by kind.

    Args:
        out: the folder.
        seed: decides what is drawn.
        scale: how many times Dijon, above 0.
        lamps: street lights; None: as the scale says.
        cabinets: lighting cabinets; None: as the scale says.
        port: TCP port of every server of the field.
        only: names of parts; empty: all.

    Raises:
        ValueError: the numbers do not fit each other; the caller's fault.
    """
    if not 0.0 < scale <= 100.0:
        raise ValueError(f"scale: {scale:g}, allowed above 0 to 100")
    communes = read_communes()
    counts: dict[str, int] = {}
    drawn: list[Tables] = []
    for part in parts_here(only):
        # Lighting was there alone, and keeps the draws of that time.
        own = "" if part.name == "lighting" else f"-{part.name}"
        rng = random.Random(f"jacquemart-dijon-{seed}{own}")
        told = {"lamps": lamps, "cabinets": cabinets} if part.name == "lighting" else {}
        draw = import_module(f"parts.{part.name}").draw
        tables: Tables = draw(rng, communes, scale, port=port, **told)
        counts.update(tables.counts)
        drawn.append(tables)
    out.mkdir(parents=True, exist_ok=True)
    for tables in drawn:
        for table in tables.files:
            table.write(out)
    return counts


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0, help="how many times Dijon")
    parser.add_argument("--lamps", type=int, default=None, help="default: as the scale says")
    parser.add_argument("--cabinets", type=int, default=None, help="default: as the scale says")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--port", type=int, default=PORT, help="TCP port of every server")
    parser.add_argument("--only", nargs="*", default=(), metavar="PART", help="some parts only")
    parser.add_argument("--out", type=Path, default=HERE / "generated")
    chosen = parser.parse_args()
    try:
        counts = generate(
            chosen.out,
            seed=chosen.seed,
            scale=chosen.scale,
            lamps=chosen.lamps,
            cabinets=chosen.cabinets,
            port=chosen.port,
            only=chosen.only,
        )
    except ValueError as error:
        parser.error(str(error))
    for kind, count in counts.items():
        print(f"{count:9,}  {kind}")
    print(f"{sum(counts.values()):9,}  devices in {chosen.out}")


if __name__ == "__main__":
    main()
