/*
 * A file server. Start it with `build/files` (or `build/files 127.0.0.1:9000 /some/directory`), then open
 * http://localhost:8080/ in a browser: it lists the directory, plays films from any place on, and asks for a file again
 * only when that has changed.
 *
 * With a third argument it wants to be asked with that as the password, whatever the user is called:
 * `build/files :8080 . secret`, and `curl -u me:secret http://localhost:8080/`. No path passes by that, since a directory
 * is a route like others.
 *
 * End it with Ctrl-C.
 */
#include <forker.h>

#include <stdio.h>
#include <string.h>

/* What is behind the colon of the credentials in base64 (RFC 7617), or "" if there are none. */
static void read_password(const char *field, char *password, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = 0;
    unsigned bits = 0, count = 0;
    int behind_colon = 0;
    password[0] = '\0';
    if (field == NULL || strncmp(field, "Basic ", 6) != 0)
        return;
    for (const char *p = field + 6; *p != '\0' && strchr(digits, *p) != NULL; p++) {
        bits = bits << 6 | (unsigned)(strchr(digits, *p) - digits);
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        char c = (char)(bits >> count & 0xff);
        if (behind_colon && len + 1 < size)
            password[len++] = c;
        behind_colon |= c == ':';
    }
    password[len] = '\0';
}

/* Called before each file, and for all that is not there. */
static int ask_for_password(forker_request *req, void *user) {
    char password[256];
    read_password(forker_request_header(req, "Authorization", NULL), password, sizeof password);
    /* In this comparison each byte is looked at, so that its time tells nothing. */
    const char *wanted = user;
    size_t len = strlen(wanted);
    int differ = strlen(password) != len;
    for (size_t i = 0; i < len; i++)
        differ |= password[i < strlen(password) ? i : 0] ^ wanted[i];
    if (!differ)
        return FORKER_NEXT;
    forker_response_header_set(req, "WWW-Authenticate", "Basic realm=\"files\", charset=\"UTF-8\"");
    return forker_respond_error(req, 401, NULL);
}

int main(int argc, char **argv) {
    forker_server *srv = forker_server_new();
    forker_server_set(srv, "static_listing", "on");
    forker_server_set(srv, "static_cache_control", "*=no-cache"); /* ask whether it has changed */
    if (argc > 3)
        forker_group_use(forker_server_group(srv, ""), ask_for_password, NULL, argv[3]);
    forker_server_static(srv, "", argc > 2 ? argv[2] : ".", NULL);
    forker_server_listen(srv, argc > 1 ? argv[1] : ":8080");
    return forker_server_run(srv) == FORKER_OK ? 0 : 1; /* the log says why */
}
