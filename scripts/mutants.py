# SPDX-License-Identifier: MIT
"""Plants faults in a scratch copy of the tree and demands that the tests
notice, each by the right one.

A fault is an exact replacement in one source file. The same tests must pass
on the copy without faults first, or a failure would prove nothing."""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections import namedtuple

from boottest import TREE, claim, make_environment, tail

TIMEOUT = 1200      # seconds for a build and its runs
# How long a mutated guest may take; the same runs, unharmed, need 2 s.
GUEST_TIMEOUT = "30"

# `test`: "boot GLOB" (runs of tests.cfg), "maps GLOB" (maptest.py), "twins KIND"
# (twins.py), "host", or "hostself" (what fails on demand); `want`: regex of its output.
Mutant = namedtuple("Mutant", "name path old new test want")

MUTANTS = [
    Mutant("panic-first", "kernel/main.c", "\trun_phases();\n\treport_print(",
           '\t__asm__ volatile("ud2");\n\trun_phases();\n\treport_print(',
           "boot microvm-direct", r"not ok \d+ microvm-direct.*\n(#.*\n)*# .*(panic: |QEMU left)"),
    Mutant("endless-loop", "kernel/main.c", "\trun_phases();\n\treport_print(",
           "\tfor (;;)\n\t\tcpu_pause();\n\trun_phases();\n\treport_print(",
           "boot microvm-direct", r"still running after|QEMU left with None"),
    Mutant("report-forgets-a-controller", "kernel/irq_report.c",
           'json_array(j, "lines");\n\tfor (const struct irq_lines *c = irq_lines_first(); c;',
           'json_array(j, "lines");\n\tfor (const struct irq_lines *c = irq_lines_first(); '
           "c && c->next;", "boot machine-microvm", r"# IOAPICs: the report has "),
    Mutant("report-names-another-source", "drivers/virtio/virtio_report.c",
           'json_string(j, "found_through", dev->found_through);',
           'json_string(j, "found_through", dev->driver ? "ACPI" : dev->found_through);',
           "boot machine-microvm-acpi-off", r"found through: the report has ACPI"),
    Mutant("report-moves-a-bar", "drivers/pci/pci_report.c",
           'json_hex(j, "address", bar->base);',
           'json_hex(j, "address", bar->base ? bar->base + 0x1000 : 0);',
           "boot machine-q35-direct", r"bar1 address: the report has "),
    Mutant("report-leaves-out-a-function", "drivers/pci/pci_report.c",
           "\t\tjson_function(j, dev);", "\t\tif (i != 1)\n\t\t\tjson_function(j, dev);",
           "boot machine-q35-direct", r"function 0000:00:01.0: the report does not have it"),
    Mutant("report-leaves-out-a-table", "drivers/acpi/acpi_report.c",
           '\tjson_array(j, "tables");\n\tfor (unsigned i = 0;',
           '\tjson_array(j, "tables");\n\tfor (unsigned i = 0; i != 2 &&',
           "boot machine-q35-direct", r"acpi: table 0x\w+: the report does not have it"),
    Mutant("report-moves-a-controller", "kernel/irq_report.c",
           'json_hex(j, "address", c->address);', 'json_hex(j, "address", c->address + 4096);',
           "boot machine-q35-direct", r"# IOAPICs: the report has \['0xfec01000'\]"),
    Mutant("report-counts-pins-as-gsi", "kernel/irq_report.c",
           'json_number(j, "gsi", irq->gsi);', 'json_number(j, "gsi", slot->pin);',
           "boot machine-microvm", r"source virtio-rng 0xfeb02e00: is not GSI 47, as ACPI says"),
    Mutant("core-reads-by-bytes-where-acpi-knows-the-device", "drivers/virtio/virtio_config.c",
           "config_copy(dev, offset, access, buf, len);",
           "config_copy(dev, offset, dev->found_through[0] == 'A' ? 1 : access, buf, len);",
           "twins blk", r"not ok blk: mmio2 and modern\n(#.*\n)*"
           r"#   mmio2 +config read \d+ width 1"),
    Mutant("json-comma-lost", "kernel/json.c", "\t\tput_char(j, ',');", "\t\tput_char(j, ' ');",
           "host", r"not ok \d+ json_random_trees_are_read_back"),
    Mutant("acpi-madt-entry-beyond-the-end", "drivers/acpi/madt.c",
           "e->length < sizeof(*e) || e->length > len - at", "e->length < sizeof(*e)",
           "host", r"AddressSanitizer: heap-buffer-overflow|not ok \d+ madt_entries_"),
    Mutant("acpi-checksum-unread", "drivers/acpi/tables.c", "acpi_sum(table, t->length) != 0",
           "acpi_sum(table, 1) == 0", "host", r"not ok \d+ acpi_tables_with_problems_"),
    Mutant("aml-package-beyond-the-end", "drivers/acpi/aml_parse.c",
           "length <= more || length > left(a)", "length <= more",
           "host", r"AddressSanitizer: heap-buffer-overflow|not ok \d+ aml_package_"),
    Mutant("aml-wrong-branch", "drivers/acpi/aml_route.c", "\t\t\t*out = 1;\n", "\t\t\t*out = 0;\n",
           "host", r"not ok \d+ aml_of_q35_routes_"),
    Mutant("pci-bar-over-memory", "drivers/pci/resources.c",
           "\tif (set_blocks(&s->taken[bar->io], span)) {", "\tif (bar->now > BIT(52)) {",
           "host", r"not ok \d+ pci_resources_refuse_bars_"),
    Mutant("pci-bar-over-memory-on-a-machine", "drivers/pci/resources.c",
           "\tif (set_blocks(&s->taken[bar->io], span)) {", "\tif (bar->now > BIT(52)) {",
           "boot pci-bars-over-memory", r"not ok \d+ pci-bars-over-memory"),
    Mutant("pci-new-bar-over-another", "drivers/pci/resources.c",
           "\tbar->address = at;\n\tset_add(&s->taken[bar->io], bar_span(bar, at));",
           "\tbar->address = at;\n\tset_add(&s->taken[!bar->io], bar_span(bar, at));",
           "host", r"not ok \d+ pci_resources_"),
    Mutant("pci-order-matters", "drivers/pci/resources.c",
           "\t\treturn a->now < b->now;\n\treturn a->key < b->key;",
           "\t\treturn a->now < b->now;\n\treturn x < y;", "host",
           r"not ok \d+ pci_resources_keep_the_rules_"),
    Mutant("pci-sized-while-decoding", "drivers/pci/bars.c",
           "\tdev->command = command;\n\tif (command & DECODING)",
           "\tdev->command = command;\n\tif (command == DECODING)",
           "host", r"not ok \d+ pci_bars_"),
    Mutant("pci-msix-table-outside", "drivers/pci/msi.c",
           "return pci_bar_holds(bar, *offset, len) ? NULL",
           "return pci_bar_holds(bar, *offset, len / len) ? NULL",
           "host", r"not ok \d+ pci_msix_"),
    Mutant("pci-pins-not-swizzled", "drivers/pci/line.c", "pin = (pin - 1 + slot) % PINS + 1;",
           "pin = (pin - 1) % PINS + 1;", "host", r"not ok \d+ pci_lines_are_swizzled_"),
    Mutant("heap-overlap", "mm/heap_internal.h",
           "\tblock = (void *)(s->start + number * s->size);",
           "\tblock = (void *)(s->start + number * (s->size - 16));",
           "boot microvm-direct", r"not ok \d+ (microvm-direct|mm_heap_)"),
    Mutant("heap-overlap-host", "mm/heap_internal.h",
           "\tblock = (void *)(s->start + number * s->size);",
           "\tblock = (void *)(s->start + number * (s->size - 16));",
           "host", r"not ok \d+ heap_|AddressSanitizer"),
    Mutant("heap-double-free-missed", "mm/heap_internal.h", "if (unlikely(was_free))",
           "if (unlikely(was_free && !block))", "host", r"not ok \d+ heap_"),
    Mutant("heap-interior-missed", "mm/heap_internal.h",
           "\tif (unlikely(!divides(quotient)))\n\t\treturn slow(block);\n", "",
           "host", r"not ok \d+ heap_"),
    Mutant("heap-keeps-spans", "mm/heap.c",
           "\tif (*list_of(h, s->class) != s || s->next != &h->none)\n"
           "\t\treturn span_release(h, s);\n", "", "host", r"not ok \d+ heap_"),
    Mutant("heap-trace-lifo-forwards", "mm/heap_trace.c", "2 * t->live - 1 - t->step",
           "t->step - t->live", "host", r"not ok \d+ heap_trace_frees_in_the_order_of_its_name"),
    Mutant("heap-meter-forgets-overhead", "mm/heap_meter.c", "= least - EMPTY_TICKS", "= 0",
           "boot bench-heap", r"not ok \d+ bench-heap"),
    Mutant("rng-constant", "drivers/rng/virtio_rng.c",
           "\t\tmemcpy((uint8_t *)r->buf + r->filled, bytes, n);",
           "\t\tmemset((uint8_t *)r->buf + r->filled, 0x5a, n);",
           "boot microvm-direct", r"not ok \d+ rng_"),
    Mutant("device-told-a-wrong-address", "drivers/virtio/virtqueue_split.c",
           "\tdesc->addr = addr;\n",
           "\tdesc->addr = seg->len == 16 && flags & VIRTQ_DESC_F_WRITE ? "
           "CONFIG_LOAD_ADDRESS : addr;\n",
           "boot pc-direct",
           r"# the kernel's image at 0x200000-0x[0-9a-f]+ has changed"),
    Mutant("interrupt-not-acknowledged", "drivers/virtio/virtio_mmio.c",
           "\t\treg_write(dev, MMIO_INTERRUPT_ACK, status);\n", "",
           "boot microvm-direct", r"not ok \d+ rng_each_request_costs_one_interrupt"),
    Mutant("wake-up-lost", "drivers/virtio/virtqueue_split.c",
           "\treturn (uint16_t)(ring_read(vq->used->idx) - vq->taken) < after;", "\treturn true;",
           "host", r"not ok \d+ virtio_what_comes_while_no_interrupt_is_wanted_is_not_lost|"
           r"virtio_rng_test\.c:\d+: jobs\[i\]\.done == "),
    Mutant("interrupts-left-on", "drivers/virtio/virtio_irq.c",
           "\tvirtqueue_interrupts_off(vq);\n\tvq->callback(vq);", "\tvq->callback(vq);",
           "host", r"not ok \d+ virtio_interrupts_are_off_while_a_queue_is_drained"),
    Mutant("proof-not-looked-at", "drivers/virtio/virtio_irq.c",
           "\t\tif (irq_prove(irq, before))\n", "\t\tif (irq_prove(irq, before) || !vq->stopped)\n",
           "host", r"not ok \d+ virtio_device_whose_interrupt_is_not_seen_is_polled"),
    Mutant("cancelled-request-stays", "drivers/rng/rng.c",
           "\tr->rng->withdraw(r->rng, r);\n\trequest_end(&r->request, -ECANCELED);",
           "\trequest_end(&r->request, -ECANCELED);",
           "host", r"virtio_rng\.c:\d+:\d+: runtime error: member access within null pointer"),
    Mutant("secrets-left-behind", "drivers/rng/virtio_rng.c",
           "\tmemset(p->bytes, 0, got);\n", "",
           "host", r"not ok \d+ virtio_rng_bytes_claimed_and_not_written_are_zero"),
    Mutant("test-exits-early", "kernel/ktest.c", "\ttable_for_each(ktests, test) {\n",
           "\tmachine_exit(true);\n\ttable_for_each(ktests, test) {\n",
           "boot microvm-direct", r"never reported"),
    Mutant("ktest-prints-ok", "kernel/ktest.c", 'print("not ok', 'print("ok',
           "boot selftest-fails-expect", r"not ok \d+ selftest-fails-expect"),
    Mutant("ktest-prints-ok-host", "kernel/ktest.c", 'print("not ok', 'print("ok',
           "hostself", r"not ok: hosttest 'selftest_fails_expect'"),
    Mutant("ktest-forgives", "kernel/ktest.c", "t.failures > 0", "t.failures > 1000000",
           "boot selftest-fails-expect", r"not ok \d+ selftest-fails-expect"),
    Mutant("ktest-counts-no-failure", "kernel/ktest.c", "\t\ttotals->failed++;\n", "",
           "boot selftest-fails-expect", r"not ok \d+ selftest-fails-expect"),
    Mutant("ktest-skip-hides-failure", "kernel/ktest.c", "\tif (t.failures > 0) {",
           "\tif (t.failures > 0 && !t.skip) {",
           "boot selftest-fails-though-skipped", r"not ok \d+ selftest-fails-though-skipped"),
    Mutant("kzalloc-dirty", "mm/kmalloc.c", "\tif (block)\n\t\tmemset(block, 0, size);\n", "",
           "boot microvm-direct", r"not ok \d+ mm_heap_calls_keep_their_contracts"),
    Mutant("kcalloc-overflows", "mm/kmalloc.c", "\t\tbytes = SIZE_MAX;", "\t\tbytes = n * size;",
           "boot microvm-direct", r"not ok \d+ kmalloc_arrays_are_cleared_and_cannot_overflow"),
    Mutant("kfree-forgives", "mm/kmalloc.c", '\t\trefuse("kfree", block);', "\t\treturn;",
           "boot misuse-basic-double-free", r"not ok \d+ misuse-basic-double-free"),
    Mutant("krealloc-forgives", "mm/kmalloc.c", '\t\trefuse("krealloc", block);',
           "\t\treturn NULL;", "boot misuse-basic-realloc", r"not ok \d+ misuse-basic-realloc"),
    Mutant("checks-left-in", "mm/kmalloc.c", "&& !IS_ENABLED(CONFIG_HEAP_CHECK_NONE))\n"
           '\t\trefuse("kfree"', ')\n\t\trefuse("kfree"',
           "boot image-heap-unchecked", r"not ok \d+ image-heap-unchecked"),
    Mutant("red-zone-after-not-checked", "mm/heap_debug_check.c",
           "bytes, last, end, DEBUG_HEAP_RED_ZONE)) < end", "bytes, last, end, 0)) < last",
           "host", r"not ok \d+ heap_debug_finds_an_overrun_by_one_byte"),
    Mutant("red-zone-after-begins-late", "mm/heap_debug_check.c",
           "bytes, last, end, DEBUG_HEAP_RED_ZONE)",
           "bytes, align_up(last, 16), end, DEBUG_HEAP_RED_ZONE)",
           "host", r"not ok \d+ heap_debug_finds_an_overrun_by_one_byte"),
    Mutant("red-zone-before-not-checked", "mm/heap_debug_check.c",
           "bytes, first, 0, DEBUG_HEAP_RED_ZONE) < 0",
           "bytes, first, -1, DEBUG_HEAP_RED_ZONE) < -1",
           "boot misuse-full-underrun", r"not ok \d+ misuse-full-underrun"),
    Mutant("freed-not-filled", "mm/heap_debug.c",
           "\tmemset(debug_bytes(b), DEBUG_HEAP_FREED, b->size);\n", "",
           "host", r"not ok \d+ heap_debug_"),
    Mutant("freed-not-checked", "mm/heap_debug_check.c", "} else if (b->freed_at &&",
           "} else if (!b &&",
           "boot misuse-full-late-write", r"not ok \d+ misuse-full-late-write"),
    Mutant("quarantine-unbounded", "mm/heap_debug.c",
           "\twhile (d->quarantine.bytes > d->quarantine_max ||\n\t       ", "\twhile (",
           "host", r"not ok \d+ heap_debug_quarantine_is_bounded"),
    Mutant("header-not-summed", "mm/heap_debug.c", "\tsum = mix(sum, b->number);\n", "",
           "host", r"not ok \d+ heap_debug_finds_every_bit_of_a_header_that_changed"),
    Mutant("links-trusted", "mm/heap_debug_check.c",
           "is_in(d, list, to) && (older ? to->next : to->prev) == b", "to != b",
           "host", r"not ok \d+ heap_debug_|AddressSanitizer"),
    Mutant("leak-in-front-of-the-mark", "mm/heap_debug_check.c",
           "\t\tif (b->number < mark)", "\t\tif (mark == UINT64_MAX)",
           "boot misuse-full-leak", r"not ok \d+ misuse-full-leak"),
    Mutant("dma-of-the-stack", "mm/dma.c", "ro_after_init_end, boot_tables)",
           "ro_after_init_end, image_end)",
           "boot microvm-direct", r"not ok \d+ mm_dma_addr_accepts_only_our_memory"),
    Mutant("nmi-on-any-stack", "arch/x86/exception.c",
           "\tidt[EXCEPTION_NMI].ist = IST_NMI;\n", "",
           "boot microvm-direct", r"not ok \d+ x86_exceptions_that_trust_no_stack"),
    Mutant("machine-check-on-any-stack", "arch/x86/exception.c",
           "\tidt[EXCEPTION_MACHINE_CHECK].ist = IST_MACHINE_CHECK;\n", "",
           "boot microvm-direct", r"not ok \d+ x86_exceptions_that_trust_no_stack"),
    Mutant("double-fault-guard-missing", "arch/x86/paging_image.c",
           "\tunmap_guard(stack_double_fault_guard);\n", "",
           "boot microvm-direct", r"not ok \d+ x86_stacks_have_guard_pages"),
    Mutant("null-call-swallowed", "arch/x86/exception.c", "&& probe_execute_active && ", "&& ",
           "boot crash-call", r"not ok \d+ crash-call"),
    Mutant("guard-missing", "arch/x86/paging_image.c", "\tunmap_guard(stack_guard);\n", "",
           "boot microvm-direct", r"not ok \d+ x86_stacks_have_guard_pages"),
    Mutant("text-mapped-twice", "arch/x86/paging_image.c",
           "\tprotect(data_start, ro_after_init_end, PAGING_READ);\n",
           "\tprotect(data_start, ro_after_init_end, PAGING_READ);\n"
           "\tif (paging_map(TEST_BASE, image_physical_start(), PAGE_SIZE, PAGING_WRITE))\n"
           "\t\tpanic(\"not planted\");\n",
           "boot microvm-direct", r"not ok \d+ audit_no_memory_has_rights_that_exclude"),
    Mutant("identity-mapping-left", "arch/x86/paging_image.c",
           "\tpaging_top_table()[0] = 0;", "\tpaging_top_table()[1] = 0;",
           "boot microvm-direct", r"not ok \d+ audit_nothing_is_mapped_but_what_is_ours"),
    Mutant("modules-not-claimed", "mm/map.c",
           '\t\tclaim(map, info->modules[i].start, info->modules[i].end, "module");\n', "\t\t;\n",
           "boot forge-modules", r"not ok \d+ (forge-modules|audit_|mm_|owner_)"),
    Mutant("watch-forgives", "arch/x86/boot/watch.c",
           "&& sum == w->sum;", "&& (sum == w->sum || sum != 0);",
           "boot selftest-writes-boot-information",
           r"not ok \d+ selftest-writes-boot-information"),
    Mutant("watch-does-not-count", "kernel/main.c", "passed = boot_watch_end() && passed;",
           "boot_watch_end();", "boot selftest-writes-boot-information",
           r"not ok \d+ selftest-writes-boot-information"),
    Mutant("boot-information-flipped", "arch/x86/boot/watch.c",
           "\tuint64_t bytes = 0;\n",
           "\tuint64_t bytes = 0;\n\n"
           "\tif (paging_map(TEST_BASE, align_down(watched[0].start, PAGE_SIZE), PAGE_SIZE,\n"
           "\t\t       PAGING_WRITE) == 0)\n"
           "\t\t*((uint8_t *)TEST_BASE + watched[0].start % PAGE_SIZE) ^= 1;\n",
           "boot microvm-direct", r"boot information at \S+ has changed|QEMU left with 35"),
    Mutant("tlb-not-flushed", "arch/x86/paging.c", "\tflush(start, end);\n",
           "\tif (start == SLOT_BASE)\n\t\tflush(start, end);\n",
           "boot microvm-direct", r"not ok \d+ paging_changes_take_effect_at_once"),
    Mutant("split-loses-rights", "arch/x86/paging.c", "\t\t\ttable[i] = page;\n",
           "\t\t\ttable[i] = page & ~(uint64_t)PTE_WRITE;\n",
           "boot microvm-direct", r"not ok \d+ paging_"),
    Mutant("tables-of-own-not-cleared", "arch/x86/paging.c",
           "\t\tmemset(table, 0, PAGE_SIZE);\n", "",
           "boot microvm-direct", r"not ok \d+ (microvm-direct|paging_)"),
    Mutant("paging-left-on", "arch/x86/boot/entry.S", "CR0_NE | CR0_WP), %eax\n\tmovl\t%eax, %cr0\n"
           "\tmovl\t$CR4_PAE", "CR0_NE | CR0_WP), %eax\n\tmovl\t$CR4_PAE",
           "boot forge-la57-on", r"not ok \d+ forge-la57-on"),
    Mutant("cr4-kept", "arch/x86/boot/entry.S", "\tmovl\t$CR4_PAE, %eax\n",
           "\tmovl\t%cr4, %eax\n\torl\t$CR4_PAE, %eax\n",
           "boot forge-la57-left", r"not ok \d+ forge-la57-left"),
    Mutant("failed-driver-keeps-a-block", "drivers/rng/virtio_rng.c",
           "free_v:\n\tkfree(v);\n", "free_v:\n",
           "boot faults-microvm", r"# not ok \d+ boot-without-"),
    Mutant("failed-driver-keeps-a-block-host", "drivers/rng/virtio_rng.c",
           "free_v:\n\tkfree(v);\n", "free_v:\n",
           "host", r"not ok \d+ virtio_rng_drives_its_device_or_leaves_nothing_behind"),
    Mutant("failed-ring-keeps-a-block", "drivers/virtio/virtio.c",
           "\tif (!memory) {\n\t\tkfree(vq);\n", "\tif (!memory) {\n",
           "boot faults-tests-microvm", r"not ok \d+ virtio_device_without_a_driver_starts"),
    Mutant("failed-mapping-stays", "mm/ioremap.c",
           "\t\tiounmap((struct mmio *)va);\n", "",
           "boot faults-q35-page-tables", r"# not ok \d+ boot-without-"),
    Mutant("driver-uses-null", "drivers/rng/virtio_rng.c",
           "\tif (!v)\n\t\treturn -ENOMEM;\n", "",
           "boot faults-microvm", r"boot-without-\d+: panic: page fault: write"),
    Mutant("driver-resets-the-machine", "drivers/rng/virtio_rng.c",
           "\tif (!v)\n\t\treturn -ENOMEM;\n",
           '\tif (!v)\n\t\t__asm__ volatile("push $0; push $0; lidt (%rsp); int3");\n',
           "boot faults-microvm", r"# not ok \d+ boot-without-"),
    Mutant("driver-waits-for-memory", "drivers/rng/virtio_rng.c",
           "\tif (!v)\n\t\treturn -ENOMEM;\n",
           '\twhile (!v)\n\t\t__asm__ volatile("pause");\n',
           "boot faults-microvm", r"no verdict on boot-without-\d+"),
    Mutant("device-goes-in-silence", "drivers/virtio/virtio_mmio.c",
           '\t\tlog_err("virtio-mmio at 0x%llx: no memory to list it",\n'
           "\t\t\t(unsigned long long)window->base);\n", "",
           "boot faults-microvm", r"# not ok \d+ boot-without-"),
    Mutant("ktest-forgives-leaks", "kernel/ktest.c", "t.failures += !i->end();", "i->end();",
           "boot faults-selftest-forgets-a-block", r"not ok \d+ faults-selftest-forgets-a-block"),
    Mutant("bss-dirty", "arch/x86/boot/entry.S", "\tshrq\t$3, %rcx\n\txorl\t%eax, %eax\n"
           "\trep stosq\n", "\tshrq\t$3, %rcx\n\txorl\t%eax, %eax\n",
           "boot forge-dirty-bss", r"not ok \d+ forge-dirty-bss"),
    Mutant("bss-dirty-on-reset", "arch/x86/boot/entry.S", "\tshrq\t$3, %rcx\n\txorl\t%eax, %eax\n"
           "\trep stosq\n", "\tshrq\t$3, %rcx\n\txorl\t%eax, %eax\n",
           "boot warm-resets-bss-left", r"not ok \d+ warm-resets-bss-left"),
    Mutant("map-rounds-outwards", "kernel/lib/regions.c",
           "\t\tend = align_down(end, PAGE_SIZE);\n\t} else {",
           "\t\tend = align_up(end, PAGE_SIZE);\n\t} else {",
           "host", r"not ok \d+ map_corpus_oddities_are_seen"),
    Mutant("map-counts-too-little-loss", "kernel/lib/regions.c",
           "r->lost_bytes += region_size(usable);", "r->lost_bytes += region_size(usable) / 2;",
           "host", r"not ok \d+ map_overflow_loses_what_it_counts"),
    Mutant("map-uses-persistent-memory", "arch/x86/boot/boot_info.c",
           "return REGION_PERSISTENT;", "return REGION_USABLE;",
           "host", r"not ok \d+ map_corpus_without_ram_makes_no_heap"),
    Mutant("map-uses-efi-runtime", "arch/x86/boot/multiboot2.c",
           '\t\treturn "EFI runtime";', "\t\treturn NULL;",
           "host", r"not ok \d+ map_corpus_efi_map_alone_withholds"),
    Mutant("map-claims-too-little", "mm/map.c", "info->ranges[i].end, ",
           "info->ranges[i].start + 1, ",
           "maps unnamed-pc-64gib-uefi-efi", r"memmap and the model differ"),
    Mutant("map-without-ram-goes-on", "mm/mm.c", "regions_total(&map, REGION_USABLE) == 0",
           "regions_total(&map, REGION_BAD) == 1", "maps samsung-500cchromebook-bios-e820",
           r"not ok \d+ memmap-samsung"),
    Mutant("loop-halts-before-it-looks", "kernel/loop.c",
           "\t\tif (done(context))\n\t\t\treturn 0;\n\t\tif (d.at",
           "\t\tif (!any)\n\t\t\tidle(d.at);\n\t\tif (done(context))\n"
           "\t\t\treturn 0;\n\t\tif (d.at",
           "boot microvm-direct", r"not ok \d+ microvm-direct"),
    Mutant("time-goes-back", "kernel/timeline.c", "if (likely(ns > tl->last))\n", "if (ns)\n",
           "host", r"not ok \d+ timeline_never_goes_back_whatever_changes"),
    Mutant("timers-of-one-moment-last-first", "kernel/timer_heap.c", "a->number < b->number",
           "a->number > b->number", "host", r"not ok \d+ timer_heap_has_the_first_of_the_model"),
    Mutant("clock-wraps-unseen", "drivers/clock/calibrate.c",
           "return low + ((expected + half - low) & ~mask);", "return low;",
           "host", r"not ok \d+ calibrate_counts_the_wraps_by_a_hint"),
    Mutant("pvclock-read-while-written", "drivers/clock/pvclock.c",
           "version & 1 || READ_ONCE(page->version) != version", "version & 1",
           "host", r"not ok \d+ pvclock_reads_again_what_was_written_meanwhile"),
    Mutant("irq-never-ended", "kernel/irq.c", "\t\tlocal->end();\n", "\t\t(void)vector;\n",
           "boot microvm-direct", r"not ok \d+ microvm-direct"),
    Mutant("irq-spurious-ended-never", "kernel/irq.c",
           "if (local && (!is_spurious(vector) || local->in_service((uint8_t)vector)))",
           "if (local && !is_spurious(vector))",
           "boot microvm-direct", r"not ok \d+ microvm-direct"),
    Mutant("irq-leaves-interrupts-open", "arch/x86/exception.c",
           "\t\tf->rflags &= ~(uint64_t)RFLAGS_IF;\t/* one interrupt per opening */\n", "",
           "boot microvm-direct", r"not ok \d+ microvm-direct"),
    Mutant("irq-halt-with-a-race", "arch/x86/interrupt.c", "sti; hlt; cli", "sti; nop; hlt; cli",
           "boot microvm-direct", r"not ok \d+ microvm-direct"),
    Mutant("irq-storm-goes-on", "kernel/irq.c",
           "\tslot->lines->mask(slot->lines, slot->pin, true);\n\tfor", "\tfor",
           "host", r"not ok \d+ irq_level_line_that_nobody_claims_is_masked"),
    Mutant("irq-vector-at-once-anothers", "kernel/irq.c",
           "\t\tpool->next = vector + 1 < pool->end ? vector + 1 : pool->first;\n"
           "\t\tif (slot->first)\n\t\t\tcontinue;\n",
           "\t\tif (slot->first) {\n\t\t\tpool->next = vector + 1 < pool->end ? vector + 1 :"
           " pool->first;\n\t\t\tcontinue;\n\t\t}\n",
           "host", r"not ok \d+ irq_vector_given_back_is_not_soon_anothers"),
    Mutant("irq-shared-against-its-will", "kernel/irq.c",
           "\tif (irq->trigger != first->trigger || irq->polarity != first->polarity)\n"
           "\t\treturn -EBUSY;\n", "",
           "host", r"not ok \d+ irq_line_is_shared_by_those_of_one_mind"),
    Mutant("ioapic-polarity-lost", "drivers/irq/ioapic_code.c",
           "entry |= IOAPIC_ENTRY_LOW;", "entry |= 0;",
           "boot q35-direct", r"not ok \d+ (ioapic_|irq_)"),
    # A fault before there is any memory must still say who owns the address.
    Mutant("null-before-memory", "arch/x86/boot/boot.c", "\tboot_info_init(&boot_info);\n",
           '\tboot_info_init(&boot_info);\n\t__asm__ volatile("movb $1, 8");\n',
           "boot microvm-direct", r"owner of 0x0000000000000008: null page 0x0-0xfff \+0x8"),
    Mutant("guard-of-no-name", "mm/owner.c", 'say(&t, "guard page of the %s, ", p->name);',
           'say(&t, "%s, ", p->name);',
           "boot crash-stack", r"not ok \d+ crash-stack"),
]
# Includes that a fault needs.
INCLUDES = {"kernel/ktest.c": '#include "kernel/exit.h"\n',
            "arch/x86/boot/watch.c": '#include "arch/x86/layout.h"\n'}


