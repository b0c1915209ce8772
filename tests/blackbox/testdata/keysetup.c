/* What groups can be told about keys and passwords, and how secrets are compared. */
#include "check.h"

static int good(forker_request *req, const char *key, size_t len, void *user)
{
    (void)req;
    (void)key;
    (void)len;
    (void)user;
    return FORKER_NEXT;
}

static int right(forker_request *req, const char *name, const char *password, void *user)
{
    (void)req;
    (void)name;
    (void)password;
    (void)user;
    return FORKER_NEXT;
}

static const struct {
    const char *sources, *sentence;
} wrong[] = {
    {"", "key_auth: \"\": it begins with none of header:, query:, cookie: and form:"},
    {"X-API-Key", "key_auth: \"X-API-Key\": it begins with none of header:, query:, cookie: and form:"},
    {"header:X-Key, heder:Y", "key_auth: \" heder:Y\": it begins with none of header:, query:, cookie: and form:"},
    {"header:X-Key,", "key_auth: \"\": it begins with none of header:, query:, cookie: and form:"},
    {"query:", "key_auth: \"query:\": it names nothing behind the colon"},
    {"header:X Key", "key_auth: \"header:X Key\": the name is not a token"},
    {"cookie:a=b", "key_auth: \"cookie:a=b\": the name is not a token"},
    {"header::Bearer", "key_auth: \"header::Bearer\": it names nothing behind the colon"},
    {"header:X-Key:", "key_auth: \"header:X-Key:\": a scheme is a word such as Bearer"},
    {"header:X-Key:a b", "key_auth: \"header:X-Key:a b\": a scheme is a word such as Bearer"},
    {"header:authorization",
     "key_auth: \"header:authorization\": Authorization has a scheme before the key; write it, as in "
     "header:Authorization:Bearer"},
    {"header:Authorization:basic", "key_auth: \"header:Authorization:basic\": Basic has a name and a password; see "
                                   "forker_group_basic_auth()"},
    {"query:1,query:2,query:3,query:4,query:5,query:6,query:7,query:8,query:9",
     "key_auth: \"query:9\": there are 8 before it, which is the most"},
};

static void check_sources(forker_group *group, forker_server *server)
{
    static const char *const fine[] = {"header:X-API-Key", "header:Authorization:Bearer , query:a key,cookie:sid",
                                       "form:key", "query:a:b",
                                       "query:1,query:2,query:3,query:4,query:5,query:6,query:7,query:8"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_CODE(forker_group_key_auth(group, wrong[i].sources, good, NULL), FORKER_E_INVALID);
        CHECK_TEXT(forker_server_error(server), wrong[i].sentence);
    }
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        CHECK_CODE(forker_group_key_auth(group, fine[i], good, NULL), FORKER_OK);
    }
    CHECK_CODE(forker_group_key_auth(group, NULL, good, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_group_key_auth(group, "query:key", NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_group_basic_auth(group, NULL, NULL), FORKER_E_INVALID);
}

/* 64 functions are the most of a group, and what these count is the same list. */
static void check_limit(forker_server *server)
{
    forker_group *group = forker_server_group(server, "/full");
    for (int i = 0; i < 64; i++) {
        CHECK_CODE(i % 2 == 0 ? forker_group_key_auth(group, "query:key", good, NULL)
                              : forker_group_basic_auth(group, right, NULL),
                   FORKER_OK);
    }
    CHECK_CODE(forker_group_key_auth(group, "query:key", good, NULL), FORKER_E_LIMIT);
    CHECK_TEXT(forker_server_error(server),
               "key_auth: the group /full has 64 pairs of functions already, which is the most");
    CHECK_CODE(forker_group_basic_auth(group, right, NULL), FORKER_E_LIMIT);
}

static int may_read(forker_request *req, const char *origin, void *user)
{
    (void)req;
    (void)origin;
    (void)user;
    return 0;
}

/* One function judges about origins for a group. */
static void check_origins(forker_server *server)
{
    forker_group *group = forker_server_group(server, "/origins");
    CHECK_CODE(forker_group_on_origin(group, NULL, NULL), FORKER_E_INVALID);
    CHECK_TEXT(forker_server_error(server), "on_origin: may_read is NULL");
    CHECK_CODE(forker_group_on_origin(group, may_read, NULL), FORKER_OK);
    CHECK_CODE(forker_group_on_origin(group, may_read, NULL), FORKER_E_STATE);
    CHECK_TEXT(forker_server_error(server), "on_origin: the group /origins has a function already");
    CHECK_CODE(forker_group_on_origin(forker_group_group(group, "/in"), may_read, NULL), FORKER_OK);
}

static void check_secrets(void)
{
    static const struct {
        const char *given;
        size_t len;
        const char *secret;
        int same;
    } rows[] = {
        {"secret", 6, "secret", 1},
        {"secres", 6, "secret", 0},
        {"Secret", 6, "secret", 0},
        {"secre", 5, "secret", 0},
        {"secrett", 7, "secret", 0},
        {"secret\0", 7, "secret", 0},
        {"", 0, "secret", 0},
        {"", 0, "", 1},
        {"\0", 1, "", 0},
        {"a", 1, "", 0},
        {"secret\0x", 8, "secret", 0},
        {"\xff\x80", 2, "\xff\x80", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_CODE(forker_same_secret(rows[i].given, rows[i].len, rows[i].secret), rows[i].same);
    }
}

int main(void)
{
    forker_server *server = forker_server_new();
    forker_group *group = forker_server_group(server, "/admin");
    check_secrets();
    check_sources(group, server);
    check_limit(server);
    check_origins(server);
    forker_server_free(server);
    return check_exit_status();
}
