// SPDX-License-Identifier: MIT
/*
 * Fixed ACPI Description Table (5.2.9). It grew over the revisions, so a field
 * is there if it lies within the table's length. Where a field has a 64-bit
 * successor (X_...), that counts unless it is 0.
 */
#include "drivers/acpi/table.h"

struct fadt {
	struct acpi_header header;
	uint32_t firmware_ctrl, dsdt;
	uint8_t reserved, preferred_profile;
	uint16_t sci_int;
	uint32_t smi_cmd;
	uint8_t acpi_enable, acpi_disable, s4bios_req, pstate_cnt;
	uint32_t pm1a_evt_blk, pm1b_evt_blk, pm1a_cnt_blk, pm1b_cnt_blk, pm2_cnt_blk;
	uint32_t pm_tmr_blk;
	uint32_t gpe0_blk, gpe1_blk;
	uint8_t pm1_evt_len, pm1_cnt_len, pm2_cnt_len, pm_tmr_len;
	uint8_t gpe0_blk_len, gpe1_blk_len, gpe1_base, cst_cnt;
	uint16_t p_lvl2_lat, p_lvl3_lat, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day_alrm, mon_alrm, century;
	uint16_t iapc_boot_arch;
	uint8_t reserved_2;
	uint32_t flags;
	/* ACPI 1.0 ends here */
	struct acpi_gas reset_reg;
	uint8_t reset_value;
	uint16_t arm_boot_arch;
	uint8_t minor;
	uint64_t x_firmware_ctrl, x_dsdt;
	struct acpi_gas x_pm1a_evt_blk, x_pm1b_evt_blk, x_pm1a_cnt_blk, x_pm1b_cnt_blk;
	struct acpi_gas x_pm2_cnt_blk, x_pm_tmr_blk, x_gpe0_blk, x_gpe1_blk;
	/* ACPI 2.0 to 4.0 end here */
	struct acpi_gas sleep_control_reg, sleep_status_reg;
} __packed;
static_assert(offsetof(struct fadt, pm_tmr_blk) == 76, "table 5.9");
static_assert(offsetof(struct fadt, iapc_boot_arch) == 109, "table 5.9");
static_assert(offsetof(struct fadt, reset_reg) == 116, "table 5.9");
static_assert(offsetof(struct fadt, x_dsdt) == 140, "table 5.9");
static_assert(offsetof(struct fadt, x_pm_tmr_blk) == 208, "table 5.9");
static_assert(offsetof(struct fadt, sleep_control_reg) == 244, "table 5.9");

/* Flags (table 5.10). */
enum {
	FADT_TMR_VAL_EXT = BIT(8),
	FADT_RESET_REG_SUP = BIT(10),
	FADT_HW_REDUCED = BIT(20),
};

/* IAPC_BOOT_ARCH (table 5.11). */
enum {
	IAPC_LEGACY_DEVICES = BIT(0),
	IAPC_8042 = BIT(1),
	IAPC_NO_VGA = BIT(2),
	IAPC_NO_MSI = BIT(3),
	IAPC_NO_CMOS_RTC = BIT(5),
};

#define HAS(len, field) ((len) >= offsetof(struct fadt, field) + sizeof(((struct fadt *)0)->field))

static void read_boot_arch(const struct fadt *f, struct acpi_fadt *out)
{
	bool known = f->header.revision >= 2;	/* reserved in ACPI 1.0, which has it all */

	out->legacy_devices = !known || f->iapc_boot_arch & IAPC_LEGACY_DEVICES;
	out->has_8042 = !known || f->iapc_boot_arch & IAPC_8042;
	out->no_vga = known && f->iapc_boot_arch & IAPC_NO_VGA;
	out->no_msi = known && f->iapc_boot_arch & IAPC_NO_MSI;
	out->no_cmos_rtc = known && f->iapc_boot_arch & IAPC_NO_CMOS_RTC;
}

enum { PORTS = 1, PM_TIMER_LEN = 4 };

/* NULL, or what is wrong with a PM timer's address. */
static const char *pm_timer_problem(const struct acpi_address *at)
{
	if (at->space > PORTS)
		return "a PM timer that is none";
	if (at->space == PORTS && at->address > UINT16_MAX - PM_TIMER_LEN + 1)
		return "a PM timer at ports that do not exist";
	return NULL;
}

/* Where X_PM_TMR_BLK cannot be, the old field, which says the same, has the word. */
static const char *read_pm_timer(const struct fadt *f, size_t len, struct acpi_fadt *out)
{
	struct acpi_address old = { .space = PORTS, .width = 32, .address = f->pm_tmr_blk };
	bool extended = HAS(len, x_pm_tmr_blk) && f->x_pm_tmr_blk.address;
	const char *problem;

	if (out->hardware_reduced)
		return NULL;
	out->pm_timer = extended ? acpi_address_of(&f->x_pm_tmr_blk) : old;
	if (extended && pm_timer_problem(&out->pm_timer) && old.address)
		out->pm_timer = old;
	if (out->pm_timer.address == 0)
		return NULL;
	problem = f->pm_tmr_len != PM_TIMER_LEN ? "a PM timer that is none"
						: pm_timer_problem(&out->pm_timer);
	out->has_pm_timer = !problem;
	out->pm_timer_32bit = !problem && f->flags & FADT_TMR_VAL_EXT;
	return problem;
}

static void read_reset(const struct fadt *f, size_t len, struct acpi_fadt *out)
{
	if (!HAS(len, reset_value) || !(f->flags & FADT_RESET_REG_SUP) || !f->reset_reg.address)
		return;
	out->has_reset = true;
	out->reset = acpi_address_of(&f->reset_reg);
	out->reset_value = f->reset_value;
}

/* The successor of a block of registers that is ports in the old field. */
static struct acpi_address block(uint32_t old, const struct acpi_gas *extended)
{
	struct acpi_address ports = { .space = PORTS, .width = 16, .address = old };

	return extended && extended->address ? acpi_address_of(extended) : ports;
}

static void read_sleep(const struct fadt *f, size_t len, struct acpi_fadt *out)
{
	if (out->hardware_reduced) {
		if (HAS(len, sleep_status_reg)) {
			out->sleep_control = acpi_address_of(&f->sleep_control_reg);
			out->sleep_status = acpi_address_of(&f->sleep_status_reg);
		}
		return;
	}
	out->pm1a_control = block(f->pm1a_cnt_blk,
				  HAS(len, x_pm1a_cnt_blk) ? &f->x_pm1a_cnt_blk : NULL);
	out->pm1b_control = block(f->pm1b_cnt_blk,
				  HAS(len, x_pm1b_cnt_blk) ? &f->x_pm1b_cnt_blk : NULL);
	out->smi_command = f->smi_cmd;
	out->acpi_enable = f->acpi_enable;
}

const char *fadt_read(const void *table, size_t len, struct acpi_info *info)
{
	const struct fadt *f = table;
	struct acpi_fadt *out = &info->fadt;

	if (!HAS(len, flags))
		return "shorter than its fields";
	out->present = true;
	out->hardware_reduced = f->header.revision >= 5 && f->flags & FADT_HW_REDUCED;
	out->dsdt = HAS(len, x_dsdt) && f->x_dsdt ? f->x_dsdt : f->dsdt;
	read_boot_arch(f, out);
	read_reset(f, len, out);
	read_sleep(f, len, out);
	return read_pm_timer(f, len, out);
}
