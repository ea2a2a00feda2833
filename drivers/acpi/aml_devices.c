// SPDX-License-Identifier: MIT
/* What the namespace says of virtio-mmio devices and PCI host bridges. */
#include "drivers/acpi/aml.h"

#include "kernel/lib/string.h"

#define LOG_SUBSYS acpi
#include "kernel/log.h"

/* What is wrong and logged; of more only the number is. */
enum { COMPLAINTS_MAX = 16 };

#define SEG_CRS	AML_SEG('_', 'C', 'R', 'S')

static void complain(struct aml_space *s, const char *path, const char *problem)
{
	if (s->complaints++ < COMPLAINTS_MAX)
		log_warn("%s: %s", path, problem);
}

/* The value of an integer that a device has, or `otherwise`. */
static uint32_t integer_of(const struct aml_space *s, unsigned device, uint32_t segment,
			   uint32_t otherwise)
{
	unsigned node = aml_child(s, device, segment);

	return node && s->nodes[node].kind == AML_KIND_INTEGER ? s->nodes[node].value : otherwise;
}

/* By _STA, if that is static (6.3.7). */
static bool is_present(const struct aml_space *s, unsigned device)
{
	enum { PRESENT = BIT(0) };

	return integer_of(s, device, AML_SEG('_', 'S', 'T', 'A'), PRESENT) & PRESENT;
}

/* Opens the descriptors of a device's _CRS: NULL, or why that cannot be. */
static const char *open_resources(struct aml_space *s, unsigned device, struct aml *out)
{
	unsigned crs = aml_child(s, device, SEG_CRS);
	struct aml a;

	if (crs == 0)
		return "no _CRS";
	if (s->nodes[crs].kind == AML_KIND_METHOD)
		return "_CRS is code";
	if (!aml_open_node(s, crs, &a) || !aml_buffer(&a, out))
		return "_CRS is no buffer";
	return NULL;
}

/* The first memory and the first interrupt; what is missing stays 0 or false. */
static bool read_virtio(struct aml *a, struct acpi_virtio_mmio *v)
{
	struct aml_resource r;
	bool has_line = false;

	while (aml_resource(a, &r)) {
		uint64_t size = r.end - r.start;

		if (r.kind == AML_RESOURCE_MEMORY && v->size == 0 && size <= UINT32_MAX) {
			v->base = r.start;
			v->size = (uint32_t)size;
		} else if (r.kind == AML_RESOURCE_INTERRUPT && !has_line) {
			v->line = r.interrupt;
			has_line = true;
		}
	}
	return has_line && v->size > 0 && v->base > 0;
}

static void add_virtio(struct aml_space *s, unsigned device, struct acpi_info *info)
{
	struct acpi_virtio_mmio v = { 0 };
	struct aml a;
	const char *problem = open_resources(s, device, &a);

	aml_path(s, device, v.path, sizeof(v.path));
	v.uid = integer_of(s, device, AML_SEG('_', 'U', 'I', 'D'), 0);
	if (!problem && !read_virtio(&a, &v))
		problem = "no memory or no interrupt in _CRS";
	else if (!problem && info->virtio_count == ACPI_VIRTIO_MAX)
		problem = "more devices than are kept";
	if (problem && s->complaints++ < COMPLAINTS_MAX)
		log_warn("%s: a virtio device, but %s", v.path, problem);
	if (!problem)
		info->virtio[info->virtio_count++] = v;
}

static void add_window(struct aml_space *s, struct acpi_bridge *b, const struct aml_resource *r)
{
	if (b->window_count == ACPI_WINDOWS_MAX) {
		complain(s, b->path, "more windows than are kept");
		return;
	}
	b->windows[b->window_count++] = (struct acpi_window){
		.start = r->start, .end = r->end, .io = r->kind == AML_RESOURCE_PORTS,
		.prefetchable = r->prefetchable,
	};
}

