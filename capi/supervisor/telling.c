#include "supervisor/telling.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "log/log.h"
#include "supervisor/channel.h"

static fk_message make_message(uint16_t type, uint32_t slot, uint32_t generation, uint32_t length)
{
    fk_message message;
    memset(&message, 0, sizeof message.head + length);
    message.head = (fk_msg){FK_CONTROL_MAGIC, FK_CONTROL_VERSION, type, slot, generation, length};
    return message;
}

/* A master that does not read is hung, and no better than a dead one: another one takes over. */
static void send_message(fk_spawner *spawner, const fk_message *message, int passed)
{
    if (!spawner->master_ready || fk_channel_send(spawner->master.channel, message, passed)) {
        return;
    }
    spawner->master_ready = false;
    if (errno != EPIPE && errno != ECONNRESET) { /* of one that has left already, its exit tells more */
        fk_log(spawner->server, FORKER_LOG_ERROR, "the master does not read its messages: %s; replacing it",
               strerror(errno));
        (void)kill(spawner->master.pid, SIGKILL);
    }
}

void fk_tell(fk_spawner *spawner, uint16_t type, const void *payload, size_t length)
{
    fk_message message = make_message(type, 0, 0, (uint32_t)length);
    if (length > 0) {
        memcpy(message.payload.text, payload, length);
    }
    send_message(spawner, &message, -1);
}

void fk_tell_number(fk_spawner *spawner, uint16_t type, int32_t number, int passed)
{
    fk_message message = make_message(type, 0, 0, sizeof number);
    memcpy(message.payload.text, &number, sizeof number);
    send_message(spawner, &message, passed);
}

void fk_tell_worker(fk_spawner *spawner, uint16_t type, uint32_t index)
{
    const fk_slot *slot = fk_server_slot(spawner->server, index);
    const fk_child *child = &spawner->workers[index];
    fk_message message = make_message(type, index, child->generation, sizeof message.payload.worker);
    message.payload.worker = (fk_msg_worker){child->pid, fk_load(&slot->state)};
    send_message(spawner, &message, child->channel);
}

void fk_tell_failed(fk_spawner *spawner, uint32_t index, uint32_t generation, int reason)
{
    fk_message message = make_message(FK_MSG_FAILED, index, generation, sizeof message.payload.failed);
    message.payload.failed.error = reason;
    send_message(spawner, &message, -1);
}

void fk_tell_exited(fk_spawner *spawner, uint32_t index, pid_t pid, int status, bool served)
{
    uint32_t generation = spawner->workers[index].generation;
    fk_message message = make_message(FK_MSG_EXITED, index, generation, sizeof message.payload.exit);
    message.payload.exit = (fk_msg_exit){pid, status, served};
    send_message(spawner, &message, -1);
}
