/* Giving up root. */
#include "privilege.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "account.h"
#include "process.h"

static const char *root_directory(const forker_server *server)
{
    return server->options[FK_OPTION_CHROOT].text;
}

static int refuse_without_user(forker_server *server)
{
    bool group = fk_server_option(server, FK_OPTION_GROUP) >= 0;
    if (!group && root_directory(server)[0] == '\0') {
        return FORKER_OK;
    }
    return fk_server_fail(server, FORKER_E_OPTION, "%s: option %s needs option user: %s", server->verb,
                          group ? "group" : "chroot", group ? "root is above groups" : "root can leave any directory");
}

int fk_privilege_prepare(forker_server *server)
{
    fk_identity *identity = &server->identity;
    int64_t uid = fk_server_option(server, FK_OPTION_USER), gid = fk_server_option(server, FK_OPTION_GROUP);
    const char *name = server->options[FK_OPTION_USER].text;
    if (uid < 0) {
        return refuse_without_user(server);
    }
    if (geteuid() != 0) {
        return fk_server_fail(server, FORKER_E_SYSTEM, "%s: only root can become user %s, and this process has uid %ld",
                              server->verb, name, (long)geteuid());
    }
    identity->uid = (uid_t)uid;
    identity->gid = (gid_t)gid;
    if (gid < 0 && !fk_account_primary_group(identity->uid, &identity->gid)) {
        return fk_server_fail(server, FORKER_E_OPTION,
                              "%s: user %s has no account that names a group; set option group", server->verb, name);
    }
    identity->groups = fk_account_groups(identity->uid, identity->gid, &identity->group_count);
    return identity->groups != NULL ? FORKER_OK
                                    : fk_server_fail(server, FORKER_E_MEMORY, "%s: out of memory", server->verb);
}

void fk_privilege_release(forker_server *server)
{
    free(server->identity.groups);
    server->identity = (fk_identity){0};
}

/* Whether the process can still become root, or is in root's group without having been told to. */
static bool can_return(const fk_identity *identity)
{
    uid_t real, effective, saved;
    gid_t real_group, effective_group, saved_group;
    if (getresuid(&real, &effective, &saved) != 0 || getresgid(&real_group, &effective_group, &saved_group) != 0) {
        return true;
    }
    return real != identity->uid || effective != identity->uid || saved != identity->uid ||
           real_group != identity->gid || effective_group != identity->gid || saved_group != identity->gid ||
           setuid(0) == 0 || seteuid(0) == 0;
}

/*
 * Groups before user, because only root can set them. Afterwards the kernel takes the process for one whose memory
 * nobody may look at: no core dump, /proc/self belongs to root (proc(5)). What it holds was the program's own all the
 * time.
 */
const char *fk_privilege_drop(const forker_server *server)
{
    const fk_identity *identity = &server->identity;
    if (identity->groups == NULL) {
        return NULL;
    }
    const char *root = fk_process.role == FK_ROLE_WORKER ? root_directory(server) : "";
    if (root[0] != '\0' && (chroot(root) != 0 || chdir("/") != 0)) {
        return "chroot";
    }
    if (setgroups((size_t)identity->group_count, identity->groups) != 0) {
        return "setgroups";
    }
    if (setresgid(identity->gid, identity->gid, identity->gid) != 0) {
        return "setgid";
    }
    if (setresuid(identity->uid, identity->uid, identity->uid) != 0) {
        return "setuid";
    }
    if (can_return(identity)) {
        errno = EPERM;
        return "dropping root for good";
    }
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    return NULL;
}
