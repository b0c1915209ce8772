/*
 * Redirects, and the names of files that are saved: text that often comes from a client, and must stay what it is in a field. A
 * location that is a path cannot lead to another host: browsers take "//", "/\" and "/<TAB>/" for that.
 */
#include <string.h>

#include "base/ascii.h"
#include "exchange/block.h"
#include "exchange/exchange.h"
#include "exchange/response.h"

enum { LOCATION_MAX = 8192, NAME_MAX_BYTES = 1024 };

static const char hex[] = "0123456789ABCDEF";

/* Whether a byte can stand in a URI as it is; an escape that is there already stays. */
static bool is_uri(char c)
{
    return fk_ascii_is_letter(c) || fk_ascii_is_digit(c) || (c != '\0' && strchr("-._~:/?#[]@!$&'()*+,;=%", c) != NULL);
}

/* attr-char of RFC 8187 section 3.2.1. */
static bool is_attr(char c)
{
    return fk_ascii_is_letter(c) || fk_ascii_is_digit(c) || (c != '\0' && strchr("!#$&+-.^_`|~", c) != NULL);
}

/* Appends a text with each other byte as its escape. `out` has room for three times as much, and a NUL. */
static char *escape(char *out, const char *text, bool (*stays)(char c))
{
    for (; *text != '\0'; text++) {
        if (stays(*text)) {
            *out++ = *text;
            continue;
        }
        *out++ = '%';
        *out++ = hex[(unsigned char)*text >> 4];
        *out++ = hex[(unsigned char)*text & 15];
    }
    *out = '\0';
    return out;
}

/* Where a URI of http or https has its host; NULL: it is none. */
static const char *host_of(const char *location)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = strlen(schemes[i]);
        if (strlen(location) > len && fk_ascii_same(location, schemes[i], len)) {
            return location + len;
        }
    }
    return NULL;
}

/* What is wrong with a location, or NULL. */
static const char *location_fault(const char *location)
{
    if (location == NULL) {
        return "location is NULL";
    }
    if (strlen(location) > LOCATION_MAX) {
        return "a location has at most 8192 bytes";
    }
    const char *host = host_of(location);
    if (location[0] != '/' && location[0] != '?' && host == NULL) {
        return "a location begins with \"/\", \"?\", \"http://\" or \"https://\"";
    }
    if (host != NULL && (host[0] == '\0' || strchr("/\\?#", host[0]) != NULL)) {
        return "there is no host behind the scheme";
    }
    return NULL;
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

int forker_respond_redirect(forker_request *req, int status, const char *location)
{
    static const char verb[] = "respond_redirect";
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (!is_redirect(status)) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "%s: status %d is none of 301, 302, 303, 307 and 308", verb,
                       status);
    }
    const char *fault = location_fault(location);
    if (fault != NULL) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "%s: %s", verb, fault);
    }
    char *text = fk_text_new(req, strlen(location) * 3 + 1);
    if (text == NULL) {
        return fk_fail(&req->failure, FORKER_E_MEMORY, "%s: no memory for the location", verb);
    }
    bool is_path = location[0] == '/';
    if (is_path) { /* of several slashes one stays */
        text[0] = '/';
        location += strspn(location, "/\\");
    }
    (void)escape(text + is_path, location, is_uri);
    int code = fk_response_unwritten(req, &req->failure, verb);
    if (code == FORKER_OK) {
        code = fk_response_set(req, &req->failure, verb, "Location", text);
    }
    return code == FORKER_OK
               ? fk_respond(req, &req->failure, verb, &(fk_text_response){.status = status, .body = "", .len = 0})
               : code;
}

/* How many bytes the UTF-8 character at `text` has; 0: it is none. */
static size_t character(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t len = c[0] < 0x80                   ? 1
                 : c[0] >= 0xc2 && c[0] < 0xe0 ? 2
                 : (c[0] & 0xf0) == 0xe0       ? 3
                 : c[0] >= 0xf0 && c[0] < 0xf5 ? 4
                                               : 0;
    for (size_t i = 1; i < len; i++) {
        if ((c[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool bad = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) || (c[0] == 0xf0 && c[1] < 0x90) ||
               (c[0] == 0xf4 && c[1] > 0x8f);
    return bad ? 0 : len;
}

/* Writes a name for clients that know ASCII only. false: it is not UTF-8. */
static bool write_plain(char *out, const char *name, bool *same_out)
{
    *same_out = true;
    while (*name != '\0') {
        size_t len = character(name);
        bool plain = len == 1 && !fk_ascii_is_control(*name) && strchr("\"\\%/", *name) == NULL;
        if (len == 0) {
            return false;
        }
        *out++ = plain ? *name : '_';
        *same_out = *same_out && plain;
        name += len;
    }
    *out = '\0';
    return true;
}

int forker_response_attachment(forker_request *req, const char *filename, int in_page)
{
    static const char verb[] = "attachment";
    char plain[NAME_MAX_BYTES + 1], clean[NAME_MAX_BYTES + 1], value[NAME_MAX_BYTES * 4 + 64];
    bool same;
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    const char *kind = in_page != 0 ? "inline" : "attachment";
    if (filename == NULL) {
        return fk_response_set(req, &req->failure, verb, "Content-Disposition", kind);
    }
    if (strlen(filename) > NAME_MAX_BYTES || !write_plain(plain, filename, &same)) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "%s: the name is not UTF-8, or has more than %d bytes", verb,
                       NAME_MAX_BYTES);
    }
    size_t len = 0; /* RFC 6266 section 4.3: no path, and nothing that a file system could take for one */
    for (const char *p = filename; *p != '\0'; p++) {
        clean[len++] = (char)(fk_ascii_is_control(*p) || *p == '/' || *p == '\\' ? '_' : *p);
    }
    clean[len] = '\0';
    char *end = stpcpy(stpcpy(stpcpy(stpcpy(value, kind), "; filename=\""), plain), "\"");
    if (!same) {
        (void)escape(stpcpy(end, "; filename*=UTF-8''"), clean, is_attr);
    }
    return fk_response_set(req, &req->failure, verb, "Content-Disposition", value);
}
