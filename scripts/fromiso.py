# SPDX-License-Identifier: MIT
"""Builds an ISO again from what it says of itself, and compares the bytes.

Refuses where they could not be the same: the ISO's kernel is not of the commit
that is checked out, or one of the two had changes that no commit has."""

import argparse
import os
import subprocess
import sys

import imagenote
import repro

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(HERE)


def git(*words):
    return subprocess.run(["git", "-C", TREE, *words], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.strip()


def refusal(note):
    """Why it cannot be built again here; None if it can."""
    commit, here = note["commit"], git("rev-parse", "HEAD")
    if commit.endswith("-dirty"):
        return "it was built from commit %s with changes that no commit has" % commit[:40]
    if commit == "unknown":
        return "it was built outside a git checkout: which commit it is of nobody knows"
    if commit != here:
        return "it is of commit %s, here is %s: check that one out" % (commit, here or "none")
    if git("status", "--porcelain", "-uno"):
        return "this checkout has changes: commit or stash them"
    return None


def rebuild(note, epoch, command_line, build):
    """Configures and builds into `build`; the exit code of make."""
    os.makedirs(build, exist_ok=True)
    config = os.path.join(build, "from-iso.config")
    claimed = subprocess.run(["sh", os.path.join(HERE, "output.sh"), "claim", build], check=False)
    if claimed.returncode:
        return claimed.returncode
    with open(config, "w", encoding="utf-8") as f:
        f.write(note.text)
    kept = os.path.join(build, ".config")
    if os.path.exists(kept):    # the fragment is the whole configuration
        os.remove(kept)
    env = {k: v for k, v in os.environ.items() if k not in repro.FOREIGN}
    env["SOURCE_DATE_EPOCH"] = str(epoch)
    return subprocess.run(["make", "-C", TREE, "-j2", "O=" + build, "CMDLINE=" + command_line,
                           config, "iso"], check=False, env=env).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--iso", required=True)
    args = parser.parse_args()
    if not args.iso:
        raise SystemExit("from-iso: name the image: make from-iso ISO=x.iso")
    try:
        note, data = imagenote.read(args.iso)
    except (imagenote.Unreadable, OSError) as error:
        raise SystemExit("from-iso: %s" % error) from error
    epoch, command_line = imagenote.iso_epoch(data), imagenote.iso_command_line(data)
    why = refusal(note) or ("it is no ISO of ours" if None in (epoch, command_line) else None)
    if why:
        raise SystemExit("from-iso: %s: %s" % (args.iso, why))
    if rebuild(note, epoch, command_line, os.path.abspath(args.build)):
        raise SystemExit("from-iso: the build failed")
    made = os.path.join(args.build, "cairn.iso")
    found = repro.difference(args.iso, made)
    if found:
        raise SystemExit("from-iso: %s and %s: %s (built by %s; here is what make uses)"
                         % (args.iso, made, found, note["compiler"]))
    print("%s is %s, byte for byte" % (made, args.iso))
    return 0


if __name__ == "__main__":
    sys.exit(main())
