# SPDX-License-Identifier: MIT
# The commands. `make help` lists them; Documentation/ explains them.
#
#	scripts/Makefile.goals	several goals: in the order written
#	scripts/Makefile.config	presets, fragments, editors of the configuration
#	scripts/Makefile.build	configuration -> objects, for kernel and host
#	scripts/Makefile.kernel	objects -> cairn.elf -> cairn.iso
#	scripts/Makefile.host	objects -> the test program for the host
#	scripts/Makefile.fuzz	objects -> the program for libFuzzer
#	scripts/Makefile.heapbench	objects -> the host's benchmark of the heap
#	scripts/Makefile.flags	how the kernel's C is compiled

VERSION := 0.1.0

# Where the walk through the directories' lists begins.
obj-top := arch/x86/ kernel/ mm/ drivers/
hosttest-top := arch/x86/ kernel/ mm/ drivers/
heapbench-top := kernel/lib/ mm/

srctree := $(realpath $(dir $(lastword $(MAKEFILE_LIST))))
MAKEFLAGS += -rR --no-print-directory
unexport GREP_OPTIONS
export LC_ALL := C

O ?= build
override O := $(value O)
ifeq ($(strip $(O)),)
$(error O= is empty: name a directory, or leave it out for build/)
endif

# Characters that make, the shell or an option of the compiler would misread.
hash := \#
misread := ; ' " $$ : % $(hash) & | < > ( ) * ? ` \ ~ [ ] { } ! = ,
$(foreach d,O srctree,\
	$(if $(filter 1,$(words $($d))),,$(error $d=$($d): blanks in the path do not work))\
	$(foreach c,$(misread),$(if $(findstring $c,$($d)),\
		$(error $d=$($d): the character $c in the path does not work))))

# The source, what contains it and its own directories are never built in.
sources := arch kernel drivers mm iso scripts Documentation configs .git .ci
override O := $(abspath $(O))
real-O := $(shell realpath -m $(O))
ifneq ($(filter $(srctree)/ $(sources:%=$(srctree)/%/%),$(real-O)/ $(real-O)//)$(filter \
	$(real-O:/=)/%,$(srctree)/),)
$(error O=$(O): the source is there; name another directory)
endif

# The user's words, passed to scripts through the environment, not re-read by
# make or the shell.
user-words := MACHINE FIRMWARE BOOT ACCEL MEM CPUS DISK CMDLINE QEMU_ARGS GDB_ARGS CONSOLE MEMMAPS ISO \
	      SYM WANT A B
$(foreach w,$(user-words),$(eval override $w := $$(value $w)))
export $(user-words)

ifneq ($(filter-out ci all,$(TIER)),)
$(error TIER=$(TIER): there are ci and all)
endif

ifneq ($(filter default undefined,$(origin CC)),)
CC := gcc
endif
ifneq ($(filter default undefined,$(origin LD)),)
LD := ld
endif
HOSTCC ?= gcc
PYTHON ?= python3
# Unpacked inside another project's checkout it is still none.
git := $(if $(wildcard $(srctree)/.git),git,false)
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $1 $2)

.DEFAULT_GOAL := kernel
config-editors := menuconfig nconfig oldconfig olddefconfig \
		  randconfig allyesconfig allnoconfig
config-goals := $(config-editors) savedefconfig defconfig %_defconfig %.config
other-goals := setup setup-bench help clean mrproper check map run gdb bootchart screenshots \
	       test test-all test-memmaps test-faults test-shell test-twins boottest bench \
	       bench-build bench-heap hosttest coverage fuzz repro from-iso why diffconfig \
	       listnewconfig randtest
other-goals += bench-io bench-linux setup-bench-linux

# Goals of one kind may share a make; several kinds may not.
kind = $(or $(if $(filter defconfig %_defconfig %.config,$1),preset),\
	    $(if $(filter $(config-goals) $(other-goals),$1),$1),build)
kinds := $(sort $(foreach g,$(or $(MAKECMDGOALS),kernel),$(call kind,$g)))

ifneq ($(CURDIR),$(srctree))
.PHONY: $(or $(MAKECMDGOALS),kernel) elsewhere
$(or $(sort $(MAKECMDGOALS)),kernel): elsewhere ; @:
elsewhere: ; +@$(MAKE) -C $(srctree) O=$(O) $(MAKECMDGOALS)
else ifneq ($(word 2,$(kinds)),)
include scripts/Makefile.goals
else

