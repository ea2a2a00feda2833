/* SPDX-License-Identifier: MIT */
/*
 * I/O ports, and memory-mapped registers behind an incomplete type: a stray
 * dereference of a `struct mmio *` does not compile. On the host a test stands
 * for both (kernel/host_io.h).
 */
#pragma once

#include "kernel/lib/types.h"

/* Registers mapped by ioremap() (mm/ioremap.h). */
struct mmio;

static inline volatile void *mmio_at(const struct mmio *base, size_t offset)
{
	return (volatile void *)((uintptr_t)base + offset);
}

#ifdef CAIRN_HOSTED
uint32_t host_io_read(bool port, uintptr_t address, unsigned width);
void host_io_write(bool port, uintptr_t address, unsigned width, uint32_t v);

#define HOST_IO(type, in, out, mmio_read, mmio_write) \
static inline type in(uint16_t port) \
{ \
	return (type)host_io_read(true, port, sizeof(type)); \
} \
static inline void out(uint16_t port, type v) \
{ \
	host_io_write(true, port, sizeof(type), v); \
} \
static inline type mmio_read(const struct mmio *base, size_t offset) \
{ \
	return (type)host_io_read(false, (uintptr_t)base + offset, sizeof(type)); \
} \
static inline void mmio_write(struct mmio *base, size_t offset, type v) \
{ \
	host_io_write(false, (uintptr_t)base + offset, sizeof(type), v); \
}
HOST_IO(uint8_t, inb, outb, mmio_read8, mmio_write8)
HOST_IO(uint16_t, inw, outw, mmio_read16, mmio_write16)
HOST_IO(uint32_t, inl, outl, mmio_read32, mmio_write32)

static inline void outsb(uint16_t port, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		outb(port, ((const uint8_t *)bytes)[i]);
}
#else
static inline uint8_t inb(uint16_t port)
{
	uint8_t v;
	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline uint16_t inw(uint16_t port)
{
	uint16_t v;
	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t v;
	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void outw(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

/* Bytes in order to one port: one instruction each, loop and all. */
static inline void outsb(uint16_t port, const void *bytes, size_t len)
{
	__asm__ volatile("rep outsb" : "+S"(bytes), "+c"(len) : "d"(port) : "memory");
}

static inline uint8_t mmio_read8(const struct mmio *base, size_t offset)
{
	return *(volatile uint8_t *)mmio_at(base, offset);
}

static inline uint16_t mmio_read16(const struct mmio *base, size_t offset)
{
	return *(volatile uint16_t *)mmio_at(base, offset);
}

static inline uint32_t mmio_read32(const struct mmio *base, size_t offset)
{
	return *(volatile uint32_t *)mmio_at(base, offset);
}

static inline void mmio_write8(struct mmio *base, size_t offset, uint8_t v)
{
	*(volatile uint8_t *)mmio_at(base, offset) = v;
}

static inline void mmio_write16(struct mmio *base, size_t offset, uint16_t v)
{
	*(volatile uint16_t *)mmio_at(base, offset) = v;
}

static inline void mmio_write32(struct mmio *base, size_t offset, uint32_t v)
{
	*(volatile uint32_t *)mmio_at(base, offset) = v;
}
#endif
