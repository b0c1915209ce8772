/* Options about gates, and how files are served, which a route can have of its own. */
#ifndef FORKER_GATEOPTION_H
#define FORKER_GATEOPTION_H

#include "base/server.h"

/* Its place among those options, or -1: there is none of that name. */
int fk_gate_option_find(const char *name);

/* Whether the option in that place keeps requests out: then it holds for all below a group, also where no route is. */
bool fk_gate_option_keeps_out(int place);

/* What holds for a route: its own value, or the server's. */
const char *fk_gate_option_text(const forker_server *server, const fk_route *route, int id);

/* Who judges about origins for a route, NULL: where there is none; NULL: nobody. */
const fk_origin_judge *fk_gate_judge(const forker_server *server, const fk_route *route);

/* Whether a route has some value of its own for an option about gates, or another one who judges than the server. */
bool fk_gate_option_differs(const forker_server *server, const fk_route *route);

/* FORKER_OK if what holds for each route goes together, or FORKER_E_OPTION with a sentence. */
int fk_gate_options_check(forker_server *server);

/* The table that rates are counted in, if some route has one. Returns FORKER_OK or FORKER_E_MEMORY. */
int fk_gate_rates_open(forker_server *server);
void fk_gate_rates_close(forker_server *server);

#endif
