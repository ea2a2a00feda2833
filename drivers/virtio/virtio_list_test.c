/* SPDX-License-Identifier: MIT */
/* The list of devices, filled with fakes: who is bound, and what is said of each. */
#include "drivers/virtio/virtio.h"

#include "drivers/virtio/fake_transport.h"
#include "drivers/virtio/host_machine.h"
#include "kernel/host_print.h"
#include "kernel/json.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/shell.h"

enum {
	LISTED = 77,		/* types of the test's own */
	LISTED_FAILING = 78,
	NOBODYS = 79,
};

static struct fake_device fakes[VIRTIO_DEVICES_MAX];
static unsigned fakes_listed;

/* A device on the list, for ever. */
static struct fake_device *fake_add(uint32_t id)
{
	struct fake_device *f = &fakes[fakes_listed];

	fake_device_init(f, id);
	if (virtio_device_register(&f->dev))
		return NULL;
	fakes_listed++;
	return f;
}

static void drain(struct virtqueue *vq)
{
	uint32_t len;
	void *token;

	while (virtqueue_take(vq, &token, &len) == 0)
		;
}

static void answer(struct fake_device *f)
{
	uint32_t room;
	uint16_t head;
	uint8_t *data;

	if (fake_device_fetch(f, &head, &data, &room) == 0)
		fake_device_use(f, head, 1);
}

static int prove(struct virtio_device *dev __unused, struct virtqueue *vq)
{
	static uint8_t byte;
	const struct virtqueue_segment seg = { &byte, 1 };
	int rc = virtqueue_add(vq, &seg, 0, 1, &byte);

	virtqueue_publish(vq);
	return rc;
}

static int listed_probe(struct virtio_device *dev)
{
	struct virtqueue *first, *second;
	int rc = virtio_queue_setup(dev, 1, 8, drain, &second);

	if (!rc)
		rc = virtio_queue_setup(dev, 0, 4, drain, &first);
	if (!rc)
		virtio_device_ready(dev);
	return rc;
}

static int failing_probe(struct virtio_device *dev __unused)
{
	return -EIO;
}

static const struct virtio_driver listed_driver = {
	.name = "listed", .id = LISTED, .queues = 2, .probe = listed_probe, .prove = prove,
};
TABLE_ADD(virtio_drivers, listed_driver);

static const struct virtio_driver failing_driver = {
	.name = "failing", .id = LISTED_FAILING, .queues = 1, .probe = failing_probe,
};
TABLE_ADD(virtio_drivers, failing_driver);

static int lsdev(int argc)
{
	const struct shell_command *const *command;

	table_for_each(shell_commands, command)
		if (strcmp((*command)->name, "lsdev") == 0)
			return (*command)->run(argc, NULL);
	return -ENOENT;
}

static struct fake_device *listed, *failing, *undriven, *strange;

/* Fills the list, as the transports do, and has it bound. The first has so many interrupts. */
static void fill(unsigned sources)
{
	virtio_devices_forget();
	fakes_listed = 0;
	failing = fake_add(LISTED_FAILING);
	undriven = fake_add(LISTED);
	undriven->dev.undriven = "legacy only";
	strange = fake_add(NOBODYS);
	listed = fake_add(LISTED);	/* the last: only its interrupts come */
	listed->sources = sources;
	listed->answer = answer;
	host_acpi.mcfg_count = 1;	/* so no window is tried */
	host_pci = NULL;
	virtio_init();
	host_acpi.mcfg_count = 0;
}

/* Gives back what the driver of the only one that is driven took. */
static void empty(void)
{
	virtio_device_fail(&listed->dev, "the test is over", 0);
	virtio_queues_free(&listed->dev);
	virtio_devices_forget();
}

KTEST(virtio_list_that_is_empty_is_told)
{
	virtio_devices_forget();
	host_print_begin();
	virtio_report();
	lsdev(1);
	host_print_end();
	expect(t, host_printed("virtio  no device\nno device\n"));
}

KTEST(virtio_list_binds_each_device_to_its_driver)
{
	fill(0);
	expect(t, listed->dev.driver == &listed_driver);
	expect(t, listed->status & VIRTIO_STATUS_DRIVER_OK);
	expect(t, !failing->dev.driver && failing->dev.fault);
	expect(t, !undriven->dev.driver && undriven->writes == 0);
	expect(t, !strange->dev.driver && strange->writes == 0);
	empty();
}

KTEST(virtio_list_is_told_a_line_each)
{
	fill(0);
	host_print_begin();
	virtio_report();
	host_print_end();
	expect(t, host_printed("virtio  type 77 fake device of type 77, listed, polled,"));
	expect(t, host_printed("virtio  type 78 fake device of type 78, stopped: driver gave up"));
	expect(t, host_printed("virtio  type 77 fake device of type 77, legacy only\n"));
	expect(t, host_printed("virtio  type 79 fake device of type 79, no driver\n"));
	empty();
}

KTEST(virtio_list_is_shown_by_lsdev)
{
	fill(0);
	host_print_begin();
	expect_eq(t, lsdev(1), 0);
	host_print_end();
	expect(t, host_printed("type 77 fake device of type 77, listed, polled,"));
	expect(t, host_printed(" split ring; queues 0:4 1:8\n"));
	expect_eq(t, lsdev(2), -EINVAL);
	empty();
}

static char written[8192];
static size_t written_len;

static void keep(struct json *j __unused, const char *text, size_t len)
{
	len = min(len, sizeof(written) - 1 - written_len);
	memcpy(written + written_len, text, len);
	written_len += len;
	written[written_len] = '\0';
}

static bool wrote(const char *part)
{
	for (const char *at = written; *at; at++)
		if (strncmp(at, part, strlen(part)) == 0)
			return true;
	return false;
}

KTEST(virtio_list_tells_of_interrupts)
{
	fill(3);
	host_print_begin();
	expect_eq(t, lsdev(1), 0);
	virtio_report();
	host_print_end();
	expect(t, host_printed("        2 interrupts, 0 for the configuration\n"));
	expect(t, host_printed("virtio  type 77 fake device of type 77, listed, "
			       "line 3 vectors seen\n"));
	empty();
}

KTEST(virtio_list_is_told_as_json)
{
	struct json j = { .write = keep };

	fill(0);
	written_len = 0;
	virtio_report_json(&j);
	expect(t, json_finish(&j));
	expect(t, wrote("\"id\":77,\"transport\":\"fake\",\"where\":\"fake\",\"version\":2"));
	expect(t, wrote("\"driver\":\"listed\",\"undriven\":null,\"fault\":null,"
			"\"features\":\"0x100000000\",\"interrupts\":{\"kind\":\"polled\""));
	expect(t, wrote("\"driver\":null,\"undriven\":\"legacy only\""));
	expect(t, wrote("\"fault\":\"driver gave up, error\""));
	expect(t, wrote("\"interrupts\":null"));
	empty();
}

KTEST(virtio_list_that_is_full_takes_no_more)
{
	unsigned before = 0;

	fill(0);
	while (virtio_device_at(before))
		before++;
	while (fakes_listed < VIRTIO_DEVICES_MAX && fake_add(NOBODYS))
		before++;
	expect_eq(t, before, VIRTIO_DEVICES_MAX);
	expect_eq(t, virtio_device_register(&fakes[0].dev), -ENOSPC);
	expect(t, virtio_device_at(VIRTIO_DEVICES_MAX) == NULL);
	empty();
}
