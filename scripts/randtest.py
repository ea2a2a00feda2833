# SPDX-License-Identifier: MIT
"""Draws configurations at random, builds each without a warning and boots it.

Each is drawn by kconfig-conf from a seed, and booted by PVH on a machine that it
claims. One with tests in it runs them; one without must come to `ready`. One
that claims no machine, or has no console to be heard on, is only built, and
does not count. A failure prints the seed that draws it again and keeps its
folder."""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys

import elf
import guest
import ktap
import qemu

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(HERE)
TIMEOUT = 240       # seconds, a hang guard
READY = r"^ready$"
DRAWS_MAX = 10      # for each that counts
# Reasons to skip that a machine without some device or clock may have: what is off is not there.
SKIPS = ["*"]


class Failure(Exception):
    """What went wrong with one configuration."""


def make(build, *words, **environment):
    """Runs make; raises Failure with the end of what it said."""
    env = {k: v for k, v in os.environ.items()
           if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "O")}
    env.update(environment)
    done = subprocess.run(["make", "-C", TREE, "--no-print-directory", "-j2", "O=" + build, *words],
                          check=False, env=env, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise Failure("make %s: %d\n%s" % (" ".join(words), done.returncode, done.stdout[-3000:]))


def console_of(config):
    """How the guest is heard: by serial, by the debug console, not at all."""
    if config.get("CONFIG_SERIAL") == "y" and \
            int(config["CONFIG_SERIAL_PORT"], 0) == 0x3f8:
        return {}
    if config.get("CONFIG_DEBUGCON") == "y":
        return {"debugcon": int(config["CONFIG_DEBUGCON_PORT"], 0)}
    return None


def boot(build, config, draw):
    """Boots what was built; what was seen, in a few words, None if it cannot be
    booted. Raises Failure."""
    claimed = qemu.claimed_machines(config)
    heard = console_of(config)
    if not claimed or heard is None:
        return None
    machine = draw.choice(claimed)
    tested = config.get("CONFIG_KTEST") == "y" and config.get("CONFIG_DEBUG_EXIT") == "y"
    kernel = os.path.join(build, "cairn.elf")
    wanted = qemu.Guest(machine=machine, boot="direct", elf=kernel, mem="256M",
                        devices=["rng"], cmdline="test" if tested else "",
                        debug_port=qemu.debug_port(config), **heard)
    qemu.check(wanted)
    session = guest.Session(qemu.command(wanted))
    try:
        if not tested:
            session.wait(READY, TIMEOUT)
            return "ready on %s" % machine
        code = session.finish(TIMEOUT)
        names = ktap.selected(elf.test_names(elf.Elf.load(kernel)), "test")
        problems = ktap.judge(session.text(), code, names, SKIPS)
    except Exception as error:
        raise Failure("on %s: %s\n%s" % (machine, error, session.text()[-3000:])) from error
    finally:
        session.close()
    if problems:
        raise Failure("on %s: %s\n%s" % (machine, "; ".join(problems), session.text()[-3000:]))
    return "%d tests on %s" % (len(names), machine)


def one(root, seed):
    """Draws, builds and boots the configuration of a seed; raises Failure."""
    build = os.path.join(root, "%#x" % seed)
    shutil.rmtree(build, ignore_errors=True)
    os.makedirs(root, exist_ok=True)
    make(build, "randconfig", KCONFIG_SEED="%#x" % seed)
    make(build, "kernel")
    seen = boot(build, qemu.read_config(os.path.join(build, ".config")), random.Random(seed))
    shutil.rmtree(build)
    return seen


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--count", default="20")
    parser.add_argument("--seed", type=lambda text: int(text, 0))
    args = parser.parse_args()
    if not re.fullmatch("[1-9][0-9]{0,5}", args.count):
        raise SystemExit("N=%s: a number from 1 on is wanted" % args.count)
    count = int(args.count)
    seed = args.seed if args.seed is not None else random.SystemRandom().getrandbits(31)
    root = os.path.join(os.path.abspath(args.build), "test", "random")
    print("# SEED=%#x" % seed, flush=True)
    failed = passed = 0
    for i in range(count * DRAWS_MAX):
        if passed + failed >= count:
            break
        this = (seed + i) & 0x7fffffff
        try:
            seen = one(root, this)
            passed += seen is not None
            print("ok SEED=%#x # %s" % (this, seen or "built; cannot be booted or heard"),
                  flush=True)
        except Failure as error:
            failed += 1
            print("not ok: again by: make randtest N=1 SEED=%#x; kept in %s"
                  % (this, os.path.join(root, "%#x" % this)))
            print(re.sub("^", "# ", str(error), flags=re.M), flush=True)
    if passed + failed < count:
        print("not ok: of %d draws only %d could be booted" % (count * DRAWS_MAX, passed))
        failed += 1
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