# These write nothing to $(O), or only clear it.
ifeq ($(filter setup setup-bench setup-bench-linux help check clean mrproper,$(kinds)),)
refusal := $(shell sh scripts/output.sh claim $(O) 2>&1)
$(if $(refusal),$(error $(refusal)))
endif

ifneq ($(filter $(config-goals),$(or $(MAKECMDGOALS),kernel)),)
include scripts/Makefile.config
else ifeq ($(kinds),build)
include scripts/Makefile.build
else

.PHONY: $(other-goals)

setup:
	@sh scripts/setup.sh

setup-bench:
	@sh scripts/setup.sh bench
setup-bench-linux:
	@sh scripts/setup.sh bench-linux

# check.py's count closes.
check:
	@$(PYTHON) scripts/check_test.py
	@$(PYTHON) scripts/mapdoc.py --build $(O) --check
	@$(PYTHON) scripts/conformance.py
	@$(PYTHON) scripts/check.py

map:
	@$(PYTHON) scripts/mapdoc.py --build $(O)

# Refuses what cannot work before anything is built.
run-arguments = --build $(O) --machine "$$MACHINE" --firmware "$$FIRMWARE" \
	--boot "$$BOOT" --accel "$$ACCEL" --mem "$$MEM" --cpus "$$CPUS" \
	--disk "$$DISK" --cmdline="$$CMDLINE" --qemu-args="$$QEMU_ARGS"

run gdb:
	@$(PYTHON) scripts/run.py --check $(run-arguments)
	+@$(MAKE) $(if $(filter direct,$(BOOT)),kernel,iso)
	@$(PYTHON) scripts/run.py $(if $(filter gdb,$@),--gdb --gdb-args="$$GDB_ARGS") $(run-arguments)

bootchart:
	+@$(MAKE) $(if $(filter iso,$(BOOT)),iso,kernel)
	@$(PYTHON) scripts/bootchart.py --build $(O) --machine "$$MACHINE" \
		--firmware "$$FIRMWARE" --boot "$$BOOT" --console "$$CONSOLE"

screenshots:
	+@$(MAKE) iso
	@$(PYTHON) scripts/screenshots.py --build $(O)

# TIER is for hosttest; the other parts are told by test.py.
test:
	+@TIER=ci $(PYTHON) scripts/test.py --build $(O) --tier ci

test-all:
	+@TIER=all $(PYTHON) scripts/test.py --build $(O) --tier all

# TIER=all: the long list. ONLY=GLOB: the runs that match.
boottest:
	+@$(MAKE) kernel iso CMDLINE=
	+@$(PYTHON) scripts/boottest.py --build $(O) --tier $(or $(TIER),ci) \
		$(if $(ONLY),--only "$(ONLY)")

# Every allocation refused in turn, of boot and of the tests that may fail.
test-faults:
	+@$(PYTHON) scripts/boottest.py --build $(O) --tier $(or $(TIER),all) --only '*faults*'

# Types every command at the shell. ONLY=GLOB: the machines that match.
test-shell:
	@$(PYTHON) scripts/shelltest.py --build $(O) $(if $(ONLY),--only "$(ONLY)")

# The same device and the same requests on two transports: the same trace.
test-twins:
	+@$(PYTHON) scripts/twins.py --build $(O) --tier $(or $(TIER),ci)

# In the guest; then the heap on this machine, beside other heaps.
heapbench = $(PYTHON) scripts/heapbench.py --build $(O) $(if $(CC),--cc "$(CC)")
iobench = $(PYTHON) scripts/iobench.py --build $(O)
bench:
	+@$(MAKE) kernel
	@$(PYTHON) scripts/bench.py --build $(O) $(if $(ONLY),--only "$(ONLY)")
	@$(if $(ONLY),,$(PYTHON) scripts/buildbench.py)
	@$(if $(ONLY),,$(iobench))
	@$(if $(ONLY),,$(heapbench))

bench-heap:
	+@$(MAKE) kernel
	@$(PYTHON) scripts/bench.py --build $(O) --only heap
	@$(heapbench)

bench-build:
	@$(PYTHON) scripts/buildbench.py

bench-io:
	+@$(MAKE) kernel
	@$(iobench) $(if $(ONLY),--only "$(ONLY)")

