/* The option table, its parser and its introspection. */
#include "setup/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/server.h"
#include "log/log.h"
#include "setup/account.h"
#include "setup/admin.h"
#include "setup/advice.h"
#include "setup/gatetext.h"
#include "setup/logtext.h"
#include "setup/nearest.h"
#include "setup/network.h"
#include "setup/setup.h"
#include "setup/statictext.h"

#define PREFIX "FORKER_" /* of the variables that set options */

enum option_type {
    NUMBER,
    SIZE,
    DURATION,
    MODE,
    CHOICE,
    TEXT,
    USER,
    GROUP,
    DIRECTORY,
    ADDRESS,
    NETWORKS,
    RATE,
    ORIGINS,
    NAMES,
    KEYS,
    FILE_NAME,
    RULES,
    TYPES,
    MEDIA_TYPES,
    LOG_FIELDS
};

static const char *const type_names[] = {
    "number",   "size", "duration", "mode",  "choice", "text", "user",  "group", "directory",   "address",
    "networks", "rate", "origins",  "names", "keys",   "file", "rules", "types", "media types", "log fields"};

struct forker_option {
    const char *name;
    enum option_type type;
    const char *initial;
    const char *words;
    const char *least;
    const char *most;
    const char *bounds;
    bool reloadable;
    const char *description;
};

#define BOUNDS_NUMBER(words, least, most) words least " to " most
#define BOUNDS_SIZE BOUNDS_NUMBER
#define BOUNDS_DURATION BOUNDS_NUMBER
#define BOUNDS_MODE BOUNDS_NUMBER
#define BOUNDS_CHOICE(words, least, most) words
#define BOUNDS_TEXT(words, least, most) "at most 1023 bytes, no control characters"
#define BOUNDS_USER(words, least, most) "empty, or the name or number of one that is not root"
#define BOUNDS_GROUP(words, least, most) "empty, or the name or number of one"
#define BOUNDS_DIRECTORY(words, least, most) "empty, or the absolute path of one that exists"

#define BOUNDS_ADDRESS(words, least, most) "empty, \"unix:/path\", or an address of 127.0.0.0/8 or [::1] with a port"

#define BOUNDS_FILE_NAME(words, least, most)                                                                           \
    "empty, or the name of a file below the directory, no part of which begins with a dot"
#define BOUNDS_RULES(words, least, most) "empty, or patterns with values, such as *.js=max-age=600; *=no-cache"
#define BOUNDS_TYPES(words, least, most)                                                                               \
    "empty, or endings with media types, such as wasm=application/wasm, log=text/plain"
#define BOUNDS_MEDIA_TYPES(words, least, most) "empty, or media types such as text/html, text/*, separated by commas"
#define BOUNDS_LOG_FIELDS(words, least, most)                                                                          \
    "empty, or up to 16 of request_id, route, client and header:name, separated by commas"
#define BOUNDS_KEYS(words, least, most) "empty, or keys of 32 bytes or more, separated by commas"
#define BOUNDS_NETWORKS(words, least, most)                                                                            \
    "empty, or addresses, networks such as 10.0.0.0/8, and unix for unix sockets, separated by commas"

#define BOUNDS_RATE(words, least, most)                                                                                \
    "empty, or a count by s, m or h, perhaps with burst= and by=: 100/s burst=200 by=client; a burst takes a day at "  \
    "most"
#define BOUNDS_ORIGINS(words, least, most) "empty, or origins such as https://example.org, separated by commas, or *"
#define BOUNDS_NAMES(words, least, most) "empty, or names of fields, separated by commas, or *"

static const struct forker_option options[FK_OPTION_COUNT] = {
#define ROW(id, name, type, initial, words, least, most, reloadable, description)                                      \
    {name, type, initial, words, least, most, BOUNDS_##type(words, least, most), reloadable, description},
    FK_OPTIONS(ROW)
#undef ROW
};

typedef struct {
    const char *name;
    int64_t factor;
} unit;

static const unit size_units[] = {{"", 1},        {"k", 1 << 10},          {"m", 1 << 20},
                                  {"g", 1 << 30}, {"t", (int64_t)1 << 40}, {NULL, 0}};
static const unit duration_units[] = {
    {"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"m", 60 * 1000000000LL}, {"h", 3600 * 1000000000LL},
    {NULL, 0}};
static const unit number_units[] = {{"", 1}, {NULL, 0}};

/* Parses digits and one of `units`. "0" needs no unit. */
static bool parse_quantity(const char *text, const unit *units, int64_t *number_out)
{
    int64_t number = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *p - '0', &number)) {
            return false;
        }
    }
    if (p == text) {
        return false;
    }
    if (number == 0 && *p == '\0') {
        *number_out = 0;
        return true;
    }
    for (const unit *u = units; u->name != NULL; u++) {
        if (strcmp(p, u->name) == 0) {
            return !__builtin_mul_overflow(number, u->factor, number_out);
        }
    }
    return false;
}

