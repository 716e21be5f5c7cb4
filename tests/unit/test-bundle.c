/* What is taken from a bundle's config.json, and what is refused, each beside what is accepted in
 * its place. */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/stat.h>

#include "helper/cli/bundle_config.h"
#include "helper/cli/bundle_filter.h"
#include "helper/public/program.h"
#include "policy/base/err.h"
#include "policy/bpf_eval.h"
#include "policy/syscalls.h"

#define OWN_UID 1001
#define OWN_GID 1002

static struct err e;
static char text[1 << 16];

static int read_text(const char *json, size_t len, struct bundle *ret)
{
	*ret = (struct bundle){ .own_uid = OWN_UID, .own_gid = OWN_GID };
	e.text[0] = '\0';
	return bundle_read(json, len, ret, &e);
}

/* A whole configuration with more members of its process and of its own. */
static const char *whole(const char *process, const char *top)
{
	(void)snprintf(text, sizeof(text),
		"{ \"ociVersion\": \"1.0.2\", \"root\": { \"path\": \"rootfs\" },"
		" \"process\": { \"cwd\": \"/\", \"args\": [\"sh\"]%s%s }%s%s }",
		*process ? ", " : "", process, *top ? ", " : "", top);
	return text;
}

static int read_parts(const char *process, const char *top, struct bundle *ret)
{
	const char *json = whole(process, top);

	return read_text(json, strlen(json), ret);
}

/* ---- one beside the other ---- */

struct pair {
	const char *accepted, *refused;
	const char *why; /* how the refusal begins, behind "config.json: " */
};

static int read_member(const char *member, bool in_process)
{
	struct bundle b;
	int r = read_parts(in_process ? member : "", in_process ? "" : member, &b);

	bundle_done(&b);
	return r;
}

static void try_pairs(const struct pair *p, size_t n, bool in_process)
{
	for (size_t i = 0; i < n; i++) {
		char expected[200];

		if (p[i].accepted && read_member(p[i].accepted, in_process) != 0) {
			printf("# %s\n", p[i].accepted);
			CHECK_STR(e.text, "");
		}
		(void)snprintf(expected, sizeof(expected), "config.json: %s", p[i].why);
		if (read_member(p[i].refused, in_process) != -EINVAL ||
			strncmp(e.text, expected, strlen(expected)) != 0) {
			printf("# %s\n", p[i].refused);
			CHECK_STR(e.text, expected);
		}
	}
}

