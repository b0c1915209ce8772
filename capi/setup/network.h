/* Networks, as option trusted_proxies lists them. */
#ifndef FORKER_NETWORK_H
#define FORKER_NETWORK_H

#include <stdbool.h>

/* Whether a text is a list of networks, addresses and the word unix, as gate.ParseNetworks reads it. */
bool fk_networks_are(const char *text);

#endif