static bool parse_mode(const char *text, int64_t *number_out)
{
    int64_t number = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 5) {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '7') {
            return false;
        }
        number = number * 8 + (*text - '0');
    }
    *number_out = number;
    return true;
}

static bool parse_choice(const char *words, const char *text, int64_t *number_out)
{
    size_t len = strlen(text);
    for (int64_t i = 0;; i++) {
        size_t word = strcspn(words, "|");
        if (word == len && memcmp(words, text, len) == 0) {
            *number_out = i;
            return true;
        }
        if (words[word] == '\0') {
            return false;
        }
        words += word + 1;
    }
}

static bool parse_text(const char *text, int64_t *number_out)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if (fk_ascii_is_control(text[i])) {
            return false;
        }
    }
    *number_out = (int64_t)len;
    return len < FK_OPTION_TEXT_MAX;
}

static bool parse_user(const char *text, int64_t *number_out)
{
    uid_t uid = 0;
    bool found = fk_account_user(text, &uid);
    *number_out = uid;
    return found && uid != 0;
}

static bool parse_group(const char *text, int64_t *number_out)
{
    gid_t gid = 0;
    bool found = fk_account_group(text, &gid);
    *number_out = gid;
    return found;
}

static bool parse_directory(const char *text, int64_t *number_out)
{
    struct stat file;
    return parse_text(text, number_out) && text[0] == '/' && stat(text, &file) == 0 && S_ISDIR(file.st_mode);
}

/* Whether a list of secrets has none that could be guessed. */
static bool are_keys(const char *text)
{
    enum { KEY_LEAST = 32 };
    for (;;) {
        text += strspn(text, " ");
        size_t len = strcspn(text, ",");
        const char *next = text + len;
        while (len > 0 && text[len - 1] == ' ') {
            len--;
        }
        if (len < KEY_LEAST) {
            return false;
        }
        if (*next == '\0') {
            return true;
        }
        text = next + 1;
    }
}

/* What the system, and not this table, knows. Empty is none. */
static bool parse_name(enum option_type type, const char *text, int64_t *number_out)
{
    *number_out = -1;
    if (text[0] == '\0') {
        return true;
    }
    switch (type) {
    case USER:
        return parse_user(text, number_out);
    case GROUP:
        return parse_group(text, number_out);
    case DIRECTORY:
        return parse_directory(text, number_out);
    case NETWORKS:
        return parse_text(text, number_out) && fk_networks_are(text);
    case RATE:
        return parse_text(text, number_out) && fk_rate_is(text);
    case ORIGINS:
        return parse_text(text, number_out) && fk_origins_are(text);
    case NAMES:
        return parse_text(text, number_out) && fk_names_are(text);
    case KEYS:
        return parse_text(text, number_out) && are_keys(text);
    case FILE_NAME:
        return parse_text(text, number_out) && fk_file_name_is(text);
    case RULES:
        return parse_text(text, number_out) && fk_cache_rules_are(text);
    case MEDIA_TYPES:
        return parse_text(text, number_out) && fk_media_ranges_are(text);
    case TYPES:
        return parse_text(text, number_out) && fk_media_types_are(text);
    case LOG_FIELDS:
        return parse_text(text, number_out) && fk_log_fields_are(text);
    default:
        return parse_text(text, number_out) && fk_admin_is_address(text);
    }
}

static bool parse_as(enum option_type type, const char *text, int64_t *number_out)
{
    switch (type) {
    case SIZE:
        return parse_quantity(text, size_units, number_out);
    case DURATION:
        return parse_quantity(text, duration_units, number_out);
    case MODE:
        return parse_mode(text, number_out);
    default:
        return parse_quantity(text, number_units, number_out);
    }
}

