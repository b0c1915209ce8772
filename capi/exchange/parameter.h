/* Values with parameters, such as `form-data; name="a"`: media types (RFC 2045 section 5.1) and dispositions (RFC 2183). */
#ifndef FORKER_PARAMETER_H
#define FORKER_PARAMETER_H

/* A parameter, decoded. Both end with a NUL. */
typedef struct {
    char *name, *value;
} fk_parameter;

/* Gives the first word of `text`, which is changed, and where its parameters begin. */
const char *fk_parameter_word(char *text, char **at_out);

/* Takes the next parameter. Returns 1, 0: there is none, -1: what follows is none. */
int fk_parameter_next(char **at, fk_parameter *parameter_out);

#endif
