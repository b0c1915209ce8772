/* Descriptors of protobuf, as a program gives them: FileDescriptorSets, which are looked through for all that has a name. */
#include "exchange/descriptors.h"

#include <stdlib.h>
#include <string.h>

#include "exchange/reflection.h"
#include "setup/setup.h"

enum { DEPTH_MOST = 64, SET_MOST = 64 << 20, NAME_MOST = 1024 };

/* What is described. The names of what is in an enum are in the scope of the enum itself, as in C. */
typedef enum { IS_FILE, IS_MESSAGE, IS_ENUM, IS_SERVICE, IS_LEAF, IS_EXTENSION } described_kind;

/* The fields of descriptor.proto that describe something with a name: of what, by which number, and what. */
static const struct {
    described_kind in;
    uint64_t number;
    described_kind kind;
} members[] = {
    {IS_FILE, 4, IS_MESSAGE}, {IS_FILE, 5, IS_ENUM},       {IS_FILE, 6, IS_SERVICE}, {IS_FILE, 7, IS_EXTENSION},
    {IS_MESSAGE, 2, IS_LEAF}, {IS_MESSAGE, 3, IS_MESSAGE}, {IS_MESSAGE, 4, IS_ENUM}, {IS_MESSAGE, 6, IS_EXTENSION},
    {IS_MESSAGE, 8, IS_LEAF}, {IS_ENUM, 2, IS_LEAF},       {IS_SERVICE, 2, IS_LEAF},
};

enum { MEMBERS = sizeof members / sizeof members[0], NAME = 1, PACKAGE = 2, IMPORT = 3, EXTENDEE = 2, NUMBER = 3 };

typedef struct {
    const char *data;
    size_t len;
} text;

/* A set that is being looked through. */
typedef struct {
    forker_server *server;
    fk_descriptors *all;
    uint32_t file;
    bool no_memory;
} scan;

/* ------------------------------------------------------------------------------------------------------------ finding */

static int compare_names(const fk_descriptors *all, const fk_symbol *symbol, const char *name, size_t len)
{
    size_t both = symbol->len < len ? symbol->len : len;
    int order = both > 0 ? memcmp(all->names.data + symbol->name, name, both) : 0;
    return order != 0 ? order : symbol->len < len ? -1 : symbol->len > len ? 1 : 0;
}

static int compare_symbols(const void *a, const void *b, void *all)
{
    const fk_symbol *left = a, *right = b;
    int order = compare_names(all, left, ((const fk_descriptors *)all)->names.data + right->name, right->len);
    return order != 0 ? order : left->number < right->number ? -1 : left->number > right->number ? 1 : 0;
}

