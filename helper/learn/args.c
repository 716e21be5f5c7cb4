#include "helper/learn/args.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/base/parse.h"

#define NAMESPACES                                                                                 \
	"CLONE_NEWNS CLONE_NEWCGROUP CLONE_NEWUTS CLONE_NEWIPC CLONE_NEWUSER CLONE_NEWPID CLONE_NEWNET"

/* clang-format off */
/*
 * A rule made of the values of a few runs alone would break the next one. Families and protocols therefore begin with
 * those that any name lookup may need, and requests with all but the ones that act on others.
 */
static const struct arg_interest interests[] = {
	{ "socket", NULL, "domain", INTEREST_ONLY, "AF_UNIX AF_INET AF_INET6 AF_NETLINK", "EAFNOSUPPORT" },
	{ "socket", "AF_NETLINK", "protocol", INTEREST_ONLY,
		"NETLINK_ROUTE NETLINK_USERSOCK NETLINK_SOCK_DIAG NETLINK_KOBJECT_UEVENT NETLINK_GENERIC", "EPROTONOSUPPORT" },
	{ "socketpair", NULL, "domain", INTEREST_ONLY, "AF_UNIX", "EAFNOSUPPORT" },
	{ "ioctl", NULL, "request", INTEREST_FORBID, "TIOCSTI TIOCLINUX TIOCSETD", NULL },
	{ "clone", NULL, "flags", INTEREST_FORBID, NAMESPACES, NULL },
	{ "unshare", NULL, "flags", INTEREST_ONLY, "CLONE_FS CLONE_FILES CLONE_SYSVSEM", NULL },
	{ "setns", NULL, "nstype", INTEREST_ONLY, "", NULL },
	{ "personality", NULL, "persona", INTEREST_ONLY, "PER_LINUX ADDR_NO_RANDOMIZE QUERY", NULL },
	{ "keyctl", NULL, "operation", INTEREST_ONLY,
		"KEYCTL_GET_KEYRING_ID KEYCTL_DESCRIBE KEYCTL_SEARCH KEYCTL_READ KEYCTL_CAPABILITIES", NULL },
	/*
	 * Which of the some seventy options a run takes hangs on the version of the C library, on names of threads and on
	 * sandboxes that come and go; nearly all change the caller alone, so those seen must not become the only ones. These
	 * rewrite what /proc says of the program, how privileges go from root to others, and who answers system calls.
	 */
	{ "prctl", NULL, "option", INTEREST_FORBID, "PR_SET_MM PR_SET_SECUREBITS PR_SET_SYSCALL_USER_DISPATCH", "EINVAL" },
	/*
	 * Between the stops of a process that is traced already, requests follow from what it does: the next run asks for
	 * others. What counts is whether a debugger traces its own children, or takes hold of what runs besides it.
	 */
	{ "ptrace", NULL, "request", INTEREST_FORBID, "PTRACE_ATTACH PTRACE_SEIZE", NULL },
	/*
	 * Flags that only take away (MS_RDONLY, MS_NOSUID, MS_PRIVATE ...) come from /etc/fstab or the command line and may
	 * be others each time. These say what is done: change a mount that is there, show one in another place, pass it on.
	 */
	{ "mount", NULL, "flags", INTEREST_FORBID, "MS_REMOUNT MS_BIND MS_MOVE MS_SHARED", NULL },
	/*
	 * No rule. A memory file can be executed without any flag, and mmap() takes huge pages as well, so that nothing would
	 * be closed; and libraries add MFD_EXEC or MFD_NOEXEC_SEAL when the kernel is new enough, which would be refused then.
	 */
	{ "memfd_create", NULL, "flags", INTEREST_NOTE, "", NULL },
	{ NULL, NULL, NULL, INTEREST_NOTE, NULL, NULL },
};
/* clang-format on */

const struct arg_interest *arg_interests(void)
{
	return interests;
}

const struct arg_interest *arg_interest_of(const char *call)
{
	for (const struct arg_interest *a = interests; a->call; a++)
		if (strcmp(a->call, call) == 0)
			return a;
	return NULL;
}

