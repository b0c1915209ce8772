"""forker.h in ctypes: its constants, structs, types of callbacks and prototypes.

Made by "make docs" of include/forker.h; what is edited here is lost. Text that comes with its length is an address, because
it can contain NUL.
"""

from __future__ import annotations

from ctypes import CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

_LEN_OUT = POINTER(c_size_t)
_TEXT_OUT = POINTER(c_char_p)

SONAME = "libforker.so.0"

OK = 0
NEXT = 1
DEFERRED = 2
E_INVALID = -1
E_MEMORY = -2
E_STATE = -3
E_PROCESS = -4
E_OPTION = -5
E_ADDRESS = -6
E_ROUTE = -7
E_SYSTEM = -8
E_BOOT = -9
E_SETUP = -10
E_THREADS = -11
E_LIMIT = -12
E_INTERNAL = -13
E_AGAIN = -14
E_ABORTED = -15
E_RESTARTS = -16
E_PRIVILEGE = -17
E_CERTIFICATE = -18

LOG_ERROR = 0
LOG_WARN = 1
LOG_INFO = 2
LOG_DEBUG = 3

PHASE_STARTING = 0
PHASE_SERVING = 1
PHASE_RELOADING = 2
PHASE_DRAINING = 3
PHASE_STOPPING = 4

WORKER_NONE = 0
WORKER_FORKED = 1
WORKER_BOOTING = 2
WORKER_READY = 3
WORKER_DRAINING = 4

EXIT_SELF = 1
EXIT_CRASH = 2
EXIT_KILLED = 3
EXIT_BOOT = 4
EXIT_STOP = 5
EXIT_RELOAD = 6
EXIT_SCALE = 7
EXIT_RECYCLE = 8
EXIT_HANG = 9
EXIT_MEMORY = 10
EXIT_REASONS = 16

HANDSHAKE_TLS12_FULL = 0
HANDSHAKE_TLS12_RESUMED = 1
HANDSHAKE_TLS13_FULL = 2
HANDSHAKE_TLS13_RESUMED = 3
HANDSHAKE_CLIENT_LEFT = 4
HANDSHAKE_TIMEOUT = 5
HANDSHAKE_CLIENT_CERTIFICATE = 6
HANDSHAKE_PROTOCOL = 7
HANDSHAKE_CLEAR_TEXT = 8
HANDSHAKE_ENDS = 16

STATUS_CLASSES = 6
LATENCY_BUCKETS = 40

FROM_QUERY = 0
FROM_PARAM = 1
FROM_HEADER = 2
FROM_COOKIE = 3
FROM_FORM = 4

TLS_VERSION = 0
TLS_CIPHER = 1
TLS_SERVER_NAME = 2
TLS_ALPN = 3
TLS_RESUMED = 4
TLS_CLIENT_SUBJECT = 5
TLS_CLIENT_ISSUER = 6
TLS_CLIENT_SERIAL = 7
TLS_CLIENT_SHA256 = 8
TLS_CLIENT_NAMES = 9
TLS_CLIENT_DER = 10
TLS_CLIENT_CHAIN_PEM = 11

COOKIE_SECURE = 1
COOKIE_SCRIPTS = 2
COOKIE_PARTITIONED = 4

SAME_SITE_LAX = 0
SAME_SITE_STRICT = 1
SAME_SITE_NONE = 2

CLOSE_DONE = 0
CLOSE_CLIENT = 1
CLOSE_TIMEOUT = 2
CLOSE_SHUTDOWN = 3
CLOSE_ERROR = 4

GRPC_UNARY = 0
GRPC_SERVER_STREAM = 1
GRPC_CLIENT_STREAM = 2
GRPC_BIDI = 3

HEALTH_UNKNOWN = 0
HEALTH_SERVING = 1
HEALTH_NOT_SERVING = 2


class CRouteInfo(Structure):
    """forker_route_info."""

    _fields_ = (
        ("size", c_uint32),
        ("pad", c_uint32),
        ("methods", c_char_p),
        ("pattern", c_char_p),
        ("name", c_char_p),
        ("host", c_char_p),
    )


class COutcome(Structure):
    """forker_outcome."""

    _fields_ = (
        ("size", c_uint32),
        ("status", c_int32),
        ("reason", c_int32),
        ("pad", c_uint32),
        ("bytes_in", c_uint64),
        ("bytes_out", c_uint64),
        ("ns", c_uint64),
    )