/* clang-format off */
static const struct pair in_process[] = {
	{ "'terminal': true", "'terminal': 'yes'", "process.terminal: neither true nor false" },
	{ "'consoleSize': { 'height': 1, 'width': 1 }", "'console': true", "process.console: nothing that is known" },
	{ "'env': ['A=1', 'B=']", "'env': ['A=1', 'B']", "process.env[1]: 'B' is not NAME=VALUE" },
	{ NULL, "'env': ['=1']", "process.env[0]: '=1' is not NAME=VALUE" },
	{ NULL, "'env': { 'A': '1' }", "process.env: not a list" },
	{ NULL, "'env': [1]", "process.env[0]: not a string" },
	{ "'user': { 'uid': 0, 'gid': 0 }", "'user': { 'uid': -1 }", "process.user.uid: not a whole number" },
	{ "'user': { 'uid': 65534 }", "'user': { 'uid': 65535 }", "process.user.uid: larger than 65534" },
	{ NULL, "'user': { 'gid': '0' }", "process.user.gid: not a whole number" },
	{ NULL, "'user': { 'uid': 1.5 }", "process.user.uid: not a whole number" },
	{ "'user': { 'umask': 18 }", "'user': { 'umask': 63 }", "process.user.umask: " },
	{ "'user': { 'additionalGids': [5, 5, 0] }", "'user': { 'additionalGids': [65535] }", "process.user.additionalGids[0]: larger than" },
	{ NULL, "'user': { 'username': 'ada' }", "process.user.username: this is for another" },
	{ NULL, "'user': 'root'", "process.user: not an object" },
	{ "'capabilities': { 'bounding': ['CAP_KILL'] }", "'capabilities': { 'bounding': ['KILL'] }",
		"process.capabilities.bounding[0]: 'KILL' is no capability" },
	{ "'capabilities': { 'ambient': ['CAP_KILL'], 'bounding': ['CAP_KILL'] }, 'user': { 'uid': 7 }",
		"'capabilities': { 'ambient': ['CAP_KILL'], 'bounding': ['CAP_CHOWN'] }, 'user': { 'uid': 7 }",
		"process.capabilities.ambient: more than the bounding ones" },
	{ "'capabilities': { 'inheritable': [] }", "'capabilities': { 'all': [] }", "process.capabilities.all: nothing that" },
	{ "'rlimits': [{ 'type': 'RLIMIT_NOFILE', 'soft': 10, 'hard': 10 }]",
		"'rlimits': [{ 'type': 'RLIMIT_NOFILE', 'soft': 11, 'hard': 10 }]", "process.rlimits[0]: soft is above hard" },
	{ "'rlimits': [{ 'type': 'RLIMIT_AS', 'soft': 18446744073709551615, 'hard': 18446744073709551615 }]",
		"'rlimits': [{ 'type': 'RLIMIT_FILES', 'soft': 1, 'hard': 1 }]", "process.rlimits[0].type: 'RLIMIT_FILES' is no" },
	{ NULL, "'rlimits': [{ 'type': 'RLIMIT_AS', 'hard': 1 }]", "process.rlimits[0]: needs type, soft and hard" },
	{ "'rlimits': [{ 'type': 'RLIMIT_AS', 'soft': 1, 'hard': 1 }, { 'type': 'RLIMIT_CPU', 'soft': 1, 'hard': 1 }]",
		"'rlimits': [{ 'type': 'RLIMIT_AS', 'soft': 1, 'hard': 1 }, { 'type': 'RLIMIT_AS', 'soft': 1, 'hard': 1 }]",
		"process.rlimits[1]: the second one of its type" },
	{ "'rlimits': [{ 'type': 'RLIMIT_CORE', 'soft': 0, 'hard': 0 }]",
		"'rlimits': [{ 'type': 'RLIMIT_CORE', 'soft': 0, 'hard': 1 }]", "process.rlimits[0]: no core is dumped" },
	{ "'noNewPrivileges': false", "'noNewPrivileges': 1", "process.noNewPrivileges: neither true nor false" },
	{ "'oomScoreAdj': -1000", "'oomScoreAdj': 1001", "process.oomScoreAdj: no number from" },
	{ "'apparmorProfile': ''", "'apparmorProfile': 'unconfined'", "process.apparmorProfile: labels of" },
	{ "'selinuxLabel': ''", "'selinuxLabel': 'a:b:c'", "process.selinuxLabel: labels of" },
	{ "'scheduler': null", "'scheduler': { 'policy': 'SCHED_FIFO' }", "process.scheduler: priorities are" },
	{ NULL, "'ioPriority': { 'class': 'IOPRIO_CLASS_RT' }", "process.ioPriority: priorities are" },
	{ NULL, "'execCPUAffinity': { 'initial': '0' }", "process.execCPUAffinity: priorities are" },
	{ NULL, "'commandLine': 'cmd'", "process.commandLine: this is for another" },
};

