/* The spawner's end of the control protocol. */
#include "supervisor/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/descriptor.h"

bool fk_channel_pair(int ends[2])
{
    bool made = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0;
    return fk_descriptor_raise_pair(made, ends);
}

bool fk_channel_send(int fd, const fk_message *message, int passed)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {(void *)(uintptr_t)message, sizeof message->head + message->head.length};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
    if (passed >= 0) {
        memset(&control, 0, sizeof control);
        packet.msg_control = &control;
        packet.msg_controllen = sizeof control;
        struct cmsghdr *rights = CMSG_FIRSTHDR(&packet);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof passed);
        memcpy(CMSG_DATA(rights), &passed, sizeof passed);
    }
    ssize_t sent;
    do {
        sent = sendmsg(fd, &packet, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

/*
 * recv(2) and not recvmsg(2): descriptors for which there is no room are never installed here (unix(7), SCM_RIGHTS).
 */
static ssize_t receive_once(int fd, fk_message *message)
{
    ssize_t len;
    do { /* ECONNRESET tells once that the other end left unread packets; it comes before those that wait here */
        len = recv(fd, message, sizeof *message, MSG_DONTWAIT);
    } while (len < 0 && (errno == EINTR || errno == ECONNRESET));
    return len;
}

/* Whether a payload has the length of its type; a GIVE_UP is a number and text, for which a NUL is left. */
static bool has_its_length(const fk_msg *head)
{
    switch (head->type) {
    case FK_MSG_KILL:
        return head->length == sizeof(fk_msg_kill);
    case FK_MSG_GIVE_UP:
        return head->length >= sizeof(int32_t) && head->length < FK_CONTROL_MAX;
    default:
        return head->length == 0;
    }
}

fk_received fk_channel_receive(int fd, fk_message *message)
{
    memset(message, 0, sizeof *message);
    ssize_t len = receive_once(fd, message);
    if (len == 0) { /* An end can overtake the last packets, once: see Socket.recv in prefork/control */
        len = receive_once(fd, message);
    }
    if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return FK_RECEIVED_NOTHING;
    }
    if (len < (ssize_t)sizeof message->head || message->head.magic != FK_CONTROL_MAGIC ||
        message->head.version != FK_CONTROL_VERSION || (size_t)len != sizeof message->head + message->head.length ||
        !has_its_length(&message->head)) {
        return FK_RECEIVED_END;
    }
    return FK_RECEIVED;
}
