/* How many workers there are. */
#include "supervisor/readycount.h"

uint32_t fk_ready_count_wanted(const fk_spawner *spawner)
{
    return __atomic_load_n(&spawner->server->tree.shared->wanted, __ATOMIC_ACQUIRE);
}

uint32_t fk_ready_count_ready(const fk_spawner *spawner)
{
    uint32_t ready = 0, wanted = fk_ready_count_wanted(spawner);
    for (uint32_t i = 0; i < spawner->slots_used; i++) {
        const fk_slot *slot = fk_server_slot(spawner->server, i);
        ready += spawner->workers[i].pid != 0 && __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) == FK_SLOT_READY;
    }
    return ready < wanted ? ready : wanted; /* a reload has one more for a while */
}

bool fk_ready_count_is_complete(const fk_spawner *spawner)
{
    uint32_t wanted = fk_ready_count_wanted(spawner);
    uint32_t phase = __atomic_load_n(&spawner->server->tree.shared->phase, __ATOMIC_ACQUIRE);
    return phase == FK_PHASE_SERVING && wanted > 0 && fk_ready_count_ready(spawner) == wanted;
}
