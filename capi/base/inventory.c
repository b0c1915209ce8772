/* The descriptors that stand in no server object. */
#include "base/inventory.h"

#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/*
 * A thread that changes something is between two system calls that do not wait. If it is not through after so long,
 * then it is this very thread, which a signal's handler has interrupted to fork: better a child that keeps a descriptor
 * than none.
 */
#define PATIENCE_NS UINT64_C(100000000)

fk_inventory fk_inventory_table;

int fk_inventory_add(int fd)
{
    fk_inventory *table = &fk_inventory_table;
    if (fd < 0 || fd >= FK_INVENTORY_SIZE) {
        return fd;
    }
    table->noted[fd] = 1;
    int32_t highest = __atomic_load_n(&table->highest, __ATOMIC_RELAXED);
    while (highest < fd &&
           !__atomic_compare_exchange_n(&table->highest, &highest, fd, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
    }
    return fd;
}

void fk_inventory_close(int fd)
{
    if (fd >= 0 && fd < FK_INVENTORY_SIZE) {
        fk_inventory_table.noted[fd] = 0;
    }
    (void)close(fd);
}

void fk_inventory_hold(void)
{
    fk_inventory *table = &fk_inventory_table;
    uint64_t until_ns = fk_clock() + PATIENCE_NS;
    (void)__atomic_add_fetch(&table->forks, 1, __ATOMIC_SEQ_CST);
    (void)__atomic_add_fetch(&table->forking, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&table->changing, __ATOMIC_SEQ_CST) > 0 && fk_clock() < until_ns) {
        (void)sched_yield();
    }
}

void fk_inventory_release(void)
{
    (void)__atomic_sub_fetch(&fk_inventory_table.forking, 1, __ATOMIC_SEQ_CST);
}

void fk_inventory_close_all(void)
{
    fk_inventory *table = &fk_inventory_table;
    for (int fd = 0; fd <= table->highest; fd++) {
        if (table->noted[fd] != 0) {
            table->noted[fd] = 0;
            (void)close(fd);
        }
    }
    table->changing = table->forking = table->highest = 0;
}
