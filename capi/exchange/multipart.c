/*
 * A state machine over pieces. What is in a part is searched for the delimiter by memmem(3); one that is cut by the end of a piece is
 * compared byte by byte, and if it was none after all, its bytes are passed on from the copy that the parser has. A delimiter
 * begins with a line end and has no other, so that where it is not matched it can only begin anew at the byte that was different.
 *
 * It takes what Go's mime/multipart takes: line ends that are "\n" alone if the first boundary has one, blanks behind boundaries, a
 * preamble and an epilogue.
 */
#include "exchange/multipart.h"

#include <string.h>

enum {
    AT_LINE,  /* before the first part, in a line that may be the boundary */
    IN_LINE,  /* in one that is not */
    BEHIND,   /* behind dashes and boundary */
    DASHED,   /* behind these and one dash */
    BLANK,    /* behind these and blanks */
    RETURNED, /* behind these and a carriage return */
    FINAL,    /* behind the two dashes of the last boundary, and blanks */
    FINAL_RETURNED,
    HEADER,
    DATA,
    EPILOGUE
};

static const char *fail(fk_multipart *m, const char *fault, const char *p)
{
    m->fault = fault;
    return p;
}

static void pass(fk_multipart *m, const char *data, size_t len)
{
    m->stopped = len > 0 && !m->calls.data(m->calls.user, data, len);
}

static void end_part(fk_multipart *m)
{
    m->in_part = false;
    m->stopped = !m->calls.end(m->calls.user);
}

static const char *begin_part(fk_multipart *m, const char *p)
{
    m->any = true;
    m->header_len = m->line = 0;
    m->state = HEADER;
    return p;
}

/* A line that has begun like a boundary goes on differently. */
static const char *no_boundary(fk_multipart *m, const char *p)
{
    if (m->any) {
        return fail(m, "a boundary is followed by something else than a line end", p);
    }
    m->state = IN_LINE;
    return p;
}

static bool is_crlf(const fk_multipart *m)
{
    return m->delimiter == m->text;
}

static const char *at_line(fk_multipart *m, const char *p, const char *end)
{
    const char *boundary = m->text + 2;
    uint8_t len = (uint8_t)(m->delimiter_len - 2);
    while (p < end && m->matched < len && *p == boundary[m->matched]) {
        m->matched++;
        p++;
    }
    if (m->matched == len) {
        m->state = BEHIND;
    } else if (p < end) {
        m->state = IN_LINE;
    }
    return p;
}

static const char *in_line(fk_multipart *m, const char *p, const char *end)
{
    const char *line_end = memchr(p, '\n', (size_t)(end - p));
    if (line_end == NULL) {
        return end;
    }
    m->state = AT_LINE;
    m->matched = 0;
    return line_end + 1;
}

/* The delimiter, and `more` bytes that stand behind it in the copy, are what the part has in it. */
static const char *not_delimiter(fk_multipart *m, const char *p, uint8_t more)
{
    uint8_t unsent = m->unsent, len = (uint8_t)(m->matched + more - unsent);
    m->matched = m->unsent = 0;
    m->state = DATA;
    pass(m, m->delimiter + unsent, len);
    return p;
}

/* A boundary line ends with "\n" alone, which all have to do if the first does. */
static const char *line_fed(fk_multipart *m, const char *p)
{
    if (!m->any) {
        m->delimiter++;
        m->delimiter_len--;
    } else if (is_crlf(m)) {
        return no_boundary(m, p);
    }
    return begin_part(m, p + 1);
}

/* Behind a boundary, and perhaps blanks. */
static const char *boundary_rest(fk_multipart *m, const char *p)
{
    switch (*p) {
    case ' ':
    case '\t':
        m->state = BLANK;
        return p + 1;
    case '\r':
        m->state = RETURNED;
        return p + 1;
    case '\n':
        return line_fed(m, p);
    default:
        return no_boundary(m, p);
    }
}

static const char *behind(fk_multipart *m, const char *p)
{
    if (*p == '-') {
        m->state = DASHED;
        return p + 1;
    }
    if (m->in_part) {
        if (strchr(" \t\r\n", *p) == NULL || *p == '\0') {
            return not_delimiter(m, p, 0);
        }
        end_part(m);
        return p;
    }
    return boundary_rest(m, p);
}

static const char *dashed(fk_multipart *m, const char *p)
{
    if (m->in_part) {
        if (*p != '-') {
            return not_delimiter(m, p, 1);
        }
        end_part(m);
        return p;
    }
    if (*p != '-') {
        return no_boundary(m, p);
    }
    m->state = FINAL;
    return p + 1;
}

static const char *returned(fk_multipart *m, const char *p)
{
    return *p == '\n' && is_crlf(m) ? begin_part(m, p + 1) : no_boundary(m, p);
}

