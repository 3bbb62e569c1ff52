"""`python -m tests.crash`: every state of the stories, and the planted bugs. See CONTRIBUTING.

Exits with 1 where an invariant does not hold or a planted bug is not seen, and says how to build
just that state again.
"""

import argparse
import multiprocessing
import sys
import time

from tests.crash.enumeration import Enumeration, Result, report
from tests.crash.plants import PLANTS, find
from tests.crash.story import KINDS, SEED

# Without truncate, segments that were given up stay as they are, and their states multiply: a
# share is drawn. `--share 1` takes all, which is some hours.
_SHARES = {"no truncate": 0.05, "neither": 0.03}
_CHUNK = 12
_enumerations = {}


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--kind", choices=list(KINDS), help="one kind of file system only")
    parser.add_argument("--share", type=float, help="of the states; default: all, or as noted")
    parser.add_argument("--cut", type=int, help="with --kind and --state: judge one state again")
    parser.add_argument("--state")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    if args.cut is not None:
        result = Enumeration(args.kind, args.seed).check_one(args.cut, args.state)
        print(result, report(result), sep="\n")
        return 1 if result.violations else 0
    total = Result()
    began = time.perf_counter()
    print(f"seed {args.seed}, {args.processes} processes", flush=True)
    with multiprocessing.Pool(args.processes) as pool:
        for kind in [args.kind] if args.kind else KINDS:
            share = args.share or _SHARES.get(kind, 1.0)
            total.add(_check(pool, kind, args.seed, share))
        caught = 0
        for name, found in pool.imap_unordered(_find, range(len(PLANTS))):
            caught += found is not None
            print(f"planted: {name}: {_told(found)}", flush=True)
    print(f"operations        {total.operations}")
    print(f"states            {total}")
    print(f"planted bugs      {caught} of {len(PLANTS)} caught")
    print(
        f"seconds           {time.perf_counter() - began:.0f} ({total.seconds:.0f} of processors)"
    )
    print(f"seed              {args.seed}")
    return 1 if total.violations or caught < len(PLANTS) else 0


def _check(pool, kind, seed, share):
    began = time.perf_counter()
    lengths = range(len(Enumeration(kind, seed).log) + 1)
    # Chunks of neighbours, in no order that puts the heavy ones into one process.
    chunks = [lengths[start : start + _CHUNK] for start in range(0, len(lengths), _CHUNK)]
    result = Result()
    jobs = [(kind, seed, list(chunk), share) for chunk in chunks]
    for part in pool.imap_unordered(_check_chunk, jobs):
        result.add(part)
        if part.violations:
            print(report(part), flush=True)
    drawn = "all states" if share == 1 else f"a share of {share} of the states"
    seconds = time.perf_counter() - began
    print(f"{kind}: {len(lengths) - 1} operations, {drawn}: {result}, {seconds:.0f} s", flush=True)
    return result


def _check_chunk(job):
    kind, seed, lengths, share = job
    key = kind, seed
    if key not in _enumerations:
        _enumerations.clear()
        _enumerations[key] = Enumeration(kind, seed)
    return _enumerations[key].check_all(lengths, share=share)


def _find(place):
    return PLANTS[place].__name__, find(PLANTS[place])


def _told(found):
    if found is None:
        return "NOT CAUGHT"
    states, text = found
    return f"caught after {states} states, " + text.partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
