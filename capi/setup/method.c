/* Methods. What is checked here is what router.parseMethods of package engine/router would refuse in every worker. */
#include "setup/method.h"

#include <string.h>

#include "base/ascii.h"

enum { LIST_MAX = 512 };

/* RFC 9110 section 9.3 and RFC 5789, but for CONNECT. */
static const char *const standard[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"};

/* The name behind one of a list; NULL: it is the last. */
static const char *next_name(const char *name)
{
    const char *comma = strchr(name, ',');
    return comma != NULL ? comma + 1 : NULL;
}

static size_t name_len(const char *name)
{
    return strcspn(name, ",");
}

static bool is_same(const char *name, const char *other)
{
    return name_len(name) == name_len(other) && memcmp(name, other, name_len(name)) == 0;
}

static bool is_any(const char *methods)
{
    return strcmp(methods, "*") == 0;
}

/* Whether a name is `other` but for its case. */
static bool is_variant(const char *name, const char *other)
{
    return name_len(name) == strlen(other) && fk_ascii_same(name, other, strlen(other));
}

static bool is_standard(const char *name)
{
    for (size_t i = 0; i < sizeof standard / sizeof *standard; i++) {
        if (is_same(name, standard[i])) {
            return true;
        }
    }
    return false;
}

/* Whether a name is two with something else than a comma in between, which is a token for all that: "GET|POST". */
static bool is_glued(const char *name)
{
    for (size_t i = 0; i < sizeof standard / sizeof *standard; i++) {
        size_t len = strlen(standard[i]);
        if (name_len(name) > len && fk_ascii_same(name, standard[i], len) && strchr("|+&", name[len]) != NULL) {
            return true;
        }
    }
    return false;
}

static const char *name_fault(const char *name)
{
    size_t len = fk_ascii_token_len(name);
    if (len == 0 || len != name_len(name)) {
        return "methods are \"*\" or names separated by single commas, such as \"GET,POST\"";
    }
    if (is_glued(name)) {
        return "methods are separated by commas: write \"GET,POST\"";
    }
    if (len > FK_METHOD_MAX) {
        return "a method has more than 24 characters";
    }
    if (is_same(name, "*")) {
        return "\"*\" is every method, and stands alone";
    }
    if (is_variant(name, "CONNECT")) {
        return "CONNECT is for proxies and not served";
    }
    for (size_t i = 0; i < sizeof standard / sizeof *standard; i++) {
        if (is_variant(name, standard[i]) && !is_same(name, standard[i])) {
            return "the case of a method matters: the standard ones are in capitals";
        }
    }
    return NULL;
}

const char *fk_methods_fault(const char *methods)
{
    const char *fault = NULL;
    if (is_any(methods)) {
        return NULL;
    }
    if (strlen(methods) > LIST_MAX) {
        return "the list of methods is too long";
    }
    for (const char *name = methods; name != NULL && fault == NULL; name = next_name(name)) {
        fault = name_fault(name);
    }
    return fault;
}

bool fk_methods_overlap(const char *a, const char *b)
{
    if (is_any(a) || is_any(b)) {
        return true;
    }
    for (const char *name = a; name != NULL; name = next_name(name)) {
        for (const char *other = b; other != NULL; other = next_name(other)) {
            if (is_same(name, other)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_noted(const forker_server *server, const char *name)
{
    for (uint32_t i = 0; i < server->routing.method_count; i++) {
        if (is_same(name, server->routing.methods[i])) {
            return true;
        }
    }
    return false;
}

bool fk_methods_note(forker_server *server, const char *methods)
{
    uint32_t before = server->routing.method_count;
    for (const char *name = methods; name != NULL && !is_any(methods); name = next_name(name)) {
        if (is_standard(name) || is_noted(server, name)) {
            continue;
        }
        if (server->routing.method_count == FK_METHODS_MAX) {
            server->routing.method_count = before;
            return false;
        }
        char *noted = server->routing.methods[server->routing.method_count++];
        memcpy(noted, name, name_len(name));
        noted[name_len(name)] = '\0';
    }
    return true;
}
