#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what the other commands need, from Debian's packages; with `bench`
# what `make bench` counts with and compares the heap with, with `bench-linux`
# what `make bench-linux` makes its guest with: the kernel itself is downloaded
# by scripts/linuxguest.py. Whatever is there already is left alone; with
# everything there nothing is run.
set -eu

# A file or command that must be there, and the package that brings it.
fuzzer=/usr/lib/llvm-14/lib/clang/14.0.6/lib/linux/libclang_rt.fuzzer-x86_64.a
needs="
gcc                                             gcc
/usr/include/stdio.h                            libc6-dev
ld                                              binutils
clang                                           clang
$fuzzer   libclang-rt-14-dev
python3                                         python3
kconfig-conf                                    kconfig-frontends
/usr/lib/python3/dist-packages/kconfiglib.py    python3-kconfiglib
gunzip                                          gzip
/usr/share/consolefonts/Lat15-VGA16.psf.gz      console-setup-linux
grub-mkrescue                                   grub-common
/usr/lib/grub/i386-pc/multiboot2.mod            grub-pc-bin
/usr/lib/grub/x86_64-efi/multiboot2.mod         grub-efi-amd64-bin
xorriso                                         xorriso
mformat                                         mtools
qemu-system-x86_64                              qemu-system-x86
qemu-storage-daemon                             qemu-system-common
/usr/share/seabios/bios-microvm.bin             seabios
/usr/share/ovmf/OVMF.fd                         ovmf
gdb                                             gdb
clang-format                                    clang-format
shellcheck                                      shellcheck
"
libraries=/usr/lib/x86_64-linux-gnu
needs_for_bench="
valgrind                                        valgrind
$libraries/libtcmalloc_minimal.so.4             libtcmalloc-minimal4
$libraries/libmimalloc.so.2                     libmimalloc2.0
$libraries/libjemalloc.so.2                     libjemalloc2
"
needs_for_bench_linux="
gcc                                             gcc
$libraries/libc.a                               libc6-dev
/usr/include/linux/io_uring.h                   linux-libc-dev
dpkg                                            dpkg
qemu-system-x86_64                              qemu-system-x86
"
case ${1-} in
bench-linux) needs=$needs_for_bench_linux ;;
bench) needs=$needs_for_bench ;;
esac

missing=$(echo "$needs" | while read -r thing package; do
	case $thing in
	'') continue ;;
	/*) test -e "$thing" ;;
	*) command -v "$thing" >/dev/null ;;
	esac || echo "$package"
done | tr '\n' ' ')

if [ -z "$missing" ]; then
	echo "setup: everything is installed"
	exit 0
fi

if ! command -v apt-get >/dev/null; then
	echo "setup: this is not Debian; install by hand what corresponds to: $missing" >&2
	exit 1
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
	as_root=sudo
	if ! command -v sudo >/dev/null; then
		echo "setup: run this as root, or install sudo; missing: $missing" >&2
		exit 1
	fi
fi

run() {
	echo "setup: $*"
	"$@" </dev/null
}

run $as_root apt-get update -q
# shellcheck disable=SC2086	# the names of several packages
run $as_root env DEBIAN_FRONTEND=noninteractive \
	apt-get install -q -y --no-install-recommends $missing
