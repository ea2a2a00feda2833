// SPDX-License-Identifier: MIT
/*
 * The two 8259 (Intel 8259A data sheet), where there are any: moved away from
 * the vectors of exceptions and masked. A request that is withdrawn at the
 * wrong moment still gives interrupt 7 or 15: kernel/irq.c counts it.
 */
#include <asm/io.h>

#include "drivers/irq/irq_init.h"
#include "kernel/irq_chip.h"

enum pic_port {
	MASTER_COMMAND = 0x20,
	MASTER_DATA = 0x21,
	SLAVE_COMMAND = 0xa0,
	SLAVE_DATA = 0xa1,
};

enum pic_word {
	ICW1_INIT_WITH_ICW4 = 0x11,
	ICW3_MASTER_SLAVE_AT_2 = BIT(2),
	ICW3_SLAVE_ID = 2,
	ICW4_8086 = 0x01,
	MASK_ALL = 0xff,
};

/* A mask register keeps what is written to it; an empty port does not. */
static bool keeps(uint16_t port, uint8_t value)
{
	outb(port, value);
	return inb(port) == value;
}

static bool pic_answers(void)
{
	return keeps(MASTER_DATA, 0xfa) && keeps(MASTER_DATA, MASK_ALL) &&
	       keeps(SLAVE_DATA, 0xfa) && keeps(SLAVE_DATA, MASK_ALL);
}

static void initialise(uint16_t command, uint16_t data, uint8_t vector, uint8_t cascade)
{
	outb(command, ICW1_INIT_WITH_ICW4);
	outb(data, vector);
	outb(data, cascade);
	outb(data, ICW4_8086);
	outb(data, MASK_ALL);
}

bool pic_mask(void)
{
	if (!pic_answers())
		return false;
	initialise(MASTER_COMMAND, MASTER_DATA, IRQ_VECTOR_PIC, ICW3_MASTER_SLAVE_AT_2);
	initialise(SLAVE_COMMAND, SLAVE_DATA, IRQ_VECTOR_PIC + 8, ICW3_SLAVE_ID);
	return true;
}