/* The first of `count` sorted symbols that is not before this name and number. */
static size_t find_place(const fk_descriptors *all, const fk_block *table, size_t count, uint64_t number, text name)
{
    const fk_symbol *symbols = (const fk_symbol *)(const void *)table->data;
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_names(all, &symbols[middle], name.data, name.len);
        if (order < 0 || (order == 0 && symbols[middle].number < number)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static size_t count_of(const fk_block *table)
{
    return (size_t)table->len / sizeof(fk_symbol);
}

/* The symbol of this name and number among the first `count` of a table. NULL: there is none. */
static const fk_symbol *find(const fk_descriptors *all, const fk_block *table, size_t count, uint64_t number, text name)
{
    size_t place = find_place(all, table, count, number, name);
    if (place == count) {
        return NULL;
    }
    const fk_symbol *found = (const fk_symbol *)(const void *)table->data + place;
    return found->number == number && compare_names(all, found, name.data, name.len) == 0 ? found : NULL;
}

int64_t fk_descriptors_find_file(const fk_descriptors *all, const char *name, size_t len)
{
    for (uint32_t i = 0; i < fk_descriptors_files(all); i++) {
        const fk_described *file = fk_descriptors_file(all, i);
        if (file->name_len == len && memcmp(file->name, name, len) == 0) {
            return i;
        }
    }
    return FK_NO_FILE;
}

int64_t fk_descriptors_find_symbol(const fk_descriptors *all, const char *name, size_t len)
{
    const fk_symbol *found = find(all, &all->symbols, count_of(&all->symbols), 0, (text){name, len});
    return found != NULL ? (int64_t)found->file : FK_NO_FILE;
}

int64_t fk_descriptors_find_extension(const fk_descriptors *all, const char *name, size_t len, uint64_t number)
{
    const fk_symbol *found = find(all, &all->extensions, count_of(&all->extensions), number, (text){name, len});
    return found != NULL ? (int64_t)found->file : FK_NO_FILE;
}

const fk_symbol *fk_descriptors_extensions(const fk_descriptors *all, const char *name, size_t len, size_t *count_out)
{
    size_t count = count_of(&all->extensions), first = find_place(all, &all->extensions, count, 0, (text){name, len});
    const fk_symbol *symbols = (const fk_symbol *)(const void *)all->extensions.data;
    *count_out = 0;
    while (first + *count_out < count && compare_names(all, &symbols[first + *count_out], name, len) == 0) {
        (*count_out)++;
    }
    return *count_out > 0 ? symbols + first : NULL;
}

/* ------------------------------------------------------------------------------------------------------------ reading */

/* The bytes of the last field with this number. Empty: there is none. */
static text bytes_of(text message, uint64_t number)
{
    fk_proto_reader reader = fk_proto_read(message.data, message.len);
    fk_proto_field field;
    text found = {"", 0};
    while (fk_proto_next(&reader, &field) > 0) {
        if (fk_proto_has_bytes(&field, number)) {
            found = (text){field.data, field.len};
        }
    }
    return found;
}

static uint64_t number_of(text message, uint64_t number)
{
    fk_proto_reader reader = fk_proto_read(message.data, message.len);
    fk_proto_field field;
    uint64_t found = 0;
    while (fk_proto_next(&reader, &field) > 0) {
        if (field.number == number && field.type == FK_PROTO_VARINT) {
            found = field.value;
        }
    }
    return found;
}

/* Appends a symbol whose name is that of a scope and its own; `scope` may be empty. false: out of memory. */
static bool add_symbol(scan *s, fk_block *table, text scope, text name, uint64_t number)
{
    fk_block *names = &s->all->names;
    fk_symbol symbol = {.name = (size_t)names->len, .file = s->file, .number = number};
    bool done = fk_block_append(names, scope.data, scope.len) && (scope.len == 0 || fk_block_append(names, ".", 1)) &&
                fk_block_append(names, name.data, name.len);
    symbol.len = (uint32_t)(names->len - symbol.name);
    done = done && fk_block_append(table, &symbol, sizeof symbol);
    s->no_memory = s->no_memory || !done;
    return done;
}

static bool add_extension(scan *s, text extension)
{
    text extendee = bytes_of(extension, EXTENDEE);
    if (extendee.len > 0 && extendee.data[0] == '.') { /* a whole name is written with a dot before it */
        extendee = (text){extendee.data + 1, extendee.len - 1};
    }
    return add_symbol(s, &s->all->extensions, (text){"", 0}, extendee, number_of(extension, NUMBER));
}

static int64_t kind_of(described_kind in, const fk_proto_field *field)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        if (members[i].in == in && fk_proto_has_bytes(field, members[i].number)) {
            return members[i].kind;
        }
    }
    return -1;
}

/*
 * Enters what a descriptor describes, with all that is in it. false: it is malformed, or there is no memory.
 * NOLINTNEXTLINE(misc-no-recursion)
 */
static bool enter(scan *s, described_kind kind, text descriptor, text scope, unsigned depth)
{
    char inner[NAME_MOST];
    text name = bytes_of(descriptor, kind == IS_FILE ? PACKAGE : NAME);
    if (depth > DEPTH_MOST || (name.len == 0 && kind != IS_FILE) || scope.len + name.len + 1 > sizeof inner) {
        return false;
    }
    if (kind != IS_FILE && !add_symbol(s, &s->all->symbols, scope, name, 0)) {
        return false;
    }
    if (kind == IS_EXTENSION && !add_extension(s, descriptor)) {
        return false;
    }
    text within = scope;
    if (kind != IS_ENUM) {
        size_t len = scope.len;
        memcpy(inner, scope.data, len);
        inner[len] = '.';
        len += len > 0 ? 1 : 0;
        memcpy(inner + len, name.data, name.len);
        within = (text){inner, len + name.len};
    }
    fk_proto_reader reader = fk_proto_read(descriptor.data, descriptor.len);
    fk_proto_field field;
    int found;
    while ((found = fk_proto_next(&reader, &field)) > 0) {
        int64_t member = kind_of(kind, &field);
        if (member >= 0 && !enter(s, (described_kind)member, (text){field.data, field.len}, within, depth + 1)) {
            return false;
        }
    }
    return found == 0;
}

