#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Packs a kernel into an ISO that GRUB boots under BIOS (CD or disk) and UEFI."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PLATFORMS = {"i386-pc": "grub-pc-bin", "x86_64-efi": "grub-efi-amd64-bin"}
# Beside what grub-mkrescue needs to find its own files.
MODULES = "multiboot2 normal serial terminal all_video echo test"
WORD_MAX = 4000		# GRUB's lexer dies of much longer ones
SIZE_MAX = 6 << 20


def quote(word):
    """One word for GRUB's script language: nothing in it is expanded."""
    return "'" + word.replace("'", "'\\''") + "'"


def grub_config(cmdline, timeout, modules):
    words = cmdline.split()
    for word in words:
        if len(word) > WORD_MAX:
            raise SystemExit(f"mkiso: a word of {len(word)} bytes, at most {WORD_MAX} for GRUB: "
                             f"{word[:40]}...")
    with open(os.path.join(ROOT, "iso/grub.cfg"), encoding="utf-8") as f:
        text = f.read()
    loads = [f"module2 /boot/{quote(m)} {quote(m)}" for m in modules]
    for name, value in (("TIMEOUT", str(timeout)), ("MODULES", "\n\t".join(loads)),
                        ("CMDLINE", " ".join(map(quote, words)))):
        text = text.replace(f"@{name}@", value)
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


def fill(tree, elf, config, modules):
    os.makedirs(os.path.join(tree, "boot/grub"))
    with open(os.path.join(tree, "boot/grub/grub.cfg"), "w", encoding="utf-8") as f:
        f.write(config)
    stripped = os.path.join(tree, "boot/cairn.elf")
    subprocess.run(["objcopy", "--strip-debug", elf, stripped], check=True)
    for module in modules:
        shutil.copyfile(module, os.path.join(tree, "boot", os.path.basename(module)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--elf", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--cmdline", default="", help="for every menu entry")
    parser.add_argument("--timeout", type=int, help="seconds; 1, or 0 with a command line")
    parser.add_argument("--module", action="append", default=[], metavar="FILE")
    args = parser.parse_args()
    for platform, package in PLATFORMS.items():
        if not os.path.isdir(f"/usr/lib/grub/{platform}"):
            raise SystemExit(f"mkiso: {package} is not installed: run make setup")
    timeout = args.timeout if args.timeout is not None else 0 if args.cmdline.strip() else 1
    names = [os.path.basename(m) for m in args.module]
    config = grub_config(args.cmdline, timeout, names)
    with tempfile.TemporaryDirectory() as scratch:
        tree, image = os.path.join(scratch, "tree"), os.path.join(scratch, "image")
        fill(tree, args.elf, config, args.module)
        command = ["grub-mkrescue", "-o", image, f"--install-modules={MODULES}",
                   "--fonts=", "--locales=", "--themes=", tree]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        if done.returncode or not os.path.exists(image):
            sys.stderr.write(done.stdout)
            raise SystemExit(f"mkiso: {command[0]} failed ({done.returncode})")
        size = os.path.getsize(image) - sum(map(os.path.getsize, args.module))
        if size > SIZE_MAX:
            raise SystemExit(f"mkiso: the image has {size} bytes, at most {SIZE_MAX} are wanted")
        shutil.move(image, args.out)


if __name__ == "__main__":
    main()
