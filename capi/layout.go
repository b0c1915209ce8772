package main

/*
#include "base/inventory.h"
#include "exchange/deferred.h"
#include "exchange/exchange.h"
#include "exchange/retained.h"
#include "supervisor/control.h"

enum {
    size_request = sizeof(struct forker_request),
    size_head = sizeof(fk_head),
    size_slot = sizeof(fk_slot),
    size_shared = sizeof(fk_shared),
    off_path = offsetof(struct forker_request, path),
    off_body = offsetof(struct forker_request, body),
    off_body_len = offsetof(struct forker_request, body_len),
    off_path_len = offsetof(struct forker_request, path_len),
    off_path_decoded = offsetof(struct forker_request, path_decoded),
    off_peer = offsetof(struct forker_request, peer),
    off_route = offsetof(struct forker_request, route),
    off_param_count = offsetof(struct forker_request, param_count),
    off_cancelled = offsetof(struct forker_request, cancelled),
    off_server = offsetof(struct forker_request, server),
    off_serial = offsetof(struct forker_request, serial),
    off_rest = offsetof(struct forker_request, rest),
    off_tls = offsetof(struct forker_request, tls),
    size_tls = sizeof(fk_tls),
    off_body_fd = offsetof(struct forker_request, body_fd),
    off_paused = offsetof(struct forker_request, paused),
    off_interims = offsetof(struct forker_request, interims),
    off_on_body = offsetof(struct forker_request, on_body),
    off_rest_first = offsetof(struct forker_request, rest_first),
    off_scheme = offsetof(struct forker_request, scheme),
    off_kept = offsetof(struct forker_request, kept),
    off_client = offsetof(struct forker_request, client),
    off_host = offsetof(struct forker_request, host),
    off_id = offsetof(struct forker_request, id),
    off_user_len = offsetof(struct forker_request, user_len),
    off_user = offsetof(struct forker_request, user),
    off_texts = offsetof(struct forker_request, texts),
    off_deferred = offsetof(struct forker_request, deferred),
    off_failure = offsetof(struct forker_request, failure),
    off_passed = offsetof(struct forker_request, passed),
    off_outcome = offsetof(struct forker_request, outcome),
    off_step = offsetof(struct forker_request, step),
    off_token_due = offsetof(struct forker_request, token_due),
    off_owed = offsetof(struct forker_request, owed),
    off_values = offsetof(struct forker_request, values),
    off_fd = offsetof(struct forker_request, fd),
    off_heads = offsetof(struct forker_request, heads),
    size_outcome = sizeof(forker_outcome),
    off_outcome_ns = offsetof(forker_outcome, ns),
    size_part = sizeof(fk_part),
    off_part_off = offsetof(fk_part, off),
    size_event = sizeof(fk_event),
    off_event_kind = offsetof(fk_event, kind),
    size_mapping = sizeof(fk_mapping),
    off_mapping_len = offsetof(fk_mapping, len),
    off_response_length = offsetof(fk_response, length),
    off_call = offsetof(struct forker_request, call),
    off_call_is = offsetof(fk_call, is),
    off_call_takes = offsetof(fk_call, takes),
    off_call_encodes = offsetof(fk_call, encodes),
    off_response_grpc = offsetof(fk_response, grpc),
    off_response_extra = offsetof(fk_response, extra),
    off_response_trailers = offsetof(fk_response, trailers),
    off_response_file = offsetof(fk_response, file),
    off_response_inode = offsetof(fk_response, inode),
    off_response_modified_ns = offsetof(fk_response, modified_ns),
    off_now = offsetof(struct forker_request, now_ns),
    off_params = offsetof(struct forker_request, params),
    off_head = offsetof(struct forker_request, head),
    off_response = offsetof(struct forker_request, response),
    off_response_flags = offsetof(fk_response, flags),
    off_response_fields = offsetof(fk_response, fields),
    off_response_body = offsetof(fk_response, body),
    off_head_length = offsetof(fk_head, content_length),
    off_head_form = offsetof(fk_head, form),
    off_head_version = offsetof(fk_head, version),
    off_head_query = offsetof(fk_head, has_query),
    off_head_count = offsetof(fk_head, field_count),
    off_head_trailers = offsetof(fk_head, trailer_count),
    off_head_fields = offsetof(fk_head, fields),
    off_slot_requests = offsetof(fk_slot, requests),
    off_slot_box = offsetof(fk_slot, box),
    off_slot_words = offsetof(fk_slot, last_words),
    off_shared_exits = offsetof(fk_shared, exits),
    off_shared_validities = offsetof(fk_shared, validities),
    off_shared_crash = offsetof(fk_shared, crash),
    off_crash_box = offsetof(fk_crash, box),
    off_box_target = offsetof(fk_black_box, target),
    size_inventory = sizeof(fk_inventory),
    off_inventory_highest = offsetof(fk_inventory, highest),
};
*/
import "C"

