# SPDX-License-Identifier: MIT
"""A Linux guest to compare with: Debian's kernel for virtual machines, and as
its only process what is in scripts/linuxbench/.

The kernel is the package that linux-image-cloud-amd64 stands for, downloaded
by apt and unpacked below the build directory; nothing is installed. The
archive that the kernel unpacks at boot is written here."""

import glob
import os
import re
import shutil
import subprocess

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(TREE, "scripts", "linuxbench")
FLAGS = ["-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-I", TREE]
PACKAGE = "linux-image-cloud-amd64"
# What drives virtio devices, with what that needs.
MODULES = ("virtio", "virtio_ring", "virtio_pci", "virtio_pci_modern_dev",
           "virtio_pci_legacy_dev", "virtio_mmio", "virtio_blk", "failover", "net_failover",
           "virtio_net", "virtio-rng")


class Missing(Exception):
    """What the guest is made of cannot be had; the text says what to do."""


def run(argv, cwd=None):
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing("%s: %s" % (" ".join(argv), (done.stderr or done.stdout).strip()))
    return done.stdout


def package_name():
    """The package of one version that PACKAGE depends on."""
    for line in run(["apt-cache", "depends", PACKAGE]).split("\n"):
        key, _, name = line.strip().partition(": ")
        if key == "Depends" and name.startswith("linux-image-"):
            return name
    raise Missing("apt knows no %s: run `make setup-bench-linux`, on Debian" % PACKAGE)


def download(folder):
    """With lists of packages that are too old, or none, newer ones are fetched first."""
    for again in (False, True):
        try:
            name = package_name()
            print("bench: apt-get download %s" % name, flush=True)
            run(["apt-get", "download", name], cwd=folder)
            return
        except Missing:
            if again:
                raise
            print("bench: apt-get update", flush=True)
            run(["apt-get", "update", "-q"])


def unpack(folder):
    """The kernel's image and its tree of modules; downloaded the first time."""
    if not glob.glob(os.path.join(folder, "root/boot/vmlinuz-*")):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        download(folder)
        package = glob.glob(os.path.join(folder, "*.deb"))[0]
        run(["dpkg", "-x", package, os.path.join(folder, "root")])
        os.remove(package)
    return glob.glob(os.path.join(folder, "root/boot/vmlinuz-*"))[0]


def sources():
    """Paths of what the program is made of, by the folder's Makefile."""
    with open(os.path.join(FOLDER, "Makefile"), encoding="utf-8") as file:
        words = re.search(r"^linuxbench-y \+= (.*)$", file.read(), re.M).group(1).split()
    return [os.path.join(FOLDER, word.removesuffix(".o") + ".c") for word in words]


def modules(folder):
    """Paths of MODULES."""
    found = {}
    for path, _, names in os.walk(os.path.join(folder, "root/lib/modules")):
        found.update((n, os.path.join(path, n)) for n in names)
    wanted = [name + ".ko" for name in MODULES]
    missing = [name for name in wanted if name not in found]
    if missing:
        raise Missing("the package has no %s" % ", ".join(missing))
    return [found[name] for name in wanted]


def archive_entry(name, mode, data=b""):
    """One file of a cpio archive, "newc": a header of hexadecimal numbers."""
    numbers = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
    header = b"070701" + b"".join(b"%08X" % n for n in numbers) + name.encode() + b"\0"
    return header + b"\0" * (-len(header) % 4) + data + b"\0" * (-len(data) % 4)


def archive(program, module_paths):
    """The root file system."""
    def content(path):
        with open(path, "rb") as file:
            return file.read()

    entries = [archive_entry("init", 0o100755, content(program)),
               archive_entry("modules", 0o040755)]
    entries += [archive_entry("modules/" + os.path.basename(p), 0o100644, content(p))
                for p in module_paths]
    return b"".join(entries) + archive_entry("TRAILER!!!", 0)


def make(build, compiler):
    """Paths of the kernel and of its root file system."""
    folder = os.path.join(build, "linux")
    kernel = unpack(folder)
    program = os.path.join(folder, "init")
    run([compiler, "-static", "-o", program] + FLAGS + sources())
    path = os.path.join(folder, "initramfs")
    with open(path, "wb") as file:
        file.write(archive(program, modules(folder)))
    return kernel, path
