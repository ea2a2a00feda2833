/* SPDX-License-Identifier: MIT */
/*
 * I/O ports, and memory-mapped registers behind an incomplete type: a stray
 * dereference of a `struct mmio *` does not compile.
 */
#pragma once

#include "kernel/lib/types.h"

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

/* Registers mapped by ioremap() (mm/ioremap.h). */
struct mmio;

static inline volatile void *mmio_at(const struct mmio *base, size_t offset)
{
	return (volatile void *)((uintptr_t)base + offset);
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