static const char * final(fk_multipart *m, const char *p)
{
    if (*p == ' ' || *p == '\t') {
        return p + 1;
    }
    if (*p == '\n' && !is_crlf(m)) {
        m->state = EPILOGUE;
    } else if (*p == '\r') {
        m->state = FINAL_RETURNED;
    } else {
        return no_boundary(m, p);
    }
    return p + 1;
}

static const char *final_returned(fk_multipart *m, const char *p)
{
    if (*p != '\n' || !is_crlf(m)) {
        return no_boundary(m, p);
    }
    m->state = EPILOGUE;
    return p + 1;
}

/* The header has ended; the line end behind it counts as that of a delimiter. */
static const char *end_header(fk_multipart *m, const char *p)
{
    m->state = DATA;
    m->in_part = true;
    m->matched = m->unsent = is_crlf(m) ? 2 : 1;
    m->begins = m->taken + (uint64_t)(p - m->piece);
    m->stopped = !m->calls.head(m->calls.user, m->header, m->line);
    return p;
}

static const char *header(fk_multipart *m, const char *p, const char *end)
{
    const char *line_end = memchr(p, '\n', (size_t)(end - p));
    size_t len = (size_t)((line_end != NULL ? line_end + 1 : end) - p);
    if (len > sizeof m->header - m->header_len) {
        m->too_much = true;
        return fail(m, "the header of a part has more than 8192 bytes", p);
    }
    memcpy(m->header + m->header_len, p, len);
    m->header_len += (uint32_t)len;
    if (line_end == NULL) {
        return end;
    }
    uint32_t line_len = m->header_len - m->line; /* with its end */
    if (line_len == 1 || (line_len == 2 && m->header[m->line] == '\r')) {
        return end_header(m, line_end + 1);
    }
    m->line = m->header_len;
    return line_end + 1;
}

/* Goes on with a delimiter that an earlier piece has begun. */
static const char *delimiter_rest(fk_multipart *m, const char *p, const char *end)
{
    while (p < end && m->matched < m->delimiter_len && *p == m->delimiter[m->matched]) {
        m->matched++;
        p++;
    }
    if (m->matched == m->delimiter_len) {
        m->state = BEHIND;
        return p;
    }
    return p < end ? not_delimiter(m, p, 0) : p;
}

/* Where at the end of a piece a delimiter may begin that is cut; its end: nowhere. */
static const char *cut_delimiter(const fk_multipart *m, const char *p, const char *end)
{
    const char *last = memrchr(p, m->delimiter[0], (size_t)(end - p));
    if (last == NULL || end - last >= m->delimiter_len || memcmp(last, m->delimiter, (size_t)(end - last)) != 0) {
        return end;
    }
    return last;
}

static const char *data(fk_multipart *m, const char *p, const char *end)
{
    if (m->matched > 0) {
        return delimiter_rest(m, p, end);
    }
    const char *found = memmem(p, (size_t)(end - p), m->delimiter, m->delimiter_len);
    if (found != NULL) {
        m->state = BEHIND;
        m->matched = m->delimiter_len;
        pass(m, p, (size_t)(found - p));
        return found + m->delimiter_len;
    }
    const char *cut = cut_delimiter(m, p, end);
    m->matched = (uint8_t)(end - cut);
    pass(m, p, (size_t)(cut - p));
    return end;
}

static const char *step(fk_multipart *m, const char *p, const char *end)
{
    switch (m->state) {
    case AT_LINE:
        return at_line(m, p, end);
    case IN_LINE:
        return in_line(m, p, end);
    case BEHIND:
        return behind(m, p);
    case DASHED:
        return dashed(m, p);
    case BLANK:
        return boundary_rest(m, p);
    case RETURNED:
        return returned(m, p);
    case FINAL:
        return final(m, p);
    case FINAL_RETURNED:
        return final_returned(m, p);
    case HEADER:
        return header(m, p, end);
    case DATA:
        return data(m, p, end);
    default:
        return end;
    }
}

void fk_multipart_begin(fk_multipart *m, const char *boundary, size_t len, const fk_multipart_calls *calls)
{
    memset(m, 0, offsetof(fk_multipart, header));
    m->calls = *calls;
    memcpy(m->text, "\r\n--", 4);
    memcpy(m->text + 4, boundary, len);
    m->text[4 + len] = '-'; /* for not_delimiter() */
    m->delimiter = m->text;
    m->delimiter_len = (uint8_t)(4 + len);
}

size_t fk_multipart_feed(fk_multipart *m, const char *data, size_t len)
{
    const char *p = data, *end = data + len;
    m->piece = data;
    m->stopped = false;
    while (p < end && !m->stopped && m->fault == NULL) {
        p = step(m, p, end);
    }
    m->taken += (uint64_t)(p - data);
    return (size_t)(p - data);
}

bool fk_multipart_finish(fk_multipart *m)
{
    if (m->fault == NULL && m->state != FINAL && m->state != EPILOGUE) {
        m->fault = m->any ? "the body ends before its last boundary" : "the body has no boundary";
    }
    return m->fault == NULL;
}
