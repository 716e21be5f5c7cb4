#include "helper/denials/suggest.h"

#include <stdbool.h>
#include <string.h>

#include "policy/base/parse.h"
#include "policy/syscalls.h"

/* clang-format off */
/* Blank-separated calls and @groups; the first row that has the call says it. */
static const struct row {
	enum call_risk risk;
	const char *why;
	const char *calls;
} rows[] = {
	{ RISK_MACHINE, "loads code into the kernel", "@module bpf kexec_load kexec_file_load uselib" },
	{ RISK_MACHINE, "sets the machine's clock", "clock_settime clock_settime64 settimeofday stime" },
	{ RISK_MACHINE, "stops the machine, or changes its swap and accounting", "@reboot @swap acct" },
	{ RISK_MACHINE, "reaches the hardware past the kernel", "@raw-io" },
	{ RISK_MACHINE, "opens files by number, past every directory's permissions", "open_by_handle_at" },
	{ RISK_MACHINE, "sets or reads other users' limits on the machine's disks", "quotactl quotactl_fd" },
	{ RISK_MACHINE, "reads and clears the kernel's log", "syslog" },
	{ RISK_MACHINE, "hangs up the terminal under every session on it", "vhangup" },
	{ RISK_MACHINE, "is a leftover of old kernels that only attacks still use",
		"@obsolete lookup_dcookie nfsservctl sysfs ustat _sysctl" },
	{ RISK_WARN, "makes calls that no filter sees", "io_uring_setup io_uring_enter io_uring_register" },
	{ RISK_WARN, "shows flags in memory, where no filter can look", "clone3" },
	{ RISK_WARN, "gives the caller privileged code of the kernel to play with", "@mount unshare setns chroot pivot_root" },
	{ RISK_WARN, "reads or changes other processes of the user",
		"ptrace process_vm_readv process_vm_writev pidfd_getfd kcmp process_madvise" },
	{ RISK_WARN, "watches the machine's processors and kernel", "perf_event_open" },
	{ RISK_WARN, "holds up the kernel at any page: a tool of attacks on it", "userfaultfd" },
	{ RISK_WARN, "uses keys, which are the host's and not the container's", "@keyring" },
	{ RISK_WARN, "watches files for other users' access", "fanotify_init fanotify_mark" },
	{ RISK_WARN, "changes the machine's name, or that of the session's namespace", "sethostname setdomainname" },
	{ RISK_WARN, "changes the processor's tables of segments", "modify_ldt" },
};
/* clang-format on */

static bool words_have(const char *words, const char *call, int depth)
{
	const char *w;
	size_t n;

	while (depth > 0 && words && (w = word_next(&words, &n))) {
		char word[64];

		if (n >= sizeof(word))
			continue;
		memcpy(word, w, n);
		word[n] = '\0';
		if (word[0] == '@' ? words_have(syscall_group(word), call, depth - 1) : strcmp(word, call) == 0)
			return true;
	}
	return false;
}

enum call_risk call_risk(const char *call, const char **ret_why)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (words_have(rows[i].calls, call, 4)) {
			*ret_why = rows[i].why;
			return rows[i].risk;
		}
	*ret_why = "";
	return RISK_USUAL;
}
