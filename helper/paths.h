#ifndef CARREL_HELPER_PATHS_H
#define CARREL_HELPER_PATHS_H

/* What the helper has at run time. All of it root's; only the socket is for others. */
#define RUN_DIR "/run/carrel"
#define STATE_DIR RUN_DIR "/state"
#define CACHE_DIR RUN_DIR "/filters"
#define INSIDE_DIR RUN_DIR "/inside" /* in every view: the socket of WIRE_INSIDE */

#define IMAGES_DIR RUN_DIR "/images" /* where verified images are attached, in the helper's own mount namespace */

#endif
