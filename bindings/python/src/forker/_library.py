"""The C library: where it is found, and the prototypes of its functions.

It is looked for in this order: the file that the environment variable FORKER_LIBRARY names, libforker.so.0
beside this file, then the dynamic loader's own search (LD_LIBRARY_PATH, the linker cache, the system's
directories). Only the soname libforker.so.0 is asked for, because it stands for the ABI that the
prototypes below describe; ctypes.util.find_library() would also give a library of another ABI.

All calls go through ctypes.CDLL, which releases the GIL while C runs: forker_server_run() does not return for
as long as it serves, and each callback takes the GIL again.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from pathlib import Path

SONAME = "libforker.so.0"

HANDLER = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)
KEY_FN = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t, c_void_p)
ORIGIN_FN = ctypes.CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p)
PASSWORD_FN = ctypes.CFUNCTYPE(c_int, c_void_p, c_char_p, c_char_p, c_void_p)
HOOK = ctypes.CFUNCTYPE(c_int, c_void_p, c_int32, c_void_p)
SERVER_HOOK = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)
DEATH_FN = ctypes.CFUNCTYPE(None, c_void_p, c_int32, c_int32, c_int32, c_char_p, c_void_p)
ACCESS_LOG_FN = ctypes.CFUNCTYPE(None, c_void_p, c_size_t, c_void_p)
POST_FN = ctypes.CFUNCTYPE(None, c_void_p, c_void_p)
LOG_FN = ctypes.CFUNCTYPE(None, c_int, c_void_p, c_size_t, c_void_p)
BODY_FN = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t, c_int, c_void_p)
PART_FN = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_size_t, c_int, c_void_p)
CLOSE_FN = ctypes.CFUNCTYPE(None, c_uint64, c_int, c_void_p)
DONE_FN = ctypes.CFUNCTYPE(None, c_void_p, c_void_p, c_void_p)
DRAIN_FN = ctypes.CFUNCTYPE(None, c_uint64, c_void_p)
ERROR_FN = ctypes.CFUNCTYPE(c_int, c_void_p, c_int, c_char_p, c_void_p)
HEAD_FN = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_void_p)
TIMER_FN = ctypes.CFUNCTYPE(None, c_void_p, c_int64, c_void_p)
RELEASE_FN = ctypes.CFUNCTYPE(None, c_void_p)
# With use_errno, ctypes.set_errno() in the callback is what C finds in errno afterwards.
FORK_FN = ctypes.CFUNCTYPE(c_int32, c_void_p, use_errno=True)

# Text that comes with its length is taken as an address and copied by text_at(): it can contain NUL.
_LEN_OUT = POINTER(c_size_t)
_TEXT_OUT = POINTER(c_char_p)

# Name: (result, arguments), in the order of forker.h. A test compares the table with the header.
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


def find() -> str:
    """What to give to the dynamic loader: a path, or the soname for the loader to search."""
    named = os.environ.get("FORKER_LIBRARY")
    if named:
        return named
    beside = Path(__file__).with_name(SONAME)
    return str(beside) if beside.exists() else SONAME


def load(name: str) -> ctypes.CDLL:
    """Loads the library and declares its functions. Raises ImportError, with what to do about it."""
    try:
        library = ctypes.CDLL(name)
    except OSError as exc:
        raise ImportError(
            f"forker cannot load its C library: {exc}. Install libforker, or put the path of {SONAME} "
            "into the environment variable FORKER_LIBRARY"
        ) from exc
    for function, (result, arguments) in PROTOTYPES.items():
        try:
            prototype = getattr(library, function)
        except AttributeError as exc:
            raise ImportError(f"{name} is not the libforker that this package needs: it has no {function}()") from exc
        prototype.restype = result
        prototype.argtypes = arguments
    return library


def c_text(text: str, encoding: str = "utf-8") -> bytes:
    """Text on its way in.

    Raises ValueError for a NUL, where C would silently end the text, TypeError for anything else.
    """
    if not isinstance(text, str):
        raise TypeError(f"expected str, not {type(text).__name__}")
    encoded = text.encode(encoding)
    if b"\0" in encoded:
        raise ValueError(f"text with a NUL character: {text!r}")
    return encoded


def c_path(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> bytes:
    """The name of a file on its way in. Raises TypeError, or ValueError for a NUL."""
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ValueError(f"a path with a NUL character: {path!r}")
    return encoded


def text_at(address: int | None, length: c_size_t) -> bytes | None:
    """A copy of text on its way out; None stays None."""
    return None if address is None else ctypes.string_at(address, length.value)


lib = load(find())
