/* SPDX-License-Identifier: MIT */
/* The command `net`. */
#include "drivers/net/station.h"

#include "kernel/complete.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/shell.h"
#include "mm/kmalloc.h"

enum {
	PINGS = 4,
	PINGS_MAX = 1000,
	PING_LEN = 56,			/* bytes of payload */
	LINE_MAX = 256,
};

/* What a word asks of a device; `args` are the words behind it. */
struct verb {
	const char *name;
	int least, most;		/* words behind it */
	int (*run)(struct netdev *dev, int count, char **args);
};

static int told(const char *what, int rc)
{
	if (rc && rc != -EINTR)
		print("net: %s: %s\n", what, errno_name(rc));
	return rc == -EINVAL ? -ERANGE : rc;	/* the words were understood */
}

static int number(const char *word, uint64_t most, uint64_t *value)
{
	const char *end;

	return parse_u64(word, &end, value) || *end || *value == 0 || *value > most ? -EINVAL : 0;
}

/* Opens a station, has `run` use it, and closes it. */
static int with_station(struct netdev *dev, uint64_t count, uint32_t address,
			int (*run)(struct station *s, uint64_t count, uint32_t address))
{
	struct station *s = kzalloc(sizeof(*s));
	int rc = s ? station_open(s, dev, STATION_ADDRESS) : -ENOMEM;

	if (rc) {
		kfree(s);
		return rc;
	}
	rc = run(s, count, address);
	if (station_close(s))
		kfree(s);
	return rc;
}

static int find(struct station *s, uint32_t address, struct echo_host *host)
{
	char text[ECHO_ADDRESS_TEXT], mac[3 * NET_MAC_LEN];
	int rc = station_find(s, address, host);

	echo_address_format(address, text, sizeof(text));
	if (rc == -ETIMEDOUT)
		print("nobody has %s\n", text);
	if (rc)
		return rc;
	net_mac_format(host->mac, mac, sizeof(mac));
	print("%s is at %s\n", text, mac);
	return 0;
}

static int find_run(struct station *s, uint64_t count __unused, uint32_t address)
{
	struct echo_host host;

	return find(s, address, &host);
}

static int ping_run(struct station *s, uint64_t count, uint32_t address)
{
	struct echo_host host;
	uint64_t ns, answers = 0;
	int rc = find(s, address, &host);

	for (uint64_t i = 1; !rc && i <= count; i++) {
		if (shell_interrupted())
			return -EINTR;
		rc = station_ping(s, &host, (uint16_t)i, PING_LEN, &ns);
		if (!rc) {
			answers++;
			print("answer %llu after %llu us\n", (unsigned long long)i,
			      (unsigned long long)(ns / NS_PER_US));
		} else if (rc == -ETIMEDOUT) {
			print("no answer to %llu\n", (unsigned long long)i);
			rc = 0;
		}
	}
	if (!rc)
		print("%llu of %llu answered\n", (unsigned long long)answers,
		      (unsigned long long)count);
	return !rc && answers < count ? -ETIMEDOUT : rc;
}

static int ping(struct netdev *dev, int count, char **args)
{
	uint64_t pings = PINGS;
	uint32_t address;

	if (echo_address_parse(args[0], &address) ||
	    (count > 1 && number(args[1], PINGS_MAX, &pings)))
		return -EINVAL;
	return told("ping", with_station(dev, pings, address, ping_run));
}

static int arp(struct netdev *dev, int count, char **args)
{
	uint32_t address = STATION_ROUTER;

	if (count && echo_address_parse(args[0], &address))
		return -EINVAL;
	return told("arp", with_station(dev, 0, address, find_run));
}

static int settle(struct netdev *dev, const char *what, int rc)
{
	return told(what, rc ? rc : netdev_settle(dev));
}

static int promisc(struct netdev *dev, int count __unused, char **args)
{
	struct netdev_filter filter = { .promiscuous = strcmp(args[0], "on") == 0 };

	if (!filter.promiscuous && strcmp(args[0], "off") != 0)
		return -EINVAL;
	return settle(dev, "promisc", dev->set_filter(dev, &filter));
}