/* There are 256; what says more is left out. */
static void read_buses(struct aml_space *s, const struct aml_resource *r, struct acpi_bridge *b)
{
	if (r->end > 256) {
		complain(s, b->path, "a range of buses that do not exist");
		return;
	}
	b->bus = (uint8_t)r->start;
	b->bus_last = (uint8_t)(r->end - 1);
}

/* Windows and the first bus. */
static void read_bridge(struct aml_space *s, struct aml *a, struct acpi_bridge *b)
{
	struct aml_resource r;

	while (aml_resource(a, &r)) {
		if (r.kind == AML_RESOURCE_BUSES)
			read_buses(s, &r, b);
		else if (r.window && r.kind != AML_RESOURCE_OTHER)
			add_window(s, b, &r);
	}
}

/* A number, or a method that does nothing but return one. */
static uint64_t config_base_of(struct aml_space *s, unsigned device)
{
	unsigned cba = aml_child(s, device, AML_SEG('_', 'C', 'B', 'A'));
	uint64_t base = 0;
	struct aml a;

	if (cba == 0 || !aml_open_node(s, cba, &a))
		return 0;
	if (s->nodes[cba].kind == AML_KIND_METHOD && !aml_opcode(&a, AML_RETURN))
		return 0;
	return aml_integer(&a, &base) ? base : 0;
}

/* Cut to fit, they would be those of another bridge. */
static bool is_numbered(const struct aml_space *s, unsigned device)
{
	return integer_of(s, device, AML_SEG('_', 'S', 'E', 'G'), 0) <= UINT16_MAX &&
	       integer_of(s, device, AML_SEG('_', 'B', 'B', 'N'), 0) <= UINT8_MAX;
}

static void add_bridge(struct aml_space *s, unsigned device, struct acpi_info *info)
{
	struct acpi_bridge *b = &info->bridges[info->bridge_count];
	bool full = info->bridge_count == ACPI_BRIDGES_MAX;
	struct aml a;

	if (full || !is_numbered(s, device)) {
		char path[sizeof(b->path)];

		aml_path(s, device, path, sizeof(path));
		complain(s, path, full ? "more PCI host bridges than are kept"
				       : "a segment or bus that does not exist");
		return;
	}
	s->bridges[info->bridge_count++] = (uint16_t)device;
	memset(b, 0, sizeof(*b));
	aml_path(s, device, b->path, sizeof(b->path));
	b->uid = integer_of(s, device, AML_SEG('_', 'U', 'I', 'D'), 0);
	b->segment = (uint16_t)integer_of(s, device, AML_SEG('_', 'S', 'E', 'G'), 0);
	b->bus_last = 255;
	b->config_base = config_base_of(s, device);
	b->crs_problem = open_resources(s, device, &a);
	b->crs_static = !b->crs_problem;
	if (b->crs_static)
		read_bridge(s, &a, b);
	b->bus = (uint8_t)integer_of(s, device, AML_SEG('_', 'B', 'B', 'N'), b->bus);
	b->prt_problem = aml_route_problem(s, device);
}

void aml_find_devices(struct aml_space *s, struct acpi_info *info)
{
	s->complaints = 0;
	for (unsigned i = 1; i < s->count; i++) {
		if (s->nodes[i].kind != AML_KIND_SCOPE || !s->nodes[i].value || !is_present(s, i))
			continue;
		if (s->nodes[i].value & AML_CLASS_VIRTIO_MMIO)
			add_virtio(s, i, info);
		if (s->nodes[i].value & AML_CLASS_PCI_HOST)
			add_bridge(s, i, info);
	}
	if (s->complaints > COMPLAINTS_MAX)
		log_warn("AML: %u more complaints of devices", s->complaints - COMPLAINTS_MAX);
}

void aml_read(struct aml_space *s, const struct acpi_memory *m, struct acpi_info *info)
{
	aml_space_init(s, m, info);
	info->aml_problem = aml_load(s);
	aml_find_devices(s, info);
	aml_close(s);
}
