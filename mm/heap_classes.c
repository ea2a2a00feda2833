// SPDX-License-Identifier: MIT
/*
 * The size classes: sizes that divide their span with little left over. A span
 * has 8 KiB below 256 bytes, then 16 KiB, 32 KiB from 1632 and 64 KiB from 3440
 * on, so that neither the rounding of requests (3 % if sizes spread evenly)
 * nor the half-filled last span of each class (as much, with 10 000 blocks)
 * costs much.
 */
#include "mm/heap_internal.h"

/* CLASS(number, the size below it, size, order of its spans) */
#define CLASSES(CLASS) \
	CLASS(0, -16, 16, 1)		CLASS(1, 16, 32, 1) \
	CLASS(2, 32, 48, 1)		CLASS(3, 48, 64, 1) \
	CLASS(4, 64, 80, 1)		CLASS(5, 80, 96, 1) \
	CLASS(6, 96, 112, 1)		CLASS(7, 112, 128, 1) \
	CLASS(8, 128, 160, 1)		CLASS(9, 160, 192, 1) \
	CLASS(10, 192, 224, 1)		CLASS(11, 224, 256, 2) \
	CLASS(12, 256, 320, 2)		CLASS(13, 320, 384, 2) \
	CLASS(14, 384, 448, 2)		CLASS(15, 448, 512, 2) \
	CLASS(16, 512, 576, 2)		CLASS(17, 576, 640, 2) \
	CLASS(18, 640, 736, 2)		CLASS(19, 736, 816, 2) \
	CLASS(20, 816, 896, 2)		CLASS(21, 896, 1024, 2) \
	CLASS(22, 1024, 1088, 2)	CLASS(23, 1088, 1168, 2) \
	CLASS(24, 1168, 1248, 2)	CLASS(25, 1248, 1360, 2) \
	CLASS(26, 1360, 1488, 2)	CLASS(27, 1488, 1632, 3) \
	CLASS(28, 1632, 1712, 3)	CLASS(29, 1712, 1808, 3) \
	CLASS(30, 1808, 1920, 3)	CLASS(31, 1920, 2048, 3) \
	CLASS(32, 2048, 2176, 3)	CLASS(33, 2176, 2336, 3) \
	CLASS(34, 2336, 2512, 3)	CLASS(35, 2512, 2720, 3) \
	CLASS(36, 2720, 2976, 3)	CLASS(37, 2976, 3264, 3) \
	CLASS(38, 3264, 3440, 4)	CLASS(39, 3440, 3632, 4) \
	CLASS(40, 3632, 3840, 4)	CLASS(41, 3840, 4096, 4)

#define COUNT(size, order)	((PAGE_SIZE << (order)) / (size))
#define TINY(number)		((number) < HEAP_TINY_CLASSES)
/* A bit for each block, or of a tiny span for each word of 64 blocks. */
#define BITS(number, n)		(TINY(number) ? ((n) + 63) / 64 : (n))
/* The lowest n bits, 1 to 64 (of a tiny span unused, hence the mask). */
#define ONES(n)			(UINT64_MAX >> ((64 - (n)) & 63))
#define DESCRIBE(number, below, size_, order) \
	[number] = { \
		.free = ONES(BITS(number, COUNT(size_, order))), \
		.all = TINY(number) ? COUNT(size_, order) : ONES(COUNT(size_, order)), \
		.bytes = TINY(number) ? 0 : COUNT(size_, order) * (size_), \
		.reciprocal = ((UINT64_C(1) << 32) + (size_) - 1) / (size_), \
		.size = (size_), \
		.count = COUNT(size_, order), \
		.pages = 1 << (order), \
		.class = (number), \
	},
#define SIZES(number, below, size, order)	\
	[((below) + HEAP_ALIGN) / HEAP_ALIGN ... (size) / HEAP_ALIGN] = number,

const struct heap_span heap_classes[HEAP_CLASSES] = { CLASSES(DESCRIBE) };
const uint8_t heap_class_of[HEAP_SMALL_MAX / HEAP_ALIGN + 1] = { CLASSES(SIZES) };