static int fail_no_set(const scan *s)
{
    return fk_setup_fail(s->server, FORKER_E_INVALID,
                         "grpc_descriptors: this is no FileDescriptorSet; protoc --descriptor_set_out writes one");
}

static int fail_malformed(const scan *s, text name)
{
    return s->no_memory ? fk_setup_fail(s->server, FORKER_E_MEMORY, "grpc_descriptors: out of memory")
                        : fk_setup_fail(s->server, FORKER_E_INVALID, "grpc_descriptors: %.*s is malformed",
                                        (int)(name.len < NAME_MOST ? name.len : NAME_MOST), name.data);
}

/* Enters a file of a set, unless it is there already. */
static int enter_file(scan *s, text data)
{
    text name = bytes_of(data, NAME);
    if (!fk_proto_is_message(data.data, data.len) || name.len == 0) {
        return fail_no_set(s);
    }
    int64_t before = fk_descriptors_find_file(s->all, name.data, name.len);
    if (before >= 0) {
        const fk_described *file = fk_descriptors_file(s->all, (uint32_t)before);
        return file->len == data.len && memcmp(file->data, data.data, data.len) == 0
                   ? FORKER_OK
                   : fk_setup_fail(s->server, FORKER_E_INVALID, "grpc_descriptors: there are two that are called %.*s",
                                   (int)name.len, name.data);
    }
    fk_described file = {.data = data.data, .len = data.len, .name = name.data, .name_len = name.len};
    s->file = fk_descriptors_files(s->all);
    if (!fk_block_append(&s->all->files, &file, sizeof file)) {
        s->no_memory = true;
        return fail_malformed(s, name);
    }
    return enter(s, IS_FILE, data, (text){"", 0}, 0) ? FORKER_OK : fail_malformed(s, name);
}

/* Notes what a file imports, all of which must be there. */
static int enter_imports(scan *s, uint32_t place)
{
    fk_described *file = (fk_described *)(void *)s->all->files.data + place;
    fk_proto_reader reader = fk_proto_read(file->data, file->len);
    fk_proto_field field;
    file->first_import = (uint32_t)(s->all->imports.len / sizeof(uint32_t));
    while (fk_proto_next(&reader, &field) > 0) {
        if (!fk_proto_has_bytes(&field, IMPORT)) {
            continue;
        }
        int64_t found = fk_descriptors_find_file(s->all, field.data, field.len);
        uint32_t import = (uint32_t)found;
        if (found < 0) {
            return fk_setup_fail(s->server, FORKER_E_INVALID,
                                 "grpc_descriptors: %.*s imports %.*s, which is in no set; protoc --include_imports "
                                 "puts it there",
                                 (int)file->name_len, file->name, (int)field.len, field.data);
        }
        if (!fk_block_append(&s->all->imports, &import, sizeof import)) {
            return fk_setup_fail(s->server, FORKER_E_MEMORY, "grpc_descriptors: out of memory");
        }
        file->imports++;
    }
    return FORKER_OK;
}

/* Sorts what has come to a table behind its first `before` symbols, which are. Fails if one is there twice. */
static int sort(scan *s, fk_block *table, size_t before)
{
    fk_symbol *symbols = (fk_symbol *)(void *)table->data;
    size_t count = count_of(table);
    if (count == before) {
        return FORKER_OK;
    }
    qsort_r(symbols + before, count - before, sizeof *symbols, compare_symbols, s->all);
    for (size_t i = before; i < count; i++) {
        text name = {s->all->names.data + symbols[i].name, symbols[i].len};
        const fk_symbol *twice = find(s->all, table, before, symbols[i].number, name);
        if (i > before && compare_symbols(&symbols[i - 1], &symbols[i], s->all) == 0) {
            twice = &symbols[i - 1];
        }
        if (twice != NULL) {
            const fk_described *one = fk_descriptors_file(s->all, twice->file);
            const fk_described *other = fk_descriptors_file(s->all, symbols[i].file);
            return fk_setup_fail(s->server, FORKER_E_INVALID, "grpc_descriptors: %.*s is in %.*s and in %.*s",
                                 (int)name.len, name.data, (int)one->name_len, one->name, (int)other->name_len,
                                 other->name);
        }
    }
    qsort_r(symbols, count, sizeof *symbols, compare_symbols, s->all);
    return FORKER_OK;
}

