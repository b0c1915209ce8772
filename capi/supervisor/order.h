/* What the master orders: forks, signals, the end. The spawner does nothing of it that it cannot check. */
#ifndef FORKER_ORDER_H
#define FORKER_ORDER_H

#include "supervisor/spawner.h"

/* Reads the master's messages and obeys them: so many at a time that others have their turn. */
void fk_orders_read(fk_spawner *spawner);

/*
 * Reads what a master that has exited had said: its reason to give up, and what it has told of dead workers. Nothing else
 * that a dead one wanted counts.
 */
void fk_orders_read_last(fk_spawner *spawner);

#endif
