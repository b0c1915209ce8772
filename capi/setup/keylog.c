/* The key log of option tls_key_log. */
#include "setup/keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/descriptor.h"
#include "base/path.h"
#include "log/log.h"
#include "setup/certificate.h"

static int refuse(forker_server *server, const char *reason)
{
    fk_keylog_close(server);
    return fk_server_fail(server, FORKER_E_SYSTEM, "%s: key log %s (option tls_key_log): %s", server->run.verb,
                          server->options[FK_OPTION_TLS_KEY_LOG].text, reason);
}

int fk_keylog_open(forker_server *server)
{
    char path[FK_PATH_ROOM];
    struct stat file;
    if (server->options[FK_OPTION_TLS_KEY_LOG].text[0] == '\0' || !fk_certificates_are_used(server)) {
        return FORKER_OK;
    }
    server->logs.keylog_fd = fk_descriptor_raise(
        open(fk_path_of(server, FK_OPTION_TLS_KEY_LOG, path),
             O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, S_IRUSR | S_IWUSR));
    if (server->logs.keylog_fd < 0 || fstat(server->logs.keylog_fd, &file) != 0) {
        return refuse(server, strerror(errno));
    }
    if (!S_ISREG(file.st_mode) || (file.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return refuse(server, "it must be a regular file that only its owner may use (mode 0600)");
    }
    fk_log(server, FORKER_LOG_WARN,
           "option tls_key_log is on: whoever reads %s can decrypt all TLS traffic of this server; it is for debugging",
           path);
    return FORKER_OK;
}

void fk_keylog_close(forker_server *server)
{
    fk_descriptor_close(&server->logs.keylog_fd);
}
