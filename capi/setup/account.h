/* Accounts: names and numbers of users and groups, and which groups a user is in. */
#ifndef FORKER_ACCOUNT_H
#define FORKER_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Finds a user or group by name, or takes a decimal number as it is. false: there is none of that name. */
bool fk_account_user(const char *text, uid_t *uid_out);
bool fk_account_group(const char *text, gid_t *gid_out);

/* The group that the system's account of a user names. false: the user has no account. */
bool fk_account_primary_group(uid_t uid, gid_t *gid_out);

/*
 * All groups of a user, `gid` among them, in malloc(3) memory. A user without an account is in `gid` alone. NULL: out
 * of memory.
 */
gid_t *fk_account_groups(uid_t uid, gid_t gid, int *count_out);

#endif