bench-linux:
	+@$(MAKE) kernel
	@sh scripts/setup.sh bench-linux
	@$(iobench) --linux $(if $(ONLY),--only "$(ONLY)")

# SEED= and OPS=, where given, must be what strtoull() takes whole.
given := $(foreach w,SEED OPS,$(if $(filter undefined,$(origin $w)),,$w))
$(foreach w,$(given),$(eval override $w := $$(value $w))$(eval export $w))
define check-numbers
@test -z "$${SEED+given}" || \
	printf '%s\n' "$$SEED" | grep -Eqx '0|[1-9][0-9]{0,18}|0x[0-9a-fA-F]{1,16}' || \
	{ printf 'SEED=%s: a number of at most 64 bits is wanted\n' "$$SEED" >&2; exit 1; }
@test -z "$${OPS+given}" || printf '%s\n' "$$OPS" | grep -Eqx '[1-9][0-9]{0,18}' || \
	{ printf 'OPS=%s: a number from 1 on is wanted\n' "$$OPS" >&2; exit 1; }
endef

# SEED= and OPS= reach the program through the environment. TIER=all: the long
# list again, about a quarter of an hour for each seed.
hosttest:
	$(check-numbers)
	+@$(MAKE) O=$(O)/host HOSTED=1 hosttest-program
ifeq ($(TIER),all)
	@for seed in $(or $(SEED),1 2); do \
		SEED=$$seed OPS=$(or $(OPS),100000000) $(O)/host/hosttest || exit; done
else
	@$(O)/host/hosttest
endif

# Lines that the host's tests and the corpora of fuzzing reach. OPS= as above.
covered := drivers/virtio drivers/block drivers/net drivers/rng
coverage:
	$(check-numbers)
	+@$(MAKE) O=$(O)/coverage HOSTED=1 COVERED="$(covered)" measured
	@$(PYTHON) scripts/coverage.py --build $(O)/coverage $(covered)

# MEMMAPS=DIR: another folder of maps. ONLY=GLOB: the maps that match, in QEMU.
test-memmaps:
	$(check-numbers)
	+@$(MAKE) O=$(O)/host HOSTED=1 hosttest-program
	@$(O)/host/hosttest 'map_*'
	+@$(PYTHON) scripts/maptest.py --build $(O) --tier $(or $(TIER),all) \
		$(if $(ONLY),--only "$(ONLY)")

# TIME=60: seconds for each target, and for new seeds; KEEP=1: add to the corpora.
fuzz:
	$(check-numbers)
	+@$(MAKE) O=$(O)/host HOSTED=1 hosttest-program
	+@$(MAKE) O=$(O)/fuzz HOSTED=1 FUZZED=1 fuzz-program
	@$(PYTHON) scripts/fuzz.py --seconds $(or $(TIME),60) $(if $(ONLY),--only "$(ONLY)") \
		$(if $(KEEP),--keep) $(O)/fuzz/fuzz $(O)/host/hosttest

# What is configured in $(O), else defconfig, built twice elsewhere.
repro:
	@$(PYTHON) scripts/repro.py --build $(O)

# N=20 configurations drawn from SEED, each built and booted.
randtest:
	$(check-numbers)
	+@$(PYTHON) scripts/randtest.py --build $(O) --count "$(or $(N),20)" \
		$(if $(SEED),--seed "$$SEED")

# What a configuration is, without changing it.
kconfig = $(PYTHON) scripts/kconfig.py --output $(O)
why:
	@test -n "$$SYM" || { echo "make why SYM=NAME [WANT=VALUE]" >&2; exit 1; }
	@$(kconfig) why "$$SYM" "$$WANT"
diffconfig:
	@test -n "$$A" -a -n "$$B" || { echo "make diffconfig A=FILE B=FILE" >&2; exit 1; }
	@$(kconfig) diff "$$A" "$$B"
listnewconfig:
	@$(kconfig) new

# ISO=FILE: built again from what it says of itself.
from-iso:
	@$(PYTHON) scripts/fromiso.py --build $(O) --iso "$$ISO"

clean mrproper:
	@sh scripts/output.sh $@ $(O)

help:
	@cat scripts/help.txt
	@echo
	@echo 'Presets and fragments (configs/):'
	@cd configs && for f in defconfig *_defconfig *.config; do \
		printf '  %-18s %s\n' "$$f" "$$(sed -n '1s/^# //p' "$$f")"; done

endif
endif
