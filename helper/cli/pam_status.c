/*
 * pam_status - where pam_carrel.so stands in the services' stacks, and whether every session meets
 * it.
 *
 * States: enabled; partial, confined but with something missing (auth line, guard); broken, a
 * session can get past the module or nobody gets in; off.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "helper/cli/pam.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

enum pam_state { PAM_BROKEN, PAM_PARTIAL, PAM_OFF, PAM_ENABLED };

static const char *const state_names[] = { "broken", "partial", "off", "enabled" };

/* Everything to be said about one service. */
struct pam_status {
	struct pamstack_report report;
	enum pam_state state;
	char unread[512]; /* why its stacks could not be judged */
	const char *problem[4];
	size_t n_problems;
};

static void status_add(struct pam_status *s, enum pam_state state, const char *problem)
{
	if (state < s->state)
		s->state = state;
	if (*problem && s->n_problems < sizeof(s->problem) / sizeof(s->problem[0]))
		s->problem[s->n_problems++] = problem;
}

static void status_fill(struct pamtree *t, const char *service, struct pam_status *s)
{
	struct pamstack_source src = pamtree_source(t);
	const struct pamstack_report *r = &s->report;
	struct err e;

	*s = (struct pam_status){ .state = PAM_ENABLED };
	if (pamstack_judge(&src, service, &s->report, &e) < 0) {
		(void)snprintf(s->unread, sizeof(s->unread), "%s", e.text);
		status_add(s, PAM_BROKEN, s->unread);
		return;
	}

	if (r->session_lines == 0 && r->auth_lines == 0) {
		s->state = PAM_OFF;
		return;
	}
	if (r->session_lines == 0)
		status_add(s, PAM_BROKEN, "auth line without a session line: nothing is confined");
	if (!pam_module_is_there(t, r->module))
		status_add(s, PAM_BROKEN,
			"the module is missing: only root and guarded groups get in");
	if (*r->session_trouble)
		status_add(s, PAM_BROKEN, r->session_trouble);
	if (*r->auth_trouble)
		status_add(s, PAM_PARTIAL, r->auth_trouble);
	if (r->has_auth && r->auth_lines == 0)
		status_add(
			s, PAM_PARTIAL, "auth line missing: sshd refuses, cron goes through the door");
	if (r->session_lines > 0 && !r->guarded)
		status_add(s, PAM_PARTIAL,
			"no guard: root is locked out when the module cannot be loaded");
	if (*r->note)
		status_add(s, PAM_ENABLED, r->note);
}

static json_t *status_json(const char *service, const struct pam_status *s)
{
	json_t *problems = json_array();
	json_t *object;

	for (size_t i = 0; i < s->n_problems; i++)
		(void)json_array_append_new(problems, json_string(s->problem[i]));
	object = json_pack("{s:s, s:s, s:b, s:b, s:b, s:o}", "service", service, "state",
		state_names[s->state], "auth", s->report.auth_lines > 0, "session",
		s->report.session_lines > 0, "guarded", s->report.guarded, "problems", problems);
	if (object && *s->report.file) {
		(void)json_object_set_new(object, "file", json_string(s->report.file));
		(void)json_object_set_new(object, "line", json_integer(s->report.line));
	}
	return object;
}

static void status_print(const char *service, const struct pam_status *s)
{
	printf("%-20s %-8s %s", service, state_names[s->state], "");
	if (*s->report.file)
		printf("%s:%u", s->report.file, s->report.line);
	printf("\n");
	for (size_t i = 0; i < s->n_problems; i++)
		printf("%-20s %-8s   %s\n", "", "", s->problem[i]);
}

static int status_services(struct pamtree *t, char **names, size_t n, bool all, json_t *list)
{
	int status = 0;

	if (!list)
		printf("%-20s %-8s %s\n", "SERVICE", "STATE", "SESSION LINE");
	for (size_t i = 0; i < n; i++) {
		struct pam_status s;

		if (all && pam_name_is_part(names[i]))
			continue;
		status_fill(t, names[i], &s);
		if (all && !*s.unread && !s.report.has_session)
			continue;
		if (s.state == PAM_BROKEN)
			status = PAM_REFUSED;
		if (list)
			(void)json_array_append_new(list, status_json(names[i], &s));
		else
			status_print(names[i], &s);
	}
	return status;
}

/* Named services must exist: a typo must not look like "off". */
static int names_check(struct pamtree *t, char **names, int n, struct err *e)
{
	struct pamstack_source src = pamtree_source(t);

	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *text = NULL;
		_cleanup_free_ char *path = NULL;
		struct pamtree_file f = { .fd = -1 };

		if (src.load(src.ctx, names[i], &text, &path, e) != -ENOENT)
			continue;
		if (pamtree_file_open(t, names[i], &f, e) < 0)
			return -ENOENT; /* with the list of what there is */
		pamtree_file_close(&f);
	}
	return 0;
}

int pam_status(struct pamtree *t, char **names, int n, const struct pam_options *o)
{
	json_t *list = o->json ? json_array() : NULL;
	char **all = NULL;
	size_t n_all = 0;
	int status;
	struct err e;

	if ((n == 0 ? pamtree_list(t, &all, &n_all, &e) : names_check(t, names, n, &e)) < 0) {
		pam_note("carrel: %s\n", e.text);
		json_decref(list);
		return PAM_REFUSED;
	}
	status = n == 0 ? status_services(t, all, n_all, true, list)
			: status_services(t, names, (size_t)n, false, list);
	names_free(all, n_all);

	if (list) {
		json_t *top = json_pack("{s:o}", "services", list);

		(void)json_dumpf(top, stdout, JSON_INDENT(2));
		printf("\n");
		json_decref(top);
	}
	return status;
}