const struct syscall_arg *arg_interest_arg(const struct arg_interest *a)
{
	return syscall_arg(a->call, a->arg);
}

size_t arg_interest_values(const struct arg_interest *a, uint64_t ret[static ARG_INTEREST_VALUES])
{
	const struct syscall_arg *arg = arg_interest_arg(a);
	const char *list = a->values;
	char word[64];
	size_t len, n = 0;

	for (const char *w; n < ARG_INTEREST_VALUES && (w = word_next(&list, &len));) {
		(void)snprintf(word, sizeof(word), "%.*s", (int)len, w);
		if (syscall_constant(arg, word, &ret[n]) == 0)
			n++;
	}
	return n;
}

/* Where a rule forbids, the rest is of no interest: not the values it lets pass, nor flags beside the forbidden ones. */
static bool value_matters(const struct arg_interest *a, uint64_t *value)
{
	uint64_t values[ARG_INTEREST_VALUES], bits = 0;
	size_t n;

	if (a->kind != INTEREST_FORBID)
		return true;
	n = arg_interest_values(a, values);
	for (size_t i = 0; i < n; i++) {
		if (arg_interest_arg(a)->kind == ARG_VALUE && *value == values[i])
			return true;
		bits |= values[i];
	}
	*value &= bits;
	return arg_interest_arg(a)->kind == ARG_FLAGS && *value != 0;
}

bool arg_interest_value(const struct arg_interest *a, const uint64_t args[6], uint64_t *ret)
{
	const struct syscall_arg *arg = arg_interest_arg(a);
	uint64_t value = args[arg->index] & syscall_arg_mask(arg), selected;

	if (a->selected) {
		const struct syscall_arg *selector = syscall_selector(a->call);

		if (!selector || syscall_constant(selector, a->selected, &selected) < 0 ||
			(args[selector->index] & syscall_arg_mask(selector)) != selected)
			return false;
	}
	if (!value_matters(a, &value))
		return false;
	*ret = value;
	return true;
}

void arg_interest_key(const struct arg_interest *a, char ret[static ARG_KEY_MAX])
{
	if (a->selected)
		(void)snprintf(ret, ARG_KEY_MAX, "%s(%s).%s", a->call, a->selected, a->arg);
	else
		(void)snprintf(ret, ARG_KEY_MAX, "%s.%s", a->call, a->arg);
}

static size_t word_add(char *ret, size_t n, char sep, const char *word)
{
	char between[2] = { n ? sep : '\0', '\0' };
	int wrote = snprintf(ret + n, ARG_WORDS_MAX - n, "%s%s", between, word);

	return n + (size_t)wrote < ARG_WORDS_MAX ? n + (size_t)wrote : n;
}

void arg_value_words(const struct syscall_arg *a, uint64_t value, char sep, char ret[static ARG_WORDS_MAX])
{
	char number[24];
	size_t n = 0;

	ret[0] = '\0';
	for (const struct arg_constant *c = a->constants; c->name; c++) {
		uint64_t bits = c->value & syscall_arg_mask(a);

		if (a->kind == ARG_VALUE && bits == value) {
			(void)word_add(ret, 0, sep, c->name);
			return;
		}
		if (a->kind == ARG_FLAGS && bits && (value & bits) == bits) {
			n = word_add(ret, n, sep, c->name);
			value &= ~bits;
		}
	}
	if (value == 0 && n > 0)
		return;
	(void)snprintf(number, sizeof(number), value > 9 ? "0x%llx" : "%llu", (unsigned long long)value);
	(void)word_add(ret, n, sep, number);
}

int arg_value_parse(const struct syscall_arg *a, const char *words, uint64_t *ret)
{
	char copy[ARG_WORDS_MAX];
	uint64_t value = 0, one;
	char *save = NULL;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", words) >= sizeof(copy) || !copy[0])
		return -EINVAL;
	for (char *w = strtok_r(copy, "|", &save); w; w = strtok_r(NULL, "|", &save)) {
		if (syscall_constant(a, w, &one) < 0)
			return -EINVAL;
		value |= one;
	}
	*ret = value;
	return 0;
}
