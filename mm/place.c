// SPDX-License-Identifier: MIT
#include "mm/place.h"

#include <asm/cpu.h>
#include <asm/io.h>

#include "arch/x86/exception.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "arch/x86/probe.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/shell.h"
#include "mm/direct.h"
#include "mm/ioremap.h"
#include "mm/owner.h"

enum { PORTS = 0x10000 };

static const char *const prefixes[] = { [PLACE_PHYSICAL] = "phys", [PLACE_PORT] = "port" };

/* "phys" or "phys:..."; *rest is what is behind it. */
static enum place_kind kind_of(const char *word, const char **rest)
{
	for (enum place_kind kind = PLACE_PHYSICAL; kind <= PLACE_PORT; kind++) {
		size_t len = strlen(prefixes[kind]);

		if (!str_has_prefix(word, prefixes[kind]))
			continue;
		*rest = word + len + (word[len] == ':');
		if (word[len] == ':' || !word[len])
			return kind;
	}
	*rest = word;
	return PLACE_VIRTUAL;
}

int place_parse(struct place *p, int count, char **words)
{
	const char *word, *end;
	int taken = 1;

	*p = (struct place){ 0 };
	if (count < 1)
		return -EINVAL;
	p->kind = kind_of(words[0], &word);
	if (!*word && ++taken <= count)
		word = words[1];
	if (taken > count)
		return shell_wrong(words[0], "an address is missing");
	if (parse_u64(word, &end, &p->address) || *end)
		return shell_wrong(word, "not an address (hexadecimal ones begin with 0x)");
	return taken;
}

/* Says who owns the address, after what was said of it. */
static int refuse(const struct place *p, uint64_t at, const char *what, int error)
{
	uint64_t address = p->address + at;
	char owner[OWNER_TEXT_MAX];

	if (p->kind == PLACE_PHYSICAL)
		owner_describe_physical(address, owner, sizeof(owner));
	else
		owner_describe(address, owner, sizeof(owner));
	print("%s0x%llx: %s; %s\n", p->kind == PLACE_PHYSICAL ? "phys:" : "",
	      (unsigned long long)address, what, owner);
	return error;
}

static int open_physical(struct place *p)
{
	if (p->len > 0 && direct_map_has(p->address, p->len)) {
		p->va = DIRECT_BASE + p->address;
		return 0;
	}
	if (p->address >> cpu_physical_bits())
		return refuse(p, 0, "beyond what the processor can address", -ERANGE);
	p->mapping = ioremap(p->address, p->len, IOREMAP_UNCACHED);
	if (!p->mapping)
		return refuse(p, 0, "cannot be mapped", -EFAULT);
	p->va = (uintptr_t)p->mapping;
	return 0;
}

int place_open(struct place *p, uint64_t len)
{
	p->len = len;
	if (len == 0 || p->address + (len - 1) < p->address)
		return refuse(p, 0, "not so many bytes follow", -ERANGE);
	if (p->kind == PLACE_PORT && (len > PORTS || p->address > PORTS - len)) {
		print("port 0x%llx: ports end at 0xffff\n", (unsigned long long)p->address);
		return -ERANGE;
	}
	p->va = p->address;
	return p->kind == PLACE_PHYSICAL ? open_physical(p) : 0;
}

void place_close(struct place *p)
{
	if (p->mapping)
		iounmap(p->mapping);
	p->mapping = NULL;
}

static int port_read(uint16_t port, unsigned width, uint64_t *out)
{
	switch (width) {
	case 1: *out = inb(port); return 0;
	case 2: *out = inw(port); return 0;
	case 4: *out = inl(port); return 0;
	}
	return -EINVAL;
}

static int port_write(uint16_t port, unsigned width, uint64_t value)
{
	switch (width) {
	case 1: outb(port, (uint8_t)value); return 0;
	case 2: outw(port, (uint16_t)value); return 0;
	case 4: outl(port, (uint32_t)value); return 0;
	}
	return -EINVAL;
}

static int tell(const struct place *p, uint64_t at, int rc)
{
	struct fault f = exception_last_fault();
	char how[96] = "general protection fault: not canonical, or not permitted";

	if (rc == -EINVAL)
		print("no access of this width to %s\n",
		      p->kind == PLACE_PORT ? "a port" : "memory");
	if (rc != -EFAULT)
		return rc;
	if (f.vector == EXCEPTION_PAGE_FAULT)
		page_fault_describe(how, sizeof(how), f.error);
	return refuse(p, at, how, rc);
}

int place_read(const struct place *p, uint64_t at, unsigned width, uint64_t *out)
{
	if (p->kind == PLACE_PORT)
		return tell(p, at, port_read((uint16_t)(p->address + at), width, out));
	return tell(p, at, probe_load(p->va + at, width, out));
}

int place_write(const struct place *p, uint64_t at, unsigned width, uint64_t value)
{
	if (p->kind == PLACE_PORT)
		return tell(p, at, port_write((uint16_t)(p->address + at), width, value));
	return tell(p, at, probe_store(p->va + at, width, value));
}