import (
	"unsafe"

	"libforker/engine"
	"libforker/engine/inventory"
	"libforker/engine/memory"
	"libforker/engine/message"
	"libforker/slot"
)

// The layouts of the memory that C and Go share, compared when this is compiled.

// The layouts of what Go and C share. A line that does not compile names a field which is not where the other side has
// it.
var (
	_ [C.size_request]byte                = [unsafe.Sizeof(engine.Request{})]byte{}
	_ [C.off_path]byte                    = [unsafe.Offsetof(engine.Request{}.Path)]byte{}
	_ [C.off_body]byte                    = [unsafe.Offsetof(engine.Request{}.Body)]byte{}
	_ [C.off_body_len]byte                = [unsafe.Offsetof(engine.Request{}.BodyLen)]byte{}
	_ [C.off_path_len]byte                = [unsafe.Offsetof(engine.Request{}.PathLen)]byte{}
	_ [C.off_path_decoded]byte            = [unsafe.Offsetof(engine.Request{}.PathDecoded)]byte{}
	_ [C.off_peer]byte                    = [unsafe.Offsetof(engine.Request{}.Peer)]byte{}
	_ [C.off_route]byte                   = [unsafe.Offsetof(engine.Request{}.Route)]byte{}
	_ [C.off_param_count]byte             = [unsafe.Offsetof(engine.Request{}.ParamCount)]byte{}
	_ [C.off_cancelled]byte               = [unsafe.Offsetof(engine.Request{}.Cancelled)]byte{}
	_ [C.off_server]byte                  = [unsafe.Offsetof(engine.Request{}.Server)]byte{}
	_ [C.off_serial]byte                  = [unsafe.Offsetof(engine.Request{}.Serial)]byte{}
	_ [C.off_rest]byte                    = [unsafe.Offsetof(engine.Request{}.Rest)]byte{}
	_ [C.off_tls]byte                     = [unsafe.Offsetof(engine.Request{}.TLS)]byte{}
	_ [C.size_tls]byte                    = [unsafe.Sizeof(engine.TLSInfo{})]byte{}
	_ [C.FORKER_TLS_CLIENT_CHAIN_PEM]byte = [engine.TLSClientChainPEM]byte{}
	_ [C.FORKER_TLS_RESUMED]byte          = [engine.TLSResumed]byte{}
	_ [C.off_body_fd]byte                 = [unsafe.Offsetof(engine.Request{}.BodyFd)]byte{}
	_ [C.off_paused]byte                  = [unsafe.Offsetof(engine.Request{}.Paused)]byte{}
	_ [C.off_interims]byte                = [unsafe.Offsetof(engine.Request{}.Interims)]byte{}
	_ [C.off_on_body]byte                 = [unsafe.Offsetof(engine.Request{}.OnBody)]byte{}
	_ [-C.FORKER_E_ABORTED]byte           = [-engine.BodyAborted]byte{}
	_ [C.FK_EVENT_RESUME - 1]byte         = [engine.EventResume]byte{}
	_ [C.off_rest_first]byte              = [unsafe.Offsetof(engine.Request{}.RestFirst)]byte{}
	_ [C.off_scheme]byte                  = [unsafe.Offsetof(engine.Request{}.Scheme)]byte{}
	_ [C.FK_SCHEME_HTTPS]byte             = [engine.SchemeHTTPS]byte{}
	_ [C.off_kept]byte                    = [unsafe.Offsetof(engine.Request{}.Kept)]byte{}
	_ [C.off_client]byte                  = [unsafe.Offsetof(engine.Request{}.Client)]byte{}
	_ [C.off_host]byte                    = [unsafe.Offsetof(engine.Request{}.Host)]byte{}
	_ [C.off_id]byte                      = [unsafe.Offsetof(engine.Request{}.ID)]byte{}
	_ [C.off_user_len]byte                = [unsafe.Offsetof(engine.Request{}.UserLen)]byte{}
	_ [C.off_user]byte                    = [unsafe.Offsetof(engine.Request{}.User)]byte{}
	_ [C.off_texts]byte                   = [unsafe.Offsetof(engine.Request{}.Texts)]byte{}
	_ [C.off_deferred]byte                = [unsafe.Offsetof(engine.Request{}.Deferred)]byte{}
	_ [C.off_failure]byte                 = [unsafe.Offsetof(engine.Request{}.Failure)]byte{}
	_ [C.off_passed]byte                  = [unsafe.Offsetof(engine.Request{}.Passed)]byte{}
	_ [C.off_outcome]byte                 = [unsafe.Offsetof(engine.Request{}.Ending)]byte{}
	_ [C.off_step]byte                    = [unsafe.Offsetof(engine.Request{}.Step)]byte{}
	_ [C.off_token_due]byte               = [unsafe.Offsetof(engine.Request{}.TokenDue)]byte{}
	_ [C.off_owed]byte                    = [unsafe.Offsetof(engine.Request{}.Owed)]byte{}
	_ [C.off_values]byte                  = [unsafe.Offsetof(engine.Request{}.Values)]byte{}
	_ [C.off_fd]byte                      = [unsafe.Offsetof(engine.Request{}.Fd)]byte{}
	_ [C.off_heads]byte                   = [unsafe.Offsetof(engine.Request{}.Heads)]byte{}
	_ [C.size_outcome]byte                = [unsafe.Sizeof(engine.Ending{})]byte{}
	_ [C.size_outcome]byte                = [engine.EndingSize]byte{}
	_ [C.off_outcome_ns]byte              = [unsafe.Offsetof(engine.Ending{}.Ns)]byte{}
	_ [C.FK_EVENT_NEXT - 1]byte           = [engine.EventNext]byte{}
	_ [C.size_part]byte                   = [unsafe.Sizeof(engine.Part{})]byte{}
	_ [C.off_part_off]byte                = [unsafe.Offsetof(engine.Part{}.Off)]byte{}
	_ [C.size_event]byte                  = [unsafe.Sizeof(engine.Event{})]byte{}
	_ [C.off_event_kind]byte              = [unsafe.Offsetof(engine.Event{}.Kind)]byte{}
	_ [C.size_mapping]byte                = [unsafe.Sizeof(memory.Mapping{})]byte{}
	_ [C.off_mapping_len]byte             = [unsafe.Offsetof(memory.Mapping{}.Len)]byte{}
	_ [C.FK_EVENT_ANSWER - 1]byte         = [engine.EventResponse]byte{}
	_ [C.FK_EVENT_RELEASE - 1]byte        = [engine.EventRelease]byte{}
	_ [C.FK_EVENT_INTERIM - 1]byte        = [engine.EventInterim]byte{}
	_ [C.FORKER_CLOSE_ERROR]byte          = [engine.CloseError]byte{}
	_ [C.FK_RESPONSE_HIJACKED]byte        = [engine.ResponseHijacked]byte{}
	_ [C.FK_RESPONSE_LENGTH]byte          = [engine.ResponseLength]byte{}
	_ [C.FK_PART_FILE]byte                = [engine.PartFile]byte{}
	_ [C.off_response_length]byte         = [unsafe.Offsetof(engine.Response{}.Length)]byte{}
	_ [C.off_call]byte                    = [unsafe.Offsetof(engine.Request{}.RPC)]byte{}
	_ [C.off_call_is]byte                 = [unsafe.Offsetof(engine.RPC{}.Is)]byte{}
	_ [C.off_call_takes]byte              = [unsafe.Offsetof(engine.RPC{}.Takes)]byte{}
	_ [C.off_call_encodes]byte            = [unsafe.Offsetof(engine.RPC{}.Encodes)]byte{}
	_ [C.FK_WISH_PLAIN]byte               = [engine.RPCWishPlain]byte{}
	_ [C.off_response_grpc]byte           = [unsafe.Offsetof(engine.Response{}.RPC)]byte{}
	_ [C.FK_GRPC_STREAM]byte              = [engine.RPCStream]byte{}
	_ [C.off_response_extra]byte          = [unsafe.Offsetof(engine.Response{}.Extra)]byte{}
	_ [C.off_response_trailers]byte       = [unsafe.Offsetof(engine.Response{}.Trailers)]byte{}
	_ [C.off_response_file]byte           = [unsafe.Offsetof(engine.Response{}.File)]byte{}
	_ [C.off_response_inode]byte          = [unsafe.Offsetof(engine.Response{}.Inode)]byte{}
	_ [C.off_response_modified_ns]byte    = [unsafe.Offsetof(engine.Response{}.ModifiedNs)]byte{}
	_ [C.off_now]byte                     = [unsafe.Offsetof(engine.Request{}.Now)]byte{}
	_ [C.off_params]byte                  = [unsafe.Offsetof(engine.Request{}.Params)]byte{}
	_ [C.off_head]byte                    = [unsafe.Offsetof(engine.Request{}.Head)]byte{}
	_ [C.off_response]byte                = [unsafe.Offsetof(engine.Request{}.Response)]byte{}
	_ [C.off_response_flags]byte          = [unsafe.Offsetof(engine.Response{}.Flags)]byte{}
	_ [C.off_response_fields]byte         = [unsafe.Offsetof(engine.Response{}.Fields)]byte{}
	_ [C.off_response_body]byte           = [unsafe.Offsetof(engine.Response{}.Body)]byte{}
	_ [C.size_head]byte                   = [unsafe.Sizeof(message.Head{})]byte{}
	_ [C.off_head_length]byte             = [unsafe.Offsetof(message.Head{}.ContentLength)]byte{}
	_ [C.off_head_form]byte               = [unsafe.Offsetof(message.Head{}.Form)]byte{}
	_ [C.off_head_version]byte            = [unsafe.Offsetof(message.Head{}.Version)]byte{}
	_ [C.off_head_query]byte              = [unsafe.Offsetof(message.Head{}.HasQuery)]byte{}
	_ [C.off_head_count]byte              = [unsafe.Offsetof(message.Head{}.FieldCount)]byte{}
	_ [C.off_head_fields]byte             = [unsafe.Offsetof(message.Head{}.Fields)]byte{}
	_ [C.size_slot]byte                   = [unsafe.Sizeof(slot.Slot{})]byte{}
	_ [C.size_shared]byte                 = [unsafe.Sizeof(slot.Shared{})]byte{}
	_ [C.off_slot_requests]byte           = [unsafe.Offsetof(slot.Slot{}.Requests)]byte{}
	_ [C.off_slot_box]byte                = [unsafe.Offsetof(slot.Slot{}.Box)]byte{}
	_ [C.off_slot_words]byte              = [unsafe.Offsetof(slot.Slot{}.LastWordsText)]byte{}
	_ [C.off_shared_exits]byte            = [unsafe.Offsetof(slot.Shared{}.Exits)]byte{}
	_ [C.off_shared_crash]byte            = [unsafe.Offsetof(slot.Shared{}.Crash)]byte{}
	_ [C.off_crash_box]byte               = [unsafe.Offsetof(slot.CrashPage{}.Box)]byte{}
	_ [C.off_box_target]byte              = [unsafe.Offsetof(slot.BlackBox{}.TargetText)]byte{}
	_ [C.FK_FIELDS_MAX]byte               = [message.MaxFields]byte{}
	_ [C.FK_PARAMS_MAX]byte               = [engine.MaxParams]byte{}
	_ [C.FK_EXITS]byte                    = [slot.ExitReasons]byte{}
	_ [C.FK_PHASE_STOPPING]byte           = [slot.Stopping]byte{}
	_ [C.FK_HANDSHAKES]byte               = [slot.Handshakes]byte{}
	_ [C.FK_CERTIFICATES_MAX]byte         = [slot.Certificates]byte{}
	_ [C.off_shared_validities]byte       = [unsafe.Offsetof(slot.Shared{}.Validities)]byte{}
	_ [C.FK_SLOT_SIZE]byte                = [slot.Size]byte{}
	_ [C.FK_RESPONSE_ERROR]byte           = [engine.ResponseError]byte{}
	_ [C.FK_RESPONSE_WHOLE]byte           = [engine.ResponseWhole]byte{}
	_ [C.off_head_trailers]byte           = [unsafe.Offsetof(message.Head{}.TrailerCount)]byte{}
	_ [C.size_inventory]byte              = [unsafe.Sizeof(inventory.Table{})]byte{}
	_ [C.FK_INVENTORY_SIZE]byte           = [inventory.Size]byte{}
	_ [C.off_inventory_highest]byte       = [unsafe.Offsetof(inventory.Table{}.Highest)]byte{}
)

// The descriptors of this process are noted where C sees them.
func init() {
	// SAFETY: the table is static memory of C's, of the layout that is checked above.
	inventory.Use((*inventory.Table)(unsafe.Pointer(&C.fk_inventory_table)))
}
