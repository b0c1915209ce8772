/*
 * Prints docs/OPTIONS.md from the options that the library describes. `make docs` writes the page, `make check`
 * compares.
 */
#include <forker.h>

#include <stdio.h>

static const char head[] =
    "# Options\n"
    "\n"
    "<!-- Made by `make docs` from the table in capi/base/optiontable.h: change that. -->\n"
    "\n"
    "An option is set by name and text before the server runs, `forker_server_set(server, \"max_body\", \"64m\")`, or\n"
    "`forker.Server(max_body=\"64m\")` in Python. The environment wins over the program: `FORKER_MAX_BODY=64m`. It is\n"
    "not looked at in set-uid programs.\n"
    "\n"
    "An unknown name and a value that is out of bounds are errors of that call, and run then refuses to start.\n"
    "Programs can list the options by `forker_option_at()`.\n"
    "\n"
    "| type | values |\n"
    "|---|---|\n"
    "| number | decimal digits |\n"
    "| size | bytes; `k`, `m`, `g`, `t` are powers of 1024: `64k` |\n"
    "| duration | a whole number with `ns`, `us`, `ms`, `s`, `m` or `h`: `500ms`; `0` needs no unit |\n"
    "| mode | permission bits in octal: `0660` |\n"
    "| choice | one of the words |\n"
    "| user, group | the name or number of an account of the system |\n"
    "| directory | an absolute path |\n"
    "| address | `unix:/path`, `127.0.0.1:9090` or `[::1]:9090` |\n"
    "| networks | `10.0.0.0/8, 2001:db8::/32, 192.0.2.1, unix` |\n"
    "| rate | `100/s burst=200 by=client`: a count by `s`, `m` or `h`, how many at once, and of whom |\n"
    "| origins | `https://example.org, https://*.example.org`, `*` |\n"
    "| names | `X-Api-Key, X-Total`, `*` |\n"
    "| keys | `5f0c...e1, 77ab...9d`, each of 32 bytes or more |\n"
    "| text | as it is |\n"
    "\n"
    "\"Reload\" says whether a reload can change the option.\n"
    "\n"
    "| option | type | default | values | reload | |\n"
    "|---|---|---|---|---|---|\n";

/* Writes text into a cell, where "|" would begin the next one. */
static void put_cell(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            putchar('\\');
        }
        putchar(*text);
    }
}

static void put_row(const forker_option *option)
{
    printf("| `%s` | %s | `%s` | ", forker_option_name(option), forker_option_type(option),
           forker_option_default(option));
    put_cell(forker_option_bounds(option));
    printf(" | %s | ", forker_option_reloadable(option) ? "yes" : "no");
    put_cell(forker_option_description(option));
    printf(" |\n");
}

int main(void)
{
    const forker_option *option;
    fputs(head, stdout);
    for (size_t i = 0; (option = forker_option_at(i)) != NULL; i++) {
        put_row(option);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