static const struct pair on_top[] = {
	{ "'hostname': 'web'", "'hostname': 5", "hostname: not a string" },
	{ "'domainname': 'example.org'", "'domainname': 5", "domainname: not a string" },
	{ "'annotations': { 'a': 'b' }", "'annotation': { 'a': 'b' }", "annotation: nothing that is known here" },
	{ "'hooks': {}", "'hooks': { 'prestart': [{ 'path': '/bin/true' }] }", "hooks.prestart: programs of the host" },
	{ "'hooks': { 'createRuntime': [] }", "'hooks': { 'createRuntime': [{ 'path': '/x' }] }", "hooks.createRuntime: programs" },
	{ "'hooks': { 'poststop': null }", "'hooks': { 'poststop': [{ 'path': '/x' }] }", "hooks.poststop: programs" },
	{ NULL, "'hooks': { 'createContainer': [{}] }", "hooks.createContainer: programs" },
	{ NULL, "'hooks': { 'startContainer': [{}] }", "hooks.startContainer: programs" },
	{ NULL, "'hooks': { 'poststart': [{}] }", "hooks.poststart: programs" },
	{ NULL, "'hooks': { 'before': [] }", "hooks.before: nothing that is known" },
	{ NULL, "'windows': { 'layerFolders': ['x'] }", "windows: this is for another" },
	{ NULL, "'solaris': { 'milestone': 'x' }", "solaris: this is for another" },
	{ NULL, "'vm': { 'kernel': { 'path': '/x' } }", "vm: this is for another" },
	{ NULL, "'zos': { 'a': 1 }", "zos: this is for another" },
	{ NULL, "'freebsd': { 'a': 1 }", "freebsd: this is for another" },
	{ NULL, "'ociVersion': '1.0.0'", "line 1, column " },
	{ NULL, "'linux\\u001b[31m': {}", "linux?[31m: nothing that" },

	/* mounts */
	{ "'mounts': [{ 'destination': '/x', 'type': 'bind', 'source': '/srv', 'options': ['rbind', 'ro', 'nosuid', 'rprivate'] }]",
		"'mounts': [{ 'destination': '/x', 'type': 'bind', 'source': '/srv', 'options': ['rbind', 'noexec'] }]",
		"mounts[0].options[1]: 'noexec' cannot be kept to" },
	{ "'mounts': [{ 'destination': '/x', 'type': 'none', 'source': 'data', 'options': ['bind'] }]",
		"'mounts': [{ 'destination': '/x', 'type': 'none', 'source': '../data', 'options': ['bind'] }]",
		"mounts[0].source: '../data' leaves the bundle" },
	{ "'mounts': [{ 'destination': '/x', 'type': 'bind', 'source': 'a/..b' }]",
		"'mounts': [{ 'destination': '/x', 'type': 'bind', 'source': 'a/../../b' }]", "mounts[0].source: " },
	{ NULL, "'mounts': [{ 'destination': '/x', 'type': 'bind', 'source': 'a/..' }]", "mounts[0].source: " },
	{ NULL, "'mounts': [{ 'destination': '/x', 'type': 'bind', 'source': '' }]", "mounts[0]: has no source" },
	{ NULL, "'mounts': [{ 'destination': '/x', 'type': 'bind' }]", "mounts[0]: has no source" },
	{ NULL, "'mounts': [{ 'destination': '/../../x', 'type': 'bind', 'source': '/srv' }]", "mounts[0].destination: " },
	{ NULL, "'mounts': [{ 'destination': '../../x', 'type': 'bind', 'source': '/srv' }]", "mounts[0].destination: " },
	{ NULL, "'mounts': [{ 'destination': 'x', 'type': 'bind', 'source': '/srv' }]", "mounts[0].destination: " },
	{ NULL, "'mounts': [{ 'destination': '/', 'type': 'bind', 'source': '/srv' }]", "mounts[0].destination: " },
	{ NULL, "'mounts': [{ 'type': 'proc', 'source': 'proc' }]", "mounts[0]: has no destination" },
	{ NULL, "'mounts': [{ 'destination': '/x', 'type': 'bind', 'source': '/s', 'options': ['rshared'] }]",
		"mounts[0].options[0]: 'rshared' cannot" },
	{ NULL, "'mounts': [{ 'destination': '/x', 'type': 'bind', 'source': '/s', 'options': ['idmap'] }]",
		"mounts[0].options[0]: 'idmap' cannot" },
	{ NULL, "'mounts': [{ 'destination': '/x', 'type': 'bind', 'source': '/s', 'options': 'ro' }]", "mounts[0].options: not a list" },
	{ NULL, "'mounts': [{ 'destination': '/x', 'type': 'bind', 'source': '/s', 'uidMappings': [{ 'hostID': 5 }] }]",
		"mounts[0].uidMappings: " },
	{ "'mounts': [{ 'destination': '/proc', 'type': 'proc', 'source': 'proc' }]",
		"'mounts': [{ 'destination': '/x', 'type': 'proc', 'source': 'proc' }]", "mounts[0]: a mount of type 'proc' at '/x'" },
	{ "'mounts': [{ 'destination': '/dev', 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['mode=755'] }]",
		"'mounts': [{ 'destination': '/', 'type': 'tmpfs', 'source': 'tmpfs' }]", "mounts[0].destination: '/' is no" },
	{ "'mounts': [{ 'destination': '/run', 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['rw', 'noexec', 'size=64k', 'mode=0755', 'tmpcopyup'] }]",
		"'mounts': [{ 'destination': '/run', 'type': 'tmpfs', 'options': ['rw', 'huge=always'] }]", "mounts[0].options[1]: 'huge=always' cannot" },
	{ "'mounts': [{ 'destination': '/run', 'type': 'tmpfs' }]",
		"'mounts': [{ 'destination': '/run', 'type': 'tmpfs', 'options': ['suid'] }]", "mounts[0].options[0]: 'suid' cannot" },
	{ NULL, "'mounts': [{ 'destination': '/run', 'type': 'tmpfs', 'options': ['mode=755,suid'] }]", "mounts[0].options[0]: 'mode=755,suid'" },
	{ NULL, "'mounts': [{ 'destination': '../run', 'type': 'tmpfs' }]", "mounts[0].destination: '../run'" },
	{ "'mounts': [{ 'destination': '/dev/pts', 'type': 'devpts', 'source': 'x' }, { 'destination': '/dev/shm', 'type': 'tmpfs' }]",
		"'mounts': [{ 'destination': '/x', 'type': 'overlay', 'options': ['lowerdir=/'] }]", "mounts[0]: a mount of type 'overlay'" },
	{ "'mounts': [{ 'destination': '/dev/mqueue', 'type': 'mqueue' }, { 'destination': '/sys', 'type': 'sysfs' }]",
		"'mounts': [{ 'destination': '/sys', 'type': 'ext4', 'source': '/dev/sda' }]", "mounts[0]: a mount of type 'ext4'" },
	{ "'mounts': [{ 'destination': '/sys', 'type': 'none', 'source': '/sys', 'options': ['rbind', 'noexec', 'ro'] }]",
		"'mounts': [{ 'destination': '/x', 'type': 'none', 'source': '/sys', 'options': ['rbind', 'noexec', 'ro'] }]",
		"mounts[0].options[1]: 'noexec'" },
	{ "'mounts': [{ 'destination': '/sys/fs/cgroup', 'type': 'cgroup' }, { 'destination': '/sys/fs/cgroup', 'type': 'cgroup2' }]",
		"'mounts': { 'destination': '/proc' }", "mounts: not a list" },

	/* linux */
	{ "'linux': { 'namespaces': [{ 'type': 'pid' }, { 'type': 'network' }, { 'type': 'ipc' }, { 'type': 'uts' },"
		" { 'type': 'mount' }, { 'type': 'cgroup' }, { 'type': 'user' }] }",
		"'linux': { 'namespaces': [{ 'type': 'time' }] }", "linux.namespaces[0]: there are no namespaces of type 'time'" },
	{ "'linux': { 'namespaces': [{ 'type': 'pid', 'path': '' }] }",
		"'linux': { 'namespaces': [{ 'type': 'pid', 'path': '/proc/1/ns/pid' }] }", "linux.namespaces[0].path: a container is never" },
	{ "'linux': { 'uidMappings': [{ 'containerID': 0, 'hostID': 1001, 'size': 1 }] }",
		"'linux': { 'uidMappings': [{ 'containerID': 0, 'hostID': 0, 'size': 1 }] }", "linux.uidMappings[0]: the IDs of" },
	{ "'linux': { 'gidMappings': [{ 'containerID': 0, 'hostID': 1002, 'size': 1 }] }",
		"'linux': { 'gidMappings': [{ 'containerID': 0, 'hostID': 1001, 'size': 1 }] }", "linux.gidMappings[0]: the IDs of" },
	{ "'linux': { 'uidMappings': [] }",
		"'linux': { 'uidMappings': [{ 'containerID': 0, 'hostID': 1001, 'size': 2 }] }", "linux.uidMappings[0]: " },
	{ NULL, "'linux': { 'uidMappings': [{ 'containerID': 0, 'hostID': 1001, 'size': 1 },"
		" { 'containerID': 1, 'hostID': 100000, 'size': 65536 }] }", "linux.uidMappings[1]: " },
	{ "'linux': { 'devices': [{ 'path': '/dev/null', 'type': 'c', 'major': 1, 'minor': 3, 'fileMode': 438, 'uid': 0, 'gid': 0 }] }",
		"'linux': { 'devices': [{ 'path': '/dev/null', 'type': 'c', 'major': 1, 'minor': 1 }] }", "linux.devices[0]: '/dev/null'" },
	{ NULL, "'linux': { 'devices': [{ 'path': '/dev/sda', 'type': 'b', 'major': 8, 'minor': 0 }] }", "linux.devices[0]: '/dev/sda'" },
	{ "'linux': { 'resources': { 'devices': [{ 'allow': false, 'access': 'rwm' }] } }",
		"'linux': { 'resources': { 'devices': [{ 'allow': true, 'access': 'rwm' }] } }", "linux.resources.devices[0]: which" },
	{ "'linux': { 'resources': { 'devices': [{ 'allow': true, 'type': 'c', 'major': 1, 'minor': 3, 'access': 'rwm' },"
		" { 'allow': true, 'type': 'c', 'major': 136, 'minor': -1 }, { 'allow': true, 'type': 'c', 'access': 'm' }] } }",
		"'linux': { 'resources': { 'devices': [{ 'allow': true, 'type': 'b', 'major': 1, 'minor': 3 }] } }", "linux.resources.dev" },
	{ "'linux': { 'resources': { 'memory': { 'limit': -1, 'disableOOMKiller': false } } }",
		"'linux': { 'resources': { 'memory': { 'limit': 1048576 } } }", "linux.resources.memory: limits are the profile's" },
	{ "'linux': { 'resources': { 'pids': { 'limit': 0 } } }",
		"'linux': { 'resources': { 'pids': { 'limit': 100 } } }", "linux.resources.pids: limits are" },
	{ "'linux': { 'resources': { 'cpu': {} } }",
		"'linux': { 'resources': { 'cpu': { 'cpus': '0-1' } } }", "linux.resources.cpu: limits are" },
	{ NULL, "'linux': { 'resources': { 'unified': { 'memory.max': '1' } } }", "linux.resources.unified: limits are" },
	{ NULL, "'linux': { 'resources': { 'gpu': {} } }", "linux.resources.gpu: nothing that" },
	{ "'linux': { 'sysctl': {} }", "'linux': { 'sysctl': { 'net.ipv4.ip_forward': '0' } }", "linux.sysctl: " },
	{ "'linux': { 'rootfsPropagation': 'rprivate' }", "'linux': { 'rootfsPropagation': 'shared' }", "linux.rootfsPropagation: 'shared'" },
	{ "'linux': { 'maskedPaths': ['/proc/kcore', '/sys/firmware'] }", "'linux': { 'maskedPaths': ['/etc/passwd'] }",
		"linux.maskedPaths[0]: '/etc/passwd'" },
	{ "'linux': { 'readonlyPaths': ['/proc/sys'] }", "'linux': { 'readonlyPaths': ['/proc/../etc'] }", "linux.readonlyPaths[0]: " },
	{ "'linux': { 'cgroupsPath': '/x' }", "'linux': { 'cgroups': '/x' }", "linux.cgroups: nothing that" },
	{ "'linux': { 'mountLabel': '' }", "'linux': { 'mountLabel': 'x' }", "linux.mountLabel: labels" },
	{ NULL, "'linux': { 'personality': { 'domain': 'LINUX32' } }", "linux.personality: " },
	{ NULL, "'linux': { 'timeOffsets': { 'boottime': { 'secs': 5 } } }", "linux.timeOffsets: " },
	{ NULL, "'linux': { 'intelRdt': { 'closID': 'x' } }", "linux.intelRdt: " },
	{ NULL, "'linux': { 'netDevices': { 'eth0': { 'name': 'e' } } }", "linux.netDevices: " },
	{ NULL, "'linux': { 'memoryPolicy': { 'mode': 'MPOL_BIND' } }", "linux.memoryPolicy: " },
	{ "'linux': { 'seccomp': { 'defaultAction': 'SCMP_ACT_ALLOW' } }", "'linux': { 'seccomp': true }", "linux.seccomp: not an object" },
};
/* clang-format on */