class CStats(Structure):
    """forker_stats."""

    _fields_ = (
        ("size", c_uint32),
        ("phase", c_uint32),
        ("spawner_pid", c_int32),
        ("master_pid", c_int32),
        ("uptime_ns", c_uint64),
        ("workers", c_uint32),
        ("ready", c_uint32),
        ("slots", c_uint32),
        ("pad", c_uint32),
        ("connections", c_uint64),
        ("in_flight", c_uint64),
        ("accepted", c_uint64),
        ("requests", c_uint64),
        ("bytes_in", c_uint64),
        ("bytes_out", c_uint64),
        ("responses", c_uint64 * 6),
        ("latency", c_uint64 * 40),
        ("latency_sum_ns", c_uint64),
        ("handshakes", c_uint64 * 16),
        ("master_starts", c_uint64),
        ("worker_starts", c_uint64),
        ("worker_exits", c_uint64 * 16),
    )


class CWorkerStats(Structure):
    """forker_worker_stats."""

    _fields_ = (
        ("size", c_uint32),
        ("state", c_uint32),
        ("pid", c_int32),
        ("generation", c_uint32),
        ("age_ns", c_uint64),
        ("heartbeat_ns", c_uint64),
        ("rss_bytes", c_uint64),
        ("connections", c_uint64),
        ("in_flight", c_uint64),
        ("accepted", c_uint64),
        ("requests", c_uint64),
        ("bytes_in", c_uint64),
        ("bytes_out", c_uint64),
        ("responses", c_uint64 * 6),
        ("latency", c_uint64 * 40),
        ("latency_sum_ns", c_uint64),
        ("handshakes", c_uint64 * 16),
        ("busy_ns", c_uint64),
        ("method", c_char * 32),
        ("target", c_char * 136),
    )


class CFile(Structure):
    """forker_file."""

    _fields_ = (
        ("size", c_uint32),
        ("fd", c_int32),
        ("name", c_char_p),
        ("filename", c_char_p),
        ("content_type", c_char_p),
        ("data", c_void_p),
        ("len", c_uint64),
        ("offset", c_int64),
    )


class CPart(Structure):
    """forker_part."""

    _fields_ = (
        ("size", c_uint32),
        ("pad", c_uint32),
        ("name", c_char_p),
        ("filename", c_char_p),
        ("content_type", c_char_p),
        ("offset", c_uint64),
    )


