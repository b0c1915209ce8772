/* Giving up root. */
#include "child/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/process.h"
#include "setup/account.h"

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
    return fk_server_fail(server, FORKER_E_OPTION, "%s: option %s needs option user: %s", server->run.verb,
                          group ? "group" : "chroot", group ? "root is above groups" : "root can leave any directory");
}

int fk_privilege_prepare(forker_server *server)
{
    fk_identity *identity = &server->tree.identity;
    int64_t uid = fk_server_option(server, FK_OPTION_USER), gid = fk_server_option(server, FK_OPTION_GROUP);
    const char *name = server->options[FK_OPTION_USER].text;
    if (uid < 0) {
        return refuse_without_user(server);
    }
    if (geteuid() != 0) {
        return fk_server_fail(server, FORKER_E_SYSTEM,
                              "%s: only root can become user %s (option user), and this process has uid %ld",
                              server->run.verb, name, (long)geteuid());
    }
    identity->uid = (uid_t)uid;
    identity->gid = (gid_t)gid;
    if (gid < 0 && !fk_account_primary_group(identity->uid, &identity->gid)) {
        return fk_server_fail(server, FORKER_E_OPTION,
                              "%s: user %s (option user) has no account that names a group; set option group",
                              server->run.verb, name);
    }
    identity->groups = fk_account_groups(identity->uid, identity->gid, &identity->group_count);
    return identity->groups != NULL ? FORKER_OK
                                    : fk_server_fail(server, FORKER_E_MEMORY, "%s: out of memory", server->run.verb);
}

void fk_privilege_release(forker_server *server)
{
    free(server->tree.identity.groups);
    server->tree.identity = (fk_identity){0};
}

/*
 * PR_SET_KEEPCAPS and securebits let capabilities outlive the change of user (capabilities(7)). They can be
 * locked, or CAP_SETPCAP be missing: drop_capabilities() counts, this is for what a program started later would find.
 */
static void clear_securebits(void)
{
    (void)prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
    (void)prctl(PR_SET_SECUREBITS, 0, 0, 0, 0);
}

/*
 * What no program that a handler starts can get, though its file has set-user-ID or capabilities. Without CAP_SETPCAP,
 * as in some containers, the bounding set stays, and no_new_privs alone sees to that.
 */
static bool drop_gains(void)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/*
 * The change of user leaves permitted ones where securebits said so. No ambient one is left without the permitted one,
 * so that clearing them is only what a kernel before 4.3 cannot do and does not need. By number: glibc has no function.
 */
static bool drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &head, none) == 0;
}

static bool has_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (syscall(SYS_capget, &head, sets) != 0) {
        return true;
    }
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        if ((sets[i].effective | sets[i].permitted | sets[i].inheritable) != 0) {
            return true;
        }
    }
    return false;
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
           has_capabilities() || setuid(0) == 0 || seteuid(0) == 0;
}

/*
 * Whether other processes of the user, as each worker is one, may trace this one, and read its memory (ptrace(2)). The
 * master is outside of option chroot: whoever could steer it would be too. A process that nobody may trace writes no
 * core dump either (prctl(2), PR_SET_DUMPABLE).
 */
static bool may_be_traced(const forker_server *server)
{
    return fk_process.role == FK_ROLE_WORKER && fk_server_option(server, FK_OPTION_RLIMIT_CORE) > 0;
}

/* Becomes the user. Groups before user, because only root can set them. */
static const char *change_user(const forker_server *server)
{
    const fk_identity *identity = &server->tree.identity;
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
    return setresuid(identity->uid, identity->uid, identity->uid) == 0 ? NULL : "setuid";
}

const char *fk_privilege_drop(const forker_server *server)
{
    if (server->tree.identity.groups == NULL) {
        return NULL;
    }
    clear_securebits();
    if (fk_server_option(server, FK_OPTION_NO_NEW_PRIVS) != 0 && !drop_gains()) {
        return "no_new_privs";
    }
    const char *failed = change_user(server);
    if (failed != NULL) {
        return failed;
    }
    if (!drop_capabilities()) {
        return "capset";
    }
    if (can_return(&server->tree.identity)) {
        errno = EPERM;
        return "dropping root for good";
    }
    return prctl(PR_SET_DUMPABLE, may_be_traced(server), 0, 0, 0) == 0 ? NULL : "dumpable";
}
