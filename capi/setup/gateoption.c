/* Options about gates, and how files are served, which a route can have of its own. */
#include "setup/gateoption.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "setup/gatetext.h"
#include "setup/option.h"

/* Those about gates go first. */
static const int ids[FK_OWN_OPTIONS] = {
    FK_OPTION_RATE_LIMIT,
    FK_OPTION_SECURITY,
    FK_OPTION_HSTS,
    FK_OPTION_CSP,
    FK_OPTION_CORS_ORIGINS,
    FK_OPTION_CORS_HEADERS,
    FK_OPTION_CORS_EXPOSE,
    FK_OPTION_CORS_MAX_AGE,
    FK_OPTION_CORS_CREDENTIALS,
    FK_OPTION_CSRF,
    FK_OPTION_CSRF_ORIGINS,
    FK_OPTION_COMPRESS,
    FK_OPTION_COMPRESS_TYPES,
    FK_OPTION_BASIC_AUTH,
    FK_OPTION_AUTH_REALM,
    FK_OPTION_DECOMPRESS,
    FK_OPTION_STATIC_INDEX,
    FK_OPTION_STATIC_LISTING,
    FK_OPTION_STATIC_FALLBACK,
    FK_OPTION_STATIC_CACHE_CONTROL,
    FK_OPTION_STATIC_TYPES,
    FK_OPTION_STATIC_ETAG,
    FK_OPTION_STATIC_PRECOMPRESSED,
};

static int place_of(int id)
{
    for (int place = 0; place < FK_OWN_OPTIONS; place++) {
        if (ids[place] == id) {
            return place;
        }
    }
    return -1;
}

int fk_gate_option_find(const char *name)
{
    int id = fk_option_find(name);
    return id >= 0 ? place_of(id) : -1;
}

const char *fk_gate_option_text(const forker_server *server, const fk_route *route, int id)
{
    int place = place_of(id);
    const char *own = route != NULL && place >= 0 ? route->own[place] : NULL;
    return own != NULL ? own : server->options[id].text;
}

const fk_origin_judge *fk_gate_judge(const forker_server *server, const fk_route *route)
{
    const forker_group *root = server->routing.root;
    if (route != NULL) {
        return route->judge;
    }
    return root != NULL && root->judge.may_read != NULL ? &root->judge : NULL;
}

bool fk_gate_option_differs(const forker_server *server, const fk_route *route)
{
    bool differs = fk_gate_judge(server, route) != fk_gate_judge(server, NULL);
    for (int place = 0; place < FK_GATE_OPTIONS; place++) {
        differs = differs || route->own[place] != NULL;
    }
    return differs;
}

bool fk_gate_option_keeps_out(int place)
{
    return ids[place] == FK_OPTION_BASIC_AUTH || ids[place] == FK_OPTION_CSRF;
}

/* The route of that number, or for the last one what holds where there is none. */
static const fk_route *route_at(const forker_server *server, uint32_t index)
{
    return index < server->routing.route_count ? &server->routing.routes[index] : NULL;
}

/* What is wrong with the options that hold for a route, and which option it is; NULL: nothing. */
static const char *fault_of(const forker_server *server, const fk_route *route, const char **option_out)
{
    const char *credentials = fk_gate_option_text(server, route, FK_OPTION_CORS_CREDENTIALS);
    bool all = fk_origins_have_all(fk_gate_option_text(server, route, FK_OPTION_CORS_ORIGINS));
    if (all && fk_gate_judge(server, route) != NULL) {
        *option_out = "cors_origins";
        return "it has *, so that the function of forker_group_on_origin() would never be asked";
    }
    if (strcmp(credentials, "on") == 0 && all) {
        *option_out = "cors_credentials=on";
        return "cors_origins has *, and pages of all sites would act as their users; name the origins";
    }
    if (strcmp(fk_gate_option_text(server, route, FK_OPTION_CSRF), "token") == 0 &&
        server->options[FK_OPTION_COOKIE_KEYS].text[0] == '\0') {
        *option_out = "csrf=token";
        return "option cookie_keys is empty, by which the cookie of a token is signed";
    }
    if (fk_origins_have_all(fk_gate_option_text(server, route, FK_OPTION_CSRF_ORIGINS))) {
        *option_out = "csrf_origins";
        return "* would be all sites, from which csrf protects; name the origins, or set csrf=off";
    }
    return NULL;
}

int fk_gate_options_check(forker_server *server)
{
    for (uint32_t i = 0; i <= server->routing.route_count; i++) {
        const fk_route *route = route_at(server, i);
        bool own = route != NULL && fk_gate_option_differs(server, route);
        const char *option, *fault = fault_of(server, route, &option);
        if (fault != NULL) {
            return fk_server_fail(server, FORKER_E_OPTION, "%s: %s%s%s: %s", server->run.verb, option,
                                  own ? " of route " : "", own ? route->pattern : "", fault);
        }
    }
    return FORKER_OK;
}

static bool has_rate(const forker_server *server)
{
    bool has = false;
    for (uint32_t i = 0; i <= server->routing.route_count; i++) {
        has = has || fk_gate_option_text(server, route_at(server, i), FK_OPTION_RATE_LIMIT)[0] != '\0';
    }
    return has;
}

int fk_gate_rates_open(forker_server *server)
{
    if (!has_rate(server) || server->rates != NULL) {
        return FORKER_OK;
    }
    void *table = mmap(NULL, FK_RATES_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (table == MAP_FAILED) {
        return fk_server_fail(server, FORKER_E_MEMORY, "%s: rate_limit: mmap: %s", server->run.verb, strerror(errno));
    }
    (void)madvise(table, FK_RATES_SIZE, MADV_DONTDUMP);
    if (getrandom(table, FK_RATES_KEY, 0) != FK_RATES_KEY) {
        (void)munmap(table, FK_RATES_SIZE);
        return fk_server_fail(server, FORKER_E_SYSTEM, "%s: rate_limit: getrandom: %s", server->run.verb,
                              strerror(errno));
    }
    server->rates = table;
    return FORKER_OK;
}

void fk_gate_rates_close(forker_server *server)
{
    if (server->rates != NULL) {
        (void)munmap(server->rates, FK_RATES_SIZE);
        server->rates = NULL;
    }
}
