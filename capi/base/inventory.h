/*
 * The descriptors that the library has in this process and that stand in no server object: those of the engine, and
 * some of requests. A child that the program forks closes them (atfork.c).
 *
 * Go's side of it is engine/inventory. Everything here is async-signal-safe.
 */
#ifndef FORKER_INVENTORY_H
#define FORKER_INVENTORY_H

#include <stdint.h>

enum { FK_INVENTORY_SIZE = 1 << 20 /* inventory.Size */ };

/* inventory.Table, of the same layout. */
typedef struct {
    int32_t changing; /* threads that are opening or closing a descriptor */
    int32_t forking;  /* forks that are under way */
    uint32_t forks;   /* so far */
    int32_t highest;  /* none beyond is noted */
    uint8_t noted[FK_INVENTORY_SIZE];
} fk_inventory;

extern fk_inventory fk_inventory_table;

/* Notes a descriptor that was opened, if it is one, and returns it. */
int fk_inventory_add(int fd);

/* Closes one that was noted. */
void fk_inventory_close(int fd);

/* Before a fork by the program: waits until nobody opens or closes a descriptor. fk_inventory_release() follows. */
void fk_inventory_hold(void);
void fk_inventory_release(void);

/* In the child of such a fork: closes all. */
void fk_inventory_close_all(void);

#endif