static int mac(struct netdev *dev, int count __unused, char **args)
{
	uint8_t address[NET_MAC_LEN];

	if (net_mac_parse(args[0], address))
		return -EINVAL;
	return settle(dev, "mac", dev->set_mac(dev, address));
}

static int queues(struct netdev *dev, int count __unused, char **args)
{
	uint64_t pairs;

	if (number(args[0], UINT16_MAX, &pairs))
		return -EINVAL;
	return settle(dev, "queues", dev->set_queue_pairs(dev, (unsigned)pairs));
}

static int reset(struct netdev *dev, int count __unused, char **args __unused)
{
	return told("reset", dev->restart(dev));
}

static const struct verb verbs[] = {
	{ "ping", 1, 2, ping }, { "arp", 0, 1, arp }, { "promisc", 1, 1, promisc },
	{ "mac", 1, 1, mac }, { "queues", 1, 1, queues }, { "reset", 0, 0, reset },
};

static void device_show(unsigned index, struct netdev *dev)
{
	const struct netdev_stats *s = &dev->stats;
	char line[LINE_MAX];

	netdev_describe(dev, line, sizeof(line));
	print("net%u: %s%s\n", index, line, dev->promiscuous ? ", promiscuous" : "");
	dev->describe(dev, line, sizeof(line));
	print("  %s\n", line);
	print("  %llu frames sent, %llu bytes, %llu errors; %llu received, %llu bytes,"
	      " %llu merged, %llu dropped\n",
	      (unsigned long long)s->sent, (unsigned long long)s->sent_bytes,
	      (unsigned long long)s->transmit_errors, (unsigned long long)s->received,
	      (unsigned long long)s->received_bytes, (unsigned long long)s->merged,
	      (unsigned long long)s->receive_dropped);
	print("  %llu doorbells, %llu resets, %llu changes of the link\n",
	      (unsigned long long)s->doorbells, (unsigned long long)s->resets,
	      (unsigned long long)s->link_changes);
}

static int list(void)
{
	struct netdev *dev;

	if (netdev_count() == 0)
		print("no network device\n");
	for (unsigned i = 0; (dev = netdev_at(i)); i++)
		device_show(i, dev);
	return 0;
}

static int verb_run(struct netdev *dev, int count, char **words)
{
	for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++) {
		const struct verb *v = &verbs[i];

		if (strcmp(words[0], v->name) == 0 && count - 1 >= v->least &&
		    count - 1 <= v->most)
			return v->run(dev, count - 1, words + 1);
	}
	return -EINVAL;
}

static int net_command(int argc, char **argv)
{
	struct netdev *dev;
	const char *word, *end;
	uint64_t index;

	if (argc == 1)
		return list();
	word = str_has_prefix(argv[1], "net") ? argv[1] + 3 : argv[1];
	if (parse_u64(word, &end, &index) || *end)
		return shell_wrong(argv[1], "no number of a network device");
	if (argc < 3)
		return shell_wrong(argv[1], "what to do is missing");
	dev = index < netdev_count() ? netdev_at((unsigned)index) : NULL;
	if (!dev) {
		print("no such network device\n");
		return -ENODEV;
	}
	return verb_run(dev, argc - 2, argv + 2);
}

static void net_complete(struct completion *c, int argc, char **argv __unused)
{
	char name[8];

	for (unsigned i = 0; argc == 1 && i < netdev_count(); i++) {
		format(name, sizeof(name), "net%u", i);
		completion_offer(c, name);
	}
	for (unsigned i = 0; argc == 2 && i < ARRAY_SIZE(verbs); i++)
		completion_offer(c, verbs[i].name);
}

SHELL_COMMAND(net, "[N ping ADDRESS [COUNT] | N arp [ADDRESS] | N promisc on|off | N mac MAC |"
	      " N queues K | N reset]", "show or use network devices", net_command,
	      .complete = net_complete);
