/* What holds for forms. */
#include "exchange/formrule.h"

#include <inttypes.h>
#include <string.h>

#include "base/ascii.h"
#include "exchange/block.h"
#include "exchange/failure.h"
#include "exchange/parameter.h"

/* What a limit is; -1: none. */
static int64_t limit_of(const forker_request *req, int limit)
{
    int64_t own = req->server->routing.routes[req->route].form[limit];
    return own != 0 ? own - FK_FORM_OWN : fk_server_option(req->server, FK_OPTION_FORM_PARTS + limit);
}

static bool exceeds(const forker_request *req, int limit, uint64_t count)
{
    int64_t most = limit_of(req, limit);
    return most >= 0 && count > (uint64_t)most;
}

/* The Content-Type without its parameters, in memory of the request, and where these begin. "": there is none; NULL: no memory. */
static const char *media_type(forker_request *req, char **parameters_out)
{
    size_t len;
    const char *field = forker_request_header(req, "content-type", &len);
    char *text = fk_text_new(req, len + 1);
    if (text == NULL) {
        return NULL;
    }
    memcpy(text, field != NULL ? field : "", len + 1);
    return fk_parameter_word(text, parameters_out);
}

static int no_memory(forker_request *req)
{
    return fk_fail(&req->failure, FORKER_E_MEMORY, "form: out of memory");
}

static int no_form(forker_request *req, const char *type)
{
    return type[0] == '\0'
               ? fk_fail(&req->failure, FORKER_E_INVALID, "form: the request has no Content-Type")
               : fk_fail(&req->failure, FORKER_E_INVALID, "form: Content-Type %.64s is none of a form", type);
}

/* Finds the parameter "boundary". false: there is none, or another one, or they are malformed. */
static bool find_boundary(char *at, const char **boundary_out)
{
    fk_parameter parameter;
    int more;
    *boundary_out = NULL;
    while ((more = fk_parameter_next(&at, &parameter)) > 0) {
        if (!fk_ascii_equal(parameter.name, "boundary")) {
            continue;
        }
        if (*boundary_out != NULL && strcmp(*boundary_out, parameter.value) != 0) {
            return false;
        }
        *boundary_out = parameter.value;
    }
    return more == 0 && *boundary_out != NULL;
}

int fk_form_type(forker_request *req, const char **boundary_out)
{
    char *parameters;
    *boundary_out = NULL;
    const char *type = media_type(req, &parameters);
    if (type == NULL) {
        return no_memory(req);
    }
    if (fk_ascii_equal(type, "application/x-www-form-urlencoded")) {
        return FORKER_OK;
    }
    if (!fk_ascii_equal(type, "multipart/form-data")) {
        return no_form(req, type);
    }
    if (!find_boundary(parameters, boundary_out)) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "form: the Content-Type has no boundary, or is malformed");
    }
    size_t len = strlen(*boundary_out);
    if (len == 0 || len > FK_BOUNDARY_MAX || (*boundary_out)[len - 1] == ' ') { /* RFC 2046 section 5.1.1 */
        return fk_fail(&req->failure, FORKER_E_INVALID,
                       "form: the boundary is empty, ends with a blank, or has more than %d bytes", FK_BOUNDARY_MAX);
    }
    return FORKER_OK;
}

int fk_form_part(fk_form_meter *meter, char *text, size_t len, fk_part_header *header_out)
{
    fk_failure *failure = &meter->req->failure;
    const char *fault = fk_part_header_read(text, len, header_out);
    meter->part = 0;
    if (fault == NULL && header_out->name == NULL) {
        fault = "a part has no Content-Disposition of form-data with a name";
    }
    if (fault != NULL) {
        return fk_fail(failure, FORKER_E_INVALID, "form: %s", fault);
    }
    meter->name = header_out->name;
    meter->is_file = header_out->filename != NULL;
    if (exceeds(meter->req, FK_FORM_PARTS, ++meter->parts)) {
        return fk_fail(failure, FORKER_E_LIMIT, "form: it has more than %" PRId64 " parts (option form_parts)",
                       limit_of(meter->req, FK_FORM_PARTS));
    }
    return FORKER_OK;
}

int fk_form_bytes(fk_form_meter *meter, uint64_t more)
{
    uint64_t *all = meter->is_file ? &meter->files : &meter->fields;
    int one_limit = meter->is_file ? FK_FORM_FILE : FK_FORM_FIELD,
        all_limit = meter->is_file ? FK_FORM_FILES : FK_FORM_FIELDS;
    meter->part += more;
    *all += more;
    if (exceeds(meter->req, one_limit, meter->part)) {
        return fk_fail(&meter->req->failure, FORKER_E_LIMIT,
                       "form: \"%.64s\" has more than %" PRId64 " bytes (option %s)", meter->name,
                       limit_of(meter->req, one_limit), meter->is_file ? "form_file" : "form_field");
    }
    if (exceeds(meter->req, all_limit, *all)) {
        return fk_fail(&meter->req->failure, FORKER_E_LIMIT,
                       "form: its %s have more than %" PRId64 " bytes (option %s)", meter->is_file ? "files" : "fields",
                       limit_of(meter->req, all_limit), meter->is_file ? "form_files" : "form_fields");
    }
    return FORKER_OK;
}

int fk_form_fault(forker_request *req, const fk_multipart *parser)
{
    return fk_fail(&req->failure, parser->too_much ? FORKER_E_LIMIT : FORKER_E_INVALID, "form: %s", parser->fault);
}
