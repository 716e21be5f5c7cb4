#ifndef CARREL_DENIALS_AUDIT_STATUS_H
#define CARREL_DENIALS_AUDIT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

struct audit_facts {
	bool known;	 /* false: the kernel does not tell us (it takes CAP_AUDIT_CONTROL) */
	uint32_t daemon; /* its pid; 0: none, records go to the kernel log */
	uint32_t lost;	 /* records, since boot */
};

/* What the kernel's audit subsystem says of itself. Never waits for long. */
struct audit_facts audit_facts(void);

#endif