bool fk_option_parse(int id, const char *text, int64_t *number_out)
{
    const struct forker_option *option = &options[id];
    if (strlen(text) >= FK_OPTION_TEXT_MAX) {
        return false;
    }
    if (option->type == CHOICE) {
        return parse_choice(option->words, text, number_out);
    }
    if (option->type == TEXT) {
        return parse_text(text, number_out);
    }
    if (option->type >= USER) {
        return parse_name(option->type, text, number_out);
    }
    size_t word = strcspn(option->words, ",");
    if (word > 0 && strlen(text) == word && memcmp(text, option->words, word) == 0) {
        *number_out = -1;
        return true;
    }
    int64_t least, most;
    return parse_as(option->type, text, number_out) && parse_as(option->type, option->least, &least) &&
           parse_as(option->type, option->most, &most) && *number_out >= least && *number_out <= most;
}

/* What stands before the name of the option's type in a sentence. */
static const char *article(int id)
{
    if (options[id].type == NETWORKS || options[id].type == ORIGINS || options[id].type == NAMES ||
        options[id].type == KEYS || options[id].type == RULES || options[id].type == TYPES ||
        options[id].type == MEDIA_TYPES || options[id].type == LOG_FIELDS) {
        return "a list of";
    }
    return options[id].type == ADDRESS ? "an" : "a";
}

