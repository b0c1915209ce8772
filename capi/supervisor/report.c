/*
 * What who serves in the background tells the program that has started it: through a pipe, so that start and wait have one
 * thing to wait for.
 */
#include "supervisor/report.h"

#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"

void fk_report_tell(const forker_server *server, bool is_last, int code)
{
    fk_report report = {.is_last = is_last, .code = code};
    if (server->run.background.reporter < 0) {
        return;
    }
    if (code != FORKER_OK) {
        memcpy(report.sentence, server->error, sizeof report.sentence);
    }
    /* Two of them fit into a pipe, and each is written whole: PIPE_BUF is larger. */
    ssize_t written = write(server->run.background.reporter, &report, sizeof report);
    (void)written;
}

void fk_report_up(const forker_server *server)
{
    fk_report_tell(server, false, FORKER_OK);
}

bool fk_report_orphaned(const forker_server *server)
{
    const fk_background *background = &server->run.background;
    return background->kind == FK_BACKGROUND_PROCESS && getppid() != background->peer;
}

void fk_report_forget(forker_server *server)
{
    fk_descriptor_close(&server->run.background.pidfd);
    fk_descriptor_close(&server->run.background.report);
    fk_descriptor_close(&server->run.background.reporter);
}
