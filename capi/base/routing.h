/* What leads a request to its handler: routes, their groups, rewrites, and the methods and values that go with them. */
#ifndef FORKER_ROUTING_H
#define FORKER_ROUTING_H

#include <stdbool.h>
#include <stdint.h>

#include "forker.h"

enum {
    FK_ROUTES_MAX = 65535,
    FK_PARAMS_MAX = 16, /* of a route */
    FK_VALUES_MAX = 16, /* of a request */
    FK_PATTERN_MAX = 1024,
    FK_METHOD_MAX = 24,
    FK_METHODS_MAX = 54,                  /* that are not standard; router.maxNamed */
    FK_FORM_LIMITS = 5,                   /* see FK_FORM_PARTS */
    FK_FORM_OWN = 2,                      /* what the limits of a route have added */
    FK_CALL_OPTIONS = 3,                  /* of methods of gRPC, the first of which is FK_OPTION_GRPC_MAX_MESSAGE */
    FK_GATE_OPTIONS = 16,                 /* that a route can have of its own; gateoption.c */
    FK_OWN_OPTIONS = FK_GATE_OPTIONS + 7, /* those too that say how files are served */
    FK_REWRITES_MAX = 256
};

/* Limits of forms, in the order of their options, the first of which is FK_OPTION_FORM_PARTS. */
enum { FK_FORM_PARTS, FK_FORM_FIELD, FK_FORM_FIELDS, FK_FORM_FILE, FK_FORM_FILES };

/* What a program has set of a route or a group; routeoption.c. */
typedef struct {
    uint32_t option; /* which one */
    char *value;
} fk_setting;

typedef struct {
    fk_setting *items;
    uint32_t count;
} fk_settings;

/* Functions around the handlers of a group; chain.c of exchange. */
typedef struct {
    forker_handler before; /* NULL: none */
    forker_done_fn done;   /* NULL: none */
    void *user;
    bool (*awaits)(forker_request *req, void *user); /* whether before needs the body; NULL: never */
    void (*destroy)(void *user); /* what is made by the library ends so; NULL: it is the program's */
} fk_use;

/* Who says whether pages of an origin may read what is answered; origin.c of exchange. */
typedef struct {
    forker_origin_fn may_read; /* NULL: nobody */
    void *user;
} fk_origin_judge;

/* What a program has of a part of a server; group.c. Those of a server are a list. */
struct forker_group {
    forker_server *server;
    forker_group *around; /* the group that it is in; NULL: it is the server itself */
    char *host;           /* of its routes, in small letters, "*.example.org" too; NULL: any */
    char *prefix;         /* of all patterns in it, with those of the groups around it; "" or "/..." */
    fk_settings settings;
    fk_origin_judge judge; /* its own */
    fk_use *uses;
    uint32_t use_count;
    uint32_t chain_count;
    bool guarded;         /* what is below the prefix and has no route there is the group's too */
    const fk_use **chain; /* of the groups around it too, from outside to inside; made at start */
    forker_group *next;
};

typedef struct {
    char *methods; /* "GET,POST" or "*" */
    char *pattern;
    forker_handler handler;
    void *user;
    uint32_t param_count;
    uint32_t shape;           /* a hash of the pattern without the names of its parameters */
    uint32_t next;            /* another route in the same place of fk_routing.shapes: its index and 1; 0: none */
    uint32_t ordinal;         /* how many routes of the program's there are up to this one */
    char *name;               /* for forker_url(); NULL: it has none */
    forker_group *group;      /* NULL: the server itself */
    bool begins_service;      /* the first method of its service */
    bool adopted;             /* a method of gRPC that is in its group because it is below the prefix */
    fk_settings settings;     /* its own, which go before those of the group */
    char *directory;          /* in place of the handler: its files are served; NULL: none */
    bool follows;             /* likewise: it is the same as the route before, for the prefix of the directory itself */
    bool guards;              /* it has no handler, but the group's functions for what is below the prefix */
    bool pooled;              /* the handler runs on a thread of the pool */
    bool streamed;            /* it is called at the head, and may take the body piece by piece */
    uint8_t grpc;             /* of a method of gRPC its kind, FORKER_GRPC_*, and 1; 0: it is none */
    int64_t max_body;         /* -1: as the option says */
    int64_t handler_timeout;  /* ns and 1; 0: as the option says */
    const char **param_names; /* pieces of `names`, in the order of the pattern */
    char *names;
    const fk_origin_judge *judge;    /* of its group, or the nearest one around that has one; NULL: none */
    const char *own[FK_OWN_OPTIONS]; /* of its settings and its groups': gateoption.c; NULL: as the server says */
    /* Limits of forms, by FK_FORM_*: the limit, or -1 for none, and FK_FORM_OWN; 0: as the option says. */
    int64_t form[FK_FORM_LIMITS];
    /* Of a method of gRPC, in the order of the options: the value and 1; 0: as the option says. */
    int64_t call[FK_CALL_OPTIONS];
} fk_route;

/* A path that stands for another one; rewrite.c. */
typedef struct {
    char *from, *to;
} fk_rewrite;

/* What a program has of a route; those of a server are a list. */
struct forker_route {
    forker_server *server;
    uint32_t index;
    struct forker_route *next;
};

/* Set up before the server runs: by the room of set-up, the slots of values by valueslot.c. */
typedef struct {
    fk_route *routes;
    uint32_t route_count;
    uint32_t route_cap; /* a power of two */
    uint32_t named_count;
    uint32_t *named;  /* the indices of routes that have a name, by it */
    uint32_t *shapes; /* by fk_route.shape, route_cap of them: the index and 1 of the latest such route; 0: none */
    forker_route *route_handles;
    fk_rewrite *rewrites;
    uint32_t rewrite_count;
    forker_group *groups;
    forker_group *root; /* one of them: the server itself; NULL: the program has not asked for it */
    char methods[FK_METHODS_MAX][FK_METHOD_MAX + 1]; /* that routes name and are not standard ones */
    uint32_t method_count;
    forker_release_fn value_destroy[FK_VALUES_MAX]; /* by slot of forker_server_slot() */
    uint32_t value_slots;
} fk_routing;

#endif