class CCookie(Structure):
    """forker_cookie."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
        ("same_site", c_int32),
        ("pad", c_uint32),
        ("max_age", c_int64),
        ("name", c_char_p),
        ("value", c_char_p),
        ("domain", c_char_p),
        ("path", c_char_p),
    )


HANDLER = CFUNCTYPE(c_int, c_void_p, c_void_p)
DONE_FN = CFUNCTYPE(None, c_void_p, c_void_p, c_void_p)
KEY_FN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t, c_void_p)
PASSWORD_FN = CFUNCTYPE(c_int, c_void_p, c_char_p, c_char_p, c_void_p)
ORIGIN_FN = CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p)
ERROR_FN = CFUNCTYPE(c_int, c_void_p, c_int, c_char_p, c_void_p)
RELEASE_FN = CFUNCTYPE(None, c_void_p)
POST_FN = CFUNCTYPE(None, c_void_p, c_void_p)
TIMER_FN = CFUNCTYPE(None, c_void_p, c_int64, c_void_p)
HOOK = CFUNCTYPE(c_int, c_void_p, c_int32, c_void_p)
SERVER_HOOK = CFUNCTYPE(c_int, c_void_p, c_void_p)
DEATH_FN = CFUNCTYPE(None, c_void_p, c_int32, c_int32, c_int32, c_char_p, c_void_p)
FORK_FN = CFUNCTYPE(c_int32, c_void_p, use_errno=True)
LOG_FN = CFUNCTYPE(None, c_int, c_void_p, c_size_t, c_void_p)
ACCESS_LOG_FN = CFUNCTYPE(None, c_void_p, c_size_t, c_void_p)
BODY_FN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t, c_int, c_void_p)
PART_FN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_size_t, c_int, c_void_p)
HEAD_FN = CFUNCTYPE(None, c_void_p, c_int, c_void_p)
CLOSE_FN = CFUNCTYPE(None, c_uint64, c_int, c_void_p)
DRAIN_FN = CFUNCTYPE(None, c_uint64, c_void_p)

# Name: (result, parameters).
PROTOTYPES = {
    "forker_version": (c_char_p, []),
    "forker_strerror": (c_char_p, [c_int]),
    "forker_server_new": (c_void_p, []),
    "forker_server_free": (None, [c_void_p]),
    "forker_server_handle": (c_int, [c_void_p, c_char_p, c_char_p, HANDLER, c_void_p]),
    "forker_server_route": (c_int, [c_void_p, c_char_p, c_char_p, HANDLER, c_void_p, POINTER(c_void_p)]),
    "forker_route_set": (c_int, [c_void_p, c_char_p, c_char_p]),
    "forker_url": (c_int, [c_void_p, c_char_p, _TEXT_OUT, _TEXT_OUT, c_size_t, c_char_p, c_size_t]),
    "forker_route_at": (c_int, [c_void_p, c_size_t, c_void_p]),
    "forker_server_group": (c_void_p, [c_void_p, c_char_p]),
    "forker_group_group": (c_void_p, [c_void_p, c_char_p]),
    "forker_server_host": (c_void_p, [c_void_p, c_char_p]),
    "forker_group_handle": (c_int, [c_void_p, c_char_p, c_char_p, HANDLER, c_void_p]),
    "forker_group_route": (c_int, [c_void_p, c_char_p, c_char_p, HANDLER, c_void_p, POINTER(c_void_p)]),
    "forker_group_set": (c_int, [c_void_p, c_char_p, c_char_p]),
    "forker_group_use": (c_int, [c_void_p, HANDLER, DONE_FN, c_void_p]),
    "forker_group_key_auth": (c_int, [c_void_p, c_char_p, KEY_FN, c_void_p]),
    "forker_group_basic_auth": (c_int, [c_void_p, PASSWORD_FN, c_void_p]),
    "forker_group_on_origin": (c_int, [c_void_p, ORIGIN_FN, c_void_p]),
    "forker_same_secret": (c_int, [c_char_p, c_size_t, c_char_p]),
    "forker_server_on_error": (c_int, [c_void_p, ERROR_FN, c_void_p]),
    "forker_server_slot": (c_int, [c_void_p, RELEASE_FN]),
    "forker_server_static": (c_int, [c_void_p, c_char_p, c_char_p, POINTER(c_void_p)]),
    "forker_group_static": (c_int, [c_void_p, c_char_p, c_char_p, POINTER(c_void_p)]),
    "forker_cookie_sign": (c_int, [c_void_p, c_char_p, c_char_p, c_char_p, c_size_t]),
    "forker_cookie_verify": (c_int, [c_void_p, c_char_p, c_char_p, c_char_p, c_size_t]),
    "forker_server_rewrite": (c_int, [c_void_p, c_char_p, c_char_p]),
    "forker_server_listen": (c_int, [c_void_p, c_char_p]),
    "forker_server_address": (c_char_p, [c_void_p, c_size_t]),
    "forker_server_certificate": (c_int, [c_void_p, c_char_p, c_char_p]),
    "forker_server_certificate_pem": (c_int, [c_void_p, c_char_p, c_char_p, c_size_t, c_char_p, c_size_t]),
    "forker_server_certificate_ocsp": (c_int, [c_void_p, c_char_p, c_char_p]),
    "forker_server_client_ca": (c_int, [c_void_p, c_char_p]),
    "forker_server_run": (c_int, [c_void_p]),
    "forker_server_error": (c_char_p, [c_void_p]),
    "forker_server_clear_error": (c_int, [c_void_p]),
    "forker_server_start": (c_int, [c_void_p]),
    "forker_server_open": (c_int, [c_void_p]),
    "forker_server_poll_fd": (c_int, [c_void_p]),
    "forker_server_poll": (c_int, [c_void_p, c_int32]),
    "forker_server_wait": (c_int, [c_void_p, c_int32]),
    "forker_server_test": (c_int, [c_void_p, c_char_p, c_size_t, c_int32, POINTER(c_void_p)]),
    "forker_answer_status": (c_int, [c_void_p]),
    "forker_answer_header": (c_char_p, [c_void_p, c_char_p, c_size_t]),
    "forker_answer_trailer": (c_char_p, [c_void_p, c_char_p, c_size_t]),
    "forker_answer_body": (c_void_p, [c_void_p, _LEN_OUT]),
    "forker_answer_text": (c_void_p, [c_void_p, _LEN_OUT]),
    "forker_answer_free": (None, [c_void_p]),
    "forker_server_stop": (c_int, [c_void_p, c_int32]),
    "forker_server_reload": (c_int, [c_void_p]),
    "forker_server_scale": (c_int, [c_void_p, c_int32]),
    "forker_server_drain": (c_int, [c_void_p]),
    "forker_server_reopen": (c_int, [c_void_p]),
    "forker_server_upgrade": (c_int, [c_void_p]),
    "forker_server_post": (c_int, [c_void_p, POST_FN, c_void_p]),
    "forker_server_timer": (c_int64, [c_void_p, c_int64, c_int64, TIMER_FN, c_void_p]),
    "forker_server_timer_cancel": (c_int, [c_void_p, c_int64]),
    "forker_server_set": (c_int, [c_void_p, c_char_p, c_char_p]),
    "forker_server_load": (c_int, [c_void_p, c_char_p]),
    "forker_server_get": (c_char_p, [c_void_p, c_char_p]),
    "forker_option_at": (c_void_p, [c_size_t]),
    "forker_option_name": (c_char_p, [c_void_p]),
    "forker_option_type": (c_char_p, [c_void_p]),
    "forker_option_default": (c_char_p, [c_void_p]),
    "forker_option_bounds": (c_char_p, [c_void_p]),
    "forker_option_description": (c_char_p, [c_void_p]),
    "forker_option_reloadable": (c_int, [c_void_p]),
    "forker_server_on_before_fork": (c_int, [c_void_p, HOOK, c_void_p]),
    "forker_server_on_post_fork": (c_int, [c_void_p, HOOK, c_void_p]),
    "forker_server_on_worker_init": (c_int, [c_void_p, HOOK, c_void_p]),
    "forker_server_on_worker_ready": (c_int, [c_void_p, HOOK, c_void_p]),
    "forker_server_on_worker_drain": (c_int, [c_void_p, HOOK, c_void_p]),
    "forker_server_on_worker_exit": (c_int, [c_void_p, HOOK, c_void_p]),
    "forker_server_on_worker_loop": (c_int, [c_void_p, HOOK, c_void_p]),
    "forker_server_on_reload": (c_int, [c_void_p, SERVER_HOOK, c_void_p]),
    "forker_server_on_reopen": (c_int, [c_void_p, SERVER_HOOK, c_void_p]),
    "forker_server_on_master_tick": (c_int, [c_void_p, SERVER_HOOK, c_void_p]),
    "forker_server_on_worker_died": (c_int, [c_void_p, DEATH_FN, c_void_p]),
    "forker_server_on_thread_start": (c_int, [c_void_p, HOOK, c_void_p]),
    "forker_server_on_thread_exit": (c_int, [c_void_p, HOOK, c_void_p]),
    "forker_server_set_fork": (c_int, [c_void_p, FORK_FN, c_void_p]),
    "forker_server_set_log": (c_int, [c_void_p, LOG_FN, c_void_p]),
    "forker_server_log": (c_int, [c_void_p, c_int, c_char_p]),
    "forker_server_set_access_log": (c_int, [c_void_p, ACCESS_LOG_FN, c_void_p]),
    "forker_server_stats": (c_int, [c_void_p, c_void_p]),
    "forker_server_worker_stats": (c_int, [c_void_p, c_size_t, c_void_p]),
    "forker_request_method": (c_void_p, [c_void_p, _LEN_OUT]),
    "forker_request_target": (c_void_p, [c_void_p, _LEN_OUT]),
    "forker_request_host": (c_void_p, [c_void_p, _LEN_OUT]),
    "forker_request_path": (c_void_p, [c_void_p, _LEN_OUT]),
    "forker_request_query": (c_void_p, [c_void_p, _LEN_OUT]),
    "forker_request_query_param": (c_void_p, [c_void_p, c_char_p, _LEN_OUT]),
    "forker_request_query_at": (c_int, [c_void_p, c_size_t, _TEXT_OUT, _TEXT_OUT, _LEN_OUT]),
    "forker_request_cookie": (c_void_p, [c_void_p, c_char_p, _LEN_OUT]),
    "forker_request_csrf_token": (c_char_p, [c_void_p]),
    "forker_arg_int": (c_int, [c_void_p, c_int, c_char_p, c_int64, c_int64, c_int64, POINTER(c_int64)]),
    "forker_arg_double": (c_int, [c_void_p, c_int, c_char_p, c_double, c_double, c_double, POINTER(c_double)]),
    "forker_arg_bool": (c_int, [c_void_p, c_int, c_char_p, c_int, POINTER(c_int)]),
    "forker_arg_choice": (c_int, [c_void_p, c_int, c_char_p, c_char_p, c_int, POINTER(c_int)]),
    "forker_arg_time": (c_int, [c_void_p, c_int, c_char_p, c_int64, c_int64, c_int64, POINTER(c_int64)]),
    "forker_request_set": (c_int, [c_void_p, c_int, c_void_p]),
    "forker_request_get": (c_void_p, [c_void_p, c_int]),
    "forker_request_param": (c_void_p, [c_void_p, c_char_p, _LEN_OUT]),
    "forker_request_header": (c_void_p, [c_void_p, c_char_p, _LEN_OUT]),
    "forker_request_header_count": (c_size_t, [c_void_p]),
    "forker_request_header_at": (c_int, [c_void_p, c_size_t, _TEXT_OUT, _TEXT_OUT]),
    "forker_request_trailer": (c_void_p, [c_void_p, c_char_p, _LEN_OUT]),
    "forker_request_trailer_count": (c_size_t, [c_void_p]),
    "forker_request_trailer_at": (c_int, [c_void_p, c_size_t, _TEXT_OUT, _TEXT_OUT]),
    "forker_request_body": (c_void_p, [c_void_p, _LEN_OUT]),
    "forker_request_body_fd": (c_int, [c_void_p]),
    "forker_request_on_body": (c_int, [c_void_p, BODY_FN, c_void_p]),
    "forker_request_pause": (c_int, [c_void_p]),
    "forker_request_form": (c_int, [c_void_p]),
    "forker_form_value": (c_void_p, [c_void_p, c_char_p, c_size_t, _LEN_OUT]),
    "forker_form_at": (c_int, [c_void_p, c_size_t, _TEXT_OUT, _TEXT_OUT, _LEN_OUT]),
    "forker_form_file": (c_int, [c_void_p, c_char_p, c_size_t, c_void_p]),
    "forker_basename": (c_char_p, [c_char_p]),
    "forker_request_on_part": (c_int, [c_void_p, PART_FN, c_void_p]),
    "forker_request_peer": (c_void_p, [c_void_p, _LEN_OUT]),
    "forker_request_local": (c_void_p, [c_void_p, _LEN_OUT]),
    "forker_request_client": (c_void_p, [c_void_p, _LEN_OUT]),
    "forker_request_scheme": (c_void_p, [c_void_p, _LEN_OUT]),
    "forker_request_id": (c_void_p, [c_void_p, _LEN_OUT]),
    "forker_request_user": (c_void_p, [c_void_p, _LEN_OUT]),
    "forker_request_tls": (c_void_p, [c_void_p, c_int, _LEN_OUT]),
    "forker_request_version": (c_int, [c_void_p]),
    "forker_request_cancelled": (c_int, [c_void_p]),
    "forker_request_hijack": (c_int, [c_void_p, POINTER(c_int), _TEXT_OUT, _LEN_OUT]),
    "forker_request_error": (c_char_p, [c_void_p]),
    "forker_request_server": (c_void_p, [c_void_p]),
    "forker_request_worker": (c_int32, [c_void_p]),
    "forker_request_draining": (c_int, [c_void_p]),
    "forker_request_pack": (c_int64, [c_void_p, c_void_p, c_size_t]),
    "forker_respond": (c_int, [c_void_p, c_int, c_char_p, c_char_p, c_size_t]),
    "forker_respond_packed": (c_int, [c_void_p, c_int, c_char_p, c_size_t, c_char_p, c_size_t]),
    "forker_respond_error": (c_int, [c_void_p, c_int, c_char_p]),
    "forker_response_status": (c_int, [c_void_p, c_int]),
    "forker_response_header_set": (c_int, [c_void_p, c_char_p, c_char_p]),
    "forker_response_header_add": (c_int, [c_void_p, c_char_p, c_char_p]),
    "forker_response_write": (c_int, [c_void_p, c_char_p, c_size_t]),
    "forker_response_length": (c_int, [c_void_p, c_int64]),
    "forker_response_reset": (c_int, [c_void_p]),
    "forker_response_lend": (c_int, [c_void_p, c_void_p, c_size_t, RELEASE_FN, c_void_p]),
    "forker_response_file": (c_int, [c_void_p, c_int, c_int64, c_int64]),
    "forker_respond_file": (c_int, [c_void_p, c_int, c_char_p, c_char_p]),
    "forker_respond_redirect": (c_int, [c_void_p, c_int, c_char_p]),
    "forker_response_attachment": (c_int, [c_void_p, c_char_p, c_int]),
    "forker_response_cookie": (c_int, [c_void_p, c_void_p]),
    "forker_request_on_head": (c_int, [c_void_p, HEAD_FN, c_void_p]),
    "forker_respond_interim": (c_int, [c_void_p, c_int, c_char_p, c_char_p]),
    "forker_request_defer": (c_int, [c_void_p, POINTER(c_uint64)]),
    "forker_deferred_request": (c_void_p, [c_uint64]),
    "forker_deferred_respond": (c_int, [c_uint64, c_int, c_char_p, c_char_p, c_size_t]),
    "forker_deferred_send": (c_int, [c_uint64]),
    "forker_deferred_drop": (c_int, [c_uint64]),
    "forker_deferred_error": (c_int, [c_uint64, c_char_p, c_size_t]),
    "forker_deferred_next": (c_int, [c_uint64]),
    "forker_deferred_cancelled": (c_int, [c_uint64]),
    "forker_deferred_resume": (c_int, [c_uint64]),
    "forker_deferred_enter": (c_int, [c_uint64]),
    "forker_deferred_leave": (c_int, []),
    "forker_deferred_on_close": (c_int, [c_uint64, CLOSE_FN, c_void_p]),
    "forker_stream_begin": (c_int, [c_uint64, c_int64]),
    "forker_stream_write": (c_int, [c_uint64, c_char_p, c_size_t]),
    "forker_stream_write_wait": (c_int, [c_uint64, c_char_p, c_size_t, c_int32]),
    "forker_stream_trailer": (c_int, [c_uint64, c_char_p, c_char_p]),
    "forker_stream_end": (c_int, [c_uint64]),
    "forker_stream_on_drain": (c_int, [c_uint64, DRAIN_FN, c_void_p]),
    "forker_sse_begin": (c_int, [c_uint64]),
    "forker_sse_send": (c_int, [c_uint64, c_char_p, c_char_p, c_char_p]),
    "forker_server_grpc": (c_int, [c_void_p, c_char_p, c_int, HANDLER, c_void_p]),
    "forker_server_grpc_route": (c_int, [c_void_p, c_char_p, c_int, HANDLER, c_void_p, POINTER(c_void_p)]),
    "forker_group_grpc": (c_int, [c_void_p, c_char_p, c_int, HANDLER, c_void_p]),
    "forker_grpc_message": (c_void_p, [c_void_p, _LEN_OUT]),
    "forker_grpc_reply": (c_int, [c_void_p, c_char_p, c_size_t]),
    "forker_grpc_reserve": (c_void_p, [c_void_p, c_size_t]),
    "forker_grpc_commit": (c_int, [c_void_p, c_size_t]),
    "forker_grpc_fail": (c_int, [c_void_p, c_int, c_char_p]),
    "forker_grpc_details": (c_int, [c_void_p, c_char_p, c_size_t]),
    "forker_grpc_metadata": (c_void_p, [c_void_p, c_char_p, _LEN_OUT]),
    "forker_grpc_compress": (c_int, [c_void_p, c_int]),
    "forker_grpc_compressed": (c_int, [c_void_p]),
    "forker_grpc_metadata_add": (c_int, [c_void_p, c_char_p, c_char_p, c_size_t]),
    "forker_grpc_trailer_add": (c_int, [c_void_p, c_char_p, c_char_p, c_size_t]),
    "forker_grpc_on_message": (c_int, [c_void_p, BODY_FN, c_void_p]),
    "forker_grpc_begin": (c_int, [c_uint64]),
    "forker_grpc_send": (c_int, [c_uint64, c_char_p, c_size_t]),
    "forker_grpc_finish": (c_int, [c_uint64, c_int, c_char_p]),
    "forker_grpc_health": (c_int, [c_void_p, c_char_p, c_int]),
    "forker_server_grpc_descriptors": (c_int, [c_void_p, c_char_p, c_size_t]),
    "forker_grpc_remaining": (c_int64, [c_void_p]),
}
