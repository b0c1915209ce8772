// rustc hello.rs -l forker && ./hello 127.0.0.1:8080: a server in Rust.
use std::ffi::{c_char, c_int, c_void, CString};
use std::ptr::null_mut;

type Handler = extern "C" fn(request: *mut c_void, user: *mut c_void) -> c_int;

extern "C" {
    fn forker_server_new() -> *mut c_void;
    fn forker_server_handle(server: *mut c_void, methods: *const c_char, pattern: *const c_char, handler: Handler,
                            user: *mut c_void) -> c_int;
    fn forker_server_listen(server: *mut c_void, address: *const c_char) -> c_int;
    fn forker_server_run(server: *mut c_void) -> c_int;
    fn forker_respond(request: *mut c_void, status: c_int, content_type: *const c_char, body: *const c_void,
                      len: usize) -> c_int;
}

extern "C" fn hello(request: *mut c_void, _user: *mut c_void) -> c_int {
    let body = b"hello from Rust\n";
    let text = b"text/plain\0";
    unsafe { forker_respond(request, 200, text.as_ptr().cast(), body.as_ptr().cast(), body.len()) }
}

fn main() {
    let address = CString::new(std::env::args().nth(1).unwrap_or(":8080".to_string())).unwrap();
    let code = unsafe {
        let server = forker_server_new();
        forker_server_handle(server, b"GET\0".as_ptr().cast(), b"/\0".as_ptr().cast(), hello, null_mut());
        forker_server_listen(server, address.as_ptr());
        forker_server_run(server)
    };
    std::process::exit(if code == 0 { 0 } else { 1 });
}