/* Apostrophes stand for quotation marks, which C would have escaped. */
static const char *quoted(const char *s)
{
	static char room[4][2048];
	static unsigned int next;
	char *to = room[next++ % 4];
	size_t i;

	for (i = 0; s && s[i] && i < sizeof(room[0]) - 1; i++)
		to[i] = s[i];
	to[i] = '\0';
	for (char *c = to; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	return s ? to : NULL;
}

static void try_quoted(const struct pair *p, size_t n, bool process)
{
	for (size_t i = 0; i < n; i++) {
		const struct pair one = { quoted(p[i].accepted), quoted(p[i].refused), p[i].why };

		try_pairs(&one, 1, process);
	}
}

static void the_process_is_kept_to_or_refused(void)
{
	try_quoted(in_process, sizeof(in_process) / sizeof(in_process[0]), true);
}

static void the_rest_is_kept_to_or_refused(void)
{
	try_quoted(on_top, sizeof(on_top) / sizeof(on_top[0]), false);
}

/* ---- the frame ---- */

static const char *refusal(const char *json)
{
	struct bundle b;
	const char *q = quoted(json);
	int r = read_text(q, strlen(q), &b);

	bundle_done(&b);
	return r == 0 ? "" : r == -EINVAL ? e.text : "another error";
}

static void what_every_bundle_has_must_be_there(void)
{
	CHECK_STR(refusal("{ 'ociVersion': '1.0.2', 'root': { 'path': 'r' }, 'process': { 'cwd': "
			  "'/' } }"),
		"");
	CHECK_STR(refusal("{ 'root': { 'path': 'r' }, 'process': { 'cwd': '/' } }"),
		"config.json: has no ociVersion: is it a bundle's?");
	CHECK_STR(refusal("{ 'ociVersion': '1.0.2', 'process': { 'cwd': '/' } }"),
		"config.json: has no root.path");
	CHECK_STR(refusal("{ 'ociVersion': '1.0.2', 'root': {}, 'process': { 'cwd': '/' } }"),
		"config.json: has no root.path");
	CHECK_STR(refusal("{ 'ociVersion': '1.0.2', 'root': { 'path': 'r' } }"),
		"config.json: has no process");
	CHECK_STR(refusal("{ 'ociVersion': '1.0.2', 'root': { 'path': 'r' }, 'process': {} }"),
		"config.json: process: has no cwd");
	CHECK_STR(refusal("{ 'ociVersion': '2.0', 'root': { 'path': 'r' }, 'process': { 'cwd': '/' "
			  "} }"),
		"config.json: ociVersion: '2.0': only versions 1.x of the specification are "
		"understood");
	CHECK_STR(refusal("{ 'ociVersion': '1.0.2', 'root': { 'path': 'r' }, 'process': { 'cwd': "
			  "'x' } }"),
		"config.json: process.cwd: 'x' is no absolute path");
	CHECK_STR(refusal("{ 'ociVersion': '1.0.2', 'root': { 'path': 'r' }, 'process': { 'cwd': "
			  "'/', 'args': [''] } }"),
		"config.json: process.args[0]: empty, where the program should be named");
	CHECK_STR(refusal("{ 'ociVersion': '1.0.2', 'root': { 'path': '' }, 'process': { 'cwd': "
			  "'/' } }"),
		"config.json: root.path: empty");
	CHECK_STR(refusal("[]"), "config.json: not an object");
}

static int read_length(size_t len, char fill)
{
	char *big = malloc(len + 1);
	struct bundle b;
	const char *json = whole("", "");
	size_t n = strlen(json);
	int r;

	if (!big)
		return -ENOMEM;
	memset(big, fill, len);
	memcpy(big, json, n);
	r = read_text(big, len, &b);
	bundle_done(&b);
	free(big);
	return r;
}

static int read_depth(size_t depth)
{
	char member[2048] = "\"annotations\": ";
	size_t n = strlen(member), i;

	for (i = 0; i < depth; i++)
		member[n++] = '[';
	for (i = 0; i < depth; i++)
		member[n++] = ']';
	member[n] = '\0';
	return read_member(member, false);
}

static void text_has_limits(void)
{
	CHECK_EQ(read_length(1 << 20, ' '), 0);
	CHECK_EQ(read_length((1 << 20) + 1, ' '), -EINVAL);
	CHECK_EQ(read_length(1000, '\0'), -EINVAL);
	CHECK_STR(e.text, "config.json: a NUL byte");
	CHECK_EQ(read_depth(31), 0);
	CHECK_EQ(read_depth(32), -EINVAL);
	CHECK_STR(e.text, "config.json: nested deeper than 32 levels");
	CHECK_EQ(read_depth(1000), -EINVAL);
	/* Brackets in a string are no depth. */
	CHECK_EQ(read_member("\"annotations\": { \"a\": "
			     "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\" }",
			 false),
		0);
	CHECK_EQ(strncmp(refusal("{ 'ociVersion': "), "config.json: line 1, column ", 28), 0);
}

/* ---- values ---- */

static void values_are_taken(void)
{
	struct bundle b;

	CHECK_EQ(
		read_parts(quoted("'user': { 'uid': 7, 'gid': 8 }, 'env': ['A=1', 'B=x=y'], "
				  "'terminal': true, 'noNewPrivileges': true,"
				  "'capabilities': { 'bounding': ['CAP_CHOWN', "
				  "'CAP_CHECKPOINT_RESTORE', 'CAP_CHOWN'],"
				  " 'effective': ['CAP_KILL'] }, 'oomScoreAdj': 5,"
				  "'rlimits': [{ 'type': 'RLIMIT_NOFILE', 'soft': 10, 'hard': "
				  "18446744073709551615 }]"),
			quoted("'hostname': 'h', 'mounts': [{ 'destination': '/a', 'type': 'bind', "
			       "'source': 's', 'options': ['ro'] },"
			       "{ 'destination': '/b', 'source': '/t', 'options': ['bind', 'ro', "
			       "'rw'] }],"
			       "'linux': { 'namespaces': [{ 'type': 'network' }], 'seccomp': {} }"),
			&b),
		0);
	CHECK_STR(e.text, "");
	CHECK_EQ(b.args.n, 1);
	CHECK_STR(b.args.v[0], "sh");
	CHECK_EQ(b.env.n, 2);
	CHECK_STR(b.env.v[1], "B=x=y");
	CHECK_STR(b.cwd, "/");
	CHECK_STR(b.root, "rootfs");
	CHECK_EQ(b.uid, 7);
	CHECK_EQ(b.gid, 8);
	CHECK_EQ(b.caps, UINT64_C(1) << 40 | 1);
	CHECK_EQ(b.cap_names.n, 2);
	CHECK_EQ(b.oom_score_adj, 5);
	CHECK(b.has_oom_score_adj && b.terminal && b.no_new_privs && b.net_own && b.has_filter &&
		!b.read_only);
	CHECK(b.limited[RLIMIT_NOFILE] && !b.limited[RLIMIT_CPU]);
	CHECK_EQ(b.limits[RLIMIT_NOFILE].rlim_cur, 10);
	CHECK(b.limits[RLIMIT_NOFILE].rlim_max == RLIM_INFINITY);
	CHECK_EQ(b.n_binds, 2);
	CHECK_STR(b.binds[0].source, "s");
	CHECK_STR(b.binds[0].destination, "/a");
	CHECK(b.binds[0].read_only && !b.binds[1].read_only);
	CHECK_STR(b.hostname, "h");
	bundle_done(&b);
}

static void what_is_not_said_is_least(void)
{
	struct bundle b;

	CHECK_EQ(read_parts("", "", &b), 0);
	CHECK_EQ(b.caps, 0);
	CHECK_EQ(b.uid, 0);
	CHECK(!b.terminal && !b.no_new_privs && !b.net_own && !b.has_filter &&
		!b.has_oom_score_adj);
	CHECK_EQ(b.n_binds, 0);
	bundle_done(&b);
}

static void there_is_an_end_of_binds(void)
{
	char list[8192] = "\"mounts\": [";
	struct bundle b;

	for (int n = 1; n <= 16; n++) {
		(void)snprintf(list + strlen(list), sizeof(list) - strlen(list),
			"%s{ \"destination\": \"/x%d\", \"type\": \"bind\", \"source\": \"/s\" }",
			n > 1 ? ", " : "", n);
		if (n < 15)
			continue;
		(void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "]");
		CHECK_EQ(read_parts("", list, &b), n == 15 ? 0 : -EINVAL);
		bundle_done(&b);
		list[strlen(list) - 1] = '\0';
	}
	CHECK_STR(e.text, "config.json: mounts[15]: more than 15 binds and tmpfs");
}

/* ---- the filter ---- */

static uint32_t verdict(const void *file, const char *call, uint64_t arg)
{
	const struct seccomp_data d = { .nr = syscall_number(syscall_native_arch(), call),
		.arch = syscall_native_arch(),
		.args = { arg } };

	return bpf_eval_file(file, &d) & SECCOMP_RET_ACTION_FULL;
}

static int filter_make(const char *seccomp, const struct strv *caps, void **ret)
{
	const char *json = whole("", quoted(seccomp));
	size_t len;

	e.text[0] = '\0';
	*ret = NULL;
	return bundle_filter_make(json, strlen(json), caps, ret, &len, &e);
}

static void its_filter_does_what_it_says(void)
{
	const struct strv none = { NULL, 0 };
	struct program_head head;
	void *file;

	CHECK_EQ(filter_make(
			 "'linux': { 'seccomp': { 'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': ["
			 "{ 'names': ['mkdir', 'seccomp'], 'action': 'SCMP_ACT_ERRNO' }, { "
			 "'names': ['socket'], 'action':"
			 " 'SCMP_ACT_ERRNO', 'args': [{ 'index': 0, 'value': 16, 'op': "
			 "'SCMP_CMP_EQ' }] }] } }",
			 &none, &file),
		0);
	CHECK_STR(e.text, "");
	if (!file)
		return;
	CHECK_EQ(verdict(file, "mkdir", 0), SECCOMP_RET_ERRNO);
	CHECK_EQ(verdict(file, "openat", 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(file, "socket", 16), SECCOMP_RET_ERRNO);
	CHECK_EQ(verdict(file, "socket", 1), SECCOMP_RET_ALLOW);
	/* The first program forbids nothing, least of all to attach the second. */
	memcpy(&head, file, sizeof(head));
	CHECK_EQ(head.loud, 1);
	head.quiet = 0;
	CHECK_EQ(verdict(file, "seccomp", 0), SECCOMP_RET_ERRNO);
	CHECK_EQ(bpf_eval((const struct sock_filter *)(const void *)((const char *)file +
								     sizeof(head)),
			 head.loud,
			 &(const struct seccomp_data){
				 .nr = syscall_number(syscall_native_arch(), "seccomp"),
				 .arch = syscall_native_arch() }),
		SECCOMP_RET_ALLOW);
	free(file);
}

static void a_filter_of_few_calls_forbids_the_rest(void)
{
	static char *names[] = { (char *)"CAP_KILL" };
	const struct strv none = { NULL, 0 }, kill = { names, 1 };
	static const char list[] =
		"'linux': { 'seccomp': { 'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': ["
		"{ 'names': ['read', 'write', 'execve'], 'action': 'SCMP_ACT_ALLOW' },"
		"{ 'names': ['kill'], 'action': 'SCMP_ACT_ALLOW', 'includes': { 'caps': "
		"['CAP_KILL'] } }] } }";
	void *file;

	CHECK_EQ(filter_make(list, &none, &file), 0);
	CHECK_STR(e.text, "");
	if (file) {
		CHECK_EQ(verdict(file, "read", 0), SECCOMP_RET_ALLOW);
		CHECK_EQ(verdict(file, "openat", 0), SECCOMP_RET_ERRNO);
		CHECK_EQ(verdict(file, "kill", 0), SECCOMP_RET_ERRNO);
	}
	free(file);
	CHECK_EQ(filter_make(list, &kill, &file), 0);
	if (file)
		CHECK_EQ(verdict(file, "kill", 0), SECCOMP_RET_ALLOW);
	free(file);
}

static void a_filter_that_cannot_be_said_is_refused(void)
{
	const struct strv none = { NULL, 0 };
	void *file;

	CHECK_EQ(filter_make("'linux': { 'seccomp': { 'defaultAction': 'SCMP_ACT_ALLOW' } }", &none,
			 &file),
		0);
	free(file);
	CHECK_EQ(filter_make("'linux': { 'seccomp': { 'defaultAction': 'SCMP_ACT_MAYBE' } }", &none,
			 &file),
		-EINVAL);
	CHECK(!file && strstr(e.text, "SCMP_ACT_MAYBE"));
	CHECK_EQ(
		filter_make(
			"'linux': { 'seccomp': { 'defaultAction': 'SCMP_ACT_ALLOW', 'extra': 1 } }",
			&none, &file),
		-EINVAL);
	CHECK(!file && strstr(e.text, "unknown key 'extra'"));
	CHECK_EQ(filter_make("'linux': { 'seccomp': { 'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': "
			     "['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64', 'SCMP_ARCH_RISCV64'] } }",
			 &none, &file),
		0);
	free(file);
	CHECK_EQ(filter_make("'linux': { 'seccomp': { 'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': "
			     "['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64', 'SCMP_ARCH_BOGUS'] } }",
			 &none, &file),
		-EINVAL);
	CHECK(!file && strstr(e.text, "'SCMP_ARCH_BOGUS' is no architecture"));
}

int main(void)
{
	TEST(the_process_is_kept_to_or_refused);
	TEST(the_rest_is_kept_to_or_refused);
	TEST(what_every_bundle_has_must_be_there);
	TEST(text_has_limits);
	TEST(values_are_taken);
	TEST(what_is_not_said_is_least);
	TEST(there_is_an_end_of_binds);
	TEST(its_filter_does_what_it_says);
	TEST(a_filter_of_few_calls_forbids_the_rest);
	TEST(a_filter_that_cannot_be_said_is_refused);
	return test_done();
}
