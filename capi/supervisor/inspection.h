/*
 * Certificates and files of users are parsed by Go, which must not run in the process that forks. So a process that lives
 * for no more than that looks at them before they are used: before the first fork of run, and at each reload.
 */
#ifndef FORKER_INSPECTION_H
#define FORKER_INSPECTION_H

#include "supervisor/spawner.h"

/* FORKER_OK, or a code with a sentence, which does not say what they were looked at for. What is only doubtful is logged. */
int fk_inspection_run(fk_spawner *spawner);

#endif