def copy_tree(target):
    """What git tracks or would track, as it stands."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=TREE,
                           check=True, stdout=subprocess.PIPE).stdout.decode().split("\0")
    shutil.rmtree(target, ignore_errors=True)
    for name in filter(None, names):
        source = os.path.join(TREE, name)
        if os.path.exists(source):
            path = os.path.join(target, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy2(source, path, follow_symlinks=False)


def run_test(tree, test):
    """Output and exit code of one mutant's test in the scratch copy."""
    kind, _, only = test.partition(" ")
    build = os.path.join(tree, "build")
    if kind == "hostself":
        words = ["sh", "-c", 'make -C "$1" -j2 O="$2/host" HOSTED=1 hosttest-program && '
                 'exec "$3" "$1/scripts/testself.py" "$2/host/hosttest"',
                 "sh", tree, build, sys.executable]
    elif kind == "maps":
        words = [sys.executable, os.path.join(tree, "scripts", "maptest.py"),
                 "--build", build, "--only", only]
    elif kind == "twins":
        words = [sys.executable, os.path.join(tree, "scripts", "twins.py"),
                 "--build", build, "--kind", only]
    elif kind == "host":
        words = ["make", "-C", tree, "-j2", "O=" + build, "TIER=ci", "hosttest"]
    else:
        words = [sys.executable, os.path.join(tree, "scripts", "boottest.py"),
                 "--build", build, "--only", only, "--timeout", GUEST_TIMEOUT]
    done = subprocess.run(words, check=False, stdin=subprocess.DEVNULL, timeout=TIMEOUT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=make_environment())
    return done.stdout.decode("utf-8", "replace"), done.returncode


