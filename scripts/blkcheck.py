#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the file behind a disk that the guest's `blk N fill` wrote: every
sector must hold what drivers/block/block_pattern.h says.

	python3 blkcheck.py FILE SEED MIB [GENERATION [GENERATION...]]

With several generations each sector may be of any of these."""

import sys

SECTOR = 512
MASK = (1 << 64) - 1
SECTOR_MASK = (1 << 8 * SECTOR) - 1
SEED_STEP = 0x9e3779b97f4a7c15
GENERATION_STEP = 0xd1342543de82ef95
SECTOR_STEP = 0xaef17502108ef2d9
FACTOR_SEED = 0x436169726e
MUL1, MUL2 = 0xbf58476d1ce4e5b9, 0x94d049bb133111eb
CHUNK = 2048            # sectors that are read at a time
SHOWN = 8               # of the sectors that are wrong


def mix(x):
    x = (x ^ x >> 30) * MUL1 & MASK
    x = (x ^ x >> 27) * MUL2 & MASK
    return x ^ x >> 31


FACTOR = sum((mix(FACTOR_SEED + i * SEED_STEP & MASK) | 1) << 64 * i for i in range(64))


def contents(seed, generation, first, count):
    """The bytes of so many sectors, one after the other."""
    start = seed * SEED_STEP + generation * GENERATION_STEP
    for sector in range(first, first + count):
        x = start + sector * SECTOR_STEP & MASK
        x = (x ^ x >> 30) * MUL1 & MASK
        x = (x ^ x >> 27) * MUL2 & MASK
        yield (((x ^ x >> 31) | 1) * FACTOR & SECTOR_MASK).to_bytes(SECTOR, "little")


def content(seed, generation, sector):
    return next(contents(seed, generation, sector, 1))


def identify(data, seed, sectors, generations):
    """What a sector that is wrong holds, in words."""
    if not any(data):
        return "zeros"
    for generation in generations:
        for sector in sectors:
            if content(seed, generation, sector) == data:
                return "sector %d of generation %d" % (sector, generation)
            if content(seed, generation, sector)[:8] == data[:8]:
                return "sector %d of generation %d at its beginning" % (sector, generation)
    return "what nobody wrote"


def wrong_sectors(file, seed, count, generations):
    """(sector, its bytes) of those that hold none of the generations."""
    file.seek(0)
    for first in range(0, count, CHUNK):
        some = min(CHUNK, count - first)
        data = file.read(some * SECTOR)
        if b"".join(contents(seed, generations[0], first, some)) == data:
            continue
        for sector in range(first, first + some):
            at = (sector - first) * SECTOR
            found = data[at:at + SECTOR]
            if all(content(seed, g, sector) != found for g in generations):
                yield sector, found


def check(path, seed, mib, generations):
    """Problems of the first `mib` MiB of a file, in words, the first few."""
    count = mib * 2048
    problems = []
    wrong = 0
    with open(path, "rb") as file:
        for sector, data in wrong_sectors(file, seed, count, generations):
            wrong += 1
            if wrong <= SHOWN:
                near = range(max(0, sector - CHUNK), min(count, sector + CHUNK))
                past = sorted({g + d for g in generations for d in (-1, 0, 1)} - {-1})
                problems.append("sector %d holds %s, not generation %s"
                                % (sector, identify(data, seed, near, past),
                                   " or ".join(map(str, generations))))
    if wrong > SHOWN:
        problems.append("and %d sectors more" % (wrong - SHOWN))
    return problems


def main():
    path, seed, mib, *generations = sys.argv[1:]
    problems = check(path, int(seed, 0), int(mib), [int(g) for g in generations] or [0])
    print("\n".join(problems) or "all %s MiB are right" % mib)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
