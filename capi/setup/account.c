/*
 * Accounts. They are looked up during setup only: a forked child and a chroot(2) may have no way to the system's data
 * base.
 */
#include "setup/account.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

/* (uid_t)-1 means "leave it" to setresuid(2) and chown(2), so it is no user. */
static bool parse_id(const char *text, uint32_t *id_out)
{
    uint64_t number = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && number < UINT32_MAX; p++) {
        number = number * 10 + (uint64_t)(*p - '0');
    }
    *id_out = (uint32_t)number;
    return p > text && *p == '\0' && number < UINT32_MAX;
}

bool fk_account_user(const char *text, uid_t *uid_out)
{
    const struct passwd *account = getpwnam(text);
    if (account != NULL) {
        *uid_out = account->pw_uid;
    }
    return account != NULL || parse_id(text, uid_out);
}

bool fk_account_group(const char *text, gid_t *gid_out)
{
    const struct group *group = getgrnam(text);
    if (group != NULL) {
        *gid_out = group->gr_gid;
    }
    return group != NULL || parse_id(text, gid_out);
}

bool fk_account_primary_group(uid_t uid, gid_t *gid_out)
{
    const struct passwd *account = getpwuid(uid);
    if (account != NULL) {
        *gid_out = account->pw_gid;
    }
    return account != NULL;
}

gid_t *fk_account_groups(uid_t uid, gid_t gid, int *count_out)
{
    const struct passwd *account = getpwuid(uid);
    int room = 16;
    for (;;) {
        gid_t *groups = calloc((size_t)room, sizeof *groups);
        int count = room;
        if (groups == NULL) {
            return NULL;
        }
        if (account == NULL) {
            groups[0] = gid;
            count = 1;
        } else if (getgrouplist(account->pw_name, gid, groups, &count) < 0) {
            free(groups);
            room = count > room ? count : 2 * room; /* glibc tells how many there are */
            continue;
        }
        *count_out = count;
        return groups;
    }
}
