/* The floor: what the kernel itself charges for pods, and nothing else.
 *
 *   cc -O2 -Wall -Wextra -o floor floor.c && unshare -Urnmpf ./floor 100
 *   {"pods":100,"nodes":1,"ms":73.1,"ms_per_pod":0.731}
 *
 * A namespace for each node, and the pods' ends spread over them: the kernel takes longer the more links one has. Per
 * pod: a namespace, a veth whose peer is born in it, an address /32, the two routes of Calico's pods, lo and both ends
 * up. Raw netlink, one socket per namespace, a pod's closed behind it. Teardown is the kernel's, when the process ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Interfaces get their indices from us, so that nobody has to ask for them. A fresh namespace may have more than lo:
 * tunl0, sit0, gre0, when the kernel has those modules. */
enum { LOOPBACK = 1, FIRST_OF_NODE = 1000, PEER = 1000, MOST_PODS = 60000, MOST_NODES = 1000 };

static uint32_t sequence;

static void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Requests are collected in one buffer and sent with one system call; the kernel acknowledges each. */
struct batch {
	char bytes[4096];
	size_t length;
	struct nlmsghdr *message; /* the one being written */
	int requests;
};

static void *put(struct batch *batch, const void *data, size_t length)
{
	void *at = batch->bytes + batch->length;
	memcpy(at, data, length);
	batch->length += NLMSG_ALIGN(length);
	if (batch->message)
		batch->message->nlmsg_len = batch->bytes + batch->length - (char *)batch->message;
	return at;
}

static void begin(struct batch *batch, uint16_t type, uint16_t flags, const void *body, size_t length)
{
	struct nlmsghdr header = {
		.nlmsg_len = sizeof header,
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags,
		.nlmsg_seq = ++sequence,
	};
	batch->message = NULL;
	batch->message = put(batch, &header, sizeof header);
	put(batch, body, length);
	batch->requests++;
}

static struct rtattr *attribute(struct batch *batch, uint16_t type, const void *data, size_t length)
{
	struct rtattr header = { .rta_len = RTA_LENGTH(length), .rta_type = type };
	struct rtattr *at = put(batch, &header, sizeof header);
	if (length)
		put(batch, data, length);
	return at;
}

static void close_nest(struct batch *batch, struct rtattr *nest)
{
	nest->rta_len = batch->bytes + batch->length - (char *)nest;
}

static void run(int socket, struct batch *batch, const char *what)
{
	char answer[8192];
	if (send(socket, batch->bytes, batch->length, 0) < 0)
		die(what);
	for (int open = batch->requests; open > 0;) {
		ssize_t got = recv(socket, answer, sizeof answer, 0);
		if (got < 0)
			die(what);
		int left = (int)got;
		for (struct nlmsghdr *m = (struct nlmsghdr *)answer; NLMSG_OK(m, (unsigned int)left); m = NLMSG_NEXT(m, left)) {
			if (m->nlmsg_type != NLMSG_ERROR)
				continue;
			int error = ((struct nlmsgerr *)NLMSG_DATA(m))->error;
			if (error) {
				errno = -error;
				die(what);
			}
			open--;
		}
	}
}

static int netlink(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		die("netlink socket");
	return fd;
}

static void bring_up(struct batch *batch, int index)
{
	struct ifinfomsg link = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	begin(batch, RTM_NEWLINK, 0, &link, sizeof link);
}

static void make_veth(struct batch *batch, int index, const char *name, int pod)
{
	struct ifinfomsg link = { .ifi_index = index };
	struct ifinfomsg peer = { .ifi_index = PEER };
	uint32_t fd = (uint32_t)pod;
	begin(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link);
	attribute(batch, IFLA_IFNAME, name, strlen(name) + 1);
	struct rtattr *info = attribute(batch, IFLA_LINKINFO, NULL, 0);
	attribute(batch, IFLA_INFO_KIND, "veth", 4);
	struct rtattr *data = attribute(batch, IFLA_INFO_DATA, NULL, 0);
	struct rtattr *other = attribute(batch, VETH_INFO_PEER, NULL, 0);
	put(batch, &peer, sizeof peer);
	attribute(batch, IFLA_IFNAME, "eth0", 5);
	attribute(batch, IFLA_NET_NS_FD, &fd, sizeof fd);
	close_nest(batch, other);
	close_nest(batch, data);
	close_nest(batch, info);
}

static void add_address(struct batch *batch, uint32_t address)
{
	struct ifaddrmsg held = { .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = PEER };
	begin(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &held, sizeof held);
	attribute(batch, IFA_LOCAL, &address, sizeof address);
	attribute(batch, IFA_ADDRESS, &address, sizeof address);
}

static void add_route(struct batch *batch, uint32_t destination, uint32_t gateway)
{
	struct rtmsg route = {
		.rtm_family = AF_INET,
		.rtm_dst_len = destination ? 32 : 0,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};
	uint32_t device = PEER;
	begin(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route, sizeof route);
	if (destination)
		attribute(batch, RTA_DST, &destination, sizeof destination);
	if (gateway)
		attribute(batch, RTA_GATEWAY, &gateway, sizeof gateway);
	attribute(batch, RTA_OIF, &device, sizeof device);
}

/* Leaves the process in the new namespace: its socket must be made there, and the next pod leaves it anyway. */
static void make_pod(int node, int number)
{
	struct batch inside = { .length = 0 }, outside = { .length = 0 };
	uint32_t address = htonl(0x0af40000u + (uint32_t)number + 2), first_hop = htonl(0xa9fe0101u);
	char name[IFNAMSIZ];
	if (unshare(CLONE_NEWNET) < 0)
		die("unshare(CLONE_NEWNET)");
	int pod = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (pod < 0)
		die("/proc/thread-self/ns/net");
	int socket = netlink();
	snprintf(name, sizeof name, "cali%011x", (unsigned int)number);
	make_veth(&outside, FIRST_OF_NODE + number, name, pod);
	bring_up(&outside, FIRST_OF_NODE + number);
	run(node, &outside, name);
	bring_up(&inside, LOOPBACK);
	bring_up(&inside, PEER);
	add_address(&inside, address);
	add_route(&inside, first_hop, 0);
	add_route(&inside, 0, first_hop);
	run(socket, &inside, "inside the pod");
	close(socket);
}

static double milliseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int make_node(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		die("unshare(CLONE_NEWNET)");
	return netlink();
}

int main(int argc, char **argv)
{
	static int node[MOST_NODES];
	struct rlimit files;
	int pods = argc == 2 || argc == 3 ? atoi(argv[1]) : 0;
	int nodes = argc == 3 ? atoi(argv[2]) : 1;
	if (pods < 1 || pods > MOST_PODS || nodes < 1 || nodes > MOST_NODES) {
		fprintf(stderr, "usage: floor PODS [NODES] (1 to %d, 1 to %d)\n", MOST_PODS, MOST_NODES);
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) { /* a file per pod stays open */
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	double began = milliseconds();
	for (int i = 0; i < nodes; i++)
		node[i] = make_node();
	for (int i = 0; i < pods; i++)
		make_pod(node[i % nodes], i);
	double spent = milliseconds() - began;
	printf("{\"pods\":%d,\"nodes\":%d,\"ms\":%.3f,\"ms_per_pod\":%.4f}\n", pods, nodes, spent, spent / pods);
	return 0;
}
