#ifndef CARREL_DOOR_LAUNCH_H
#define CARREL_DOOR_LAUNCH_H

#include "helper/door/launch_options.h"

#define LAUNCH_FAILED 125

/* Ask, follow, and return the exit status; what goes wrong is said. */
int launch_run(const struct launch_options *o);
int launch_exec(const struct launch_options *o);

#endif