static int enter_set(scan *s, text set)
{
    fk_descriptors *all = s->all;
    size_t symbols = count_of(&all->symbols), extensions = count_of(&all->extensions);
    uint32_t files = fk_descriptors_files(all);
    fk_proto_reader reader = fk_proto_read(set.data, set.len);
    fk_proto_field field;
    int found = 0, code = FORKER_OK;
    while (code == FORKER_OK && (found = fk_proto_next(&reader, &field)) > 0) {
        if (fk_proto_has_bytes(&field, 1)) {
            code = enter_file(s, (text){field.data, field.len});
        }
    }
    if (code == FORKER_OK && found < 0) {
        code = fail_no_set(s);
    }
    for (uint32_t i = files; code == FORKER_OK && i < fk_descriptors_files(all); i++) {
        code = enter_imports(s, i);
    }
    if (code == FORKER_OK) {
        code = sort(s, &all->symbols, symbols);
    }
    return code == FORKER_OK ? sort(s, &all->extensions, extensions) : code;
}

/* Enters a copy of a set, all of it or nothing. */
static int add_set(forker_server *server, const void *set, size_t len)
{
    fk_descriptors *all = server->grpc.descriptors, before = *all;
    char *copy = malloc(len);
    if (copy == NULL || !fk_block_append(&all->sets, &copy, sizeof copy)) {
        free(copy);
        return fk_setup_fail(server, FORKER_E_MEMORY, "grpc_descriptors: out of memory");
    }
    memcpy(copy, set, len);
    int code = enter_set(&(scan){.server = server, .all = all}, (text){copy, len});
    if (code != FORKER_OK) {
        all->sets.len = before.sets.len;
        all->files.len = before.files.len;
        all->imports.len = before.imports.len;
        all->names.len = before.names.len;
        all->symbols.len = before.symbols.len;
        all->extensions.len = before.extensions.len;
        free(copy);
    }
    return code;
}

/* Makes reflection, with the library's own services and those of a set, which may be NULL; or nothing. */
static int open_descriptors(forker_server *server, const void *set, size_t len)
{
    server->grpc.descriptors = calloc(1, sizeof *server->grpc.descriptors);
    if (server->grpc.descriptors == NULL) {
        return fk_setup_fail(server, FORKER_E_MEMORY, "grpc_descriptors: out of memory");
    }
    int code = add_set(server, fk_reflection_own, fk_reflection_own_len);
    if (code == FORKER_OK && set != NULL) {
        code = add_set(server, set, len);
    }
    if (code == FORKER_OK) {
        code = fk_reflection_enter_methods(server);
    }
    if (code != FORKER_OK) {
        fk_descriptors_free(server);
    }
    return code;
}

int forker_server_grpc_descriptors(forker_server *server, const void *set, size_t len)
{
    int code = fk_setup_refuses(server);
    if (code == FORKER_OK && (!fk_is_object(set, len) || (set != NULL && len == 0))) {
        code =
            fk_setup_fail(server, FORKER_E_INVALID, "grpc_descriptors: there is no set of %zu bytes at %p", len, set);
    }
    if (code == FORKER_OK && len > SET_MOST) {
        code = fk_setup_fail(server, FORKER_E_LIMIT, "grpc_descriptors: %zu bytes, where a set has at most %d", len,
                             SET_MOST);
    }
    if (code != FORKER_OK) {
        return code;
    }
    if (server->grpc.descriptors == NULL) {
        return open_descriptors(server, set, len);
    }
    return set != NULL ? add_set(server, set, len) : FORKER_OK;
}

void fk_descriptors_free(forker_server *server)
{
    fk_descriptors *all = server->grpc.descriptors;
    if (all == NULL) {
        return;
    }
    for (size_t i = 0; i < all->sets.len / sizeof(char *); i++) {
        free(((char **)(void *)all->sets.data)[i]);
    }
    fk_block *blocks[] = {&all->sets, &all->files, &all->imports, &all->names, &all->symbols, &all->extensions};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        fk_block_free(blocks[i]);
    }
    free(all);
    server->grpc.descriptors = NULL;
}
