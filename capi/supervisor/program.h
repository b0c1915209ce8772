/* The program as it was started: what it takes to start it anew. */
#ifndef FORKER_PROGRAM_H
#define FORKER_PROGRAM_H

/*
 * Becomes the program anew (execve(2)), with the arguments and in the directory of its start; what has its path now is
 * executed. Returns only if that fails, with errno.
 */
void fk_program_exec(char **environment);

/* The path that is executed; "" if it is not known. */
const char *fk_program_path(void);

#endif
