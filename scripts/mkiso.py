#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Packs a kernel into an ISO that GRUB boots under BIOS (CD or disk) and UEFI.

The same kernel, command line and SOURCE_DATE_EPOCH give the same bytes: all
dates and the two identifiers that xorriso would draw follow from these, and so
does the serial number of the FAT file system that UEFI boots from."""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from qemu import read_config

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PLATFORMS = {"i386-pc": "grub-pc-bin", "x86_64-efi": "grub-efi-amd64-bin"}
# Beside what grub-mkrescue needs to find its own files.
MODULES = "multiboot2 normal serial terminal all_video echo test"
VIDEO = r"(\d+x\d+(x\d+)?|auto|text)(,(\d+x\d+(x\d+)?|auto|text))*"
WORD_MAX = 4000		# GRUB's lexer dies of much longer ones
SIZE_MAX = 6 << 20


def source_epoch():
    """The time that the image bears, in seconds: of the commit, unless told."""
    said = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not said:
        done = subprocess.run(["git", "-C", ROOT, "log", "-1", "--format=%ct"], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        said = done.stdout.strip() if os.path.exists(os.path.join(ROOT, ".git")) else ""
    if not said:
        raise SystemExit("mkiso: this is no git checkout, so nothing says what time the image is"
                         " of: set SOURCE_DATE_EPOCH, in seconds since 1970")
    if not re.fullmatch(r"\d{1,10}", said):
        raise SystemExit(f"mkiso: SOURCE_DATE_EPOCH={said}: seconds since 1970 are wanted")
    return int(said)


def quote(word):
    """One word for GRUB's script language: nothing in it is expanded."""
    return "'" + word.replace("'", "'\\''") + "'"


def video_modes(elf):
    """What the kernel's configuration asks GRUB for."""
    path = os.path.join(os.path.dirname(elf), ".config")
    config = read_config(path) if os.path.exists(path) else {}
    if config.get("CONFIG_FRAMEBUFFER") == "y":
        size = "%sx%s" % tuple(config["CONFIG_FRAMEBUFFER_" + n] for n in ("WIDTH", "HEIGHT"))
        return f"{size}x{config['CONFIG_FRAMEBUFFER_DEPTH']},{size},auto"
    return "text" if config.get("CONFIG_VGA_TEXT") == "y" else "auto"


def grub_config(cmdline, timeout, modules, video):
    words = cmdline.split()
    for word in words:
        if len(word) > WORD_MAX:
            raise SystemExit(f"mkiso: a word of {len(word)} bytes, at most {WORD_MAX} for GRUB: "
                             f"{word[:40]}...")
    with open(os.path.join(ROOT, "iso/grub.cfg"), encoding="utf-8") as f:
        text = f.read()
    if not re.fullmatch(VIDEO, video):
        raise SystemExit(f"mkiso: --video {video}: WIDTHxHEIGHT[xDEPTH], auto or text are wanted, "
                         "with commas between them")
    loads = [f"module2 /boot/{quote(m)} {quote(m)}" for m in modules]
    for name, value in (("TIMEOUT", str(timeout)), ("VIDEO", video),
                        ("MODULES", "\n\t".join(loads)), ("CMDLINE", " ".join(map(quote, words)))):
        text = text.replace(f"@{name}@", value)
    # For who builds the image again (scripts/fromiso.py).
    text = f"# command line: {' '.join(words)}\n" + text
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


def fill(tree, elf, config, modules):
    os.makedirs(os.path.join(tree, "boot/grub"))
    with open(os.path.join(tree, "boot/grub/grub.cfg"), "w", encoding="utf-8") as f:
        f.write(config)
    stripped = os.path.join(tree, "boot/cairn.elf")
    subprocess.run(["objcopy", "--strip-debug", elf, stripped], check=True)
    for module in modules:
        shutil.copyfile(module, os.path.join(tree, "boot", os.path.basename(module)))


def digest(tree):
    """Of all that goes into the image, 32 hexadecimal digits."""
    value = hashlib.sha256()
    for folder, folders, names in os.walk(tree):
        folders.sort()
        for name in sorted(names):
            with open(os.path.join(folder, name), "rb") as f:
                value.update(f"{os.path.relpath(folder, tree)}/{name} ".encode())
                value.update(hashlib.sha256(f.read()).digest())
    return value.hexdigest()[:32]


def wrap_mformat(scratch, serial):
    """grub-mkrescue formats the FAT file system; nothing but this tells its serial number."""
    real = shutil.which("mformat")
    if not real:
        raise SystemExit("mkiso: mformat is not installed: run make setup")
    folder = os.path.join(scratch, "bin")
    os.makedirs(folder)
    path = os.path.join(folder, "mformat")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"#!/bin/sh\nexec {real} -N {serial} \"$@\"\n")
    os.chmod(path, 0o755)
    return folder


def pack(scratch, tree, image, epoch):
    """Runs grub-mkrescue; exits with what it says if it fails."""
    for folder, _, names in os.walk(tree):
        for name in [".", *names]:
            os.utime(os.path.join(folder, name), (epoch, epoch))
    identifier = digest(tree)
    stamp = time.strftime("%Y%m%d%H%M%S00", time.gmtime(epoch))
    path = wrap_mformat(scratch, identifier[:8]) + ":" + os.environ["PATH"]
    command = ["grub-mkrescue", "-o", image, f"--install-modules={MODULES}",
               "--fonts=", "--locales=", "--themes=", tree, "--",
               "-volume_date", "all_file_dates", f"={epoch}", "-volume_date", "uuid", stamp,
               "-boot_image", "any", f"gpt_disk_guid={identifier}"]
    env = dict(os.environ, PATH=path, TZ="UTC", LC_ALL="C", SOURCE_DATE_EPOCH=str(epoch))
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, env=env)
    if done.returncode or not os.path.exists(image):
        sys.stderr.write(done.stdout)
        raise SystemExit(f"mkiso: {command[0]} failed ({done.returncode})")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--elf", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--cmdline", default="", help="for every menu entry")
    parser.add_argument("--timeout", type=int, help="seconds; 1, or 0 with a command line")
    parser.add_argument("--video", help="modes that GRUB tries, like 800x600x16,auto; by default "
                        "those of the .config beside the kernel")
    parser.add_argument("--module", action="append", default=[], metavar="FILE")
    args = parser.parse_args()
    for platform, package in PLATFORMS.items():
        if not os.path.isdir(f"/usr/lib/grub/{platform}"):
            raise SystemExit(f"mkiso: {package} is not installed: run make setup")
    epoch = source_epoch()
    timeout = args.timeout if args.timeout is not None else 0 if args.cmdline.strip() else 1
    names = [os.path.basename(m) for m in args.module]
    config = grub_config(args.cmdline, timeout, names, args.video or video_modes(args.elf))
    with tempfile.TemporaryDirectory() as scratch:
        tree, image = os.path.join(scratch, "tree"), os.path.join(scratch, "image")
        fill(tree, args.elf, config, args.module)
        pack(scratch, tree, image, epoch)
        size = os.path.getsize(image) - sum(map(os.path.getsize, args.module))
        if size > SIZE_MAX:
            raise SystemExit(f"mkiso: the image has {size} bytes, at most {SIZE_MAX} are wanted")
        shutil.move(image, args.out)


if __name__ == "__main__":
    main()