int fk_option_find(const char *name)
{
    for (int i = 0; i < FK_OPTION_COUNT; i++) {
        if (strcmp(options[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* The name that is nearest to `name`, and no farther than `limit`; or NULL. */
static const char *nearest_within(const char *name, size_t limit)
{
    const char *nearest = NULL;
    for (int i = 0; i < FK_OPTION_COUNT; i++) {
        size_t distance = fk_distance(name, options[i].name);
        if (distance <= limit) {
            limit = distance - (distance > 0);
            nearest = options[i].name;
        }
    }
    return nearest;
}

const char *fk_option_nearest(const char *name)
{
    return nearest_within(name, fk_distance_most(name));
}

const forker_option *forker_option_at(size_t index)
{
    return index < FK_OPTION_COUNT ? &options[index] : NULL;
}

const char *forker_option_name(const forker_option *option)
{
    return option != NULL ? option->name : NULL;
}

const char *forker_option_type(const forker_option *option)
{
    return option != NULL ? type_names[option->type] : NULL;
}

const char *forker_option_default(const forker_option *option)
{
    return option != NULL ? option->initial : NULL;
}

const char *forker_option_bounds(const forker_option *option)
{
    return option != NULL ? option->bounds : NULL;
}

const char *forker_option_description(const forker_option *option)
{
    return option != NULL ? option->description : NULL;
}

int forker_option_reloadable(const forker_option *option)
{
    return option != NULL && option->reloadable ? 1 : 0;
}

/* Writes: "10MB" is not a size (0 to 1t): write 10m. */
static void describe_fault(int id, const char *text, char *sentence_out, size_t size)
{
    char advice[FK_ADVICE_MAX];
    fk_advice_value(id, text, advice);
    (void)snprintf(sentence_out, size, "\"%.64s\" is not %s %s (%s)%s", text, article(id), type_names[options[id].type],
                   options[id].bounds, advice);
}

int fk_option_resolve(const char *name, const char *text, char *sentence_out, size_t size)
{
    int id = fk_option_find(name);
    int64_t number;
    if (id < 0) {
        const char *nearest = fk_option_nearest(name);
        int len = snprintf(sentence_out, size, "no option \"%.64s\"", name);
        if (nearest != NULL && len > 0) {
            (void)snprintf(sentence_out + len, size - (size_t)len, "; did you mean \"%s\"?", nearest);
        }
        return -1;
    }
    if (!fk_option_parse(id, text, &number)) {
        int len = snprintf(sentence_out, size, "%s: ", name);
        describe_fault(id, text, sentence_out + len, size - (size_t)len);
        return -1;
    }
    return id;
}

/* Writes a number with the largest of `units` that leaves no rest. */
static void format_quantity(const unit *units, int64_t number, char *text_out)
{
    const unit *best = units;
    for (const unit *u = units; u->name != NULL; u++) {
        best = number % u->factor == 0 ? u : best;
    }
    (void)snprintf(text_out, FK_OPTION_TEXT_MAX, "%lld%s", (long long)(number / best->factor),
                   number == 0 ? "" : best->name);
}

/* Writes word number `index` of those that `words` has, separated by `separator`. */
static void format_word(const char *words, char separator, int64_t index, char *text_out)
{
    for (const char *end; index > 0 && (end = strchr(words, separator)) != NULL; index--) {
        words = end + 1;
    }
    (void)snprintf(text_out, FK_OPTION_TEXT_MAX, "%.*s", (int)(strchrnul(words, separator) - words), words);
}

void fk_option_take_number(fk_option_value *value, int id, int64_t number)
{
    const struct forker_option *option = &options[id];
    if (value->number == number) {
        return;
    }
    value->number = number;
    if (option->type == CHOICE) {
        format_word(option->words, '|', number, value->text);
    } else if (number < 0 && option->words[0] != '\0') {
        format_word(option->words, ',', 0, value->text);
    } else if (option->type == SIZE) {
        format_quantity(size_units, number, value->text);
    } else if (option->type == DURATION) {
        format_quantity(duration_units, number, value->text);
    } else if (option->type == NUMBER) {
        format_quantity(number_units, number, value->text);
    }
}

void fk_option_assign(fk_option_value *value, int id, const char *text)
{
    (void)fk_option_parse(id, text, &value->number);
    memcpy(value->text, text, strlen(text) + 1);
}

int forker_server_set(forker_server *server, const char *name, const char *value)
{
    int refused = fk_setup_refuses(server);
    if (refused != FORKER_OK) {
        return refused;
    }
    if (name == NULL || value == NULL) {
        return fk_setup_fail(server, FORKER_E_INVALID, "set: name or value is NULL");
    }
    char sentence[FK_SENTENCE_MAX / 2];
    int id = fk_option_resolve(name, value, sentence, sizeof sentence);
    if (id < 0) {
        return fk_setup_fail(server, FORKER_E_OPTION, "set: %s", sentence);
    }
    fk_option_value *current = &server->options[id];
    if (!current->from_environment) {
        fk_option_assign(current, id, value);
        current->pinned = server->config.path != NULL;
    }
    return FORKER_OK;
}

const char *forker_server_get(forker_server *server, const char *name)
{
    int id = server != NULL && name != NULL ? fk_option_find(name) : -1;
    return id >= 0 ? server->options[id].text : NULL;
}

/* Warns of one variable. Others that begin with FORKER_ may be the program's own: it must be near to an option. */
static void warn_of_variable(forker_server *server, const char *variable)
{
    char name[48], meant[48];
    size_t len = strcspn(variable, "=") - strlen(PREFIX);
    if (len == 0 || len >= sizeof name) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        name[i] = fk_ascii_lower(variable[strlen(PREFIX) + i]);
    }
    name[len] = '\0';
    const char *nearest = fk_option_find(name) < 0 ? nearest_within(name, len / 3 > 1 ? len / 3 : 1) : NULL;
    if (nearest != NULL) {
        (void)snprintf(meant, sizeof meant, "%s", nearest);
        for (char *p = meant; *p != '\0'; p++) {
            *p = fk_ascii_upper(*p);
        }
        fk_log(server, FORKER_LOG_WARN, "environment: %.*s is no option; did you mean " PREFIX "%s?",
               (int)(strlen(PREFIX) + len), variable, meant);
    }
}

void fk_options_warn_of_variables(forker_server *server)
{
    for (char **variable = environ; variable != NULL && *variable != NULL; variable++) {
        if (strncmp(*variable, PREFIX, strlen(PREFIX)) == 0 && getauxval(AT_SECURE) == 0) {
            warn_of_variable(server, *variable);
        }
    }
}

/* Looks up FORKER_<NAME>. secure_getenv(3): a set-uid program must not be steered by its caller. */
static const char *from_environment(int id, char *variable, size_t size)
{
    size_t len = strlen(PREFIX);
    memcpy(variable, PREFIX, len);
    for (const char *p = options[id].name; *p != '\0' && len + 1 < size; p++) {
        variable[len++] = fk_ascii_upper(*p);
    }
    variable[len] = '\0';
    return secure_getenv(variable);
}

void fk_options_init(forker_server *server)
{
    for (int id = 0; id < FK_OPTION_COUNT; id++) {
        fk_option_value *value = &server->options[id];
        char variable[64];
        const char *text = from_environment(id, variable, sizeof variable);
        if (text != NULL && !fk_option_parse(id, text, &value->number)) {
            char fault[FK_SENTENCE_MAX / 2];
            describe_fault(id, text, fault, sizeof fault);
            fk_setup_fail(server, FORKER_E_OPTION, "environment: %s=%s", variable, fault);
            text = NULL;
        }
        value->from_environment = text != NULL;
        text = text != NULL ? text : options[id].initial;
        memcpy(value->text, text, strlen(text) + 1);
        (void)fk_option_parse(id, text, &value->number);
    }
    server->setup.latest = false; /* the environment is no call of the program's, which could take it back */
}
