/* small.h - a header. */
/* ------------------------- first */

/* All of them are about numbers. */

/* What was counted until then. */
typedef struct forker_sum {
    int32_t size; /* in bytes */
    int32_t sums[2];
} forker_sum;

/*
 * Counts. `to` is the last number; "\" ends nothing.
 *
 * .profile is no macro. See forker_count() itself:
 *
 *     forker_count(9);
 *     "\";
 *
 *     forker_count(10);
 *
 * A number is
 *
 *   zero     nothing
 *   one      the first
 *            of them
 *
 * and has
 *
 *   - a sign
 *   - digits
 */
typedef void (*forker_counted_fn)(const forker_sum *sum, void *user);
void forker_count(int to, forker_counted_fn fn, void *user); /* up */
int forker_is_counted(void);                                 /* 1 or 0 */

/* What is behind all functions. */
typedef struct forker_last {
    int32_t last; /* of all */
} forker_last;