def mutate(path, mutant):
    """Plants the fault; returns the original text, None if it does not fit."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text.count(mutant.old) != 1:
        return None
    changed = text.replace(mutant.old, mutant.new)
    include = INCLUDES.get(mutant.path)
    if include and include not in changed:
        changed = changed.replace("#include", include + "#include", 1)
    with open(path, "w", encoding="utf-8") as file:
        file.write(changed)
    return text


def judge(output, code, mutant):
    """Why the fault was not caught as it should be, or None."""
    if code == 0:
        return "the tests passed"
    if "the image was not built" in output or re.search(r"^make.*\*\*\*.*Error", output, re.M) \
            and "ok " not in output:
        return "it was not built:\n" + tail(output)
    if not re.search(mutant.want, output):
        return "not by the right test, /%s/ is not in:\n%s" % (mutant.want, tail(output))
    return None


def try_mutant(tree, mutant):
    path = os.path.join(tree, mutant.path)
    original = mutate(path, mutant)
    if original is None:
        return "%s has changed, the fault does not fit it" % mutant.path
    try:
        output, code = run_test(tree, mutant.test)
    except subprocess.TimeoutExpired:
        return "the test did not end"
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(original)
    return judge(output, code, mutant)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--only", default="", help="name of one fault")
    args = parser.parse_args()
    chosen = [m for m in MUTANTS if args.only in ("", m.name)]
    if not chosen:
        parser.error("no fault is named " + args.only)
    tree = os.path.join(os.path.abspath(args.build), "mutants")
    copy_tree(tree)
    claim(os.path.join(tree, "build"))
    failed = 0
    print("KTAP version 1\n1..%d" % (len(chosen) + 1))
    broken = [test for test in sorted({m.test for m in chosen}) if run_test(tree, test)[1]]
    print("%s 1 without-faults%s" % ("not ok" if broken else "ok",
                                     "".join("\n# fails: " + t for t in broken)), flush=True)
    for number, mutant in enumerate(chosen, 2):
        problem = try_mutant(tree, mutant)
        failed += problem is not None
        print("%s %d %s" % ("not ok" if problem else "ok", number, mutant.name))
        if problem:
            print("# " + problem.replace("\n", "\n#   "))
        sys.stdout.flush()
    failed += bool(broken)
    print("%d passed, %d failed" % (len(chosen) + 1 - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
