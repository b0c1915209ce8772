/*
 * A server that has gRPC's health service and reflection, and nothing else yet. Start it with `build/health` (or `build/health
 * 127.0.0.1:9000`), then ask it by `grpc_health_probe -addr localhost:9090` or `grpcurl -plaintext localhost:9090 list`. End it
 * with Ctrl-C.
 */
#include <forker.h>

#include <stdio.h>

int main(int argc, char **argv) {
    forker_server *srv = forker_server_new();
    forker_server_set(srv, "h2c", "on");
    forker_grpc_health(srv, "", FORKER_HEALTH_SERVING);
    forker_server_grpc_descriptors(srv, NULL, 0);
    forker_server_listen(srv, argc > 1 ? argv[1] : ":9090");
    int code = forker_server_run(srv);
    if (code != FORKER_OK) {
        fprintf(stderr, "%s: %s\n", argv[0], forker_server_error(srv));
    }
    forker_server_free(srv);
    return code == FORKER_OK ? 0 : 1;
}
